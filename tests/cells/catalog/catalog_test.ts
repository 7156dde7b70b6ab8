import assert from "node:assert/strict";
import { catalogConfig, CELL_NAMES, cellOf } from "../../../cells/catalog/catalog.ts";
import { interpret } from "../../../cells/graph/interpreter.ts";
import { buildTrainingStep, evaluationModel, INPUTS } from "../../../cells/language_model.ts";
import { assertClose } from "../graph/finite_differences.ts";
import { checkTrainingStep, drawnWeights } from "../models.ts";
import { gatedConfig } from "./golden_cases.ts";

type Vector = readonly number[];
type States = Readonly<Record<string, Vector>>;
/** `W [x1 … xk] + b` of one row, with the layer's weights of this name. */
type Linear = (name: string, ...xs: Vector[]) => Vector;

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
/** `z ⊙ a + (1−z) ⊙ b`, z given before the logistic function. */
const mix = (z: Vector, a: Vector, b: Vector) => z.map((v, i) => sigmoid(v) * a[i] + (1 - sigmoid(v)) * b[i]);

/** The equations of the named sources once more, row by row in plain numbers. The first state is the output. */
const PLAIN: Readonly<Record<string, (linear: Linear, x: Vector, states: States) => States>> = {
  vanilla: (linear, x, { h }) => ({ h: linear("state_nn", x, h).map(Math.tanh) }),
  gru(linear, x, { h }) {
    const reset = linear("reset_gate_nn", x, h).map((r, i) => sigmoid(r) * h[i]);
    return { h: mix(linear("update_gate_nn", x, h), h, linear("state_nn", x, reset).map(Math.tanh)) };
  },
  lstm(linear, x, { h, c }) {
    const [i, f, g, o] = ["input_gate_nn", "forget_gate_nn", "state_nn", "output_gate_nn"].map((name) =>
      linear(name, x, h)
    );
    const memory = c.map((old, j) => sigmoid(f[j]) * old + sigmoid(i[j]) * Math.tanh(g[j]));
    return { h: memory.map((m, j) => sigmoid(o[j]) * Math.tanh(m)), c: memory };
  },
  min_gru: (linear, x, { h }) => ({ h: mix(linear("update_gate_nn", x), linear("state_nn", x), h) }),
};

const SIZES = { n_layers: 2, state_size: 3, vocabulary: 5, batch: 2 };
const catalog = CELL_NAMES.filter((name) => name !== "gated").map((name) => cellOf(catalogConfig(name, 2, 3)));

Deno.test("the catalog's cells each have plain equations to compare with", () => {
  assert.deepEqual(catalog.map(({ name }) => name), Object.keys(PLAIN));
});

for (const cell of catalog) {
  Deno.test(`the ${cell.name} cell gives its equations' logits and states when it carries states for 4 steps`, () => {
    const { graph, parameters, states } = evaluationModel(cell, SIZES);
    const weights = drawnWeights(parameters);
    const row = (matrix: string, bias: string, xs: Vector) =>
      Array.from(
        weights.get(bias)!,
        (b, o) => xs.reduce((sum, x, i) => sum + x * weights.get(matrix)![o * xs.length + i], b),
      );
    const linear = (prefix: string): Linear => (name, ...xs) =>
      row(`${prefix}${name}.weight`, `${prefix}${name}.bias`, xs.flat());

    const zeros = new Map(states.map(({ name }) => [name, new Float64Array(SIZES.batch * SIZES.state_size)]));
    let carried: ReadonlyMap<string, Float64Array> = zeros;
    let plain: States[][] = Array.from(
      { length: SIZES.batch },
      () => [0, 1].map(() => Object.fromEntries(cell.states.map((name) => [name, [0, 0, 0]]))),
    );
    for (const bytes of [[0, 3], [4, 1], [1, 1], [2, 0]]) {
      carried = interpret(graph, new Map<string, ArrayLike<number>>([...weights, ...carried, [INPUTS.bytes, bytes]]));
      plain = plain.map((layers, b) => {
        const oneHot = Array.from({ length: SIZES.vocabulary }, (_, v) => v === bytes[b] ? 1 : 0);
        let x: Vector = linear("")("input_embedding", oneHot);
        const next = layers.map((state, i) => {
          const after = PLAIN[cell.name](linear(`layers.${i}.`), x, state);
          x = after[cell.states[0]];
          return after;
        });
        const logits = carried.get("logits")!.slice(5 * b, 5 * b + 5);
        assertClose(logits, linear("")("output_embedding", x), "logits", { relative: 1e-14 });
        return next;
      });
      for (const [i, layer] of [0, 1].entries()) {
        for (const name of cell.states) {
          const expected = plain.flatMap((layers) => [...layers[i][name]]);
          assertClose(carried.get(`layers.${layer}.${name}`)!, expected, `state ${name}`, { relative: 1e-14 });
        }
      }
    }
  });

  Deno.test(`the ${cell.name} cell has right gradients when its states are not zero`, () => {
    checkTrainingStep(buildTrainingStep(cell, SIZES, { withGradients: true }));
  });

  Deno.test(`the ${cell.name} cell names and carries its states when it has two layers`, () => {
    const { graph, states } = buildTrainingStep(cell, SIZES);
    assert.deepEqual(
      states,
      [0, 1].flatMap((layer) => cell.states.map((name) => ({ name: `layers.${layer}.${name}`, shape: [2, 3] }))),
    );
    for (const { name } of states) {
      assert.ok(graph.inputs.has(name) && graph.outputs.has(name), name);
      assert.notEqual(graph.outputs.get(name), graph.inputs.get(name), name);
    }
  });
}

Deno.test("cellOf() gives the gated cell when a configuration names none", () => {
  assert.equal(cellOf(gatedConfig({})).name, "gated");
  assert.equal(cellOf(gatedConfig({ cell: "gated" })).name, "gated");
});

Deno.test("cellOf() throws when the catalog has no such cell", () => {
  assert.throws(() => cellOf(catalogConfig("lstn", 1, 4)), {
    name: "UserError",
    message: "Cannot make cell 'lstn': must be one of gated, vanilla, gru, lstm, min_gru",
  });
});
