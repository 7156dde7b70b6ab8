import assert from "node:assert/strict";
import { type Effects, effectsOf } from "../../../report/statistics/effects.ts";
import { figureEffects } from "../../../report/figures/effects.ts";
import { figureInteractions } from "../../../report/figures/interactions.ts";
import { type RunRow, tableOf } from "../../../report/data/rows.ts";
import { figureDocument } from "../../../report/figures/svg.ts";
import { DIFFERENCE_COLOUR, divergingColour } from "../../../report/figures/theme.ts";
import { plantedRows } from "../planted_rows.ts";
import { syntheticResults } from "../synthetic_results.ts";
import { ORIGINAL_SWITCHES } from "../../original_table.ts";

const NAMES = { name: "picture", title: "A title", subtitle: "Some runs on a <corpus> & more." };
const rowsOf = (...options: Parameters<typeof syntheticResults>) => tableOf(syntheticResults(...options)).rows;
const many = rowsOf({ steps: 1000 });
const demo = rowsOf({ layers: [1], state_sizes: [32], steps: 1000 });

function draw(effects: Effects): { forest: string; map: string } {
  return {
    forest: figureEffects(figureDocument(), effects, NAMES),
    map: figureInteractions(figureDocument(), effects, NAMES),
  };
}

function count(svg: string, pattern: RegExp): number {
  return [...svg.matchAll(pattern)].length;
}

const studies: Record<string, RunRow[]> = {
  "is one run": many.slice(0, 1),
  "are no pairs with a test score": demo.map((row) => ({ ...row, test_bits_per_byte: undefined })),
  "are 48 runs of one size": demo,
  "are 432 runs": many,
  "is no noise and no effect": plantedRows(() => 2),
};
for (const [name, rows] of Object.entries(studies)) {
  Deno.test(`figureEffects() and figureInteractions() draw the same clean bytes twice when there ${name}`, () => {
    const effects = effectsOf(rows);
    assert.deepEqual(draw(effects), draw(effects));
    for (const svg of Object.values(draw(effects))) {
      assert.doesNotMatch(svg, /plot-|NaN|Infinity|undefined|currentColor|<style/);
      const ids = [...svg.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
      assert.ok(ids.length > 0 && ids.every((id) => /^picture-\d+$/.test(id)));
      assert.match(svg, /Some runs on a &lt;corpus&gt; &amp; more\./);
    }
  });
}

Deno.test("figureEffects() has two panels of seven rows with their numbers when there are 432 runs", () => {
  const effects = effectsOf(many);
  const { forest } = draw(effects);
  for (const { label } of ORIGINAL_SWITCHES) assert.equal(count(forest, new RegExp(`>${label}</text>`, "g")), 2, label);
  assert.equal(count(forest, /<circle/g), 14 + 3);
  assert.equal(count(forest, />&lt; 0\.001<\/text>/g) > 5, true);
  for (const text of ["nats per byte", "bits per byte", "seed noise is unknown", "Holm's correction for 7 switches"]) {
    assert.ok(forest.includes(text), text);
  }
  // The output gate does nothing, the input gate harms, all others help; in both panels, and once in the legend.
  assert.equal(count(forest, new RegExp(`circle[^>]*${DIFFERENCE_COLOUR.unclear}`, "g")), 3);
});

Deno.test("figureEffects() says what cannot be compared when a switch has no pair, and that runs are not scored", () => {
  assert.equal(count(draw(effectsOf(demo)).forest, /no two runs differ in this alone/g), 1);
  const unscored = draw(effectsOf(demo.map((row) => ({ ...row, test_bits_per_byte: undefined })))).forest;
  assert.equal(count(unscored, /no two scored runs differ in this alone/g), 7);
  assert.ok(draw(effectsOf(many.slice(0, 1))).forest.includes("no two runs differ in this alone"));
});

Deno.test("figureEffects() names the switches on which seeds disagree when there are several seeds", () => {
  const rows = plantedRows((config, seed) => 2 - (config.use_state_gate ? 0.1 + 0.05 * seed : 0), 2);
  assert.match(
    draw(effectsOf(rows)).forest,
    /averaged over its 2 seeds first\. Interval too narrow for other seeds: state gate\./,
  );
  assert.doesNotMatch(draw(effectsOf(plantedRows(() => 2, 2))).forest, /too narrow/);
});

Deno.test("figureInteractions() has 21 cells with numbers, one of them impossible, when there are 432 runs", () => {
  const effects = effectsOf(many);
  const { map } = draw(effects);
  assert.equal(count(map, /no matched set/g), 1);
  assert.equal(count(map, /[+−]?\d\.\d{3} to [+−]?\d\.\d{3}/g), 20);
  assert.ok(map.includes("20 intervals, not corrected for their number"));
  assert.equal(count(draw(effectsOf(demo)).map, /no matched set/g), 7);
  assert.ok(draw(effectsOf(many.slice(0, 1))).map.includes("so there is no interval"));
});

Deno.test("figureInteractions() fills the planted cell with the end of the scale when nothing else interacts", () => {
  const planted = plantedRows((config) => config.use_forget_gate && config.use_state_gate ? 1.5 : 2);
  const { map } = draw(effectsOf(planted));
  // −0.5 alone is at the end; its cell comes beside the scale, whose own last step is not quite there.
  assert.equal(count(map, new RegExp(`<rect[^>]*fill="${divergingColour(-1)}"`, "g")), 1);
  assert.ok(map.includes(">−0.500</text>"));
});

/** Contrast of two colours, 1 to 21. Source: WCAG 2.2, "relative luminance" and "contrast ratio". */
function contrast(a: string, b: string): number {
  const [dark, light] = [a, b].map((colour) => {
    const [r, g, blue] = [1, 3, 5].map((at) => {
      const channel = parseInt(colour.slice(at, at + 2), 16) / 255;
      return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * blue;
  }).sort((one, two) => one - two);
  return (light + 0.05) / (dark + 0.05);
}

Deno.test("divergingColour() keeps dark text readable, is almost white at zero, and differs by sign", () => {
  for (let share = -1; share <= 1; share += 0.125) {
    assert.ok(contrast(divergingColour(share), "#1b1b1b") > 4.5, `${share}`);
  }
  assert.equal(divergingColour(0), "#f7f7f7");
  assert.equal(divergingColour(3), divergingColour(1));
  assert.notEqual(divergingColour(-1), divergingColour(1));
});
