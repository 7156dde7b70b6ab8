import assert from "node:assert/strict";
import { GATED_SPACE } from "../../cells/catalog/catalog.ts";
import type { CellConfig } from "../../cells/config.ts";
import { isAddedTrained } from "../../cells/trained_parts.ts";
import { grid } from "../../experiments/study/grid.ts";
import { ORIGINAL_SWITCHES, type OriginalSwitchKey } from "../original_table.ts";

const settings = grid({ n_layers: [1], state_size: [256] });

/** Pairs of the grid that differ in one switch alone, and whether what it adds is trained. */
function pairsOf(key: OriginalSwitchKey): { off: CellConfig; isTrained: boolean }[] {
  return settings.filter((config) => !config[key]).flatMap((off) => {
    const on = settings.find((config) =>
      ORIGINAL_SWITCHES.every((one) => config[one.key] === (one.key === key || off[one.key]))
    );
    return on ? [{ off, isTrained: isAddedTrained(GATED_SPACE.cellOf(off), GATED_SPACE.cellOf(on), 4) }] : [];
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
