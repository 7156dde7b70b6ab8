import assert from "node:assert/strict";
import * as Plot from "@observablehq/plot";
import { figureHyperparameters } from "../../../report/figures/hyperparameters.ts";
import { figureTrainingRuns } from "../../../report/figures/training_runs.ts";
import { belowLoss } from "../../../report/data/loss_filter.ts";
import { type MergedRow, mergeSeeds } from "../../../report/data/merged.ts";
import { tableOf } from "../../../report/data/rows.ts";
import { effectsOf } from "../../../report/statistics/effects.ts";
import { picturesOf } from "../../../report/figures/pictures.ts";
import { matchingOf, plantedRows } from "../planted_rows.ts";
import { composeFigure, figureDocument, panel, panelArea, roundNumbers } from "../../../report/figures/svg.ts";
import { factorEffects } from "../../../report/statistics/effects.ts";
import { formatDifference } from "../../../report/tables/format.ts";
import { syntheticResults } from "../synthetic_results.ts";
import { ORIGINAL_SWITCHES } from "../../original_table.ts";

const NAMES = { name: "picture", title: "A title", subtitle: "Some runs on a <corpus> & more." };
const many = mergeSeeds(tableOf(syntheticResults({ steps: 1000 })).rows);
const four = [0, 100, 200, 300].map((i) => many[i]);

function bothFigures(rows: MergedRow[]): [string, string] {
  const document = figureDocument();
  return [figureTrainingRuns(document, rows, NAMES), figureHyperparameters(document, rows, NAMES)];
}

for (const [count, rows] of [[1, four.slice(0, 1)], [4, four], [432, many]] as const) {
  Deno.test(`both figures give the same bytes twice when there are ${count} runs`, () => {
    assert.deepEqual(bothFigures([...rows]), bothFigures([...rows]));
  });

  Deno.test(`both figures hold no random names, no missing numbers and no page colour when there are ${count} runs`, () => {
    for (const svg of bothFigures([...rows])) {
      assert.doesNotMatch(svg, /plot-|NaN|Infinity|undefined|currentColor|<style/);
      const ids = [...svg.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
      assert.ok(ids.length > 0 && ids.every((id) => /^picture-\d+$/.test(id)));
      const used = [...svg.matchAll(/url\(#([^)]*)\)/g)].map(([, id]) => id);
      assert.ok(used.every((id) => ids.includes(id)));
      assert.match(svg, /Some runs on a &lt;corpus&gt; &amp; more\./);
    }
  });
}

Deno.test("figureTrainingRuns() shows title, axis labels with units, legend and best run when there are 432 runs", () => {
  const svg = figureTrainingRuns(figureDocument(), many, NAMES);
  const texts = ["A title", "training steps", "smoothed training loss (nats per byte)", "state size", ">32<", ">256<"];
  texts.push("1 layer: 144 configurations", "3 layers: 144 configurations", many[0].label, many[0].name);
  for (const text of [...texts, `best: ${many[0].min_loss.mean.toFixed(3)}`]) assert.ok(svg.includes(text), text);
  assert.equal(svg.match(/<path data-run="[^"]*" d="M[^"]*l[^"]*"/g)!.length, 432);
});

Deno.test("figureTrainingRuns() puts all curves into one panel when there are many numbers of layers", () => {
  const rows = mergeSeeds(
    tableOf(syntheticResults({ layers: [1, 2, 3, 4, 5, 6], state_sizes: [256], steps: 500 })).rows,
  );
  assert.ok(figureTrainingRuns(figureDocument(), rows, NAMES).includes(`1 to 6 layers: ${rows.length} configurations`));
});

Deno.test("figureHyperparameters() has nine panels with their groups when there are 432 runs", () => {
  const svg = figureHyperparameters(figureDocument(), many, NAMES);
  for (const label of [...ORIGINAL_SWITCHES.map((one) => one.label), "layers", "state size"]) {
    assert.ok(svg.includes(`>${label}</text>`), label);
  }
  assert.ok(svg.includes("lowest smoothed training loss (nats per byte)"));
  assert.ok(svg.includes("mean of the group"));
  assert.equal(svg.match(/<circle/g)!.length, 9 * 432 + 2);
});

Deno.test("figureHyperparameters() says of each switch what the effects say: of pairs whose added weights are trained", () => {
  const { rows } = tableOf(syntheticResults({ layers: [1], state_sizes: [256], steps: 500 }));
  const effects = factorEffects(matchingOf(rows), "min_loss"), merged = mergeSeeds(rows);
  const svg = figureHyperparameters(figureDocument(), merged, { ...NAMES, effects });
  const notes = [...svg.matchAll(/>on − off: ([^<]*)</g)].map(([, note]) => note);
  assert.deepEqual(notes, effects.map(({ difference, pairs }) => `${formatDifference(difference!)} in ${pairs} pairs`));
  assert.ok(notes.filter((note) => note.endsWith(" in 32 pairs")).length > 2, `${notes}`);
  assert.match(svg, /never trained are left out of differences/);
  assert.doesNotMatch(figureHyperparameters(figureDocument(), merged, NAMES), /on − off|never trained/);
});

Deno.test("figureHyperparameters() shows only runs below the threshold when one is given", () => {
  const below = many[9].min_loss.mean;
  const svg = figureHyperparameters(figureDocument(), many, { ...NAMES, filter: belowLoss(below, "byte") });
  assert.equal(svg.match(/<circle/g)!.length, 9 * 9 + 2);
});

Deno.test("the picture by hyperparameter names the effect that the tables have, without pairs whose gate is never trained", () => {
  // Over all pairs the sign would be another one.
  const rows = plantedRows(
    (config) => 2 + (config.use_state_gate ? (config.use_new_state ? -0.01 : 0.0457) : 0),
    1,
  );
  const data = { rows: mergeSeeds(rows), effects: effectsOf(rows), filter: belowLoss(9, "byte") };
  const pictures = picturesOf({ experiment: "01", ...data });
  const [all, filtered] = ["results_01_all_hyperparameters", "filtered_results_01_loss_below_9"]
    .map((name) => pictures.find((picture) => picture.name === name)!.svg);
  assert.ok(all.includes(">on − off: −0.010 in 144 pairs<"));
  assert.ok(!filtered.includes("on − off"), "a part of the configurations would have other pairs");
});

Deno.test("figureHyperparameters() says so when no configuration is below the threshold", () => {
  const svg = figureHyperparameters(figureDocument(), many, { ...NAMES, filter: belowLoss(0.1, "byte") });
  assert.ok(svg.includes("No configuration is below the threshold"));
});

Deno.test("panel() throws when Plot warns", () => {
  const { warn } = console;
  console.warn = () => {};
  try {
    // Text that looks like numbers on an ordinal scale is what Plot warns about.
    const marks = [Plot.dot([{ x: "1" }, { x: "2" }], { x: "x" })];
    const draw = () => panel(figureDocument(), [0, 0], { marks });
    assert.throws(draw, /^Error: Cannot draw a panel: Plot warns .* must not$/);
  } finally {
    console.warn = warn;
  }
});

Deno.test("composeFigure() shrinks a line of text when it would leave the picture", () => {
  const frame = { name: "picture", title: "A title", subtitle: ["x".repeat(150)], legend: [] };
  const size = Number(composeFigure(figureDocument(), frame, [], 0).match(/font-size="([\d.]+)"[^>]*>x{150}/)![1]);
  assert.ok(size < 11 && size > 9, `${size}`);
});

Deno.test("composeFigure() sets all lines under the title in one size, and breaks those that are too long", () => {
  const long = Array.from({ length: 40 }, (_, i) => `word${i}`).join(" ");
  const frame = { name: "picture", title: "A title", subtitle: [long, "A short line."], legend: [] };
  const svg = composeFigure(figureDocument(), frame, [], 0);
  const lines = [...svg.matchAll(/<text [^>]*font-size="([\d.]+)"[^>]*>((?:word|A short)[^<]*)</g)];
  assert.equal(lines.map(([, , text]) => text).join(" "), `${long} A short line.`);
  assert.ok(lines.length > 2 && new Set(lines.map(([, size]) => size)).size === 1, `${lines.map(([, size]) => size)}`);
  // Each has a line of its own, and so has what follows.
  assert.equal(
    panelArea(frame).top - panelArea({ ...frame, subtitle: ["A short line."] }).top,
    21 * (lines.length - 1),
  );
});

Deno.test("composeFigure() breaks an entry of a legend that is too long, with its mark before the first line", () => {
  const long = Array.from({ length: 30 }, (_, i) => `word${i}`).join(" ");
  const entries = [{ mark: "dot", colour: "#123456", text: "short" }, {
    mark: "dot",
    colour: "#654321",
    text: long,
  }] as const;
  const frame = { name: "picture", title: "A title", subtitle: [], legend: [{ entries: [...entries] }] };
  const svg = composeFigure(figureDocument(), frame, [], 0);
  const texts = [...svg.matchAll(/<text ([^>]*)>((?:short|word)[^<]*)</g)];
  const [short, ...parts] = texts.map(([, attributes, text]) => ({
    x: / ?x="([^"]*)"/.exec(attributes)![1],
    size: /font-size="([^"]*)"/.exec(attributes)![1],
    text,
  }));
  assert.equal(parts.map(({ text }) => text).join(" "), long);
  assert.ok(parts.length > 1 && parts.every(({ x, size }) => x === short.x && size === short.size), `${texts}`);
  assert.equal(svg.match(/<circle/g)!.length, 2);
});

Deno.test("roundNumbers() rounds every number and leaves the rest when given a path", () => {
  assert.equal(roundNumbers("M1.2345,-0.001L10,2.96e-7Z", 2), "M1.23,0L10,0Z");
  assert.equal(roundNumbers("translate(40,434.99999999999994)", 2), "translate(40,435)");
});

Deno.test("both figures name each configuration's marks, and show the range of its seeds, when there are several", () => {
  const seeds = [0, 1].flatMap((seed) => syntheticResults({ layers: [1], state_sizes: [256], steps: 500, seed }));
  const rows = mergeSeeds(tableOf(seeds).rows);
  const [curves, swarms] = bothFigures(rows);
  const named = (svg: string) => [...svg.matchAll(/data-run="([^"]*)"/g)].map(([, name]) => name);
  assert.deepEqual(named(curves).sort(), rows.map(({ name }) => name).sort());
  assert.equal(named(swarms).length, 9 * rows.length);
  assert.deepEqual(new Set(named(swarms)), new Set(rows.map(({ name }) => name)));
  assert.ok(curves.includes("mean over its seeds") && swarms.includes("mean of its seeds"));
  assert.ok(curves.includes("from the lowest to the highest of its 2 seeds"));
});

Deno.test("figureTrainingRuns() keeps the range of the best one's seeds inside the panel when one seed is far lower", () => {
  const [run] = many[0].runs;
  const rows = mergeSeeds([run, {
    ...run,
    seed: 1,
    loss: run.loss.map((loss) => loss - 1),
    min_loss: run.min_loss - 1,
  }]);
  const svg = figureTrainingRuns(figureDocument(), rows, NAMES);
  const [, area] = svg.match(/fill-opacity="0.45"[^>]*>(.*?)<\/g>/s)!;
  // The path goes from point to point by offsets.
  let y = 0;
  const ys = [...area.matchAll(/,(-?[\d.]+)/g)].map(([, offset]) => y += Number(offset));
  const lowest = Math.max(...ys);
  // The panel is 430 pixels high, with the axis 26 above its end.
  assert.ok(lowest > 100 && lowest <= 404, `${lowest}`);
});

Deno.test("figureTrainingRuns() draws a dot for each configuration when its loss was logged once", () => {
  const gated = syntheticResults({ layers: [1], state_sizes: [256], steps: 50 });
  const gru = { ...gated[1], id: "ba5e11".padEnd(40, "0"), cell: "gru" };
  const rows = mergeSeeds(tableOf([...gated, gru]).rows);
  assert.ok(rows[0].config.cell === undefined && rows.some(({ config }) => config.cell === "gru"));
  const svg = figureTrainingRuns(figureDocument(), rows, NAMES);
  const dots = [...svg.matchAll(/<circle[^>]*data-run="([^"]*)"/g)].map(([, name]) => name);
  assert.deepEqual(dots.sort(), rows.slice(1).map(({ name }) => name).sort());
});
