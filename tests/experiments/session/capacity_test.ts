/** How many runs train at once, what is said of it, and what happens where no worker can be opened. */
import assert from "node:assert/strict";
import { capacityOf, checkRoom, fittingAtOnce, footprintOf } from "../../../experiments/session/capacity.ts";
import { evaluateStudy } from "../../../experiments/session/scoring.ts";
import { trainStudy } from "../../../experiments/session/training.ts";
import { trainingSettings } from "../../../experiments/study/training_settings.ts";
import { openOnnxEngine } from "../../../train/engines/onnx/engine.ts";
import { WEBGPU_ENGINE } from "../../../train/engines/webgpu/engine.ts";
import { OpenFilesError } from "../../../train/process/open_files.ts";
import { join } from "node:path";
import { recordWorkers } from "../../train/engines/workers.ts";
import type { Run } from "../../../experiments/study/runs.ts";
import type { Study } from "../../../experiments/study/store.ts";
import { injectFaults, trainOn } from "../../faults/engines.ts";
import { makeStudy, resultsOf } from "../../faults/studies.ts";
import { endlessFiles, noMoreFiles } from "./few_files.ts";
import { corpusFile } from "../corpus_file.ts";
import { tempFolder } from "../folder.ts";
import { copiesOfSmallStudy, TRAINED } from "../small_study.ts";

const copyStudy = copiesOfSmallStudy();
const cores = navigator.hardwareConcurrency;

for (
  const [name, asked, runs, expected] of [
    ["as many as are asked for", 3, 8, { parallel: 3 }],
    ["as many as are asked for where fewer wait", 3, 2, { parallel: 3 }],
    ["one", 1, 1, { parallel: 1 }],
    ["what is asked for where none waits", 5000, 0, { parallel: 5000 }],
    ["16 for each core", 5000, 9000, {
      parallel: 16 * cores,
      why: `Training ${16 * cores} runs at a time, not 5000: ${cores} cores gain nothing from more`,
    }],
    ["16 for each core of some that wait", 5000, 4000, {
      parallel: 16 * cores,
      why: `Training ${
        16 * cores
      } runs at a time, not 5000 (4000 runs to train): ${cores} cores gain nothing from more`,
    }],
  ] as const
) {
  Deno.test(`capacityOf() gives onnx ${name}`, async () => {
    using _endless = endlessFiles();
    assert.deepEqual(capacityOf(await openOnnxEngine(), asked, runs), expected);
  });
}

Deno.test("capacityOf() refuses every engine where no worker can be opened, and none that has nothing to train", async () => {
  const onnx = await openOnnxEngine();
  const webgpu = { capabilities: WEBGPU_ENGINE.capabilities, defaultParallel: Infinity, memory: 1 };
  assert.deepEqual(capacityOf(webgpu, 7, 3), { parallel: 7 });
  using _none = noMoreFiles();
  for (const engine of [onnx, webgpu]) {
    for (const asked of [undefined, 1, 45]) {
      assert.throws(() => capacityOf(engine, asked, 3), OpenFilesError);
      assert.throws(() => capacityOf(engine, asked, 3), {
        message: "Cannot train: the limit of open files is too low for one run; raise it ('ulimit -n')",
      });
    }
    assert.deepEqual(capacityOf(engine, 45, 0), { parallel: 45 });
  }
});

/** Runs of one layer whose memory is their state size, in MiB. */
const MIB = 2 ** 20;
const runsOf = (...sizes: readonly number[]) =>
  sizes.map((state_size, i) => ({ entry: { id: `${i}`, config: { n_layers: 1, state_size } }, seed: 0 } as Run));
const inMib = ({ entry: { config } }: Run) => config.state_size * MIB;

Deno.test("capacityOf() trains as many runs at once as have room, and says why they are fewer", async () => {
  using _endless = endlessFiles();
  const onnx = await openOnnxEngine(8, { memory: 100 * MIB }), waiting = runsOf(40, 30, 30, 8, 8);
  const fitting = (wanted: number) => fittingAtOnce(waiting, inMib, onnx.memory, wanted);
  const why = (asked: number) => `Training 2 runs at a time, not ${asked}`;
  const because = "more may not fit into memory, 100 MiB";
  assert.deepEqual(capacityOf(onnx, 4, 5, fitting), { parallel: 2, why: `${why(4)}: ${because}` });
  // The engine's default too.
  assert.deepEqual(capacityOf(onnx, undefined, 5, fitting), {
    parallel: 2,
    why: `${why(8)} (5 runs to train): ${because}`,
  });
  assert.deepEqual(capacityOf(onnx, 2, 5, fitting), { parallel: 2 });
  // A group as a whole shares its memory out by itself.
  const webgpu = { capabilities: WEBGPU_ENGINE.capabilities, defaultParallel: Infinity, memory: 1 };
  assert.deepEqual(capacityOf(webgpu, 4, 5, () => assert.fail("was asked")), { parallel: 4 });
});

for (
  const [what, sizes, wanted, expected, measured] of [
    ["all where there is room for many times as much, by one run of each shape", [2, 1, 1, 1], 2, 2, 2],
    ["all where they have room, and the one that is opened meanwhile", [40, 30, 30], 2, 2, undefined],
    ["all where none is left to be opened meanwhile", [50, 50], 2, 2, undefined],
    ["fewer where that one has no room", [40, 30, 31], 2, 1, undefined],
    ["fewer whichever come together", [8, 8, 40, 8, 40, 40], 4, 1, undefined],
    ["one where no two have room", [90, 90, 90], 3, 1, undefined],
    ["those beside runs that have no room alone", [300, 200, 10, 10, 10], 3, 3, undefined],
  ] as const
) {
  Deno.test(`fittingAtOnce() gives ${what}`, () => {
    let count = 0;
    const footprint = (run: Run) => (count++, inMib(run));
    assert.equal(fittingAtOnce(runsOf(...sizes), footprint, 100 * MIB, wanted), expected);
    if (measured) assert.equal(count, measured);
    assert.equal(fittingAtOnce(runsOf(...sizes), footprint, Infinity, wanted), wanted);
  });
}

Deno.test("checkRoom() refuses runs of which none has room, and names what would make one smaller", () => {
  const engine = { name: "onnx", adapter: "a machine", memory: 100 * MIB };
  checkRoom(engine, runsOf(300, 100), inMib, {});
  checkRoom(engine, [], inMib, {});
  const says = (runs: readonly Run[], message: string) =>
    assert.throws(() => checkRoom(engine, runs, inMib, { vocabulary: 400 }), { name: "UserError", message });
  says(
    runsOf(300, 101),
    "Cannot train on onnx: with 400 tokens the smallest run needs 101 MiB, a machine allows 100 MiB; take another --engine, " +
      "or a study of fewer tokens or smaller states",
  );
  const deep = runsOf(300, 101).map((run) => ({
    ...run,
    entry: { ...run.entry, config: { ...run.entry.config, bptt: 16 } },
  }));
  says(
    deep,
    "Cannot train on onnx: with 400 tokens and 16 steps back the smallest run needs 101 MiB, a machine allows 100 MiB; take " +
      "another --engine, or a study of fewer tokens, fewer steps back or smaller states",
  );
});

Deno.test("evaluateStudy() ends at once where no worker can be opened, and blames no file", async () => {
  const small = await copyStudy(), before = small.files(), problems: string[] = [];
  const options = { dir: small.dir, again: true, onProblem: (line: string) => void problems.push(line) };
  {
    using _none = noMoreFiles();
    await assert.rejects(evaluateStudy({ ...options, experiment: "01" }), (error) => {
      assert.ok(error instanceof OpenFilesError);
      assert.match(error.message, /^Cannot open a worker: .*'ulimit -n'/);
      assert.doesNotMatch(error.message, /Cannot score|move it away/);
      return true;
    });
  }
  assert.deepEqual(problems, []);
  for (let i = 0; i < TRAINED; i++) {
    for (const path of [small.model(i), small.result(i)]) assert.equal(small.files().get(path), before.get(path), path);
  }
});

Deno.test("evaluateStudy() gives no advice on a file where a worker has died", async () => {
  const small = await copyStudy(), problems: string[] = [];
  const { Worker } = globalThis;
  globalThis.Worker = class extends Worker {
    // No request: the worker throws outside of what it answers, which ends it.
    override postMessage(): void {
      super.postMessage(null);
    }
  };
  try {
    const onProblem = (line: string) => void problems.push(line);
    const { scored } = await evaluateStudy({ dir: small.dir, experiment: "01", again: true, onProblem });
    assert.equal(scored, 0);
  } finally {
    globalThis.Worker = Worker;
  }
  assert.equal(problems.length, TRAINED);
  for (const problem of problems) assert.match(problem, /^Cannot score \S+: Evaluation worker stopped: [^;]*$/);
});

/** So many runs of two passes each, on a text that is scored in no time. */
async function shortStudy(dir: string, runs: number): Promise<Study> {
  const corpus = corpusFile(dir);
  return await makeStudy(join(dir, "study"), { runs, steps: 100, history: 51, logEvery: 10, corpus });
}

/** This machine, as one with so much memory. */
function machineWith(bytes: number): Disposable {
  const { systemMemoryInfo } = Deno;
  Deno.systemMemoryInfo = () => ({ ...systemMemoryInfo(), total: bytes, swapTotal: 0 });
  return { [Symbol.dispose]: () => void (Deno.systemMemoryInfo = systemMemoryInfo) };
}

Deno.test(
  "trainStudy() trains no more runs at once than this machine has memory for, and none that it has none for",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const study = await shortStudy(dir, 4), engine = await openOnnxEngine();
    const settings = trainingSettings(study.settings, "01");
    const [bytes] = (await study.runs("01")).map(footprintOf(() => engine, settings, study.space)).sort((a, b) =>
      b - a
    );
    const said: string[] = [];
    const options = { dir: study.dir, experiment: "01", engine: "onnx", scoreOn: "cpu", parallel: 4 } as const;
    {
      using _small = machineWith(bytes / 100);
      await assert.rejects(trainStudy(options), /^UserError: Cannot train on onnx: .* the smallest run needs 1 MiB/);
    }
    using _three = machineWith(3 * bytes);
    const { finished } = await trainStudy({ ...options, onMessage: (line) => void said.push(line) });
    assert.equal(finished, 4);
    assert.match(
      said.join("\n"),
      /^Training 2 runs at a time, not 4: more may not fit into memory, \d+ MiB$/m,
    );
  },
);

Deno.test(
  "a session whose scores get no worker ends once, keeps what is trained, and the next call scores it",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const study = await shortStudy(dir, 5);
    let none: Disposable | undefined;
    const engine = injectFaults(await openOnnxEngine(), { onAdvance: () => void (none ??= noMoreFiles()) });
    try {
      await assert.rejects(trainOn(study, engine, { parallel: 1 }), OpenFilesError);
    } finally {
      none?.[Symbol.dispose]();
    }
    const curves = [...(await resultsOf(study)).values()].filter(({ loss }) => loss !== undefined);
    assert.equal(curves.length, 1);
    assert.equal(curves[0].test_loss, undefined);
    const { scored } = await evaluateStudy({ dir: study.dir, experiment: "01", again: false });
    assert.equal(scored, 1);
  },
);

Deno.test(
  "a session has one worker for training and one for scores for each run at a time, one for the run that comes next, and ends them",
  async () => {
    await using temp = await tempFolder();
    const study = await shortStudy(temp.path, 7);
    using workers = recordWorkers();
    const { session } = await trainOn(study, await openOnnxEngine(1, { keepWorkers: true }), { parallel: 2 });
    assert.equal(session.finished, 7);
    assert.ok(workers.started.length <= 5, `${workers.started.length} workers`);
    assert.equal(workers.alive, 0);
  },
);
