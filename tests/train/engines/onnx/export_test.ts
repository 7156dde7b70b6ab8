/** ONNX models as bytes: names, shapes, weights and metadata. Nothing here runs them, so nothing needs a permission. */
import assert from "node:assert/strict";
import { vanillaCell } from "../../../../cells/catalog/catalog.ts";
import { gatedCell } from "../../../../cells/catalog/gated_cell.ts";
import { buildTrainingStep, evaluationModel } from "../../../../cells/language_model.ts";
import { exportOnnx, NEXT, OPSET } from "../../../../train/engines/onnx/export.ts";
import {
  decodeModel,
  encodeModel,
  type ModelProto,
  type ValueInfoProto,
} from "../../../../train/engines/onnx/proto.ts";
import { allGatedConfigs } from "../../../cells/catalog/golden_cases.ts";
import { drawnWeights } from "../../../cells/models.ts";
import { planStep } from "../../../../train/engines/onnx/plan.ts";
import { BEST_CONFIG } from "../../../../cells/known_configs.ts";
import { copies } from "../../../../experiments/bench/measure.ts";
import { arithmeticCell, CATALOG, SMALL, UNUSUAL } from "../runs.ts";

const SIZES = { n_layers: 1, state_size: 4, vocabulary: 7, batch: 2 };
const evaluation = evaluationModel(vanillaCell, SIZES);
const WEIGHTS = [
  "input_embedding.bias",
  "input_embedding.weight",
  "layers.0.state_nn.bias",
  "layers.0.state_nn.weight",
  "output_embedding.bias",
  "output_embedding.weight",
];

/** `float layers.0.h [batch, 4]`, as tools that read the file show it. */
function show({ name, type: { tensor_type: { elem_type, shape } } }: ValueInfoProto): string {
  const types: Record<number, string> = { 1: "float", 7: "int64" };
  const sizes = shape.dim.map((dim) => "dim_param" in dim ? dim.dim_param : dim.dim_value);
  return `${types[elem_type]} ${name} [${sizes.join(", ")}]`;
}

/** Each name made once and before it is read, and every output made: what ONNX demands of a graph. */
function assertWellFormed({ graph }: ModelProto): void {
  const known = new Set<string>();
  const define = (name: string) => {
    assert.ok(!known.has(name), `'${name}' is made twice`);
    known.add(name);
  };
  for (const { name } of [...graph.input, ...graph.initializer]) define(name);
  for (const node of graph.node) {
    for (const name of node.input) assert.ok(known.has(name), `${node.op_type} reads '${name}' before it is made`);
    node.output.forEach(define);
  }
  for (const { name } of graph.output) assert.ok(known.has(name), `output '${name}' is not made`);
  assert.equal(new Set(graph.node.map(({ name }) => name)).size, graph.node.length, "names of nodes");
}

Deno.test("exportOnnx() writes standard operators under the graph's names when the cell is vanilla", () => {
  const { graph, ir_version, opset_import } = decodeModel(exportOnnx(evaluation.graph));
  assert.deepEqual([ir_version, opset_import], [8, [{ domain: "", version: OPSET }]]);
  assert.equal(OPSET, 17);
  assert.deepEqual(graph.node.map(({ op_type }) => op_type), [
    "Transpose",
    "Gather",
    "Add",
    "Concat",
    "Gemm",
    "Tanh",
    "Gemm",
  ]);
  assert.deepEqual(graph.input.map(show).sort(), [
    "float input_embedding.bias [4]",
    "float input_embedding.weight [4, 7]",
    "float layers.0.h [2, 4]",
    "float layers.0.state_nn.bias [4]",
    "float layers.0.state_nn.weight [4, 8]",
    "float output_embedding.bias [7]",
    "float output_embedding.weight [7, 4]",
    "int64 bytes [2]",
  ]);
  assert.deepEqual(graph.output.map(show), ["float logits [2, 7]", "float layers.0.h.next [2, 4]"]);
  assert.equal(NEXT, ".next");
});

Deno.test("exportOnnx() puts weights into the model when they are given", () => {
  const weights = drawnWeights(evaluation.parameters);
  const { graph } = decodeModel(exportOnnx(evaluation.graph, { weights }));
  assert.deepEqual(graph.input.map(({ name }) => name).sort(), ["bytes", "layers.0.h"]);
  const stored = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  for (const { name, shape } of evaluation.parameters) {
    const { dims, raw_data, data_type } = stored.get(name)!;
    assert.deepEqual([dims, data_type], [[...shape], 1], name);
    assert.deepEqual(new Float32Array(Uint8Array.from(raw_data).buffer), Float32Array.from(weights.get(name)!), name);
  }
});

Deno.test("exportOnnx() looks the embedding's products up, and cuts weights rather than join inputs, when weights are given", () => {
  const { graph } = decodeModel(exportOnnx(evaluation.graph, { weights: drawnWeights(evaluation.parameters) }));
  const made = new Map(graph.node.map((node) => [node.output[0], node]));
  const lastOfState = made.get(made.get("layers.0.h.next")!.input[0])!;
  assert.deepEqual(lastOfState.input[0], "layers.0.h", "the state's part is multiplied alone");
  const lookedUp = made.get(lastOfState.input[2])!;
  assert.deepEqual([lookedUp.op_type, lookedUp.input[1]], ["Gather", "bytes"]);
  // All that the table is made of is constant, down to the weights.
  const sources = (name: string): string[] => made.get(name)?.input.flatMap(sources) ?? [name];
  const table = sources(lookedUp.input[0]).filter((name) => !name.startsWith("int64"));
  assert.deepEqual(table.toSorted(), WEIGHTS.filter((name) => !name.startsWith("output")));
  assert.ok(!graph.node.some(({ op_type }) => op_type === "Concat"));
});

Deno.test("the training model of the best configuration has as few operations as it has had", () => {
  const { step } = copies(BEST_CONFIG, 1)[0];
  const { graph } = decodeModel(planStep(step.graph).model);
  const count = (...ops: string[]) => graph.node.filter(({ op_type }) => ops.includes(op_type)).length;
  assert.deepEqual(
    { gemm: count("Gemm"), elementwise: count("Add", "Sub", "Mul"), joined: count("Concat"), all: graph.node.length },
    // Two make inputs of products, one makes the gradients of small biases one output.
    { gemm: 45, elementwise: 56, joined: 3, all: 130 },
  );
  assert.equal(count("Slice", "Split", "Transpose", "OneHot", "ReduceSum", "Sqrt", "Div"), 0);
});

Deno.test("exportOnnx() leaves the batch open in what has one when asked", () => {
  const weights = drawnWeights(evaluation.parameters);
  const { graph } = decodeModel(exportOnnx(evaluation.graph, { weights, openBatch: true }));
  assert.deepEqual([...graph.input, ...graph.output].map(show).sort(), [
    "float layers.0.h [batch, 4]",
    "float layers.0.h.next [batch, 4]",
    "float logits [batch, 7]",
    "int64 bytes [batch]",
  ]);
});

Deno.test("exportOnnx() keeps the sizes of weights when the batch is open and weights come from outside", () => {
  const { graph, parameters } = evaluationModel(arithmeticCell, SIZES);
  const shown = decodeModel(exportOnnx(graph, { openBatch: true })).graph.input.map(show);
  for (const { name, shape } of parameters) assert.ok(shown.includes(`float ${name} [${shape.join(", ")}]`), name);
});

Deno.test("exportOnnx() writes name, description and metadata when they are given", () => {
  const metadata = { id: "d6f462b5", config: '{"n_layers": 2, "text": "schön"}', empty: "" };
  const options = { name: "best", description: "2 layers × 256", producerVersion: "0.1.0", metadata };
  const model = decodeModel(exportOnnx(evaluation.graph, options));
  assert.deepEqual([model.graph.name, model.doc_string], ["best", "2 layers × 256"]);
  assert.deepEqual([model.producer_name, model.producer_version], ["cellspace", "0.1.0"]);
  assert.deepEqual(Object.fromEntries(model.metadata_props.map(({ key, value }) => [key, value])), metadata);
});

Deno.test("exportOnnx() names what is carried and what is a result when the graph is a training step", () => {
  const { graph } = buildTrainingStep(vanillaCell, SIZES, { withGradients: true });
  const names = decodeModel(exportOnnx(graph)).graph.output.map(({ name }) => name);
  const carried = ["layers.0.h", ...WEIGHTS.flatMap((w) => [w, `exp_avg.${w}`, `exp_avg_sq.${w}`])];
  assert.deepEqual(
    names.toSorted(),
    ["loss", ...WEIGHTS.map((w) => `gradient.${w}`), ...carried.map((name) => name + NEXT)].sort(),
  );
});

Deno.test("exportOnnx() gives a well-formed graph in all 96 switch settings", () => {
  for (const config of allGatedConfigs()) {
    const cell = gatedCell(config);
    assertWellFormed(decodeModel(exportOnnx(buildTrainingStep(cell, SMALL, { withGradients: true }).graph)));
    assertWellFormed(decodeModel(exportOnnx(evaluationModel(cell, SMALL).graph, { openBatch: true })));
  }
});

for (const cell of [...CATALOG, ...UNUSUAL]) {
  Deno.test(`exportOnnx() gives a well-formed graph when the cell is ${cell.name}`, () => {
    assertWellFormed(decodeModel(exportOnnx(buildTrainingStep(cell, SMALL, { withGradients: true }).graph)));
    assertWellFormed(decodeModel(exportOnnx(evaluationModel(cell, SMALL).graph)));
  });
}

Deno.test("exportOnnx() gives the same bytes when called again", () => {
  const { graph } = buildTrainingStep(vanillaCell, SIZES);
  assert.deepEqual(exportOnnx(graph), exportOnnx(graph));
});

Deno.test("decodeModel() gives what encodeModel() was given", () => {
  const model = decodeModel(exportOnnx(buildTrainingStep(gatedCell(allGatedConfigs()[0]), SIZES).graph));
  assert.deepEqual(decodeModel(encodeModel(model)), model);
});

Deno.test("decodeModel() throws when the bytes are no model", () => {
  assert.throws(() => decodeModel(Uint8Array.of(0xff, 0xff, 0xff, 0xff)), {
    name: "UserError",
    message: /^Cannot read an ONNX model: it is damaged or not an ONNX model /,
  });
});

Deno.test("encodeModel() throws when a field has a wrong type", () => {
  const model = decodeModel(exportOnnx(evaluation.graph));
  assert.throws(() => encodeModel({ ...model, producer_name: 3 as unknown as string }), {
    name: "TypeError",
    message: "Cannot encode an ONNX model: producer_name: string expected",
  });
});
