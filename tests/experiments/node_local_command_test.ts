/** `--node-local` on the real command line, with the permissions of each task. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { claimKey, openStudyQueue } from "../../experiments/queue/study_queue.ts";
import { ownerInWords } from "../../experiments/queue/queue.ts";
import { shortKey } from "../../experiments/study/run_key.ts";
import { Study } from "../../experiments/study/store.ts";
import { nodeLocalFolder } from "../../experiments/queue/queue_place.ts";
import { tempFolder } from "./folder.ts";
import { copiesOfSmallStudy } from "./small_study.ts";
import { type TaskName, taskWith } from "./tasks.ts";

const copyStudy = copiesOfSmallStudy(30_000);

Deno.test(
  "train, evaluate and dynamics take --node-local, write no queue into the study, and status sees their claims",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const small = await copyStudy();
    const run = (name: TaskName, ...args: string[]) => succeedIn(dir, name, ...args);
    const said = `The queue is ${join(nodeLocalFolder(small.dir, { temporary: dir }), "queue.sqlite")}`;
    const at = ["--dir", small.dir, "--node-local"];
    const trained = await run("train", ...at, "--engine", "onnx", "--limit", "1", "--score-on", "cpu");
    assert.ok(trained.includes(said), trained);
    assert.match(trained, /\n1 run finished, 0 failed/);
    const scored = await run("evaluate", ...at, "--again", "--score-on", "cpu");
    assert.ok(scored.includes(said), scored);
    assert.match(scored, /\n4 runs scored/);
    const measured = await run("dynamics", ...at, "--streams", "1", "--bytes", "64", "--top", "1");
    assert.ok(measured.includes(said), measured);
    assert.match(measured, /\n1 run measured/);
    assert.deepEqual([...Deno.readDirSync(small.dir)].filter(({ name }) => name.startsWith("queue")), []);

    const study = await Study.open(small.dir), waiting = (await study.runs("01")).at(-1)!;
    const { queue, owner } = await openStudyQueue(study, { nodeLocal: true, temporary: dir });
    try {
      await queue.claim(claimKey("01", waiting.key));
      const status = await run("status", "--dir", small.dir);
      const line = `running  ${shortKey(waiting.key)}  step 0 of 100, process ${ownerInWords(owner)}, for `;
      assert.ok(status.includes(line), status);
    } finally {
      await queue.close();
    }
  },
);

/** Runs a task whose machine has its temporary files in a folder. */
async function succeedIn(dir: string, name: TaskName, ...args: string[]): Promise<string> {
  const { code, out, err } = await taskWith({ TMPDIR: dir }, name, ...args);
  assert.equal(code, 0, `${name} ${args.join(" ")}: ${err}`);
  return out;
}
