import assert from "node:assert/strict";
import { GATED, SWITCHES } from "../../../cells/factors.ts";
import { mergeSeeds } from "../../../report/data/merged.ts";
import { tableOf } from "../../../report/data/rows.ts";
import { bestRunsTable, compactSwitches, forwardText, switchLegend } from "../../../report/tables/tables.ts";
import { testScore } from "../../../report/tables/metric_text.ts";
import { formatDifference, formatOnAxis, formatSeconds } from "../../../report/tables/format.ts";
import { syntheticResults } from "../synthetic_results.ts";
import { ORIGINAL_SWITCHES } from "../../original_table.ts";

const rows = mergeSeeds(tableOf(syntheticResults({ steps: 1000 })).rows);

Deno.test("bestRunsTable() lists the best runs first, in lines of one width, when there are many", () => {
  const lines = bestRunsTable(rows, GATED, 3).split("\n");
  assert.equal(lines.length, 1 + 3 + 3);
  assert.match(lines[0], /^rank +id +layers +state +switches +min loss +test +time$/);
  assert.ok(lines[1].includes(rows[0].id.slice(0, 8)) && lines[1].includes(rows[0].min_loss.mean.toFixed(3)));
  assert.equal(new Set(lines.slice(0, 4).map((line) => line.length)).size, 1);
  assert.deepEqual(lines.slice(4), [
    ...switchLegend(rows),
    "min loss in nats/byte; test in bits/byte",
    "ranked by the lowest training loss",
  ]);
});

Deno.test("bestRunsTable() counts seeds and shows their deviation when there are several, and a dash when none is evaluated", () => {
  const [{ runs: [run] }] = rows;
  const seeds = [{ ...run, min_loss: 1 }, { ...run, seed: 1, min_loss: 2 }];
  const text = bestRunsTable(mergeSeeds(seeds.map((one) => ({ ...one, test_bits_per_byte: undefined }))));
  assert.match(text, /^rank +id +seeds/);
  assert.match(text.split("\n")[1], / 2 .* 1\.500 ± 0\.707 +– /);
  assert.match(text, /means over seeds, ± their standard deviation$/);
});

Deno.test("bestRunsTable() has a column of validation scores where there are some, and says that they rank", () => {
  const [{ runs: [one] }, { runs: [two] }] = rows;
  const scored = [{ ...one, validation_bits_per_byte: 2.5 }, { ...two, validation_bits_per_byte: 2.25 }];
  const lines = bestRunsTable(mergeSeeds(scored)).split("\n");
  assert.match(lines[0], / test +validation +time$/);
  assert.ok(lines[1].includes(two.id.slice(0, 8)) && lines[1].includes(" 2.250 "), lines[1]);
  assert.equal(lines.at(-2), "min loss in nats/byte; test, validation in bits/byte");
  assert.equal(lines.at(-1), "ranked by the lowest score on the validation split");
});

Deno.test("testScore() says of how many seeds it is when some are not scored", () => {
  const [{ runs: [run] }] = rows;
  const [row] = mergeSeeds([{ ...run, test_bits_per_byte: 2 }, { ...run, seed: 1, test_bits_per_byte: undefined }]);
  assert.equal(testScore(row), "2.000 (1 of 2 seeds)");
});

Deno.test("compactSwitches() shows the digit of each switch that is on", () => {
  const config = {
    ...rows[0].config,
    ...Object.fromEntries(ORIGINAL_SWITCHES.map(({ key }, i) => [key, i % 2 === 0])),
  };
  assert.equal(compactSwitches({ config }, ORIGINAL_SWITCHES), "1·3·5·7");
});

Deno.test("forwardText() uses each switch's own words when the cell is the gated one", () => {
  const text = forwardText(rows[0]);
  for (const one of SWITCHES) assert.ok(text.includes(rows[0].config[one.key] ? one.on : one.off), one.key);
  assert.ok(text.includes(`${rows[0].config.state_size} numbers`));
});

Deno.test("forwardText() names the cell and no switch when the cell is another one", () => {
  const text = forwardText({ ...rows[0], config: { ...rows[0].config, cell: "gru" } });
  assert.match(text, /the cell is GRU: /);
  assert.ok(SWITCHES.every((one) => !text.includes(one.on) && !text.includes(one.off)));
});

Deno.test("formatSeconds() and formatDifference() read as a person writes them", () => {
  assert.deepEqual([1.24, 38, 240, 7500].map(formatSeconds), ["1.2 s", "38 s", "4 min", "2 h 05 min"]);
  assert.deepEqual([-0.0432, 0.0432].map(formatDifference), ["−0.043", "+0.043"]);
});

Deno.test("formatOnAxis() tells the numbers of an axis apart, however short or long it is", () => {
  const axis = (low: number, high: number, decimals?: number) =>
    [low, (low + high) / 2, high].map((value) => formatOnAxis(value, high - low, decimals));
  assert.deepEqual(axis(1, 2), ["1.000", "1.500", "2.000"]);
  assert.deepEqual(axis(1.5, 2, 2), ["1.50", "1.75", "2.00"]);
  assert.deepEqual(axis(0, 0.0008), ["0.00000", "0.00040", "0.00080"]);
  assert.deepEqual(axis(-2e-9, 2e-9), ["−2e-9", "0", "2e-9"]);
  assert.deepEqual(axis(0, 2e30), ["0.000", "1e+30", "2e+30"]);
  assert.deepEqual(axis(1.25, 1.25), ["1.250", "1.250", "1.250"]);
  assert.equal(formatOnAxis(-0.00001, 1), "0.000");
});
