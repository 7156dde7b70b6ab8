/** Processes that may open few files (`ulimit -n`), and ones that do more work than they have files for. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Study } from "../../experiments/study/store.ts";
import tasks from "../../deno.json" with { type: "json" };
import { finishedRuns, makeStudy, resultFiles, resultsOf, tempFolder } from "./studies.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const ignore = Deno.build.os === "windows";

/** What a task does where a process may have so many files open. */
async function withFiles(
  most: number,
  task: "train" | "evaluate",
  study: Study,
  ...flags: string[]
): Promise<{ code: number; text: string }> {
  const [, ...command] = tasks.tasks[task].command.split(" ");
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", `ulimit -n ${most}; exec "$@"`, "bash", Deno.execPath(), ...command, "--dir", study.dir, ...flags],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

const MANY_AT_ONCE = ["--engine", "onnx", "--parallel", "45"];

Deno.test(
  "train has fewer runs at a time where a process may open few files, and says both numbers",
  { ignore },
  async () => {
    await using temp = await tempFolder();
    const study = await makeStudy(join(temp.path, "study"), { runs: 16, steps: 100, history: 51 });
    const few = await withFiles(200, "train", study, ...MANY_AT_ONCE);
    assert.equal(few.code, 0, few.text);
    assert.match(
      few.text,
      /^Training \d runs? at a time, not 45 \(16 runs to train\): this process may open no more files/m,
    );
    assert.equal((await finishedRuns(study)).length, 16);
  },
);

// From limits that are too low to those that are enough: somewhere between them a single run fits, and a few do.
for (const most of [40, 64, 76, 88, 104, 120]) {
  Deno.test(
    `train is refused before it begins, or goes to its end, where a process may open ${most} files`,
    { ignore },
    async () => {
      await using temp = await tempFolder();
      const study = await makeStudy(join(temp.path, "study"), { runs: 5, steps: 50, history: 51 });
      const { code, text } = await withFiles(most, "train", study, ...MANY_AT_ONCE);
      if (code === 0) assert.equal((await finishedRuns(study)).length, 5, text);
      else {
        assert.equal(code, 2, text);
        assert.match(
          text,
          /^train: Cannot train: the limit of open files is too low for one run; raise it \('ulimit -n'\)$/m,
        );
        assert.deepEqual((await resultsOf(study)).size, 0, text);
      }
      assert.doesNotMatch(text, /panicked|was not trained|Cannot score/);
    },
  );
}

Deno.test("train and evaluate need no more files however many runs they take", { ignore }, async () => {
  await using temp = await tempFolder();
  // Two files are left behind by each worker that ends: one for each of so many runs would be more than there are.
  const most = 120, runs = most / 2 + 4;
  const study = await makeStudy(join(temp.path, "study"), { runs: runs / 2, seeds: 2, steps: 50, history: 51 });
  const trained = await withFiles(most, "train", study, "--engine", "onnx", "--parallel", "2");
  assert.equal(trained.code, 0, trained.text);
  assert.equal((await finishedRuns(study)).length, runs);
  const scores = [...(await resultsOf(study)).values()].map(({ test_loss }) => test_loss);
  assert.ok(scores.every((score) => score !== undefined));
  const evaluated = await withFiles(most, "evaluate", study, "--again");
  assert.equal(evaluated.code, 0, evaluated.text);
  assert.deepEqual([...(await resultsOf(study)).values()].map(({ test_loss }) => test_loss), scores);
});

Deno.test("evaluate ends once where a process may open no worker, and blames no file", { ignore }, async () => {
  await using temp = await tempFolder();
  const study = await makeStudy(join(temp.path, "study"), { runs: 3, steps: 50, history: 51 });
  assert.equal((await withFiles(1024, "train", study, "--engine", "onnx")).code, 0);
  const before = await resultFiles(study);
  const { code, text } = await withFiles(48, "evaluate", study, "--again");
  assert.equal(code, 2, text);
  assert.equal(text.match(/Cannot open a worker: this process is at its limit of open files/g)?.length, 1, text);
  assert.doesNotMatch(text, /Cannot score|move it away|export it again/);
  assert.deepEqual(await resultFiles(study), before);
});
