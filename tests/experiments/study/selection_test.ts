/** The grammar of `--only`. */
import assert from "node:assert/strict";
import { catalogConfig, CELL_NAMES } from "../../../cells/catalog/catalog.ts";
import type { CellConfig } from "../../../cells/config.ts";
import { BEST_CONFIG, SMALL_CONFIG } from "../../../cells/known_configs.ts";
import { grid } from "../../../experiments/study/grid.ts";
import { parseSelection, selectFrom } from "../../../experiments/study/selection.ts";

const GRU = catalogConfig("gru", 2, 64), LSTM = catalogConfig("lstm", 1, 64);
const FAST: CellConfig = { ...BEST_CONFIG, learning_rate: 0.003 };
const READS_LESS: CellConfig = { ...BEST_CONFIG, gate_inputs: "x,h" };
const ALL = { best: BEST_CONFIG, small: SMALL_CONFIG, gru: GRU, lstm: LSTM, fast: FAST, less: READS_LESS };

const SELECTED: readonly [expression: string, names: string][] = [
  ["cell=gru", "gru"],
  ["cell=gru|lstm", "gru lstm"],
  ["cell!=gated", "gru lstm"],
  ["cell!=gru|lstm", "best small fast less"],
  ["n_layers>1", "best gru fast less"],
  ["n_layers>1,n_layers<3,state_size<=64", "gru"],
  ["state_size>=64,state_size<256", "gru lstm"],
  ["state_size > 32 , n_layers = 1", "lstm"],
  ["n_layers=1|2", "best small gru lstm fast less"],
  ["learning_rate=1e-3", "best small gru lstm less"],
  ["learning_rate=3e-3", "fast"],
  ["learning_rate<=1e-3", "best small gru lstm less"],
  ["learning_rate>0.001", "fast"],
  ["learning_rate!=0.003", "best small gru lstm less"],
  ["optimizer=adam", "best small gru lstm fast less"],
  ["gate_inputs=x,h", "less"],
  ["gate_inputs=x,h|x,h,n", "best small fast less"],
  ["gate_inputs=x,h,n,state_size>32", "best fast"],
  ["gate_inputs!=x,h,n_layers=2", "best fast"],
  // A switch of another cell than the table's says nothing, so no part on it holds there.
  ["use_forget_gate=false", ""],
  ["use_residual=true", "best small fast less"],
  ["use_residual!=true", ""],
  ["use_new_state=true,n_layers=1", "small"],
];

for (const [expression, names] of SELECTED) {
  Deno.test(`parseSelection() of '${expression}' selects ${names || "none"}`, () => {
    const only = parseSelection(expression);
    assert.equal(Object.entries(ALL).filter(([, config]) => only(config)).map(([name]) => name).join(" "), names);
    assert.equal(only.text, expression);
  });
}

Deno.test("parseSelection() knows which factors an expression names", () => {
  assert.deepEqual([...parseSelection("n_layers>1,cell=gru,n_layers<4").keys], ["n_layers", "cell"]);
});

const FORM = "must be key=value, or have !=, <, <=, > or >= instead of =";
const REFUSED: readonly [expression: string, says: string][] = [
  ["", `'' ${FORM}`],
  ["n_layers", `'n_layers' ${FORM}`],
  ["n_layers=", `'n_layers=' ${FORM}`],
  ["=2", `'=2' ${FORM}`],
  ["n_layers==2", `'n_layers==2' ${FORM}`],
  ["n_layers=>2", `'n_layers=>2' ${FORM}`],
  ["n_layers=1,", "n_layers is 1,, must be a whole number of at least 1 and at most 64"],
  ["n_layers=1,2", "n_layers is 1,2, must be a whole number of at least 1 and at most 64"],
  ["n_layers=1|", "n_layers is empty, must be a whole number of at least 1 and at most 64"],
  ["n_layers=1|1", "must name n_layers=1 once"],
  [
    "n_layers=1,n_layers=2",
    "names n_layers twice; all parts must hold, so for any of several values write n_layers=a|b",
  ],
  ["n_layers>two", "'n_layers>two' compares n_layers with two; must be a number"],
  ["n_layers>1|2", "'n_layers>1|2' compares n_layers with 1|2; must be a number"],
  ["cell>gru", "'cell>gru' compares cell with >, which only quantities have; must be = or !="],
  [
    "use_residual<true",
    "'use_residual<true' compares use_residual with <, which only quantities have; must be = or !=",
  ],
  ["cell=grue", `cell is grue, must be one of ${CELL_NAMES.join(", ")}`],
  ["learning_rate=0", "learning_rate is 0, must be a number above 0 and at most 10"],
];
for (const [expression, says] of REFUSED) {
  Deno.test(`parseSelection() refuses '${expression}'`, () => {
    assert.throws(() => parseSelection(expression), { message: says });
  });
}

Deno.test("selectFrom() refuses an expression that means nothing of a list, and passes an empty list on", () => {
  const only = parseSelection("n_layers=7"), itself = (config: CellConfig) => config;
  assert.throws(() => selectFrom(grid(), only, itself, "draw a report of s"), {
    name: "UserError",
    message: "Cannot draw a report of s: none of 432 configurations matches --only n_layers=7",
  });
  assert.deepEqual(selectFrom([], only, itself, "draw"), []);
  assert.equal(selectFrom(grid(), parseSelection("n_layers=2"), itself, "draw").length, 144);
  assert.equal(selectFrom(grid(), undefined, itself, "draw").length, 432);
});
