/** What is said of a server that cannot be used, and how long it is asked: without one. */
import assert from "node:assert/strict";
import { playPauses } from "../../played_pauses.ts";
import { OwnError, Retries, serverError } from "../../../experiments/queue/postgres_server.ts";

const ADDRESS = {
  host: "db",
  port: 5432,
  database: "sweeps",
  role: "ann",
  password: "s3cret",
  ssl: false,
} as const;

function withCode(code: string, message = "no words"): Error {
  return Object.assign(new Error(message), { code });
}

Deno.test("serverError() explains what is known, and passes on what is not, without the password", () => {
  const said = (error: unknown) => serverError(ADDRESS, error).message;
  const refused =
    "Cannot use the queue at db:5432/sweeps: nothing listens there; start PostgreSQL, or correct the address";
  assert.equal(said(withCode("ECONNREFUSED")), refused);
  // A name that stands for two addresses.
  assert.equal(said(new AggregateError([withCode("ECONNREFUSED"), withCode("ECONNREFUSED")])), refused);
  assert.equal(said(withCode("XX000", "out of\nluck")), "Cannot use the queue at db:5432/sweeps: out of luck");
  assert.equal(
    said(new Error("cannot connect to postgres://ann:s3cret@db")),
    "Cannot use the queue at db:5432/sweeps: the server refuses the connection",
  );
});

Deno.test("Retries.ask() asks again while a server is away, and once where it refuses", async () => {
  using _played = playPauses();
  let asked = 0;
  const answer = await new Retries(ADDRESS, 5).ask(() => {
    if (++asked < 3) return Promise.reject(withCode("57P03"));
    return Promise.resolve("done");
  });
  assert.deepEqual([answer, asked], ["done", 3]);
  for (
    const [error, expected] of [
      [withCode("42501"), { name: "UserError" }],
      [new OwnError(new RangeError("own")), { name: "RangeError", message: "own" }],
      [new TypeError("a bug"), { name: "TypeError", message: "a bug" }],
    ] as const
  ) {
    let times = 0;
    await assert.rejects(
      new Retries(ADDRESS, 5).ask(() => {
        times++;
        return Promise.reject(error);
      }),
      expected,
    );
    assert.equal(times, 1);
  }
});

Deno.test("Retries.ask() has none left once it has waited in vain, until there is an answer", async () => {
  const retries = new Retries(ADDRESS, 4), away = () => Promise.reject(withCode("ECONNRESET"));
  const waited = async () => {
    using played = playPauses();
    await assert.rejects(retries.ask(away), { name: "UserError" });
    return played.pauses;
  };
  assert.deepEqual(await waited(), [500, 1000, 2000]);
  assert.deepEqual(await waited(), []);
  await retries.ask(() => Promise.resolve());
  assert.deepEqual(await waited(), [500, 1000, 2000]);
});
