/** Models from wherever their weights come are the same models. */
import assert from "node:assert/strict";
import { catalogConfig, cellOf, gruCell, lstmCell } from "../../../cells/catalog/catalog.ts";
import { defineCell } from "../../../cells/cell.ts";
import { tanh } from "../../../cells/graph/builder.ts";
import { buildTrainingStep, evaluationModel } from "../../../cells/language_model.ts";
import { truncationGap } from "../../../train/dynamics/truncation_gap.ts";
import { checkModel, modelFromOnnx, type WeightedModel } from "../../../train/dynamics/weighted_model.ts";
import { exportCell, exportModel } from "../../../train/scoring/export_model.ts";
import { TrainedModel } from "../../../train/scoring/trained_model.ts";
import { decodeWeights, encodeWeights } from "../../../train/training/checkpoint.ts";
import { gatedConfig } from "../../cells/catalog/golden_cases.ts";
import { drawnWeights } from "../../cells/models.ts";

const SIZES = { n_layers: 2, state_size: 4 };
const TEXT = Uint8Array.from({ length: 100 }, (_, i) => (i * i + 3 * i) % 256);
const CUT = { streams: 2, tokens: 16, warm_up: 8, bptt: [4] };

const weightsOf = ({ cell, sizes }: Pick<WeightedModel, "cell" | "sizes">) =>
  drawnWeights(evaluationModel(cell, sizes).parameters);

Deno.test("a trained model, an ONNX file, a safetensors file and a written model have one truncation gap", async () => {
  const config = catalogConfig("gru", SIZES.n_layers, SIZES.state_size), sizes = SIZES, cell = gruCell;
  const weights = new Map([...weightsOf({ cell, sizes })].map(([name, values]) => [name, Float32Array.from(values)]));
  const { parameters } = evaluationModel(cell, sizes),
    step = buildTrainingStep(cell, { ...sizes, vocabulary: 256, batch: 5 });
  const stored = encodeWeights(config, parameters, weights);
  const models: WeightedModel[] = [
    { cell, sizes, weights },
    new TrainedModel(step, weights),
    modelFromOnnx(exportModel(config, weights)),
    modelFromOnnx(exportCell(cell, sizes, weights), { cell }),
    { cell, sizes, ...decodeWeights(stored, parameters, "f") },
  ];
  const [first, ...others] = await Promise.all(models.map((model) => truncationGap(model, TEXT, CUT)));
  assert.ok(first.gaps[0].whole.cosine! < 1);
  for (const other of others) assert.deepEqual(other, first);
});

Deno.test("modelFromOnnx() makes the cell of the configuration that the file names, and takes weights and sizes from it", () => {
  const config = { ...gatedConfig({ use_forget_gate: false, use_new_state: false }), ...SIZES };
  const model = { cell: cellOf(config), sizes: { ...SIZES, vocabulary: 300 } }, weights = weightsOf(model);
  const found = modelFromOnnx(exportModel(config, weights, {}, 300));
  assert.deepEqual(found.sizes, model.sizes);
  assert.deepEqual(
    checkModel(found, "test").weights,
    new Map([...checkModel({ ...model, weights }, "test").weights].map(([name, values]) => [name, values])),
  );
});

Deno.test("truncationGap() reads tokens beyond those of bytes", async () => {
  const model = { cell: gruCell, sizes: { ...SIZES, vocabulary: 300 } }, weights = weightsOf(model);
  const text = Uint16Array.from(TEXT, (byte) => byte + 44), zeros = new Float64Array(300 * SIZES.state_size);
  const { gaps: [{ whole }] } = await truncationGap({ ...model, weights }, text, CUT);
  assert.ok(whole.cosine! < 1);
  // Without what tells tokens apart the states are others: tokens are read on the way there too.
  const blind = new Map(weights).set("input_embedding.weight", zeros);
  assert.notEqual((await truncationGap({ ...model, weights: blind }, text, CUT)).gaps[0].whole.cosine, whole.cosine);
});

Deno.test("checkModel() asks for no weight that the model does not read", () => {
  const idle = defineCell({
    name: "idle",
    states: ["h"],
    forward(layer, x, { h }) {
      layer.linear("idle_nn", [x]);
      return { output: tanh(x), states: { h } };
    },
  });
  const model = { cell: idle, sizes: SIZES }, weights = weightsOf(model);
  assert.ok(weights.delete("layers.0.idle_nn.weight"));
  assert.ok(!checkModel({ ...model, weights }, "test").weights.has("layers.0.idle_nn.weight"));
});

const gru = { cell: gruCell, sizes: SIZES }, weights = weightsOf(gru);
const unnamed = exportCell(gruCell, SIZES, weights);
const named = (config: string) => exportCell(gruCell, SIZES, weights, { metadata: { config } });
const WRONG: readonly (readonly [what: string, open: () => unknown, message: RegExp])[] = [
  [
    "names no configuration, and no cell is given",
    () => modelFromOnnx(unnamed, { file: "f.onnx" }),
    /^Cannot open f\.onnx: it names no configuration, its cell must be given$/,
  ],
  [
    "has the configuration of another space",
    () => modelFromOnnx(named('{"leak":0.5}'), { file: "f.onnx" }),
    /^Cannot open f\.onnx: its cell must be given \(.+\)$/,
  ],
  [
    "has a configuration that is no JSON",
    () => modelFromOnnx(named("{"), { file: "f.onnx" }),
    /^Cannot open f\.onnx: its cell must be given \(.+\)$/,
  ],
  [
    "is of another cell",
    () => modelFromOnnx(unnamed, { file: "f.onnx", cell: lstmCell }),
    /^Cannot open f\.onnx as a model of cell 'lstm': .+, must be .+$/,
  ],
  ["is none", () => modelFromOnnx(new Uint8Array(8)), /^Cannot (open|read) the model: .+$/],
];
for (const [what, open, message] of WRONG) {
  Deno.test(`modelFromOnnx() refuses a file that ${what}`, () => {
    assert.throws(open, (error: Error) => {
      assert.equal(error.name, "UserError");
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("checkModel() refuses a size that is out of bounds", () => {
  const model = { cell: gruCell, sizes: { ...SIZES, state_size: 0 }, weights };
  assert.throws(() => checkModel(model, "test"), { name: "RangeError", message: /state_size is 0, must be/ });
});

Deno.test("a trained model without a cell says so when it is measured", async () => {
  const step = { sizes: { ...SIZES, vocabulary: 256, batch: 1 } };
  await assert.rejects(truncationGap(new TrainedModel(step, weights), TEXT, CUT), {
    name: "TypeError",
    message: "Cannot make a model: its training step was not built from a cell, must be",
  });
});
