import assert from "node:assert/strict";
import {
  addressInWords,
  parseQueueUrl,
  queueAddress,
  queuePermissions,
  queueUrl,
} from "../../../experiments/queue/queue_url.ts";

const SECRET = "s3cret";

Deno.test("parseQueueUrl() reads a role, a host, a port and a database, with what it decodes", () => {
  const address = { host: "db.example.org", port: 5432, database: "sweeps", role: "ann", ssl: false };
  assert.deepEqual(parseQueueUrl("postgres://ann@db.example.org/sweeps"), address);
  assert.deepEqual(parseQueueUrl(" postgresql://ann@db.example.org:5432/sweeps?sslmode=disable "), address);
  assert.deepEqual(parseQueueUrl("postgres://ann:p%40ss%2F%25@db.example.org:6000/my%20sweeps?sslmode=require"), {
    ...address,
    port: 6000,
    database: "my sweeps",
    password: "p@ss/%",
    ssl: true,
  });
  assert.deepEqual(parseQueueUrl("postgres://ann@[::1]/sweeps?sslmode=no-verify"), {
    ...address,
    host: "::1",
    ssl: { rejectUnauthorized: false },
  });
});

const BAD: Readonly<Record<string, RegExp>> = {
  "": /^must be postgres:\/\/role@host:port\/database/,
  "s3cret": /^must be postgres:/,
  "mysql://ann:s3cret@db/sweeps": /^must be postgres:/,
  "postgres://ann:s3cret@db": /^must be postgres:/,
  "postgres://ann:s3cret@db/": /^must be postgres:/,
  "postgres://db/sweeps": /^must be postgres:/,
  "postgres://ann:s3cret@db/a/b": /^must be postgres:/,
  "postgres://ann:s3cret@db:99999/sweeps": /^must be postgres:/,
  "postgres://ann:s3cret@db:0/sweeps": /^must be postgres:/,
  "postgres://ann:s3c/ret@db/sweeps": /^must be postgres:/,
  "postgres://ann:s3cret%@db/sweeps": /a % in it must be written as %25/,
  "postgres://ann:s3cret@/sweeps": /must be postgres:/,
  "postgres://ann:s3cret@%2Ftmp/sweeps": /a host has letters, digits/,
  "postgres://ann:s3cret@my db/sweeps": /must be postgres:/,
  "postgres://ann:s3cret@häus.example/sweeps": /its form that begins with xn--/,
  "postgres://ann:s3cret@*.example/sweeps": /a host has letters, digits/,
  "postgres://ann:s3cret@a,b/sweeps": /a host has letters, digits/,
  "postgres://ann:s3cret@a..b/sweeps": /a host has letters, digits/,
  "postgres:///sweeps?host=/var/run/postgresql&user=ann&password=s3cret": /Unix sockets .* are not supported/,
  "postgres://ann:s3cret@db/sweeps?host=/tmp": /let the server listen on 127\.0\.0\.1/,
  "postgres://ann@db/sweeps?password=s3cret": /the only parameter may be sslmode/,
  "postgres://ann:s3cret@db/sweeps?sslmode=prefer": /sslmode of disable, require, verify-full, no-verify/,
};

Deno.test("parseQueueUrl() says what is wrong in one line, and nothing of what it was given", () => {
  for (const [text, message] of Object.entries(BAD)) {
    for (const parse of [parseQueueUrl, queueAddress]) {
      assert.throws(() => parse(text), (error: Error) => {
        assert.match(error.message.replace("Cannot use the address of the queue: ", ""), message, text);
        assert.ok(!error.message.includes(SECRET) && !error.message.includes("s3c"), error.message);
        return !error.message.includes("\n");
      });
    }
  }
});

Deno.test("addressInWords() names host, port and database alone", () => {
  assert.equal(addressInWords(parseQueueUrl(`postgres://ann:${SECRET}@db/sweeps?sslmode=require`)), "db:5432/sweeps");
  assert.equal(addressInWords(parseQueueUrl(`postgres://ann:${SECRET}@[::1]:7000/sweeps`)), "[::1]:7000/sweeps");
});

Deno.test("queueUrl() takes the flag before the variable, and an empty variable for none", () => {
  assert.equal(queueUrl("a", () => "b"), "a");
  assert.equal(queueUrl(undefined, () => "b"), "b");
  assert.equal(queueUrl(undefined, () => " "), undefined);
  assert.equal(queueUrl(undefined, () => undefined), undefined);
});

Deno.test("queuePermissions() are for that server alone, and none without one", () => {
  const { net, env } = queuePermissions("postgres://ann@db/sweeps");
  assert.deepEqual(net, ["db:5432"]);
  assert.deepEqual(env, ["CELLSPACE_QUEUE", "PGPASSWORD", "PGBINARY", "PGREPLICATION"]);
  assert.deepEqual(queuePermissions("postgres://ann@[::1]:7000/sweeps").net, ["[::1]:7000"]);
  for (const none of [undefined, "nonsense", "postgres://ann@/sweeps"]) {
    assert.deepEqual(queuePermissions(none), { net: [], env: ["CELLSPACE_QUEUE"] });
  }
});
