import assert from "node:assert/strict";
import { vanillaCell } from "../../../cells/catalog/catalog.ts";
import { gatedCell } from "../../../cells/catalog/gated_cell.ts";
import { input, linear, mul, sigmoid } from "../../../cells/graph/builder.ts";
import { productFlop } from "../../../cells/graph/cost.ts";
import { buildGraph } from "../../../cells/graph/graph.ts";
import { buildTrainingStep } from "../../../cells/language_model.ts";
import { gatedConfig } from "../catalog/golden_cases.ts";

Deno.test("productFlop() counts a multiplication and an addition per product when inputs are joined", () => {
  const y = linear([input("a", [2, 3]), input("b", [2, 4])], input("w", [5, 7]), input("v", [5]));
  assert.equal(productFlop(buildGraph({ y: mul(y, y) })), 2 * 2 * 7 * 5);
});

Deno.test("productFlop() counts all products of a training step when the cell is vanilla", () => {
  const sizes = { n_layers: 1, state_size: 3, vocabulary: 5, batch: 2 };
  const [state, head] = [2 * (3 + 3) * 3, 2 * 3 * 5];
  // forward and weight gradient of both; input gradient of the head, and of the x half of the state's product
  assert.equal(productFlop(buildTrainingStep(vanillaCell, sizes).graph), 2 * (2 * state + 3 * head + state / 2));
});

Deno.test("productFlop() counts no gradient of carried states when it is a step of the best configuration", () => {
  const best = gatedConfig({ use_input_gate: false, use_output_gate: false, use_old_state: false });
  const sizes = { n_layers: 2, state_size: 256, vocabulary: 256, batch: 256 };
  // In units of one 256³ product, each layer reads [x,h], [x,h,n] twice and [n,x]; h is a constant for the gradient.
  const forward = 2 * (2 + 3 + 3 + 2) + 1, inputGradient = 2 * (1 + 2 + 2 + 2) + 1;
  const { graph } = buildTrainingStep(gatedCell(best), sizes);
  assert.equal(productFlop(graph), (2 * forward + inputGradient) * 2 * 256 ** 3);
});

Deno.test("productFlop() counts nothing for an elementwise operation, which is bound by memory", () => {
  const y = linear([input("a", [2, 3])], input("w", [5, 3]), input("v", [5]));
  assert.equal(productFlop(buildGraph({ y: sigmoid(y) })), 2 * 2 * 3 * 5);
});
