/** All measures of a model together: what each gives alone, what becomes of one that fails, and the worker that takes them. */
import assert from "node:assert/strict";
import { gruCell, lstmCell } from "../../../cells/catalog/catalog.ts";
import { defineCell } from "../../../cells/cell.ts";
import { mul, tanh } from "../../../cells/graph/builder.ts";
import { evaluationModel } from "../../../cells/language_model.ts";
import { cellFrom, plainCell } from "../../../train/dynamics/dynamics_protocol.ts";
import { DynamicsWorkers } from "../../../train/dynamics/dynamics_workers.ts";
import { byteRecall } from "../../../train/dynamics/byte_recall.ts";
import { echoState } from "../../../train/dynamics/echo_state.ts";
import { fixedPoints } from "../../../train/dynamics/fixed_points.ts";
import { gateActivity } from "../../../train/dynamics/gates.ts";
import { lyapunovSpectrum } from "../../../train/dynamics/lyapunov.ts";
import { DYNAMICS_WARM_UP, MEASURES } from "../../../train/dynamics/measure.ts";
import { measureModel } from "../../../train/dynamics/measure_model.ts";
import { participationRatio } from "../../../train/dynamics/participation_ratio.ts";
import { truncationGap } from "../../../train/dynamics/truncation_gap.ts";
import { modelFromOnnx, type WeightedModel } from "../../../train/dynamics/weighted_model.ts";
import { exportCell } from "../../../train/scoring/export_model.ts";
import { drawnWeights } from "../../cells/models.ts";

const SIZES = { n_layers: 2, state_size: 3, vocabulary: 7 };
const SETTINGS = { streams: 2, tokens: 40, exponents: 2 };
const LENGTH = SETTINGS.streams * (DYNAMICS_WARM_UP + SETTINGS.tokens) + 1;
/** Tokens without a pattern. */
const TEXT = Uint8Array.from({ length: LENGTH }, (_, i) => (i * i + 3 * i + (i >> 3)) % 7);

/** A cell of nobody's catalog. */
const mine = defineCell({
  name: "mine",
  states: ["h"],
  forward(layer, x, { h }) {
    const y = mul(tanh(layer.linear("state_nn", [x, h])), x);
    return { output: y, states: { h: y } };
  },
});

function modelOf(cell = gruCell, scale = 1): WeightedModel {
  const weights = [...drawnWeights(evaluationModel(cell, SIZES).parameters)];
  return {
    cell,
    sizes: SIZES,
    weights: new Map(weights.map(([name, values]) => [name, values.map((x) => scale * x)])),
  };
}

Deno.test("measureModel() takes every measure, those along one walk as each would alone, and tells how far it is", async () => {
  const model = modelOf(), shares: number[] = [];
  const onProgress = (done: number, total: number) => void shares.push(done / total);
  const { measured, not_measured } = await measureModel(model, TEXT, SETTINGS, { onProgress });
  assert.deepEqual([Object.keys(measured), not_measured], [MEASURES, {}]);
  const cut = { streams: 2, tokens: 40, warm_up: DYNAMICS_WARM_UP };
  const { exponents } = SETTINGS;
  assert.deepEqual(measured.lyapunov, await lyapunovSpectrum(model, TEXT, { ...cut, exponents }));
  assert.deepEqual(measured.echo_state, await echoState(model, TEXT, cut));
  assert.deepEqual(measured.participation_ratio, await participationRatio(model, TEXT, cut));
  assert.deepEqual(measured.byte_recall, await byteRecall(model, TEXT, cut));
  assert.deepEqual(measured.fixed_points, await fixedPoints(model, TEXT, cut));
  assert.deepEqual(measured.gates, await gateActivity(model, TEXT, cut));
  // As many tokens as 16 steps divide.
  const gap = { ...cut, tokens: 32, bptt: [2, 4, 8, 16] };
  assert.deepEqual(measured.truncation_gap, await truncationGap(model, TEXT, gap));
  assert.deepEqual(shares, shares.toSorted((a, b) => a - b));
  // Sums of costs in another order.
  assert.ok(shares[0] > 0 && Math.abs(shares.at(-1)! - 1) < 1e-12, `${shares}`);
});

Deno.test("measureModel() compares as many steps back as there are tokens", async () => {
  const { measured: { truncation_gap } } = await measureModel(modelOf(), TEXT, { ...SETTINGS, tokens: 5 });
  assert.deepEqual([truncation_gap!.tokens, truncation_gap!.gaps.map(({ bptt }) => bptt)], [4, [2, 4]]);
});

Deno.test("measureModel() says why a measure could not be taken, and takes the others", async () => {
  // A sum of such logits is more than float64 holds; the states of a GRU stay within bounds.
  const { measured, not_measured } = await measureModel(modelOf(gruCell, 1.5e308), TEXT, SETTINGS);
  assert.match(not_measured.truncation_gap!, /^Cannot measure the truncation gap: .* must be finite$/);
  assert.ok(measured.participation_ratio && measured.gates);
  assert.deepEqual(
    MEASURES.filter((measure) => (measured[measure] === undefined) !== (not_measured[measure] !== undefined)),
    [],
    "each is there or named",
  );
});

Deno.test("measureModel() does not take a lack of memory for a property of the model", async () => {
  // The model is built once for its check, layer by layer, and then for the walk.
  let left = SIZES.n_layers;
  const { forward } = gruCell;
  const hungry = {
    ...gruCell,
    forward(...given: Parameters<typeof forward>) {
      if (left-- > 0) return forward(...given);
      // As V8 says it.
      throw new RangeError("Array buffer allocation failed");
    },
  };
  const measured = measureModel({ ...modelOf(), cell: hungry }, TEXT, SETTINGS);
  await assert.rejects(measured, /^RangeError: Array buffer allocation failed$/);
});

Deno.test("measureModel() refuses what is wrong for all measures, once", async () => {
  const [first] = evaluationModel(gruCell, SIZES).parameters, model = modelOf();
  const broken = new Map(model.weights).set(first.name, model.weights.get(first.name)!.map(() => NaN));
  await assert.rejects(
    measureModel({ ...model, weights: broken }, TEXT, SETTINGS),
    /^UserError: Cannot measure the dynamics: /,
  );
  await assert.rejects(
    measureModel(model, TEXT.subarray(1), SETTINGS),
    /^RangeError: Cannot measure the dynamics: the text has 1104 tokens, must have at least 1105 for 2 streams of 512 \+ 40$/,
  );
  await assert.rejects(measureModel(model, TEXT, SETTINGS, { signal: AbortSignal.abort() }), { name: "AbortError" });
});

Deno.test("a cell is the same as plain data", () => {
  for (const cell of [gruCell, lstmCell, mine]) {
    const again = cellFrom(structuredClone(plainCell(cell, SIZES.state_size)));
    const [a, b] = [cell, again].map((one) => evaluationModel(one, { ...SIZES, batch: 5 }));
    assert.deepEqual([again.name, again.states, b.parameters, b.states], [
      cell.name,
      cell.states,
      a.parameters,
      a.states,
    ]);
  }
});

Deno.test("DynamicsWorkers measure any cell as this thread does, stop soon after a signal, and go on with the next model", async () => {
  using workers = new DynamicsWorkers(1);
  assert.equal(workers.count, 1);
  const file = "m.onnx", shares: number[] = [];
  const jobOf = (cell = gruCell, text = TEXT, tokens = SETTINGS.tokens) => ({
    ...{ file, cell, sizes: SIZES, text, settings: { ...SETTINGS, tokens } },
    model: exportCell(cell, SIZES, new Map(modelOf(cell).weights)),
  });
  for (const cell of [mine, lstmCell]) {
    const job = jobOf(cell), { measured } = await workers.measure(job);
    const own = await measureModel(modelFromOnnx(job.model, { cell, file }), TEXT, SETTINGS);
    assert.deepEqual(measured, own.measured, cell.name);
  }
  // It would take minutes.
  const tokens = 1_000_000,
    endless = new Uint8Array(2 * (DYNAMICS_WARM_UP + tokens) + 1),
    controller = new AbortController();
  const stopped = workers.measure(jobOf(gruCell, endless, tokens), {
    signal: controller.signal,
    onProgress(share) {
      shares.push(share);
      controller.abort(new Error("enough"));
    },
  });
  await assert.rejects(stopped, /^Error: enough$/);
  assert.ok(shares[0] > 0 && shares[0] < 0.5, `${shares}`);
  await assert.rejects(workers.measure(jobOf(), { signal: AbortSignal.abort() }), { name: "AbortError" });
  await assert.rejects(
    workers.measure({ ...jobOf(), cell: lstmCell }),
    /^UserError: Cannot open m\.onnx as a model of cell 'lstm': /,
  );
  assert.ok((await workers.measure(jobOf())).measured.truncation_gap);
});
