/** A block of steps in one graph: against the same steps one by one, on the CPU. */
import assert from "node:assert/strict";
import { catalogConfig, CELL_NAMES, cellOf } from "../../../../cells/catalog/catalog.ts";
import { evaluationModel } from "../../../../cells/language_model.ts";
import { SMALL_CONFIG } from "../../../../cells/known_configs.ts";
import { initialWeights } from "../../../../train/corpus/random.ts";
import { LOG_SOFTMAX_FORM, NLL, type NllForm, REDUCED_FORM } from "../../../../train/engines/onnx/nll.ts";
import { decodeModel, encodeModel } from "../../../../train/engines/onnx/proto.ts";
import * as ort from "../../../../train/engines/onnx/runtime.ts";
import { openSession } from "../../../../train/engines/onnx/session.ts";
import { KEEP, TEXT, unrolled } from "../../../../train/engines/onnx/unrolled.ts";
import { exportModel } from "../../../../train/scoring/export_model.ts";

const ROWS = 3;

function protoOf(cell: string, scale = 4) {
  const config = cell === "gated" ? { ...SMALL_CONFIG, n_layers: 2, state_size: 8 } : catalogConfig(cell, 2, 8);
  // Weights as drawn hardly use their states.
  const weights = [...initialWeights(evaluationModel(cellOf(config), config).parameters, 0)].map((
    [name, values],
  ) => [name, values.map((x) => scale * x)] as const);
  return decodeModel(exportModel(config, new Map(weights)));
}

/** The losses `[steps, ROWS]` of a text in blocks of so many steps; `keep` is given to the first block. */
async function losses(cell: string, block: number, steps: number, nll: NllForm, keep?: readonly number[], scale = 4) {
  const proto = protoOf(cell, scale), forgets = keep !== undefined;
  const model = unrolled(proto, { input: "bytes", logits: "logits", steps: block, nll, forgets });
  const session = await openSession(encodeModel(model), 1);
  const text = Int32Array.from({ length: (steps + 1) * ROWS }, (_, i) => (31 * i + (i >> 2)) % 256);
  const states = proto.graph.input.filter(({ name }) => name !== "bytes").map(({ name }) => name);
  let carried = new Map<string, ort.Tensor>(
    states.map((name) => [name, new ort.Tensor("float32", new Float32Array(8 * ROWS).fill(0.5), [ROWS, 8])]),
  );
  const found: number[] = [];
  for (let step = 0; step < steps; step += block) {
    const part = text.subarray(step * ROWS, (step + block + 1) * ROWS);
    const feeds: Record<string, ort.Tensor> = { [TEXT]: new ort.Tensor("int32", part, [block + 1, ROWS]) };
    for (const [name, state] of carried) feeds[name] = state;
    if (keep) feeds[KEEP] = new ort.Tensor("float32", Float32Array.from(step ? [1, 1, 1] : keep), [ROWS, 1]);
    const results = await session.run(feeds);
    carried = new Map(
      states.map((name) => [name, results[`${name}.next`]]),
    );
    found.push(...results[NLL].data as Float32Array);
  }
  await session.release();
  return found;
}

for (const cell of CELL_NAMES) {
  Deno.test(`unrolled() of cell ${cell} gives each step the bits that it has alone, when blocks are 1, 4 or 12 steps long`, async () => {
    const alone = await losses(cell, 1, 12, LOG_SOFTMAX_FORM);
    assert.equal(alone.length, 12 * ROWS);
    assert.ok(new Set(alone).size > 12, "the losses are too much alike to tell steps apart");
    for (const block of [4, 12]) assert.deepEqual(await losses(cell, block, 12, LOG_SOFTMAX_FORM), alone);
  });
}

Deno.test("unrolled() with the reduced form gives the losses of LogSoftmax within 1e-5, also where a model is very wrong", async () => {
  for (const scale of [4, 400]) {
    const must = await losses("gated", 4, 8, LOG_SOFTMAX_FORM, undefined, scale);
    const found = await losses("gated", 4, 8, REDUCED_FORM, undefined, scale);
    // exp(−88) is the smallest float: a Softmax would have lost these.
    if (scale === 400) assert.ok(Math.max(...must) > 100, `the largest loss is ${Math.max(...must)}`);
    for (const [i, loss] of found.entries()) {
      assert.ok(Math.abs(loss - must[i]) <= 1e-5 * Math.max(1, must[i]), `${loss} ${must[i]}`);
    }
  }
});

Deno.test("unrolled() with 'keep' has the rows forget whose number is 0, and no others", async () => {
  const kept = await losses("gated", 4, 8, LOG_SOFTMAX_FORM, [1, 1, 1]),
    forgot = await losses("gated", 4, 8, LOG_SOFTMAX_FORM, [1, 0, 1]);
  assert.deepEqual(kept, await losses("gated", 4, 8, LOG_SOFTMAX_FORM));
  const rowOf = (values: readonly number[], row: number) => values.filter((_, i) => i % ROWS === row);
  for (const row of [0, 2]) assert.deepEqual(rowOf(forgot, row), rowOf(kept, row));
  assert.notEqual(rowOf(forgot, 1)[0], rowOf(kept, 1)[0]);
});

Deno.test("unrolled() holds each weight once, and computes the last product once, however long a block is", () => {
  const of = (steps: number) =>
    unrolled(protoOf("gated"), { input: "bytes", logits: "logits", steps, nll: LOG_SOFTMAX_FORM }).graph;
  const [one, many] = [of(1), of(12)];
  const bytes = ({ initializer }: typeof one) => initializer.reduce((sum, { raw_data }) => sum + raw_data.length, 0);
  assert.ok(bytes(many) - bytes(one) < 300, `${bytes(many)} bytes against ${bytes(one)}`);
  const reading = (graph: typeof one, weight: string) =>
    graph.node.filter(({ input }) => input.includes(weight)).length;
  assert.equal(reading(many, "output_embedding.weight"), 1);
  assert.equal(reading(many, "layers.0.state_nn.weight"), reading(one, "layers.0.state_nn.weight"));
  // A shader binds few buffers.
  assert.ok(many.node.every(({ op_type, input }) => op_type !== "Concat" || input.length <= 7));
});
