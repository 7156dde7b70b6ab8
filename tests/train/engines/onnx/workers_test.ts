/** Workers are kept from task to task, which changes no number; those that failed are not. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { join, relative } from "node:path";
import { vanillaCell } from "../../../../cells/catalog/catalog.ts";
import { evaluationModel } from "../../../../cells/language_model.ts";
import { generateEmbedded } from "../../../../train/corpus/embedded.ts";
import { initialWeights } from "../../../../train/corpus/random.ts";
import { openOnnxEngine } from "../../../../train/engines/onnx/engine.ts";
import { evaluateModel } from "../../../../train/scoring/evaluate.ts";
import { EvaluationWorkers } from "../../../../train/scoring/evaluation_workers.ts";
import { exportCell } from "../../../../train/scoring/export_model.ts";
import { CATALOG, decayingCell, offsetsOf, runOf, SMALL, textOf, train } from "../runs.ts";
import { recordWorkers } from "../workers.ts";

const ROOT = fileURLToPath(new URL("../../../..", import.meta.url));
const FIRST_SESSION = fileURLToPath(new URL("./first_session.ts", import.meta.url));

Deno.test("an engine that keeps workers has one for all its groups, and the numbers of new ones", async () => {
  const runs = [...CATALOG, decayingCell, ...CATALOG].map((cell) => runOf(cell));
  const fresh = [], kept = [];
  for (const run of runs) fresh.push(...await train(await openOnnxEngine(1), [run], [5]));
  using workers = recordWorkers();
  const engine = await openOnnxEngine(1, { keepWorkers: true });
  for (const run of runs) kept.push(...await train(engine, [run], [5]));
  assert.deepEqual([workers.started.length, workers.alive], [1, 1]);
  assert.deepEqual(kept, fresh);
  await engine.close();
  assert.equal(workers.alive, 0);
});

Deno.test("an engine that keeps workers has as many as groups and runs at once", async () => {
  using workers = recordWorkers();
  const engine = await openOnnxEngine(1, { keepWorkers: true });
  for (let i = 0; i < 3; i++) {
    await Promise.all([0, 1].map(() => train(engine, [runOf(vanillaCell), runOf(decayingCell)], [2])));
  }
  assert.deepEqual([workers.started.length, workers.alive], [4, 4]);
  await engine.close();
  assert.equal(workers.alive, 0);
});

Deno.test("a group's workers end with it unless the engine keeps them, and a run that joins takes a free one", async () => {
  using workers = recordWorkers();
  const group = await (await openOnnxEngine(1)).open([runOf(vanillaCell)], textOf(100, SMALL.vocabulary));
  await group.replace(0, runOf(decayingCell));
  assert.deepEqual([workers.started.length, workers.alive], [1, 1]);
  await group.close();
  assert.equal(workers.alive, 0);
});

Deno.test("a worker whose run has failed takes no other", async () => {
  using workers = recordWorkers();
  const engine = await openOnnxEngine(1, { keepWorkers: true });
  const group = await engine.open([runOf(vanillaCell)], textOf(100, SMALL.vocabulary));
  await assert.rejects(group.read(9), /Cannot reach run 9/);
  const { step, ...run } = runOf(vanillaCell);
  const broken = { ...run, step: { ...step, states: [{ name: "nowhere", shape: [1, 1] as const }] } };
  await group.replace(0, broken as unknown as ReturnType<typeof runOf>);
  group.beginPass(0, offsetsOf(broken as unknown as ReturnType<typeof runOf>, 0));
  await assert.rejects(group.advance(1));
  await group.close();
  assert.deepEqual([workers.started.length, workers.alive], [1, 0]);
  await train(engine, [runOf(vanillaCell)], [2]);
  assert.deepEqual([workers.started.length, workers.alive], [2, 1]);
  await engine.close();
});

Deno.test("evaluateModel() scores many models in the same workers, with the same bits, and keeps none that was stopped", async () => {
  const sizes = { n_layers: 1, state_size: 4 }, { text } = generateEmbedded(1, 2000);
  const modelOf = (seed: number) =>
    exportCell(vanillaCell, sizes, initialWeights(evaluationModel(vanillaCell, sizes).parameters, seed));
  const cut = { streams: 4, warm_up: 10 }, models = [0, 1, 2].map(modelOf), alone = [];
  for (const model of models) alone.push(await evaluateModel(model, text, 2, cut, { memory: true }));
  using recorded = recordWorkers();
  const kept = [];
  {
    using workers = new EvaluationWorkers();
    for (const model of models) kept.push(await evaluateModel(model, text, 2, cut, { memory: true, workers }));
    assert.deepEqual([recorded.started.length, recorded.alive], [2, 2]);
    await assert.rejects(evaluateModel(models[0], text, 2, cut, { workers, signal: AbortSignal.abort() }));
    // Nobody waits for them: they end by themselves.
    while (recorded.alive) await new Promise((resolve) => setTimeout(resolve, 10));
    await evaluateModel(models[0], text, 1, cut, { workers });
    assert.equal(recorded.alive, 1);
  }
  assert.deepEqual(kept, alone);
  assert.equal(recorded.alive, 0);
  await evaluateModel(models[0], text, 2, cut);
  assert.equal(recorded.alive, 0);
});

Deno.test("the thread that makes the process's first session computes with small numbers as all others do", async () => {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--allow-env", "--allow-read", "--allow-ffi", "--allow-sys", FIRST_SESSION],
  }).output();
  assert.equal(new TextDecoder().decode(stdout), "1\n", new TextDecoder().decode(stderr));
});

Deno.test("no module starts workers past the pool, which counts open files", async () => {
  const starters: string[] = [];
  const visit = async (folder: string) => {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      const path = join(folder, name);
      if (isDirectory) await visit(path);
      else if (name.endsWith(".ts") && /new Worker\(/.test(await Deno.readTextFile(path))) {
        starters.push(relative(ROOT, path));
      }
    }
  };
  for (const stage of ["cells", "train", "experiments", "report"]) await visit(join(ROOT, stage));
  assert.deepEqual(starters.sort(), [
    // Threads of a benchmark that measures claims: eight, with no study.
    "experiments/bench/claims.ts",
    // The peer of the benchmark is another library, which has a worker of its own.
    "experiments/bench/peers/worker_peer.ts",
    // A space has one, and asks as the pool does.
    "experiments/study/confined_space.ts",
    // Of a page, in a browser.
    "report/browser/worker_client.ts",
    "train/process/worker_pool.ts",
  ]);
  const space = await Deno.readTextFile(join(ROOT, "experiments/study/confined_space.ts"));
  assert.match(space, /checkWorker\(\);\s+this\.#worker = new Worker\(/);
});
