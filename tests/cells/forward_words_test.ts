import assert from "node:assert/strict";
import type { CellConfig } from "../../cells/config.ts";
import { clauseOf, factorOf, isSwitch } from "../../cells/factor.ts";
import { GATED, SWITCHES } from "../../cells/factors.ts";
import { BEST_CONFIG } from "../../cells/known_configs.ts";
import { forwardInWords } from "../../cells/forward_words.ts";
import { EXTENDED } from "../extended_table.ts";
import { ORIGINAL, ORIGINAL_SWITCHES } from "../original_table.ts";

const CONFIG: CellConfig = { ...BEST_CONFIG, state_size: 1024 };

Deno.test("forwardInWords() has a clause for each switch, in the table's order, and says the sizes", () => {
  const { before, lead, layer, after } = forwardInWords(CONFIG);
  assert.deepEqual(layer, SWITCHES.map(({ key, on, off }) => CONFIG[key] ? on : off));
  assert.equal(
    before,
    "Each byte becomes 1,024 numbers (its embedding), then passes through 2 layers in turn; each layer carries a state " +
      "of 1,024 numbers from byte to byte.",
  );
  assert.match(lead, /^In each layer, the candidate .*:$/);
  assert.match(after, /^A linear layer maps the last layer's output to /);
});

Deno.test("forwardInWords() speaks of one layer, and of tokens, where that is so", () => {
  const { before, after } = forwardInWords({ ...CONFIG, n_layers: 1 }, "token");
  assert.match(before, /^Each token becomes .* passes through one layer; the layer carries .* from token to token\.$/);
  assert.match(
    after,
    /^A linear layer maps the layer's output to the logits of the next token\.$/,
  );
});

Deno.test("forwardInWords() adds what a choice does where it is not the usual one, and what further switches do", () => {
  const usual = forwardInWords({ ...CONFIG, gate_inputs: "x,h,n" }, "byte", ORIGINAL).layer;
  assert.equal(usual.length, ORIGINAL_SWITCHES.length);
  const { layer } = forwardInWords({ ...CONFIG, gate_inputs: "x,h" }, "byte", ORIGINAL);
  assert.deepEqual(layer, [...usual, "the state gate and the forget gate do not read the candidate"]);
  const further = EXTENDED.factors.filter(isSwitch).at(-1)!;
  const extended = { ...CONFIG, [further.key]: true } as CellConfig;
  assert.deepEqual(forwardInWords(extended, "byte", EXTENDED).layer, [...usual, further.on]);
  assert.deepEqual(forwardInWords(CONFIG, "byte", EXTENDED).layer, [...usual, further.off]);
});

Deno.test("forwardInWords() names another cell, whose switches say nothing", () => {
  const { lead, layer } = forwardInWords({ ...CONFIG, cell: "gru" });
  assert.equal(lead, "In each layer:");
  assert.deepEqual(layer, ["the cell is GRU: gated recurrent unit: reset and update gate, one state"]);
});

Deno.test("clauseOf() says a number of the cell, and nothing of other numbers or of names without a list", () => {
  const leak = { ...factorOf(EXTENDED, "n_layers"), label: "leak", about: "renewed share", ofCell: true } as const;
  assert.equal(clauseOf(leak, 0.5), "leak 0.5: renewed share");
  assert.equal(clauseOf(factorOf(GATED, "n_layers"), 2), undefined);
  assert.equal(clauseOf(factorOf(GATED, "cell"), "gru"), undefined);
});
