import assert from "node:assert/strict";
import type { CellConfig } from "../../../cells/config.ts";
import { type RunRow, tableOf } from "../../../report/data/rows.ts";
import { effectsOf } from "../../../report/statistics/effects.ts";
import { sharesQuestion } from "../../../report/tables/share_words.ts";
import { randomStream } from "../../../train/corpus/random.ts";
import { plantedRows } from "../planted_rows.ts";
import { stepsBackResults } from "../steps_back_results.ts";

const isOfOneSize = ({ config: { state_size, n_layers } }: RunRow) => state_size === 256 && n_layers === 1;
const questionOf = (rows: readonly RunRow[]) => sharesQuestion(effectsOf(rows));

/** In nats: variances 0.0225, 0.0025 and, of both states as one factor of three values, 0; of the product of two 0.0006. */
const planted = (config: CellConfig) =>
  2 + (config.use_residual ? 0.3 : 0) + (config.use_input_gate ? 0.1 : 0) +
  (config.use_forget_gate === config.use_output_gate ? 0.05 : 0);

Deno.test("the words and the table of shares are those that were planted, and sum to 1", () => {
  const { lines, cells } = questionOf(plantedRows(planted));
  assert.match(
    lines[0],
    /^Of the variance between the 288 configurations at state size 256 \(the test score, standard deviation 0\.231 bits per byte\), 88 % is due to residual, 10 % to input gate, .* and 2 % to interactions; how much of it is seed noise is unknown\.$/,
  );
  assert.deepEqual(cells!.lines.map(([label]) => label).slice(0, 3), [
    "residual",
    "input gate",
    "forget gate × output gate",
  ]);
  assert.deepEqual(cells!.lines.slice(0, 3).map(([, share]) => Number(share)), [0.8780, 0.0976, 0.0244]);
  assert.deepEqual(cells!.lines.slice(-2), [["all 124 others", "0.0000"], ["sum", "1.0000"]]);
});

Deno.test("both states are one factor of three values, by the names of both", () => {
  const { cells } = questionOf(plantedRows((config) => 2 + (config.use_new_state ? 0.1 : 0)).filter(isOfOneSize));
  assert.equal(cells!.lines[0][0], "new state and old state");
});

Deno.test("seed noise is told as a part of the shares, where configurations have seeds", () => {
  const noise = randomStream(0, "shares in words");
  const { lines } = questionOf(plantedRows(() => 2 + 0.05 * noise.uniform(), 2).filter(isOfOneSize));
  assert.match(lines[0], /; seed noise is about (9\d|100|8\d) % of the variance and is included in every share\.$/);
});

Deno.test("it is said what lacks where the grid is not complete, has no two axes, or nothing differs", () => {
  const rows = plantedRows(planted), lacking = (some: readonly RunRow[]) => questionOf(some);
  assert.deepEqual(lacking(rows.filter(isOfOneSize).slice(1)), {
    heading: "Share of each factor in the variance between configurations",
    lines: [
      "Shares of variance need a complete grid: of the 96 combinations of values, 95 have a finished run.",
    ],
    more: 0,
  });
  assert.match(
    lacking(rows.slice(0, 1)).lines[0],
    /^Shares of variance need two factors .*; the 1 configuration has no such factors\.$/,
  );
  // One configuration is no plural; what stands of it without steps back stays as it was.
  const { rows: back } = tableOf(stepsBackResults({ gated: 1, cells: [] }));
  assert.equal(
    lacking(back).lines[0],
    "Shares of variance need two factors with a finished run for every combination; there is only one configuration at 1 step back.",
  );
  assert.match(
    lacking(plantedRows(() => 2)).lines[0],
    /^The 288 configurations at state size 256 do not differ in the test score/,
  );
});
