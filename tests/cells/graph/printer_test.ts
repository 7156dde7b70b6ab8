import assert from "node:assert/strict";
import { gruCell, vanillaCell } from "../../../cells/catalog/catalog.ts";
import { gatedCell } from "../../../cells/catalog/gated_cell.ts";
import { add, div, embedding, input, linear, mul, named, sub } from "../../../cells/graph/builder.ts";
import { concat, slice } from "../../../cells/graph/rows.ts";
import { buildGraph } from "../../../cells/graph/graph.ts";
import { toDot, toSvg } from "../../../cells/graph/picture.ts";
import { equations, printGraph } from "../../../cells/graph/printer.ts";
import type { Tensor } from "../../../cells/graph/tensor.ts";
import { buildTrainingStep, evaluationModel } from "../../../cells/language_model.ts";
import { LISTED } from "./elementwise_cases.ts";
import { gatedConfig } from "../catalog/golden_cases.ts";

const SIZES = { n_layers: 1, state_size: 4, vocabulary: 7, batch: 2 };
const vanilla = evaluationModel(vanillaCell, SIZES).graph;

Deno.test("printGraph() gives one line per node when the graph is the vanilla cell's forward step", () => {
  assert.equal(
    printGraph(vanilla),
    `\
%0 = input(name=bytes)  index [2]
%1 = input(name=input_embedding.weight)  [4, 7]
%2 = input(name=input_embedding.bias)  [4]
%3 = embedding(%0, %1, %2)  [2, 4]  # x
%4 = input(name=layers.0.h)  [2, 4]  # h
%5 = input(name=layers.0.state_nn.weight)  [4, 8]
%6 = input(name=layers.0.state_nn.bias)  [4]
%7 = linear(%3, %4, %5, %6)  [2, 4]
%8 = tanh(%7)  [2, 4]  # n
%9 = input(name=output_embedding.weight)  [7, 4]
%10 = input(name=output_embedding.bias)  [7]
%11 = linear(%8, %9, %10)  [2, 7]  # logits
return logits = %11
return layers.0.h = %8`,
  );
});

Deno.test("printGraph() shows attributes when a node has some", () => {
  const text = printGraph(buildTrainingStep(vanillaCell, { ...SIZES, n_layers: 2 }).graph);
  assert.match(text, /^%\d+ = linear_input_gradient\(%\d+, %\d+, offset=0, width=4\) {2}\[2, 4\]$/m);
  assert.match(text, /^%\d+ = embedding_weight_gradient\(%\d+, %0, vocabulary=7\) {2}\[4, 7\]$/m);
  assert.match(text, /^%\d+ = constant\(value=1\) {2}\[\]$/m);
});

Deno.test("equations() reads like the README's equations when all switches are on", () => {
  const { graph } = evaluationModel(gatedCell(gatedConfig({})), SIZES);
  assert.deepEqual(equations(graph), [
    "x = W_input_embedding[:, bytes] + b_input_embedding",
    "x̃ = σ(W_input_gate_nn [x, h] + b_input_gate_nn) ⊙ x",
    "h̃ = σ(W_state_input_gate_nn [x, h] + b_state_input_gate_nn) ⊙ h",
    "n = tanh(W_state_nn [x̃, h̃] + b_state_nn)",
    "z = σ(W_state_gate_nn [x̃, h̃, n] + b_state_gate_nn)",
    "n′ = z ⊙ n + (1 − z) ⊙ h",
    "f = σ(W_forget_gate_nn [x̃, h̃, n′] + b_forget_gate_nn)",
    "n′′ = f ⊙ n′",
    "o = W_output_nn [n′′, h̃, x] + b_output_nn",
    "y = o ⊙ σ(W_output_gate_nn [o, n′′, h̃, x] + b_output_gate_nn)",
    "logits = W_output_embedding y + b_output_embedding",
  ]);
});

Deno.test("equations() leaves a switch's part out when it is off", () => {
  const off = { use_input_gate: false, use_forget_gate: false, use_output_gate: false, use_state_gate: false };
  const config = gatedConfig({ ...off, use_new_state: false, use_residual: false });
  // The logits come first in the graph, and here nothing on the way to them reads x.
  assert.deepEqual(equations(evaluationModel(gatedCell(config), SIZES).graph), [
    "o = W_output_nn h + b_output_nn",
    "y = o ⊙ σ(o)",
    "logits = W_output_embedding y + b_output_embedding",
    "x = W_input_embedding[:, bytes] + b_input_embedding",
    "n = tanh(W_state_nn [x, h] + b_state_nn)",
  ]);
});

Deno.test("equations() gives the second form when gates read x,h", () => {
  const lines = equations(evaluationModel(gatedCell(gatedConfig({ gate_inputs: "x,h" })), SIZES).graph);
  assert.deepEqual(lines.filter((line) => /^[zf] /.test(line)), [
    "f = σ(W_forget_gate_nn [x̃, h̃] + b_forget_gate_nn)",
    "z = σ(W_state_gate_nn [x̃, h̃] + b_state_gate_nn)",
  ]);
});

Deno.test("equations() tells a state's values apart when input and result have one name", () => {
  const lines = equations(evaluationModel(gruCell, SIZES).graph);
  assert.ok(lines.includes("h′ = z ⊙ h + (1 − z) ⊙ n"), lines.join("\n"));
});

const a = input("a", [2, 3]), b = input("b", [2, 3]), c = input("c", [2, 3]);
const BRACKETS: readonly [formula: Tensor, text: string][] = [
  [sub(a, sub(b, c)), "a − (b − c)"],
  [sub(sub(a, b), c), "a − b − c"],
  [sub(a, add(b, c)), "a − (b + c)"],
  [mul(add(a, b), c), "(a + b) ⊙ c"],
  [div(a, mul(b, c)), "a / (b ⊙ c)"],
  [div(a, div(b, c)), "a / (b / c)"],
  [add(a, mul(b, c)), "a + b ⊙ c"],
  [linear([linear([a], input("w", [3, 3]), input("v", [3]))], input("W", [3, 3]), input("V", [3])), "W (w a + v) + V"],
  [linear([add(a, b)], input("w", [3, 3]), input("v", [3])), "w (a + b) + v"],
  [slice(a, 1, 1), "a[1:2]"],
  [slice(add(a, b), 0, 1), "(a + b)[0:1]"],
  [mul(slice(concat([a, b]), 1, 2), c), "concat(a, b)[1:3] ⊙ c"],
  [concat([sub(a, b), c]), "concat(a − b, c)"],
  [mul(linear([a], input("w", [3, 3]), input("v", [3])), b), "(w a + v) ⊙ b"],
  [
    mul(embedding(input("i", [2], "index"), input("e.weight", [3, 4]), input("e.bias", [3])), a),
    "(W_e[:, i] + b_e) ⊙ a",
  ],
];
for (const [formula, text] of BRACKETS) {
  Deno.test(`equations() sets brackets where needed when it prints ${text}`, () => {
    assert.deepEqual(equations(buildGraph({ y: named("y", formula) })), [`y = ${text}`]);
  });
}

for (const { op, on, text, sign } of LISTED) {
  Deno.test(`equations() writes '${op}' as ${text}, and pictures show ${sign}`, () => {
    const graph = buildGraph({ y: named("y", on(a, b)) });
    assert.deepEqual(equations(graph), [`y = ${text}`]);
    assert.ok(toDot(graph).includes(`label="y = ${sign}"`), toDot(graph));
  });
}

Deno.test("toDot() draws each node but weights when given the vanilla cell", () => {
  const dot = toDot(vanilla);
  const labels = [...dot.matchAll(/\[label="([^"]*)"/g)].map(([, label]) => label);
  assert.deepEqual(labels, [
    "bytes",
    "x = input_embedding",
    "h\\nlayers.0.h",
    "layers.0.state_nn",
    "n = tanh",
    "logits = output_embedding",
    "logits",
    "layers.0.h",
  ]);
  const edges = [...dot.matchAll(/^(\w+) -> (\w+);$/gm)].map(([, from, to]) => `${from} ${to}`);
  assert.deepEqual(edges, ["n0 n1", "n1 n3", "n2 n3", "n3 n4", "n4 n5", "n5 out0", "n4 out1"]);
});

Deno.test("toDot() escapes a label when it holds quotes and backslashes", () => {
  const dot = toDot(buildGraph({ y: named('a "quoted\\" part', add(a, b)) }));
  assert.ok(dot.includes(String.raw`label="a \"quoted\\\" part = +"`), dot);
});

Deno.test("toSvg() draws a picture with all labels when it has no permission", async () => {
  const svg = await toSvg(vanilla);
  assert.match(svg, /<svg [^>]*viewBox="/);
  for (const label of ["x = input_embedding", "layers.0.state_nn", "n = tanh", "logits = output_embedding"]) {
    assert.ok(svg.includes(`>${label}</text>`), `no '${label}' in the picture`);
  }
});
