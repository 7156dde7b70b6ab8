/** Gradients that go back through several steps. */
import assert from "node:assert/strict";
import { gruCell, lstmCell, minGruCell } from "../../cells/catalog/catalog.ts";
import { gatedCell } from "../../cells/catalog/gated_cell.ts";
import type { Cell } from "../../cells/cell.ts";
import { buildGraph } from "../../cells/graph/graph.ts";
import { interpret } from "../../cells/graph/interpreter.ts";
import { buildTrainingStep, gradientName, INPUTS } from "../../cells/language_model.ts";
import { gatedConfig } from "./catalog/golden_cases.ts";
import { assertClose, type Feeds } from "./graph/finite_differences.ts";
import { feedsOf } from "./models.ts";
import { SCALAR_SIZES, SCALAR_WEIGHTS, scalarCell, scalarGradients, type ScalarNumbers } from "./scalar_recurrence.ts";

const SIZES = { n_layers: 2, state_size: 2, vocabulary: 3, batch: 2 };
const reservoir = gatedCell(gatedConfig({ use_new_state: false }));
const CELLS: readonly (readonly [name: string, cell: Cell])[] = [
  ["gated, with every switch on", gatedCell(gatedConfig({}))],
  ["gated, without the new state", reservoir],
  ["gated, with the new state alone", gatedCell(gatedConfig({ use_old_state: false, use_residual: false }))],
  ["a GRU", gruCell],
  ["an LSTM", lstmCell],
  ["a minGRU", minGruCell],
];
const STEPS_BACK = [1, 2, 3, 5, 8];

/** Walks passes of single steps without updates. */
function walker(cell: Cell) {
  const single = buildTrainingStep(cell, SIZES), names = single.states.map(({ name }) => name);
  const graph = buildGraph(
    Object.fromEntries(["loss", ...names].map((name) => [name, single.graph.outputs.get(name)!])),
  );
  /** The mean loss, and the states after. */
  return (steps: number, feeds: Feeds): { loss: number; states: Map<string, ArrayLike<number>> } => {
    const carried = new Map(feeds);
    let loss = 0;
    for (let t = 0; t < steps; t++) {
      for (const name of [INPUTS.bytes, INPUTS.targets]) {
        carried.set(name, Array.from(feeds.get(name)!).slice(t * SIZES.batch, (t + 1) * SIZES.batch));
      }
      const results = interpret(graph, carried);
      loss += results.get("loss")![0] / steps;
      for (const name of names) carried.set(name, results.get(name)!);
    }
    return { loss, states: new Map(names.map((name) => [name, carried.get(name)!])) };
  };
}

/** Central differences of the mean loss of a pass that is walked step by step. */
function differences(lossOf: (feeds: Feeds) => number, feeds: Feeds, name: string): Float64Array {
  const h = 1e-5, values = Float64Array.from(feeds.get(name)!);
  const lossAt = (i: number, value: number) => lossOf(new Map(feeds).set(name, values.with(i, value)));
  return values.map((value, i) => (lossAt(i, value + h) - lossAt(i, value - h)) / (2 * h));
}

for (const [what, cell] of CELLS) {
  for (const bptt of STEPS_BACK) {
    Deno.test(`a step back through ${bptt} is a pass of as many single ones, and its gradient their finite difference, when the cell is ${what}`, () => {
      const step = buildTrainingStep(cell, SIZES, { bptt, withGradients: true }), feeds = feedsOf(step);
      const wanted = ["loss", ...step.states.map(({ name }) => name), ...step.trained.map(gradientName)];
      const outputs = wanted.map((name) => [name, step.graph.outputs.get(name)!]);
      const results = interpret(buildGraph(Object.fromEntries(outputs)), feeds);
      const walk = walker(cell), { loss, states } = walk(bptt, feeds);
      assertClose(results.get("loss")!, [loss], "mean loss", { relative: 1e-14, absolute: 0 });
      for (const [name, values] of states) {
        assertClose(results.get(name)!, values, `state '${name}' after it`, { relative: 1e-14, absolute: 0 });
      }
      for (const { name } of step.parameters) {
        const expected = differences((moved) => walk(bptt, moved).loss, feeds, name);
        const found = results.get(gradientName(name)) ?? new Float64Array(expected.length);
        assertClose(found, expected, `gradient of '${name}'`);
      }
    });
  }
}

Deno.test("weights behind a state that nothing reads in its own step are trained when a step has several tokens", () => {
  const [one, two] = [1, 2].map((bptt) => buildTrainingStep(reservoir, SIZES, { bptt }).trained);
  const behind = ["state_nn", "state_gate_nn", "forget_gate_nn"].map((name) => `layers.0.${name}.weight`);
  assert.deepEqual(behind.filter((name) => one.includes(name)), []);
  assert.deepEqual(behind.filter((name) => two.includes(name)), behind);
});

for (const bptt of [1, 2, 8]) {
  Deno.test(`gradients of a scalar linear recurrence are those worked out by hand when they go ${bptt} steps back`, () => {
    const step = buildTrainingStep(scalarCell, { ...SCALAR_SIZES, batch: 1 }, { bptt, withGradients: true });
    const tokens = [0, 2, 1, 1, 0, 2, 2, 0, 1].slice(0, bptt + 1), before = 0.35;
    const feeds = new Map<string, ArrayLike<number>>(Object.entries(SCALAR_WEIGHTS));
    feeds.set("layers.0.h", [before]).set(INPUTS.bytes, tokens.slice(0, -1)).set(INPUTS.targets, tokens.slice(1));
    const { outputs } = step.graph, exact = { relative: 1e-13, absolute: 1e-16 };
    const wanted = [...outputs].filter(([name]) => name === "loss" || name === "layers.0.h" || name.startsWith("grad"));
    const results = interpret(buildGraph(Object.fromEntries(wanted)), feeds);
    const { loss, gradients, state } = scalarGradients(tokens.slice(0, -1), tokens.slice(1), before);
    assertClose(results.get("loss")!, [loss], "loss", exact);
    assertClose(results.get("layers.0.h")!, [state], "state", exact);
    for (const name of Object.keys(SCALAR_WEIGHTS) as (keyof ScalarNumbers)[]) {
      assertClose(results.get(gradientName(name))!, gradients[name], name, exact);
    }
  });
}

for (const bptt of [0, 65, 1.5, NaN]) {
  Deno.test(`buildTrainingStep() throws when it is to go ${bptt} steps back`, () => {
    assert.throws(() => buildTrainingStep(gruCell, SIZES, { bptt }), {
      name: "RangeError",
      message: `Cannot build cell 'gru': bptt is ${bptt}, must be a whole number from 1 to 64`,
    });
  });
}
