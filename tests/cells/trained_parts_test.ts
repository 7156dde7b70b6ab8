import assert from "node:assert/strict";
import { GATED_SPACE } from "../../cells/catalog/catalog.ts";
import type { CellConfig } from "../../cells/config.ts";
import { buildTrainingStep } from "../../cells/language_model.ts";
import { isAddedTrained } from "../../cells/trained_parts.ts";
import { grid } from "../../experiments/study/grid.ts";
import { ORIGINAL_SWITCHES, type OriginalSwitchKey } from "../original_table.ts";

const settings = grid({ n_layers: [1], state_size: [256] });

/** Pairs of the grid that differ in one switch alone, and whether what it adds is trained. */
function pairsOf(key: OriginalSwitchKey, bptt?: number, n_layers = 1) {
  return settings.filter((config) => !config[key]).flatMap((off) => {
    const on = settings.find((config) =>
      ORIGINAL_SWITCHES.every((one) => config[one.key] === (one.key === key || off[one.key]))
    );
    const isTrained = (on: CellConfig) =>
      isAddedTrained(GATED_SPACE.cellOf(off), GATED_SPACE.cellOf(on), { n_layers, state_size: 4 }, bptt);
    return on ? [{ off, on, isTrained: isTrained(on) }] : [];
  });
}

Deno.test("gates behind the new state are trained where the output reads the new state, and nowhere else", () => {
  for (const key of ["use_state_gate", "use_forget_gate"] as const) {
    const pairs = pairsOf(key);
    assert.equal(pairs.length, 48);
    for (const { off, isTrained } of pairs) assert.equal(isTrained, off.use_new_state);
    assert.equal(pairs.filter(({ isTrained }) => !isTrained).length, 16);
  }
});

Deno.test("of the input gate's two gates the one on the input is not trained without a new state", () => {
  const pairs = pairsOf("use_input_gate");
  for (const { off, isTrained } of pairs) assert.equal(isTrained, off.use_new_state);
});

Deno.test("what other switches add is always trained: a gate of the output, or columns of the output's weight", () => {
  for (const key of ["use_output_gate", "use_new_state", "use_old_state", "use_residual"] as const) {
    const pairs = pairsOf(key);
    assert.ok(pairs.length >= 32 && pairs.every(({ isTrained }) => isTrained), key);
  }
});

Deno.test("isAddedTrained() has a gate behind an unread new state inactive with one step back, active with four", () => {
  for (const key of ["use_state_gate", "use_forget_gate", "use_input_gate"] as const) {
    for (const [bptt, isTrained] of [[1, false], [2, true], [4, true], [64, true]] as const) {
      const found = pairsOf(key, bptt).filter(({ off }) => !off.use_new_state);
      assert.ok(found.length >= 16 && found.every((pair) => pair.isTrained === isTrained), `${key} ${bptt}`);
    }
    assert.ok(pairsOf(key, 4).every(({ isTrained }) => isTrained), key);
  }
});

Deno.test("isAddedTrained() says of few steps what the whole graph says of many, with 1, 2 and 3 layers", () => {
  for (const [n_layers, bptt, inactive] of WHOLE) {
    const weights = new Map(settings.map((config) => [config, wholeGraph(config, n_layers, bptt)]));
    const found = ORIGINAL_SWITCHES.flatMap(({ key }) =>
      pairsOf(key, bptt, n_layers).map(({ off, on, isTrained }) => {
        const before = weights.get(off)!,
          wanted = [...weights.get(on)!].every(([name, { shape, isTrained }]) =>
            isTrained || before.get(name)?.shape === shape
          );
        assert.equal(isTrained, wanted, `${key}, ${n_layers} layers, ${bptt} steps back: ${JSON.stringify(off)}`);
        return wanted;
      })
    );
    assert.equal(found.length, 304);
    assert.equal(found.filter((isTrained) => !isTrained).length, inactive, `${n_layers} layers, ${bptt} steps back`);
  }
});

/** Layers, steps back, and of the 304 pairs how many have an added weight without gradient. */
const WHOLE = [
  [1, 1, 48],
  [1, 2, 0],
  [1, 5, 0],
  [2, 1, 52],
  [2, 2, 8],
  [2, 3, 0],
  [2, 5, 0],
  [3, 1, 52],
  [3, 2, 12],
  [3, 3, 8],
  [3, 4, 0],
  [3, 6, 0],
] as const;

/** Shape of each weight, and whether it gets a gradient, from the graph of all steps. */
function wholeGraph(config: CellConfig, n_layers: number, bptt: number) {
  const sizes = { n_layers, state_size: 4, vocabulary: 2, batch: 1 };
  const { parameters, trained } = buildTrainingStep(GATED_SPACE.cellOf(config), sizes, { bptt });
  return new Map(
    parameters.map(({ name, shape }) => [name, { shape: shape.join(), isTrained: trained.includes(name) }]),
  );
}

Deno.test("isAddedTrained() has the output gate of lower layers inactive where no layer hands on what it reads", () => {
  for (const [n_layers, bptt, inactive] of [[1, 1, 0], [2, 1, 4], [3, 1, 4], [2, 2, 0]] as const) {
    const random = pairsOf("use_output_gate", bptt, n_layers).filter(({ isTrained }) => !isTrained);
    assert.equal(random.length, inactive, `${n_layers} layers, ${bptt} steps back`);
    assert.ok(random.every(({ off }) => !off.use_new_state && !off.use_residual));
  }
});
