import assert from "node:assert/strict";
import type { CellConfig } from "../../../cells/config.ts";
import { type Effects, effectsOf } from "../../../report/statistics/effects.ts";
import { figureEffects } from "../../../report/figures/effects.ts";
import { forestDomain, isCut } from "../../../report/figures/forest.ts";
import { figureInteractions } from "../../../report/figures/interactions.ts";
import { type RunRow, tableOf } from "../../../report/data/rows.ts";
import { figureDocument } from "../../../report/figures/svg.ts";
import { DARK_COLOURS, DARK_TEXT, DARK_TINTS } from "../../../report/page/style.ts";
import { DIFFERENCE_COLOUR, TINT, tintOf } from "../../../report/figures/theme.ts";
import { isSignificant, qualificationOf } from "../../../report/tables/significant_effects.ts";
import { formatInterval } from "../../../report/tables/effect_tables.ts";
import { formatDifference, formatP } from "../../../report/tables/format.ts";
import { randomStream } from "../../../train/corpus/random.ts";
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
  "is no noise and no effect": plantedRows(() => 2, 2),
  "are losses near the largest that a file may hold": plantedRows(
    ({ use_old_state }, seed) => use_old_state ? 3e38 : seed,
    2,
  ),
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

/** What the configurations of one layer come to: 2 nats, what is planted, and noise of each run. */
function noisy(planted: (config: CellConfig, seed: number) => number, seeds = 3): Effects {
  const noise = randomStream(0, "figures");
  const rows = plantedRows((config, seed) => 2 + planted(config, seed) + 0.01 * noise.uniform(), seeds);
  return effectsOf(rows.filter(({ config }) => config.n_layers === 1));
}

/** The state gate lowers the loss, the input gate raises it. */
const gates = noisy(({ use_state_gate, use_input_gate }) => (use_state_gate ? -0.1 : 0) + (use_input_gate ? 0.05 : 0));

function circlesOf(svg: string) {
  return [...svg.matchAll(/<circle[^>]*>/g)].map(([circle]) => {
    const [x, y, r] = ["cx", "cy", "r"].map((key) => Number(circle.match(RegExp(` ${key}="([^"]*)"`))?.[1]));
    return { x, y, r, fill: circle.match(/ fill="([^"]*)"/)?.[1] };
  });
}

/** The texts of a picture, in the order in which they are drawn. */
function textsOf(svg: string): string[] {
  return [...svg.matchAll(/<(?:text|tspan)[^>]*>([^<]+)</g)].map(([, text]) => text.replaceAll("&lt;", "<"));
}

Deno.test("figureEffects() has the primary measure's panel first, and in each a row per switch and one per random gate", () => {
  const effects = gates, { forest } = draw(effects);
  assert.ok(forest.indexOf("Score on the test split") < forest.indexOf("Lowest training loss"));
  for (const { label } of ORIGINAL_SWITCHES) assert.equal(count(forest, new RegExp(`>${label}</text>`, "g")), 2, label);
  const random = effects.min_loss.filter(({ inactive }) => inactive);
  assert.ok(random.length > 0);
  for (const { factor } of random) {
    assert.equal(count(forest, new RegExp(`>${factor.label}, random</tspan>`, "g")), 2, factor.label);
  }
  assert.equal(count(forest, />new state off<\/tspan>/g), 2 * random.length);
  // Of each row its mean and three seeds; three dots of the legend.
  assert.equal(count(forest, /<circle/g), 2 * (7 + random.length) * (1 + 3) + 3);
  for (const text of ["nats per byte", "bits per byte", "48 × 3", "24 × 3", "Holm's correction for 7 switches"]) {
    assert.ok(forest.includes(text), text);
  }
  assert.doesNotMatch(forest, /One seed|bootstrap|flipping/);
});

Deno.test("figureEffects() shows each interval and corrected p as the statistics have them, and colours what is clear", () => {
  const { forest } = draw(gates), texts = textsOf(forest);
  for (const { interval, difference, p_holm } of [...gates.min_loss, ...gates.test_bits_per_byte]) {
    for (const text of [formatInterval(interval!), formatDifference(difference!), formatP(p_holm!)]) {
      assert.ok(texts.includes(text), text);
    }
  }
  const { lower, higher } = DIFFERENCE_COLOUR, means = circlesOf(forest).filter(({ r }) => r === 4.2);
  const coloured = (colour: string) => means.filter(({ fill }) => fill === colour).length;
  assert.deepEqual(gates.min_loss.filter(isSignificant).map(({ factor }) => factor.key), [
    "use_input_gate",
    "use_state_gate",
  ]);
  assert.deepEqual([coloured(lower), coloured(higher)], [2, 2]);
});

Deno.test("figureEffects() has dots alone, no interval and no p, and says why, when there is one seed", () => {
  const { forest } = draw(effectsOf(many));
  assert.match(forest, /One seed gives no interval and no p/);
  assert.doesNotMatch(forest, /95 %|corrected p|Holm|lower<|higher</);
  assert.equal(count(forest, new RegExp(`<line[^>]*stroke="(${Object.values(DIFFERENCE_COLOUR).join("|")})"`, "g")), 0);
  assert.match(forest, /144 × 1</);
});

Deno.test("figureEffects() draws single seeds where they lie, below the mean of all", () => {
  const { forest } = draw(noisy(({ use_state_gate }, seed) => use_state_gate ? -0.1 - 0.05 * seed : 0));
  const circles = circlesOf(forest);
  // The state gate has the largest effect, so the first row of the first panel; its seeds are equally far apart.
  const mean = circles.find(({ r }) => r === 4.2)!, [first, second, third] = circles.filter(({ r }) => r === 2);
  assert.ok([first, second, third].every(({ y }) => y === mean.y));
  assert.ok(Math.abs(second.x - mean.x) < 2 && first.x - second.x > 20);
  assert.ok(Math.abs(first.x - second.x - (second.x - third.x)) < 2);
  assert.match(forest, /translate\(0,8\)/);
});

Deno.test("figureEffects() says with what an effect changes sign, or that one depends on another, beside its numbers", () => {
  const turning = noisy(({ use_forget_gate, use_residual }) => !use_forget_gate ? 0 : use_residual ? -0.1 : 0.06);
  const [note] = textsOf(draw(turning).forest).filter((text) => text.startsWith("changes sign with residual"));
  assert.match(note, /^changes sign with residual: \+0\.0\d+ off, −0\.1\d+ on$/);
  const partly = noisy(({ use_forget_gate, use_residual }) => !use_forget_gate ? 0 : use_residual ? -0.2 : -0.02);
  assert.match(draw(partly).forest, />depends on residual: −0\.0\d+ off, −0\.2\d+ on</);
  const notes = (effects: Effects) =>
    textsOf(draw(effects).forest).filter((text) => /^(changes sign with|depends on|may depend on) /.test(text));
  for (const effects of [gates, turning, partly]) {
    const qualified = [...effects.min_loss, ...effects.test_bits_per_byte].filter(qualificationOf);
    assert.equal(notes(effects).length, qualified.length);
  }
});

Deno.test("figureEffects() cuts an interval that would press the rest together, and says so", () => {
  const wide = noisy(({ use_state_gate }, seed) => use_state_gate ? 0.01 + 0.1 * seed : 0, 2), { forest } = draw(wide);
  assert.match(forest, /Triangle: the interval extends beyond the picture/);
  const rows = wide.min_loss.map((effect) => ({ effect })), [low, high] = forestDomain(rows);
  assert.ok(isCut(rows) && low > wide.min_loss.find(({ factor }) => factor.key === "use_state_gate")!.interval!.low);
  assert.ok(
    rows.every(({ effect }) => effect.by_seed.every(({ difference }) => difference > low && difference < high)),
  );
  assert.doesNotMatch(draw(gates).forest, /Triangle:/);
});

Deno.test("figureEffects() says what cannot be compared when a switch has no pair, and has no panel of a measure without any", () => {
  assert.equal(count(draw(effectsOf(demo)).forest, /no two scored runs differ only in this/g), 1);
  assert.equal(count(draw(effectsOf(demo)).forest, /no two runs differ only in this/g), 1);
  const unscored = draw(effectsOf(demo.map((row) => ({ ...row, test_bits_per_byte: undefined }))));
  assert.doesNotMatch(unscored.forest, /Score on the test split/);
  assert.match(unscored.map, /lowest training loss, nats per byte/);
  assert.equal(count(draw(effectsOf(many.slice(0, 1))).forest, /no two runs differ only in this/g), 7);
});

Deno.test("figureInteractions() has the primary measure's numbers, says where a gate is not trained, and where nothing is matched", () => {
  const effects = gates, { map } = draw(effects);
  assert.match(map, /test score, bits per byte/);
  const empty = effects.interactions.filter(({ difference }) => difference === undefined);
  const untrained = empty.filter(({ inactive }) => inactive > 0).length;
  assert.ok(untrained > 0 && untrained < empty.length);
  assert.equal(count(map, /gate not trained/g), untrained);
  assert.equal(count(map, /no matched set</g), empty.length - untrained);
  const texts = textsOf(map);
  for (const { interval } of effects.interactions) if (interval) assert.ok(texts.includes(formatInterval(interval)));
  // With layers and the state size there are more than the picture has.
  const [{ tested }] = effects.interactions;
  assert.ok(tested > 21 - empty.length, `${tested}`);
  assert.ok(map.includes(`Holm's correction for ${tested} interactions, those with sizes included.`));
});

Deno.test("figureInteractions() is bold where the corrected p is small, and nowhere with one seed, which has the numbers of sets", () => {
  const bold = (svg: string) =>
    [...svg.matchAll(/<g[^>]*font-weight="bold"[^>]*>(.*?)<\/g>/gs)].flatMap(([, texts]) => textsOf(texts));
  const planted = (config: CellConfig) => config.use_forget_gate && config.use_state_gate ? -0.5 : 0;
  const effects = noisy(planted), [clear, ...others] = effects.interactions.filter(isSignificant);
  assert.equal(others.length, 0);
  assert.deepEqual(bold(draw(effects).map), [formatDifference(clear.difference!)]);
  const { map } = draw(noisy(planted, 1));
  assert.deepEqual(bold(map), []);
  assert.equal(count(map, />\d+ matched sets</g), effects.interactions.filter(({ pairs }) => pairs > 0).length);
  assert.match(map, /One seed gives no interval and no p/);
  assert.doesNotMatch(map, /Bold|95 %/);
});

Deno.test("figureInteractions() gives what is small two significant digits, and what is nothing none", () => {
  const { map } = draw(
    effectsOf(plantedRows((config) => config.use_forget_gate && config.use_state_gate ? 2 - 0.000123 : 2)),
  );
  assert.ok(textsOf(map).includes("−0.00018") && textsOf(map).includes("0.000"));
});

Deno.test("figureInteractions() fills the planted cell with the end of the scale when nothing else interacts", () => {
  const { map } = draw(effectsOf(plantedRows((config) => config.use_forget_gate && config.use_state_gate ? 1.5 : 2)));
  // The planted one alone is at the end; its cell comes beside the scale, whose own last step is not quite there.
  const { colour, opacity } = tintOf(-1);
  assert.equal(count(map, new RegExp(`<rect[^>]*fill-opacity="${opacity}" fill="${colour}"`, "g")), 1);
  assert.ok(map.includes(">−0.721</text>"));
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

/** The colour of a tint over a ground. */
function over(tint: string, opacity: number, ground: string): string {
  const mixed = [1, 3, 5].map((at) => {
    const [top, below] = [tint, ground].map((colour) => parseInt(colour.slice(at, at + 2), 16));
    return Math.round(below + opacity * (top - below)).toString(16).padStart(2, "0");
  });
  return `#${mixed.join("")}`;
}

Deno.test("tintOf() keeps text readable on a light page and on a dark one, is nothing at zero, and differs by sign", () => {
  for (let share = -1; share <= 1; share += 0.125) {
    const { colour, opacity } = tintOf(share);
    assert.ok(contrast(over(colour, opacity, TINT.ground), "#1b1b1b") > 4.5, `light: ${share}`);
    const dark = DARK_TINTS.get(colour)!;
    assert.ok(contrast(over(dark, opacity, DARK_COLOURS.get(TINT.ground)!), DARK_TEXT) > 4.5, `dark: ${share}`);
  }
  assert.equal(tintOf(0).opacity, 0);
  assert.deepEqual(tintOf(3), tintOf(1));
  assert.notEqual(tintOf(-1).colour, tintOf(1).colour);
});
