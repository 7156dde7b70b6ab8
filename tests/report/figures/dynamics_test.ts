/** Pictures of dynamics: what is planted stands where it belongs. */
import assert from "node:assert/strict";
import { GATED } from "../../../cells/factors.ts";
import { GATED_SPACE } from "../../../cells/catalog/catalog.ts";
import { factorOf, type SwitchFactor } from "../../../cells/factor.ts";
import type { Experiment } from "../../../experiments/study/experiment.ts";
import type { RunResult } from "../../../experiments/study/result.ts";
import { belowLoss } from "../../../report/data/loss_filter.ts";
import { type MergedRow, mergeSeeds } from "../../../report/data/merged.ts";
import { figureDimension } from "../../../report/figures/dynamics/dimension.ts";
import { figureDynamicsEffects } from "../../../report/figures/dynamics/effects.ts";
import { figureFixedPoints } from "../../../report/figures/dynamics/fixed_points.ts";
import { figureForgetting } from "../../../report/figures/dynamics/forgetting.ts";
import { figureGates } from "../../../report/figures/dynamics/gates.ts";
import { figureRecall } from "../../../report/figures/dynamics/recall.ts";
import { figureSpectra } from "../../../report/figures/dynamics/spectra.ts";
import { figureSwitches } from "../../../report/figures/dynamics/switches.ts";
import { figureTruncation } from "../../../report/figures/dynamics/truncation.ts";
import { picturesOf } from "../../../report/figures/pictures.ts";
import { pngOf } from "../../../report/figures/png.ts";
import { figureDocument } from "../../../report/figures/svg.ts";
import { BASELINE_COLOUR, DIFFERENCE_COLOUR } from "../../../report/figures/theme.ts";
import { dynamicsAnswers, memoryEffects } from "../../../report/statistics/dynamics_effects.ts";
import { effectsOf } from "../../../report/statistics/effects.ts";
import { dynamicsOf, measuredConfigurations, measuredResults, measuredTable } from "../measured_results.ts";
import { stepsBackResults } from "../steps_back_results.ts";
import { problemsIn } from "./text_boxes.ts";

const NAMES = { name: "picture", title: "A title", subtitle: "Some runs on a <corpus> & more." };
const table = measuredTable(), rows = mergeSeeds(table.rows), answers = dynamicsAnswers(table.rows, GATED_SPACE)!;
const by = factorOf(GATED, "use_state_gate") as SwitchFactor;
const one = rows.filter(({ config }) => GATED.isOwnCell(config)).slice(0, 1);

const FIGURES: Readonly<Record<string, (shown: readonly MergedRow[]) => string>> = {
  figureForgetting: (shown) => figureForgetting(figureDocument(), shown, { ...NAMES, by }),
  figureSwitches: (shown) => figureSwitches(figureDocument(), shown, memoryEffects(answers)!, NAMES),
  figureSpectra: (shown) => figureSpectra(figureDocument(), shown, NAMES),
  figureRecall: (shown) => figureRecall(figureDocument(), shown, NAMES),
  figureGates: (shown) => figureGates(figureDocument(), shown, NAMES),
  figureFixedPoints: (shown) => figureFixedPoints(figureDocument(), shown, NAMES),
  figureDimension: (shown) => figureDimension(figureDocument(), shown, NAMES),
  figureTruncation: (shown) => figureTruncation(figureDocument(), shown, NAMES),
  figureDynamicsEffects: () => figureDynamicsEffects(figureDocument(), answers, NAMES),
};

const textsOf = (svg: string) => [...svg.matchAll(/<(?:text|tspan)[^>]*>([^<]+)</g)].map(([, text]) => text);

/** Where the dots of a run stand in their panels, in the order of the picture. */
function dotsOf(svg: string, name: string): number[][] {
  return [...svg.matchAll(RegExp(`<(?:path|circle) data-run="${name}"[^>]*>`, "g"))].flatMap(([mark]) => {
    const number = (pattern: RegExp) => Number(pattern.exec(mark)?.[1] ?? NaN);
    const place = mark.startsWith("<circle")
      ? [number(/ cx="([^"]*)"/), number(/ cy="([^"]*)"/)]
      : [number(/translate\(([^,]*),/), number(/translate\([^,]*,([^)]*)\)/)];
    return place.every(Number.isFinite) ? [place] : [];
  });
}

/** Widths of the filled bars of a colour. */
function barsOf(svg: string, colour: string): number[] {
  return [...svg.matchAll(RegExp(`<rect fill="${colour}"[^>]* width="([^"]*)"`, "g"))].map(([, width]) =>
    Number(width)
  );
}

for (const [name, draw] of Object.entries(FIGURES)) {
  Deno.test(`${name}() draws one and many configurations: same bytes, no missing numbers, texts apart, as PNG too`, () => {
    for (const shown of [one, rows]) {
      const svg = draw(shown);
      assert.equal(draw(shown), svg);
      assert.doesNotMatch(svg, /plot-|NaN|Infinity|undefined|currentColor|<style/);
      assert.match(svg, /Some runs on a &lt;corpus&gt; &amp; more\./);
      assert.deepEqual(problemsIn(svg), []);
    }
    assert.ok(pngOf(draw(rows)).length > 1000);
  });
}

/** A single layer without shapes but circles, so that all dots have a place. */
function placed(exponents: readonly (number | null)[]): { svg: string; dots: number[][][] } {
  const results = measuredResults().filter(({ n_layers, cell }) => n_layers === 1 && !cell);
  const ids = [...new Set(results.map(({ id }) => id))].slice(0, exponents.length);
  const configurations = measuredConfigurations(
    results.filter(({ id }) => ids.includes(id)),
    (result) => {
      const largest = exponents[ids.indexOf(result.id)], { lyapunov, ...rest } = dynamicsOf(result);
      const time = largest === null ? 0 : largest < 0 ? -1 / largest : null;
      const estimate = (value: number | null) => ({ value, standard_error: value === null ? null : 0.01 });
      return {
        ...rest,
        lyapunov: { ...lyapunov!, largest: estimate(largest), forgetting_time: { value: time, standard_error: null } },
      };
    },
  );
  const svg = figureForgetting(figureDocument(), configurations, NAMES);
  const named = ids.map((id) => configurations.find((row) => row.id === id)!.name);
  return { svg, dots: named.map((name) => dotsOf(svg, name)) };
}

Deno.test("figureForgetting() has λ₁ on a linear axis, and its reciprocal on a logarithmic one", () => {
  const { dots: [[a], [b], [c]] } = placed([-0.1, -0.2, -0.4]);
  // Pixels are rounded to tenths.
  assert.ok(Math.abs((b[0] - c[0]) - 2 * (a[0] - b[0])) < 0.3, `${[a, b, c]}`);
  const { dots: [[, d], [, e], [, f]] } = placed([-0.1, -0.2, -0.4]);
  assert.ok(Math.abs((d[0] - e[0]) - (e[0] - f[0])) < 0.3, `${[d, e, f]}`);
  assert.deepEqual([a, b, c].map(([, y]) => y), [d, e, f].map(([, y]) => y));
});

Deno.test("figureForgetting() puts what forgets at once and what never does into strips beside the axes", () => {
  const { svg, dots } = placed([-0.1, -0.2, null, 0.05]), texts = textsOf(svg);
  assert.ok(["−∞", "0", "never"].every((label) => texts.includes(label)), `${texts}`);
  const [left, right] = [0, 1].map((panel) => dots.map((places) => places[panel][0]));
  assert.ok(left[2] < Math.min(left[0], left[1]) && left[3] > Math.max(left[0], left[1]), `${left}`);
  assert.ok(right[2] < Math.min(right[0], right[1]) && right[3] > Math.max(right[0], right[1]), `${right}`);
  assert.ok(!textsOf(placed([-0.1, -0.2]).svg).includes("never"));
});

Deno.test("figureForgetting() leaves out a baseline that lies far above all others, and names it", () => {
  const far = measuredResults().map((result): RunResult =>
    result.cell === "lstm" ? { ...result, test_bits_per_byte: 7.5 } : result
  );
  const svg = figureForgetting(figureDocument(), measuredConfigurations(far), NAMES);
  assert.ok(textsOf(svg).includes("Above the picture: LSTM, 2 layers × 256 (7.500)."));
  assert.ok(textsOf(svg).includes("GRU") && !textsOf(svg).includes("LSTM"));
});

Deno.test("figureSwitches() has the switch with the largest effect first, with the times that the mean exponents stand for", () => {
  const svg = figureSwitches(figureDocument(), rows, memoryEffects(answers)!, NAMES), texts = textsOf(svg);
  const heading = (label: string) => texts.findIndex((text) => text.startsWith(`${label}: `));
  assert.ok(heading("state gate") < heading("forget gate"), `${texts}`);
  const [effect] = memoryEffects(answers)!.filter(({ factor }) => factor === by);
  const [before, after] = effect.means!.map((mean) => (-1 / mean).toFixed(1));
  assert.match(texts[heading("state gate")], RegExp(`^state gate: ${before} → ${after}`));
});

Deno.test("figureSpectra() and others have a panel for each of the ten best, then one for each other cell", () => {
  const own = rows.filter(({ config }) => GATED.isOwnCell(config)), cells = rows.filter((row) => !own.includes(row));
  for (const draw of [FIGURES.figureSpectra, FIGURES.figureRecall, FIGURES.figureTruncation, FIGURES.figureGates]) {
    const texts = textsOf(draw(rows));
    const headings = texts.filter((text) => /^\d+\. [0-9a-f]{8}/.test(text));
    assert.deepEqual(headings, [
      ...own.slice(0, 10).map((row) => `${rows.indexOf(row) + 1}. ${row.name}`),
      ...cells.map((row) => `${rows.indexOf(row) + 1}. ${row.name}: ${row.label.split(",")[0]}`),
    ]);
  }
  assert.match(FIGURES.figureSpectra(rows), RegExp(`stroke="${BASELINE_COLOUR}"`));
});

Deno.test("figureRecall() has bits on a linear axis below the entropy of the text", () => {
  const svg = figureRecall(figureDocument(), one, NAMES), [{ name }] = one;
  const [[x0, y0], [x1, y1], [x2, y2]] = dotsOf(svg, name);
  // Planted: 4 bits, half of it, and half of that.
  assert.ok(Math.abs((y1 - y0) - 2 * (y2 - y1)) < 0.3 && y1 > y0, `${[y0, y1, y2]}`);
  assert.ok(Math.abs((x1 - x0) - (x2 - x1)) < 0.3);
  assert.ok(textsOf(svg).includes("H: entropy, the maximum, 4.80 bits"));
});

Deno.test("figureGates() cuts each bar at the planted shares, and names gates as the graph does", () => {
  const svg = figureGates(figureDocument(), one, NAMES), texts = textsOf(svg);
  const [shut, open] = [DIFFERENCE_COLOUR.lower, DIFFERENCE_COLOUR.higher].map((colour) => barsOf(svg, colour));
  assert.ok(shut.length >= 3 && shut.length === open.length, `${shut} ${open}`);
  // Planted: 0.2 shut, 0.3 open.
  assert.ok(shut.every((width, i) => Math.abs(width / open[i] - 2 / 3) < 0.01), `${shut} ${open}`);
  assert.ok(["1 input", "1 state input", "1 z"].every((label) => texts.includes(label)));
});

Deno.test("figureFixedPoints() has a column for each byte, with signs for those that cannot be seen, and a bar of all starts", () => {
  const svg = figureFixedPoints(figureDocument(), one, NAMES), texts = textsOf(svg);
  const heads = texts.filter((text) => ["␣", "e", "t", "↵", "⇥", "␀", "0xe2"].includes(text));
  assert.deepEqual(heads, ["␣", "e", "t", "↵", "⇥", "␀", "0xe2"]);
  // Planted by turns: one stable point; two unstable ones from 12 of 16 starts, with 1 slow and 3 that came to none.
  const share = barsOf(svg, DIFFERENCE_COLOUR.higher)[0] / barsOf(svg, DIFFERENCE_COLOUR.lower)[0];
  assert.ok(Math.abs(share - 12 / 16) < 0.01, `${share}`);
});

Deno.test("figureTruncation() shows the best of each number of steps back where a study trains with several", () => {
  const results = stepsBackResults(), configurations = measuredConfigurations(results);
  const texts = textsOf(figureTruncation(figureDocument(), configurations, NAMES));
  assert.ok(texts.join(" ").includes("Grouped by the steps back of the training: 1, 4, 16."), `${texts}`);
  const steps = texts.flatMap((text) => /^steps back (\d+)$/.exec(text)?.[1] ?? []).map(Number);
  // Ten have room: three of each; then come the baselines.
  assert.deepEqual(steps.slice(0, 9), [1, 1, 1, 4, 4, 4, 16, 16, 16]);
});

Deno.test("picturesOf() has the pictures of what was measured, each with how to read it; without dynamics none", () => {
  // Those without input and output gate: pairs for the effects of the others.
  const few = measuredResults().filter(({ n_layers, use_input_gate, use_output_gate }) =>
    n_layers === 1 && !use_input_gate && !use_output_gate
  );
  const named = (of: Parameters<typeof measuredTable>[1], experiment: Experiment = "01") => {
    const runs = measuredTable(few, of).rows;
    return picturesOf({
      experiment,
      filter: belowLoss(9, "byte"),
      rows: mergeSeeds(runs),
      effects: effectsOf(runs),
      dynamics: dynamicsAnswers(runs, GATED_SPACE),
      table: GATED_SPACE,
    }).filter(({ name }) => name.includes("_dynamics"));
  };
  const all = named((result) => dynamicsOf(result));
  assert.deepEqual(all.map(({ name }) => name.replace("results_01_all_dynamics", "")), [
    "",
    "_switches",
    "_spectra",
    "_recall",
    "_gates",
    "_fixed_points",
    "_dimension",
    "_truncation",
    "_effects",
  ]);
  assert.ok(all.every(({ notes }) => notes?.[0].startsWith("To read: ") && notes[1].startsWith("Not shown: ")));
  const some = named((result) =>
    dynamicsOf(result, { lyapunov: undefined, gates: undefined, fixed_points: undefined })
  );
  assert.ok(some.every(({ name }) => !/dynamics$|switches|spectra|gates|fixed/.test(name)) && some.length === 4);
  assert.deepEqual(named(() => undefined), []);
  // What was chosen by its score says little of effects.
  const chosen = named((result) => dynamicsOf(result, { byte_recall: undefined }), "02").map(({ name }) => name);
  assert.ok(chosen.includes("results_02_big_dynamics") && !chosen.some((name) => /switches|effects/.test(name)));
});
