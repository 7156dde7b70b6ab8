import { trainingDisplay } from "../../experiments/display.ts";
import assert from "node:assert/strict";
import { join } from "node:path";
import { shortKey } from "../../experiments/study/run_key.ts";
import type { Study } from "../../experiments/study/store.ts";
import { trainStudy } from "../../experiments/session/training.ts";
import { writeExport } from "../../report/export/write_export.ts";
import { canMount, fillDiskOfThisProcess, setReadOnly, SmallDisk } from "./disks.ts";
import { recordErrors, SHORT_INTERVALS, Training } from "./processes.ts";
import {
  assertReleased,
  assertSameRuns,
  checkpointSteps,
  finishedRuns,
  quietAndStudy,
  resultFiles,
  stepsOfRun,
  tempFolder,
} from "./studies.ts";

const mountable = await canMount();

/** What the results say must still be what they said: what was finished stays, and nothing is half there. */
async function assertKept(
  study: Study,
  before: ReadonlyMap<string, string>,
  finished: readonly string[],
): Promise<void> {
  const now = await resultFiles(study);
  for (const key of finished) assert.equal(now.get(key), before.get(key), `the result of run ${shortKey(key)}`);
  for (const key of finished) assert.ok((await finishedRuns(study)).includes(key));
  // Reads, and so checks, every checkpoint.
  await checkpointSteps(study);
}

/** Trains until one run is scored, fills the disk, waits for the end, makes room, and trains on. */
async function trainOnFullDisk(): Promise<void> {
  await using temp = await tempFolder();
  const dir = temp.path;
  await using disk = await SmallDisk.mount(join(dir, "disk"), 16);
  assert.ok(disk);
  const at = join(disk.dir, "study");
  const { quiet, study } = await quietAndStudy(dir, { runs: 3, steps: 1000 }, { at, parallel: 1 });
  {
    await using training = Training.start(study.dir, { ...SHORT_INTERVALS, parallel: 1, pause: 2.5 });
    await training.untilAtWork("one run is scored and the next has a checkpoint", async () => {
      const steps = [...(await checkpointSteps(study)).values()];
      return training.out.some((line) => / test /.test(line)) && steps.some((n) => n > 0 && n < stepsOfRun(study));
    });
    await disk.fill();
    const before = await resultFiles(study), finished = await finishedRuns(study);
    const { code } = await training.ended();
    assert.equal(code, 2, training.transcript);
    assert.match(
      training.err.at(-1)!,
      /^train: Cannot (write|use|begin an attempt at) \S+: .*(No space left on device|disk is full).*; free space on that disk/,
      training.transcript,
    );
    await assertKept(study, before, finished);
    assert.ok((await finishedRuns(study)).length < 3);
  }
  await disk.empty();
  await using again = Training.start(study.dir, { ...SHORT_INTERVALS, parallel: 1 });
  await again.succeed();
  assertReleased(study, [], "disk full");
  await assertSameRuns(study, quiet, "disk full");
}

/** The same where no disk can be mounted: this process trains, and none of its files can be written. */
async function trainWithoutRoom(): Promise<void> {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { quiet, study } = await quietAndStudy(dir, { runs: 2, steps: 1000 }, { parallel: 1 });
  const options = { dir: study.dir, experiment: "01", engine: "onnx", parallel: 1 } as const;
  await trainStudy({ ...options, limit: 1 });
  const before = await resultFiles(study), finished = await finishedRuns(study);
  {
    using messages = recordErrors();
    using _full = fillDiskOfThisProcess();
    const summary = await trainStudy({ ...options, ...trainingDisplay("train", { quiet: true }) });
    assert.deepEqual([summary.finished, summary.failed, summary.problems], [0, 0, 1]);
    assert.equal(messages.lines.length, 1, messages.lines.join("\n"));
    assert.match(
      messages.lines[0],
      /^train: run \S+ was not trained: Cannot write \S+: No space left on device.*; free space on that disk/,
    );
  }
  await assertKept(study, before, finished);
  assert.equal((await trainStudy(options)).finished, 1);
  await assertSameRuns(study, quiet, "disk full");
}

const full = "train on a disk that gets full names the file, and goes on when there is room";
if (mountable) {
  Deno.test(`${full} (a real disk of 16 MiB)`, trainOnFullDisk);
} else {
  console.log("No disk can be mounted here: a writer that fails takes the place of a full one");
  Deno.test(`${full} (a writer that fails)`, trainWithoutRoom);
}

// Root writes in any folder.
const protectable = mountable || Deno.uid() !== 0;
if (!protectable) console.log("No folder without permission: this is root, and may not mount a read-only disk");

Deno.test("train in a folder without permission names a file, and goes on when it has permission", {
  ignore: !protectable,
}, async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  await using disk = mountable ? await SmallDisk.mount(join(dir, "disk"), 16) : undefined;
  const at = join(disk?.dir ?? dir, "study");
  const { quiet, study } = await quietAndStudy(dir, { runs: 2, steps: 1000 }, { at, parallel: 1 });
  const protect = (readOnly: boolean) => disk ? disk.setReadOnly(readOnly) : setReadOnly(study.dir, readOnly);
  // Once before anything has been trained, once after a run.
  for (const finished of [0, 1]) {
    if (finished) {
      await trainStudy({ dir: study.dir, experiment: "01", engine: "onnx", parallel: 1, limit: 1 });
    }
    const before = await resultFiles(study);
    assert.equal(before.size, finished);
    await protect(true);
    try {
      await using training = Training.start(study.dir, { ...SHORT_INTERVALS, parallel: 1 });
      assert.equal((await training.ended()).code, 2, training.transcript);
      assert.equal(training.err.length, 1, training.transcript);
      assert.ok(training.err[0].includes(study.dir), training.transcript);
      assert.match(training.err[0], /^train: Cannot .*; make the folder writable, or choose another with --dir$/);
      assert.deepEqual(training.out, []);
    } finally {
      await protect(false);
    }
    assert.deepEqual(await resultFiles(study), before);
  }
  await using again = Training.start(study.dir, { ...SHORT_INTERVALS, parallel: 1 });
  await again.succeed();
  await assertSameRuns(study, quiet, "no permission");
});

Deno.test(
  "a study whose folders lie on another disk is trained, scored and exported there",
  { ignore: !mountable },
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    await using disk = await SmallDisk.mount(join(dir, "disk"), 16);
    assert.ok(disk);
    const { quiet, study } = await quietAndStudy(dir, { runs: 2, steps: 300 }, { parallel: 1 });
    const folders = ["results_01_all", "models_01_all", "checkpoints_01_all", "export_01_all"];
    const leftover = `.cellspace-${crypto.randomUUID()}.tmp`;
    for (const folder of folders) {
      await Deno.mkdir(join(disk.dir, folder));
      await Deno.symlink(join(disk.dir, folder), join(study.dir, folder));
      // What a process that was killed has left there.
      await Deno.writeTextFile(join(disk.dir, folder, leftover), "");
      await Deno.utime(join(disk.dir, folder, leftover), 1, 1);
    }
    await using training = Training.startTask(study.dir, "--engine", "onnx", "--parallel", "2");
    await training.succeed();
    await assertSameRuns(study, quiet, "another disk");
    await writeExport({ study, experiment: "01", formats: ["csv"] });
    for (const folder of folders) {
      assert.ok((await Deno.lstat(join(study.dir, folder))).isSymlink);
      const names = [...Deno.readDirSync(join(disk.dir, folder))].map(({ name }) => name);
      assert.ok(names.length >= 2 && names.every((name) => !name.startsWith(".")), `${folder}: ${names}`);
    }
    assert.deepEqual([...Deno.readDirSync(study.dir)].filter(({ name }) => name.startsWith(".")), []);
  },
);

Deno.test("train refuses a corpus that has changed, and goes on when the old one is back", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const corpus = join(dir, "corpus.txt");
  const text = new TextEncoder().encode("It is a truth universally acknowledged. ".repeat(400)).map((byte, i) =>
    byte ^ (i % 7 >> 1)
  );
  await Deno.writeFile(corpus, text);
  const { quiet, study } = await quietAndStudy(dir, { runs: 2, steps: 800, corpus }, { parallel: 1 });
  {
    await using training = Training.start(study.dir, { ...SHORT_INTERVALS, parallel: 1, pause: 2.5 });
    await training.untilAtWork(
      "the second run has a checkpoint",
      async () =>
        (await finishedRuns(study)).length === 1 &&
        [...(await checkpointSteps(study)).values()].every((steps) => steps > 0),
    );
    assert.ok(await training.kill(), training.transcript);
  }
  const before = await resultFiles(study), steps = await checkpointSteps(study);
  // One byte of the test split is enough, and a text that is longer by one.
  for (const changed of [text.with(-3, text.at(-3)! ^ 1), Uint8Array.of(...text, 32)]) {
    await Deno.writeFile(corpus, changed);
    await using training = Training.start(study.dir, { ...SHORT_INTERVALS, parallel: 1 });
    assert.equal((await training.ended()).code, 2, training.transcript);
    assert.equal(training.err.length, 1, training.transcript);
    assert.ok(training.err[0].startsWith(`train: Cannot use corpus ${corpus}: its SHA-1 is `), training.transcript);
    assert.match(
      training.err[0],
      /; restore \S+, or give its new path with 'deno task init .* --corpus FILE'$/,
    );
    assert.deepEqual(await resultFiles(study), before);
    assert.deepEqual(await checkpointSteps(study), steps);
  }
  await Deno.writeFile(corpus, text);
  await using again = Training.start(study.dir, { ...SHORT_INTERVALS, parallel: 1 });
  await again.succeed();
  await assertSameRuns(study, quiet, "corpus put back");
});
