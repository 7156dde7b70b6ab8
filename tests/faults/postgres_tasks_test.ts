/** Tasks as a person starts them, with a PostgreSQL server for their queue. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { openPostgresQueue } from "../../experiments/queue/postgres_queue.ts";
import { copiesName } from "../../experiments/queue/copies_name.ts";
import { parseQueueUrl } from "../../experiments/queue/queue_url.ts";
import { claimKey } from "../../experiments/queue/study_queue.ts";
import { type Finished, type TaskName, taskWith } from "../experiments/tasks.ts";
import { NO_POSTGRES, PASSWORD, PostgresServer } from "./postgres.ts";
import { copyOf, finishedRuns, makeStudy, tempFolder } from "./studies.ts";

/** Runs a task's own command with variables of the environment, and checks that nothing it prints holds the password. */
async function run(name: TaskName, args: readonly string[], env: Readonly<Record<string, string>>): Promise<Finished> {
  const finished = await taskWith(env, name, ...args), said = finished.out + finished.err;
  for (const secret of [PASSWORD, encodeURIComponent(PASSWORD)]) assert.ok(!said.includes(secret), said);
  return finished;
}

Deno.test(
  "train, evaluate, dynamics and status keep to claims on a server, in two folders",
  { ignore: NO_POSTGRES },
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    await using server = await PostgresServer.start();
    const plan = await makeStudy(join(dir, "plan"), { runs: 4, steps: 200 });
    const [here, there] = [await copyOf(plan, join(dir, "here")), await copyOf(plan, join(dir, "there"))];
    const env = { CELLSPACE_QUEUE: server.url() }, at = (study: typeof here) => ["--dir", study.dir];
    const succeed = async (name: TaskName, ...args: string[]) => {
      const { code, out, err } = await run(name, args, env);
      assert.equal(code, 0, err);
      return out;
    };
    assert.match(await succeed("train", ...at(here), "--limit", "1", "--engine", "onnx"), /^1 run finished, 0 failed/m);

    const [done] = await finishedRuns(here), [other] = (await plan.runs("01")).filter(({ key }) => key !== done);
    const queue = await openPostgresQueue({
      address: parseQueueUrl(server.url()),
      name: copiesName(plan.settings),
      owner: "elsewhere:77-00000000",
      endedHere: () => Promise.resolve(undefined),
    });
    const keys = [done, other.key].map((key) => claimKey("01", key));
    for (const key of keys) assert.ok(await queue.claim(key));
    const beat = () => queue.beat(new Map([[keys[1], 123]]));
    // The first has come in before anybody looks; the server may be slow.
    await beat();
    const beats = setInterval(() => void beat(), 200);
    try {
      const overview = JSON.parse(await succeed("status", ...at(there), "--json"));
      assert.deepEqual(
        overview.running.map(({ owner, step }: { owner: string; step: number }) => [owner, step]),
        [
          ["elsewhere:77-00000000", 0],
          ["elsewhere:77-00000000", 123],
        ].sort(),
      );
      assert.match(await succeed("status", ...at(here)), /in use .* process elsewhere:77/);
      const line = await succeed("train", ...at(there), "--engine", "onnx");
      assert.match(line, /^2 runs finished, 0 failed/m);
      assert.match(line, /^2 runs left to other processes$/m);
      assert.match(
        await succeed("dynamics", ...at(here), "--streams", "2", "--bytes", "100"),
        /^1 run left to other processes$/m,
      );
      assert.match(await succeed("evaluate", ...at(here), "--again"), /^0 runs scored/m);
    } finally {
      clearInterval(beats);
      await queue.close();
    }
    // Its owner went silently: by hand, so that nobody waits two minutes.
    await server.sql(
      "UPDATE cellspace.job SET heartbeat_on = now() - interval '1 hour' WHERE state = 'active'",
      "sweeps",
    );
    assert.match(await succeed("evaluate", ...at(here), "--again"), /^1 run scored/m);
    assert.match(await succeed("dynamics", ...at(here), "--streams", "2", "--bytes", "100"), /^1 run measured/m);
    const last = await succeed("train", ...at(there), "--engine", "onnx");
    assert.match(last, /^1 run finished, 0 failed/m);
    assert.match(
      last,
      /^1 run skipped, since they are trained in other folders: 'deno task merge --dir .*there --from FOLDER' merges them; /m,
    );
    const elsewhere = JSON.parse(await succeed("status", ...at(there), "--json"));
    assert.deepEqual([elsewhere.done, elsewhere.elsewhere, elsewhere.waiting, elsewhere.seconds_left], [
      3,
      [done],
      0,
      0,
    ]);
    assert.match(
      await succeed("status", ...at(there)),
      /3 of 4 runs done, .*1 in other folders, 0 waiting\n {2}elsewhere 1 are trained in other folders; .*merge/,
    );
    assert.equal((await finishedRuns(there)).length, 3);
    assert.match(await succeed("train", ...at(there), "--engine", "onnx", "--retrain-lost"), /^1 run finished/m);
    assert.equal((await finishedRuns(there)).length, 4);
  },
);

Deno.test("tasks end with one line and exit code 2 where a server cannot be used, and write nothing", {
  ignore: NO_POSTGRES,
}, async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  await using server = await PostgresServer.start();
  const study = await makeStudy(join(dir, "study"), { runs: 1, steps: 200 });
  const before = [...Deno.readDirSync(study.dir)].map(({ name }) => name).sort();
  const wrong: Readonly<Record<string, string>> = {
    "nonsense": "Cannot use the address of the queue: must be postgres://",
    [server.url({ password: `no-${PASSWORD}` })]: "the password of role ann is wrong",
    [server.url({ password: "" })]: "the server asks for the password of role ann; put it into PGPASSWORD",
    [server.url().replace("127.0.0.1", "%2Ftmp")]: "a host has letters, digits",
    [server.url({ database: "none" })]: "there is no database none",
    [server.url().replace(`:${server.port}/`, ":1/")]: "nothing listens there",
  };
  for (const [url, words] of Object.entries(wrong)) {
    // What the server is not needed for is shown without.
    const isAsked = !/address|letters/.test(words),
      shown = await run("status", ["--dir", study.dir], { CELLSPACE_QUEUE: url });
    if (isAsked) {
      assert.equal(shown.code, 0, shown.err);
      assert.match(shown.out, /0 of 1 run done.*1 waiting\n {2}queue .*; which runs are being trained is unknown\n/);
      assert.ok(shown.out.includes(words), shown.out);
    }
    for (const name of isAsked ? ["train"] as const : ["train", "status"] as const) {
      const { code, out, err } = await run(name, ["--dir", study.dir], { CELLSPACE_QUEUE: url });
      assert.deepEqual([code, out, err.split("\n").length], [2, "", 1], err);
      assert.ok(err.startsWith(`${name}: Cannot use the `) && err.includes(words), err);
    }
  }
  const given = await run("train", ["--dir", study.dir, "--queue", server.url({ password: "in-sight" })], {});
  assert.equal(given.code, 2);
  assert.match(given.err, /^train: Cannot use --queue: must be without a password, which others see in a command line/);
  assert.deepEqual([...Deno.readDirSync(study.dir)].map(({ name }) => name).sort(), before);
});
