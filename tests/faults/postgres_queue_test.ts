/** Claims on a PostgreSQL server of the test's own, without training. */
import assert from "node:assert/strict";
import { type Ended, postgresClaimReader } from "../../experiments/queue/postgres_jobs.ts";
import {
  openPostgresQueue,
  type PostgresQueue,
  type PostgresQueueOptions,
} from "../../experiments/queue/postgres_queue.ts";
import { parseQueueUrl } from "../../experiments/queue/queue_url.ts";
import { drawsOf } from "./draws.ts";
import { NO_POSTGRES, PASSWORD, PostgresServer } from "./postgres.ts";
import { sleep, until } from "./processes.ts";

const NAME = "study-of-a-test";
const NOTHING: ReadonlyMap<string, number> = new Map();

/** The folder that a process of a test writes in: what has ended there. */
type Folder = Map<string, Ended>;

/** Queues of several processes, and folders, on one server. */
class Bench implements AsyncDisposable {
  readonly #opened: PostgresQueue[] = [];

  constructor(readonly server: PostgresServer) {}

  async open(
    owner: string,
    folder: Folder = new Map(),
    more: Partial<PostgresQueueOptions> = {},
  ): Promise<PostgresQueue> {
    const queue = await openPostgresQueue({
      address: parseQueueUrl(this.server.url()),
      name: NAME,
      owner,
      endedHere: (key) => Promise.resolve(folder.get(key)),
      stepsWanted: () => 100,
      staleAfter: 10,
      ...more,
    });
    this.#opened.push(queue);
    return queue;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const queue of this.#opened) await queue.close();
  }
}

function withServer(name: string, test: (bench: Bench) => Promise<void>): void {
  // The client library has timers of its own that end after the last close.
  Deno.test(name, { ignore: NO_POSTGRES, sanitizeOps: false, sanitizeResources: false }, async () => {
    await using server = await PostgresServer.start();
    await using bench = new Bench(server);
    await test(bench);
  });
}

withServer("PostgresQueue.claim() gives a run to one of eight, and another once it is given back", async (bench) => {
  const queues = await Promise.all(Array.from({ length: 8 }, (_, i) => bench.open(`host:${i}-00000000`)));
  for (const key of ["01/a", "01/b_seed1"]) {
    const begun = Math.floor(Date.now() / 1000);
    const got = await Promise.all(queues.map((queue) => queue.claim(key)));
    assert.equal(got.filter(Boolean).length, 1);
    const holder = queues[got.indexOf(true)], other = queues[(got.indexOf(true) + 1) % 8];
    assert.equal(holder.attemptOf(key), 1);
    assert.equal(other.attemptOf(key), undefined);
    await holder.beat(new Map([[key, 40]]));
    const [claim] = await postgresClaimReader(parseQueueUrl(bench.server.url()), NAME).claims();
    assert.deepEqual({ ...claim, since: 0, heard: 0 }, {
      key,
      owner: `host:${got.indexOf(true)}-00000000`,
      since: 0,
      heard: 0,
      step: 40,
      staleAfter: 10,
    });
    const { since, heard } = claim;
    assert.ok(begun <= since && since <= heard && heard <= Math.ceil(Date.now() / 1000), `${since} ${heard}`);
    await holder.release(key);
    assert.equal(holder.attemptOf(key), undefined);
    assert.ok(await other.claim(key));
    assert.equal(other.attemptOf(key), 2);
    await other.release(key);
  }
  assert.deepEqual(await queues[0].living(), []);
});

withServer(
  "PostgresQueue leaves what another folder has to it, unless more is wanted or the folder is lost",
  async (bench) => {
    const here: Folder = new Map(), there: Folder = new Map();
    const first = await bench.open("first:1-00000000", there), second = await bench.open("second:1-00000000", here);
    for (const key of ["01/a", "01/failed"]) assert.ok(await first.claim(key));
    there.set("01/a", { steps: 100 }).set("01/failed", { steps: 30, failed: true });
    for (const key of there.keys()) await first.release(key);
    assert.deepEqual([await second.claim("01/a"), await second.claim("01/failed")], [false, false]);
    assert.deepEqual([...second.elsewhere], ["01/a", "01/failed"]);
    assert.deepEqual((await second.living()).map(({ key }) => key), ["01/a", "01/failed"]);
    const [one, two] = [await second.living(), await second.living()];
    assert.notEqual(one[0].heard, two[0].heard);
    // Whoever has the result claims it to measure and to score it, and nothing is completed twice.
    for (const expected of [2, 3]) {
      assert.ok(await first.claim("01/a"));
      assert.equal(first.attemptOf("01/a"), expected);
      await first.release("01/a");
    }
    const completed = await bench.server.sql(
      "SELECT output->>'steps' FROM cellspace.job WHERE state = 'completed'",
      "sweeps",
    );
    assert.deepEqual(completed.sort(), ["100", "30"]);
    const further = await bench.open("third:1-00000000", here, { stepsWanted: () => 200 });
    assert.ok(await further.claim("01/a"));
    await further.release("01/a");
    assert.ok(!await further.claim("01/failed"));
    const lost = await bench.open("fourth:1-00000000", here, { retrainLost: true });
    assert.ok(await lost.claim("01/a"));
    here.set("01/a", { steps: 100 });
    await lost.release("01/a");
    const next = await bench.open("fifth:1-00000000");
    assert.ok(!await next.claim("01/a"));
    // Joined by then: the result lies in this folder.
    here.set("01/failed", { steps: 30, failed: true });
    assert.ok(await second.claim("01/failed"));
  },
);

withServer(
  "PostgresQueue gives the runs of a silent process to others, which it hears when it wakes",
  async (bench) => {
    const silent = await bench.open("silent:1-00000000"), other = await bench.open("other:1-00000000");
    for (const key of ["01/a", "01/b"]) assert.ok(await silent.claim(key));
    await until("the other has it", () => other.claim("01/a"));
    assert.equal(other.attemptOf("01/a"), 2);
    // By the server's own clock, whatever this machine is busy with: the claim was the last that was heard.
    const silence = "extract(epoch FROM started_on - created_on) >= 10";
    assert.deepEqual(
      await bench.server.sql(`SELECT ${silence} FROM cellspace.job WHERE singleton_key = '01/a'`, "sweeps"),
      ["t"],
    );
    let isDone = false;
    assert.equal(await silent.whileHeld("01/a", () => void (isDone = true)), false);
    assert.ok(!isDone);
    assert.ok(await other.whileHeld("01/a", () => void (isDone = true)) && isDone);
    // Nobody takes the other run, which is given up at the same search or at the next: it is taken back, as another attempt.
    await until("the other run is given up", async () => {
      const [state] = await bench.server.sql("SELECT state FROM cellspace.job WHERE singleton_key = '01/b'", "sweeps");
      return state === "retry";
    });
    assert.deepEqual(await silent.beat(new Map([["01/b", 7]])), []);
    assert.equal(silent.attemptOf("01/b"), 2);
    assert.ok(await silent.whileHeld("01/b", () => {}));
    // What is lost is told once, at whichever call finds out.
    assert.deepEqual(await silent.beat(NOTHING), []);
    assert.ok(await silent.claim("01/c"));
    await sleep(11_000);
    await until("the other has it", () => other.claim("01/c"));
    assert.deepEqual(await silent.beat(NOTHING), ["01/c"]);
    assert.deepEqual(await silent.beat(NOTHING), []);
    await silent.release("01/c");
    assert.ok(await other.whileHeld("01/c", () => {}));
  },
);

withServer("PostgresQueue.release() lets a run go that a heartbeat is about to renew", async (bench) => {
  const queue = await bench.open("host:1-00000000", new Map(), { renewedAfter: 0 });
  const { note, random } = drawsOf("a release beside a heartbeat");
  for (let i = 0; i < 30; i++) {
    assert.ok(await queue.claim("01/a"), `after ${i}, ${note}`);
    await Promise.all([queue.beat(NOTHING), sleep(random() * 10).then(() => queue.release("01/a"))]);
  }
  assert.deepEqual(await queue.beat(NOTHING), []);
});

withServer(
  "PostgresQueue begins an attempt anew before pg-boss ends it, and holds the run all the while",
  async (bench) => {
    const holder = await bench.open("holder:1-00000000", new Map(), { renewedAfter: 0 });
    const other = await bench.open("other:1-00000000");
    assert.ok(await holder.claim("01/a"));
    for (const attempt of [2, 3]) {
      assert.deepEqual(await holder.beat(NOTHING), []);
      assert.equal(holder.attemptOf("01/a"), attempt);
      assert.ok(await holder.whileHeld("01/a", () => {}));
      assert.ok(!await other.claim("01/a"));
    }
    const limits =
      "SELECT expire_seconds, retry_limit, deletion_seconds, state FROM cellspace.job WHERE name NOT LIKE '%-steps'";
    assert.deepEqual(await bench.server.sql(limits, "sweeps"), ["86400|2000000000|0|active"]);
  },
);

withServer(
  "PostgresQueue keeps others away while an action is done, and hands on what goes wrong in it",
  async (bench) => {
    const holder = await bench.open("holder:1-00000000", new Map(), { timeout: 1 });
    assert.ok(await holder.claim("01/a"));
    await assert.rejects(
      holder.whileHeld("01/a", () => {
        throw new RangeError("no room");
      }),
      { name: "RangeError", message: "no room" },
    );
    assert.ok(await holder.whileHeld("01/a", () => {}));
    assert.equal(await holder.whileHeld("01/b", () => {}), false);
    // In the action itself, since it is synchronous, somebody else looks: the row is locked.
    const address = bench.server.url({ role: "postgres" });
    const lock =
      "SELECT count(*) FROM (SELECT 1 FROM cellspace.job WHERE state = 'active' FOR UPDATE SKIP LOCKED) AS free";
    const free = () => {
      const { stdout } = new Deno.Command("psql", { args: [address, "-qAt", "-c", lock] }).outputSync();
      return new TextDecoder().decode(stdout).trim();
    };
    assert.equal(free(), "1");
    await holder.whileHeld("01/a", () => assert.equal(free(), "0"));
  },
);

withServer(
  "PostgresQueue waits for a server that is started again, and says in one line that one has gone",
  async (bench) => {
    const queue = await bench.open("host:1-00000000", new Map(), { timeout: 20 });
    assert.ok(await queue.claim("01/a"));
    await bench.server.stop();
    const line =
      `Cannot use the queue at 127.0.0.1:${bench.server.port}/sweeps: nothing listens there; start PostgreSQL, or correct the address`;
    await assert.rejects(queue.beat(NOTHING), { name: "UserError", message: line });
    let isDone = false;
    const written = queue.whileHeld("01/a", () => void (isDone = true)), claimed = queue.claim("01/b");
    await sleep(1500);
    assert.ok(!isDone);
    await bench.server.start();
    assert.ok(await written && isDone && await claimed);
    assert.deepEqual(await queue.beat(NOTHING), []);
    await bench.server.stop("immediate");
    await assert.rejects(queue.release("01/a"), { message: line });
    // Waiting for each of many would take hours: these have two minutes.
    let refused = 0;
    const all = (async () => {
      for (; refused < 100; refused++) await assert.rejects(queue.whileHeld("01/b", () => {}), { message: line });
    })();
    await Promise.all([all, until("all are refused", () => refused === 100)]);
    await bench.server.start();
    assert.ok(await queue.whileHeld("01/b", () => {}));
  },
);

withServer(
  "openPostgresQueue() says in one line what is wrong with a server, and names no password",
  async ({ server }) => {
    const { port } = server,
      bad = "postgres",
      at = (database = "sweeps", p = port) => `Cannot use the queue at 127.0.0.1:${p}/${database}: `;
    await server.sql(`CREATE ROLE bob LOGIN PASSWORD '${PASSWORD}'`);
    await server.sql(`CREATE ROLE eve NOLOGIN`);
    const urls: Readonly<Record<string, string>> = {
      [server.url({ password: `${bad}-${PASSWORD}` })]: at() +
        "the password of role ann is wrong; correct it in the address, or in PGPASSWORD",
      [server.url({ password: "" })]: at() +
        "the server asks for the password of role ann; put it into PGPASSWORD or the address",
      [server.url({ role: "nobody" })]: at() +
        "the password of role nobody is wrong; correct it in the address, or in PGPASSWORD",
      [server.url({ database: "none" })]: at("none") +
        "there is no database none; create it with createdb --owner ann none",
      [server.url({ role: "bob" })]: at() +
        "role bob may not make or use schema cellspace there; let the owner of the database run " +
        "GRANT CREATE ON DATABASE sweeps TO bob",
      [server.url({ more: "?sslmode=require" })]: at() + "it has no TLS; leave sslmode away",
      [server.url().replace(`:${port}/`, ":1/")]: at("sweeps", 1) +
        "nothing listens there; start PostgreSQL, or correct the address",
    };
    for (const [url, message] of Object.entries(urls)) {
      const address = parseQueueUrl(url);
      const options = { address, name: NAME, owner: "host:1-00000000", endedHere: () => Promise.resolve(undefined) };
      await assert.rejects(openPostgresQueue(options), { name: "UserError", message });
      const looked = postgresClaimReader(address, NAME).claims();
      // Whoever only looks finds nothing where nobody has trained, and makes nothing.
      if (address.role === "bob") assert.deepEqual(await looked, []);
      else await assert.rejects(looked, { name: "UserError", message });
    }
    assert.deepEqual(await server.sql("SELECT nspname FROM pg_namespace WHERE nspname = 'cellspace'", "sweeps"), []);
  },
);

Deno.test("openPostgresQueue() encrypts where sslmode says so, and refuses a certificate that nobody has signed", {
  ignore: NO_POSTGRES,
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  await using server = await PostgresServer.start();
  await server.encrypt();
  const open = (mode: string) =>
    openPostgresQueue({
      address: parseQueueUrl(server.url({ more: `?sslmode=${mode}` })),
      name: NAME,
      owner: "host:1-00000000",
      endedHere: () => Promise.resolve(undefined),
    });
  for (const [mode, encrypted] of [["no-verify", "t"], ["disable", "f"]]) {
    const queue = await open(mode);
    assert.ok(await queue.claim(`01/${mode}`));
    const seen =
      "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'cellspace'";
    assert.deepEqual(await server.sql(seen), [encrypted], mode);
    await queue.close();
  }
  await assert.rejects(open("require"), {
    name: "UserError",
    message:
      `Cannot use the queue at 127.0.0.1:${server.port}/sweeps: its certificate is not signed by a known authority for this host; ` +
      "sslmode=no-verify encrypts all the same",
  });
});
