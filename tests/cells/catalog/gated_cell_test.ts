import assert from "node:assert/strict";
import { gatedCell } from "../../../cells/catalog/gated_cell.ts";
import { buildTrainingStep } from "../../../cells/language_model.ts";
import { openReferenceEngine, REFERENCE_ENGINE } from "../../../train/engines/reference.ts";
import { certifyGroup, goldenText, goldenWeights } from "../../../train/golden.ts";
import { allGatedConfigs, BPTT_GOLDEN, describeCase, failures, gatedConfig, GOLDEN } from "./golden_cases.ts";
import { checkTrainingStep } from "../models.ts";

const { settings, cases } = GOLDEN;
const sizesOf = (n_layers: number) => (
  { n_layers, state_size: settings.state, vocabulary: settings.vocab, batch: settings.batch }
);

Deno.test("the golden file holds each of 96 switch settings with 1, 2 and 3 layers", () => {
  assert.equal(cases.length, 288);
  assert.equal(new Set(cases.map(describeCase)).size, 288);
  assert.deepEqual(settings, { state: 4, vocab: 7, batch: 3, steps: 12, lr: 0.02, phase: 0 });
});

Deno.test("the golden file has gradients in full of an embedding and of a weight with several inputs", () => {
  const full = cases.filter((golden) => golden.gradients_at_step_1);
  assert.deepEqual([1, 2, 3].map((n) => full.filter(({ n_layers }) => n_layers === n).length), [96, 12, 12]);
  const isWide = ([name, values]: [string, unknown[]]) => name.startsWith("layers.") && [values[0]].flat().length > 4;
  const narrow = full.filter((golden) => !Object.entries(golden.gradients_at_step_1!).some(isWide));
  // Of these, one weight alone is trained, with one input.
  const gates = ["forget gate + state gate + ", "forget gate + ", "state gate + ", ""];
  assert.deepEqual(narrow.map(describeCase), gates.map((on) => `1 layers, ${on}old state`));
  for (const golden of full) {
    const names = Object.keys(golden.gradients_at_step_1!);
    assert.ok(names.length >= 2 && /^(in|out)put_embedding\.weight$/.test(names[0]), describeCase(golden));
  }
});

for (const n_layers of [1, 2, 3]) {
  Deno.test(`gatedCell() gives PyTorch's losses, gradients and states when n_layers is ${n_layers}`, async () => {
    const chosen = cases.filter((golden) => golden.n_layers === n_layers);
    assert.equal(chosen.length, 96);
    const errors = await certifyGroup(await openReferenceEngine(), settings, chosen);
    assert.deepEqual(failures(chosen, errors, REFERENCE_ENGINE.tolerance), []);
  });
}

Deno.test("the golden file of several steps holds each of 96 switch settings with 1 and 2 layers, and two gradients in full", () => {
  const { settings, cases } = BPTT_GOLDEN;
  assert.equal(new Set(cases.map(describeCase)).size, 192);
  assert.deepEqual(settings, { state: 4, vocab: 7, batch: 3, steps: 6, lr: 0.02, phase: 0, bptt: 4 });
  for (const golden of cases) {
    assert.equal(Object.keys(golden.gradients_at_step_1!).length, 2, describeCase(golden));
  }
});

for (const n_layers of [1, 2]) {
  Deno.test(`gatedCell() gives PyTorch's numbers through 4 steps when n_layers is ${n_layers}`, async () => {
    const { settings, cases } = BPTT_GOLDEN, chosen = cases.filter((golden) => golden.n_layers === n_layers);
    const errors = await certifyGroup(await openReferenceEngine(), settings, chosen);
    assert.deepEqual(failures(chosen, errors, REFERENCE_ENGINE.tolerance), []);
  });
}

Deno.test("certifyGroup() gives Infinity when a number is NaN, in which every comparison is false", async () => {
  const chosen = structuredClone(cases.slice(0, 2));
  chosen[1].losses[3] = chosen[1].final_state[0][2] = NaN;
  chosen[1].grads_at_step_1["layers.0.output_nn.bias"] = [NaN, 1];
  const [right, wrong] = await certifyGroup(await openReferenceEngine(), settings, chosen);
  assert.deepEqual(wrong, { losses: Infinity, gradients: Infinity, states: Infinity });
  assert.deepEqual(failures([chosen[0]], [right], REFERENCE_ENGINE.tolerance), []);
});

Deno.test("gatedCell() freezes exactly the weights that get no gradient in the golden file", () => {
  let frozen = 0;
  for (const golden of cases) {
    const { trained, parameters } = buildTrainingStep(gatedCell(gatedConfig(golden)), sizesOf(golden.n_layers));
    const wanted = Object.entries(golden.grads_at_step_1);
    assert.deepEqual(parameters.map(({ name }) => name), wanted.map(([name]) => name).sort());
    assert.deepEqual(trained, wanted.filter(([, gradient]) => gradient).map(([name]) => name).sort());
    frozen += wanted.length - trained.length;
  }
  // a third of the settings has no new state; if nothing were frozen, the comparison above would show nothing
  assert.ok(frozen > 500, `${frozen} weights are frozen`);
});

Deno.test("gatedCell() leaves frozen weights as drawn when the rest is trained", async () => {
  const config = gatedConfig({ use_new_state: false });
  const step = buildTrainingStep(gatedCell(config), sizesOf(2));
  const tensors = goldenWeights(step, 0);
  const { text, offsets } = goldenText(settings);
  const group = await (await openReferenceEngine()).open([{ step, tensors, stepsDone: 0, learningRate: 0.02 }], text);
  group.beginPass(0, offsets);
  await group.advance(3);
  const after = await group.read(0);
  for (const { name } of step.parameters) {
    const same = after.get(name)!.every((value, i) => value === tensors.get(name)![i]);
    assert.equal(same, !step.trained.includes(name), name);
  }
  assert.ok(!step.trained.includes("layers.0.state_nn.weight") && step.trained.includes("layers.0.output_nn.weight"));
});

const SHAPE_OF_GATES = [
  { gate_inputs: "x,h,n", width: 12 },
  { gate_inputs: "x,h", width: 8 },
] as const;
for (const { gate_inputs, width } of SHAPE_OF_GATES) {
  Deno.test(`gatedCell() gives z and f ${width} inputs and right gradients when gates read ${gate_inputs}`, () => {
    const config = gatedConfig({ gate_inputs });
    const step = buildTrainingStep(gatedCell(config), sizesOf(2), { withGradients: true });
    const shapes = new Map(step.parameters.map(({ name, shape }) => [name, shape]));
    for (const layer of [0, 1]) {
      assert.deepEqual(shapes.get(`layers.${layer}.state_gate_nn.weight`), [4, width]);
      assert.deepEqual(shapes.get(`layers.${layer}.forget_gate_nn.weight`), [4, width]);
      assert.deepEqual(shapes.get(`layers.${layer}.output_gate_nn.weight`), [4, 16]);
    }
    checkTrainingStep(step);
  });
}

Deno.test("gatedCell() has right gradients when gates read x,h in any of the 96 switch settings", () => {
  for (const config of allGatedConfigs()) {
    const cell = gatedCell({ ...config, gate_inputs: "x,h" });
    checkTrainingStep(buildTrainingStep(cell, { ...sizesOf(1), state_size: 2, batch: 2 }, { withGradients: true }));
  }
});
