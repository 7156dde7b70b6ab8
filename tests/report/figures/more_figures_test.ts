import assert from "node:assert/strict";
import { figureBest } from "../../../report/figures/best.ts";
import { figureCompared } from "../../../report/figures/compared.ts";
import { figureCost } from "../../../report/figures/cost.ts";
import { figureParallel } from "../../../report/figures/parallel.ts";
import { figureTest } from "../../../report/figures/test_loss.ts";
import { type MergedRow, mergeSeeds } from "../../../report/data/merged.ts";
import { pngOf } from "../../../report/figures/png.ts";
import { tableOf } from "../../../report/data/rows.ts";
import { figureDocument } from "../../../report/figures/svg.ts";
import { syntheticResults } from "../synthetic_results.ts";

const NAMES = { name: "picture", title: "A title", subtitle: "Some runs on a <corpus> & more." };
const FIGURES = { figureBest, figureCost, figureParallel, figureTest };
const seeds = [0, 1].flatMap((seed) => syntheticResults({ steps: 1000, seed }));
const many = mergeSeeds(tableOf(seeds).rows);
const four = [0, 100, 200, 300].map((i) => many[i]);
const loggedOnce = mergeSeeds(tableOf(syntheticResults({ layers: [1], state_sizes: [256], steps: 50 })).rows);

const namesIn = (svg: string) => [...svg.matchAll(/data-run="([^"]*)"/g)].map(([, name]) => name).sort();
const namesOf = (rows: readonly MergedRow[]) => rows.map(({ name }) => name).sort();

for (const [name, figure] of Object.entries(FIGURES)) {
  Deno.test(`${name}() draws one, four, 432 and once logged configurations: same bytes, no missing numbers, as PNG too`, () => {
    for (const rows of [four.slice(0, 1), four, many, loggedOnce]) {
      const svg = figure(figureDocument(), rows, NAMES);
      assert.equal(figure(figureDocument(), rows, NAMES), svg);
      assert.doesNotMatch(svg, /plot-|NaN|Infinity|undefined|currentColor|<style/);
      assert.match(svg, /Some runs on a &lt;corpus&gt; &amp; more\./);
      assert.ok(pngOf(svg).length > 1000);
    }
  });
}

Deno.test("figureParallel() has one named line for each configuration, which ends at its loss", () => {
  const svg = figureParallel(figureDocument(), four, NAMES);
  assert.deepEqual(namesIn(svg), namesOf(four));
  const ends = four.map(({ name }) => {
    const [, d] = svg.match(new RegExp(`<path data-run="${name}"[^>]* d="([^"]*)"`))!;
    return [...d.matchAll(/,(-?[\d.]+)/g)].reduce((y, [, offset]) => y + Number(offset), 0);
  });
  const losses = four.map(({ min_loss }) => min_loss.mean);
  const share = (values: number[], i: number) => (values[i] - values[0]) / (values.at(-1)! - values[0]);
  // The lowest loss is at the top of the axis, the most at its end.
  for (const i of [1, 2]) assert.ok(Math.abs(share(ends, i) - share(losses, i)) < 0.002, `${ends} ${losses}`);
});

Deno.test("figureCost() names each configuration in both panels, and leaves those without a time out of one", () => {
  assert.deepEqual(namesIn(figureCost(figureDocument(), four, NAMES)), [...namesOf(four), ...namesOf(four)].sort());
  const untimed = four.map((row, i) => i ? row : { ...row, train_seconds: { ...row.train_seconds, mean: 0 } });
  const svg = figureCost(figureDocument(), untimed, NAMES);
  assert.equal(namesIn(svg).length, 7);
  assert.ok(svg.includes("1 configuration has no time."));
});

Deno.test("figureBest() shows ten configurations with their ranks, losses and the spread over their seeds", () => {
  const svg = figureBest(figureDocument(), many, NAMES);
  assert.deepEqual(namesIn(svg), namesOf(many.slice(0, 10)));
  for (const [i, row] of many.slice(0, 10).entries()) assert.ok(svg.includes(`>${i + 1}. ${row.name}<`));
  assert.equal(svg.match(/fill-opacity="0.28"/g)!.length, 10);
});

Deno.test("figureTest() counts configurations without a score, tells the rank correlation, and says so where none has one", () => {
  const unscored = many.map((row, i) => i ? row : { ...row, test_bits_per_byte: undefined });
  const svg = figureTest(figureDocument(), unscored, NAMES);
  assert.deepEqual(namesIn(svg), namesOf(unscored.slice(1)));
  assert.ok(svg.includes("1 configuration has no score."));
  // The made-up test losses are the training losses and a constant.
  assert.ok(
    svg.includes("Spearman's rank correlation: 1.000") && svg.includes("equal on the test split and in training"),
  );
  const none = four.map((row) => ({ ...row, test_bits_per_byte: undefined }));
  assert.match(figureTest(figureDocument(), none, NAMES), /No configuration has been scored on the test split/);
});

Deno.test("figureTest() leaves the line of equality out when it lies far from all scores", () => {
  const far = four.map((row) => ({ ...row, test_bits_per_byte: { ...row.min_loss, mean: 90, least: 89, most: 91 } }));
  const svg = figureTest(figureDocument(), far, NAMES);
  assert.ok(!svg.includes("equal on the test split") && pngOf(svg).length > 1000);
});

Deno.test("figureCompared() names each curve at its end, in a colour of its own or with broken lines, and is drawn as PNG too", () => {
  const eight = [0, 1, 2, 60, 120, 200, 300, 431].map((i) => many[i]);
  for (const rows of [eight.slice(0, 2), eight, loggedOnce.slice(0, 2)]) {
    const svg = figureCompared(figureDocument(), rows, NAMES);
    assert.equal(figureCompared(figureDocument(), rows, NAMES), svg);
    assert.deepEqual(namesIn(svg), namesOf(rows));
    assert.doesNotMatch(svg, /plot-|NaN|Infinity|undefined|currentColor|<style/);
    for (const { name } of rows) assert.equal(svg.match(new RegExp(`>${name}[↑↓]?<`, "g"))?.length, 1, name);
    assert.ok(pngOf(svg).length > 1000);
  }
  const svg = figureCompared(figureDocument(), eight, NAMES);
  const lines = [...svg.matchAll(/<g [^>]*stroke-width="2" stroke="(#\w+)"[^>]*>/g)];
  const looks = lines.map(([tag, colour]) => `${colour}${tag.includes("stroke-dasharray")}`);
  assert.equal(looks.length, 8);
  assert.equal(new Set(looks).size, 8);
});
