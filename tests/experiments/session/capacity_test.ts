/** How many runs train at once, what is said of it, and what happens where no worker can be opened. */
import assert from "node:assert/strict";
import { capacityOf } from "../../../experiments/session/capacity.ts";
import { evaluateStudy } from "../../../experiments/session/scoring.ts";
import { generateEmbedded } from "../../../train/corpus/embedded.ts";
import { openOnnxEngine } from "../../../train/engines/onnx/engine.ts";
import { WEBGPU_ENGINE } from "../../../train/engines/webgpu/engine.ts";
import { OpenFilesError } from "../../../train/process/open_files.ts";
import { join } from "node:path";
import { recordWorkers } from "../../train/engines/workers.ts";
import type { Study } from "../../../experiments/study/store.ts";
import { injectFaults, trainOn } from "../../faults/engines.ts";
import { makeStudy, resultsOf } from "../../faults/studies.ts";
import { endlessFiles, noMoreFiles } from "./few_files.ts";
import { inFolder } from "../folder.ts";
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
      why: `Training ${16 * cores} runs at a time, not 5000: ${cores} cores have no use for more`,
    }],
    ["16 for each core of some that wait", 5000, 4000, {
      parallel: 16 * cores,
      why: `Training ${16 * cores} runs at a time, not 5000 (4000 runs to train): ${cores} cores have no use for more`,
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
  const webgpu = { capabilities: WEBGPU_ENGINE.capabilities, defaultParallel: Infinity };
  assert.deepEqual(capacityOf(webgpu, 7, 3), { parallel: 7 });
  using _none = noMoreFiles();
  for (const engine of [onnx, webgpu]) {
    for (const asked of [undefined, 1, 45]) {
      assert.throws(() => capacityOf(engine, asked, 3), OpenFilesError);
      assert.throws(() => capacityOf(engine, asked, 3), {
        message:
          "Cannot train: this process may open hardly any more files, too few for one run; raise their limit ('ulimit -n')",
      });
    }
    assert.deepEqual(capacityOf(engine, 45, 0), { parallel: 45 });
  }
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
  const corpus = join(dir, "corpus.txt");
  await Deno.writeFile(corpus, generateEmbedded(1, 6000).text);
  return await makeStudy(join(dir, "study"), { runs, steps: 100, history: 51, logEvery: 10, corpus });
}

inFolder(
  "a session whose scores get no worker ends once, keeps what is trained, and the next call scores it",
  async (dir) => {
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

inFolder(
  "a session has one worker for training and one for scores for each run at a time, one for the run that comes next, and ends them",
  async (dir) => {
    const study = await shortStudy(dir, 7);
    using workers = recordWorkers();
    const { session } = await trainOn(study, await openOnnxEngine(1, { keepWorkers: true }), { parallel: 2 });
    assert.equal(session.finished, 7);
    assert.ok(workers.started.length <= 5, `${workers.started.length} workers`);
    assert.equal(workers.alive, 0);
  },
);
