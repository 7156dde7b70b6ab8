import assert from "node:assert/strict";
import { cellOf, GATED_SPACE } from "../../cells/catalog/catalog.ts";
import type { CellConfig } from "../../cells/config.ts";
import { buildTrainingStep } from "../../cells/language_model.ts";
import { isAddedTrained } from "../../cells/trained_parts.ts";
import { grid } from "../../experiments/study/grid.ts";
import { ORIGINAL_SWITCHES, type OriginalSwitchKey } from "../original_table.ts";

const settings = grid({ n_layers: [1], state_size: [256] });

/** Pairs of the grid that differ in one switch alone, and whether what it adds is trained. */
function pairsOf(key: OriginalSwitchKey, bptt?: number): { off: CellConfig; isTrained: boolean }[] {
  return settings.filter((config) => !config[key]).flatMap((off) => {
    const on = settings.find((config) =>
      ORIGINAL_SWITCHES.every((one) => config[one.key] === (one.key === key || off[one.key]))
    );
    return on ? [{ off, isTrained: isAddedTrained(GATED_SPACE.cellOf(off), GATED_SPACE.cellOf(on), 4, bptt) }] : [];
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

Deno.test("isAddedTrained() says of few steps what the whole graph says of many", () => {
  const cell = cellOf({ ...settings[0], use_new_state: false, use_old_state: true, use_state_gate: true });
  const gate = "layers.0.state_gate_nn.weight";
  for (const bptt of [1, 2, 3, 16]) {
    const step = buildTrainingStep(cell, { n_layers: 1, state_size: 4, vocabulary: 2, batch: 1 }, { bptt });
    assert.ok(step.parameters.some(({ name }) => name === gate));
    assert.equal(step.trained.includes(gate), bptt > 1);
  }
});
