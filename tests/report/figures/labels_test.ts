/** Labels of any length stay inside of their pictures, apart from each other, and readable. */
import assert from "node:assert/strict";
import { configIdIn, configIn } from "../../../cells/config.ts";
import type { Space } from "../../../cells/space.ts";
import type { RunResult } from "../../../experiments/study/result.ts";
import { belowLoss } from "../../../report/data/loss_filter.ts";
import { mergeSeeds } from "../../../report/data/merged.ts";
import { tableOf } from "../../../report/data/rows.ts";
import { picturesOf } from "../../../report/figures/pictures.ts";
import { composeFigure, figureDocument, type LegendEntry } from "../../../report/figures/svg.ts";
import {
  brokenTo,
  fitTogether,
  LEAST_SIZE,
  scaledToFit,
  shortened,
  widest,
  wrapped,
} from "../../../report/figures/text.ts";
import { dodged, placeLabels } from "../../../report/figures/labels.ts";
import { placeLevelLabels } from "../../../report/figures/levels.ts";
import { comparisonsOf } from "../../../report/tables/questions.ts";
import { CATALOG, GATED_SPACE } from "../../../cells/catalog/catalog.ts";
import { atRate, baselineResults, comparedResults, gatedResults, otherResults } from "../compared_results.ts";
import { effectsOf } from "../../../report/statistics/effects.ts";
import { extendedResults, NUMBER, SWITCH } from "../extended_results.ts";
import { optimizerResults, WITH_OPTIMIZER } from "../optimizer_results.ts";
import { stepsBackResults } from "../steps_back_results.ts";
import { syntheticResults } from "../synthetic_results.ts";
import { problemsIn, textBoxes } from "./text_boxes.ts";

function drawn(results: readonly RunResult[], table: Space) {
  const runs = tableOf(results, table).rows, rows = mergeSeeds(runs), effects = effectsOf(runs, table);
  const levels = [{ label: "order 1", value: rows[3].min_loss.mean }];
  return picturesOf({
    experiment: "01",
    filter: belowLoss(9, "byte"),
    rows,
    effects,
    table,
    levels,
    comparisons: comparisonsOf(rows, table),
  });
}

/** As {@linkcode extendedResults}, with labels of forty characters and a number of sixteen levels. */
const CROWDED: Space = {
  ...WITH_OPTIMIZER,
  factors: WITH_OPTIMIZER.factors.map((factor) =>
    factor.key === SWITCH.key
      ? { ...factor, label: "normalization of all that the cell hands on" }
      : factor.key === NUMBER.key
      ? { ...factor, label: "weightdecayofeachweightineachupdate", contrast: [0.001, 0.012345] as const }
      : factor
  ) as Space["factors"],
};

function crowdedResults(): RunResult[] {
  return extendedResults().filter((_, i) => i % 24 < 4).flatMap((result, i) =>
    Array.from({ length: 16 }, (_, k): RunResult => {
      const value = k ? Number((0.011345 + k / 1000).toFixed(6)) : 0.001,
        loss = result.loss!.map((one) => one + k / 100);
      const { [NUMBER.key]: _unset, ...rest } = result;
      const changed = {
        ...rest,
        loss,
        "min loss": Math.min(...loss),
        ...(k ? { [NUMBER.key]: value } : {}),
      } as RunResult;
      return { ...changed, id: configIdIn(CROWDED, configIn(changed, CROWDED)), seed: i % 2 };
    })
  );
}

/** Three seeds at two rates, with which the output gate's effect changes sign. */
function turningResults(): RunResult[] {
  return gatedResults().flatMap((result) => [
    result,
    atRate(result, 0.003, result.use_output_gate ? -0.2 : 0.1),
  ]);
}

/** Gated runs and all other cells, whose losses are almost alike. */
function manyCells(): RunResult[] {
  const names = CATALOG.map(({ cell }) => cell.name).slice(0, 15);
  const cells = names.flatMap((cell, i) =>
    [1, 2, 3].flatMap((layers) => otherResults(cell, { layers, loss: 1.5 + 0.0005 * i, parameters: 500_000 + i }))
  );
  return [...gatedResults([0], [1, 2]), ...cells];
}

const sizes = Array.from({ length: 16 }, (_, i) => 1000 + 64 * i);
const STUDIES: readonly [what: string, results: () => RunResult[], table: Space][] = [
  ["plain gated runs", () => syntheticResults({ steps: 500 }), GATED_SPACE],
  ["names of optimizers", optimizerResults, WITH_OPTIMIZER],
  ["long labels and many levels", crowdedResults, CROWDED],
  [
    "sixteen state sizes",
    () => syntheticResults({ layers: [1, 2], state_sizes: sizes, steps: 200 }).filter((_, i) => i % 5 === 0),
    GATED_SPACE,
  ],
  ["effects that change sign with the learning rate", turningResults, GATED_SPACE],
  ["baselines and rates", comparedResults, GATED_SPACE],
  ["baselines alone", baselineResults, GATED_SPACE],
  [
    "many numbers of steps back of many cells, close together",
    () =>
      stepsBackResults({
        levels: [1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 32, 48, 64],
        seeds: [0, 1],
        gated: 8,
        cells: ["gru", "lstm", "min_gru", "vanilla", "indrnn", "janet", "mgu"],
      }),
    GATED_SPACE,
  ],
  ["fifteen other cells at three numbers of layers, close together", manyCells, GATED_SPACE],
];
for (const [what, results, table] of STUDIES) {
  Deno.test(`texts of pictures stay inside, apart and readable when there are ${what}`, () => {
    const pictures = drawn(results(), table);
    assert.ok(pictures.length >= 8);
    for (const { name, svg } of pictures) assert.deepEqual(problemsIn(svg), [], name);
  });
}

Deno.test("the check of texts finds one outside, one too small and two that overlap", () => {
  const text = (x: number, y: number, content: string, size = 12) =>
    `<text x="${x}" y="${y}" font-size="${size}">${content}</text>`;
  const rows = Array.from({ length: 10 }, (_, i) => text(10, 20 * (i + 1), `row ${i}`)).join("");
  const svg = (more: string) => `<svg viewBox="0 0 200 300">${rows}${more}</svg>`;
  assert.deepEqual(problemsIn(svg(text(10, 250, "free"))), []);
  assert.match(problemsIn(svg(text(170, 250, "outside")))[0], /'outside' leaves the picture/);
  assert.match(problemsIn(svg(text(100, 250, "small", 5)))[0], /'small' is 5 pixels high/);
  const lines =
    '<text transform="translate(100,250)" text-anchor="end"><tspan x="0">a</tspan><tspan dy="1em" x="0">b</tspan></text>';
  assert.deepEqual(problemsIn(svg(`<g font-size="12">${lines}${text(90, 262, "over")}</g>`)), [
    "'b' and 'over' overlap",
  ]);
});

Deno.test("fitTogether() keeps texts that fit, breaks or shrinks longer ones, and cuts what is too long even so", () => {
  const fits = fitTogether(["adam", "sgd"], 100, 14, { lines: 3 });
  assert.deepEqual(fits, { texts: ["adam", "sgd"], size: 14 });
  const broken = fitTogether(["adam", "adam_no_second_moment"], 100, 14, { lines: 2 });
  assert.deepEqual(broken.texts, ["adam", "adam_no_\nsecond_moment"]);
  const small = fitTogether(["adam_no_second_moment"], 150, 14);
  assert.ok(small.size < 14 && small.size > LEAST_SIZE && widest(small.texts, small.size) <= 150, `${small.size}`);
  const cut = fitTogether(["adam_no_second_moment"], 60, 14);
  assert.deepEqual([cut.size, cut.texts[0].at(-1), cut.texts[0].slice(0, 5)], [LEAST_SIZE, "…", "adam_"]);
  assert.ok(widest(cut.texts, cut.size) <= 60);
});

Deno.test("brokenTo() breaks behind a part of a sentence where the line is full enough, else behind the last word that fits", () => {
  const size = 10, roomFor = (line: string) => widest([line], size);
  const broken = (text: string, first: string) => brokenTo(text, roomFor(first), size);
  assert.deepEqual(broken("one two three", "one two three"), ["one two three"]);
  assert.deepEqual(broken("mean over seeds; the band is wide", "mean over seeds; the b"), [
    "mean over seeds;",
    "the band is wide",
  ]);
  assert.deepEqual(broken("3 output gate, 4 state gate", "3 output gate, 4 st"), ["3 output gate,", "4 state gate"]);
  assert.deepEqual(broken("a; the longest line is this one", "a; the longest line is"), [
    "a; the longest line is",
    "this one",
  ]);
  assert.deepEqual(broken("unbreakable word", "unbr"), ["unbreakable word"]);
  assert.deepEqual(broken("one two three four five six", "one two"), ["one two three four five six"], "too many lines");
});

Deno.test("wrapped() breaks behind spaces and underscores so that the longest line is shortest", () => {
  assert.equal(wrapped("forget gate", 2), "forget\ngate");
  assert.equal(wrapped("adam_no_second_moment", 3), "adam_no_\nsecond_\nmoment");
  assert.equal(wrapped("a bc d", 1), "a bc d");
  assert.equal(wrapped("residual", 3), "residual");
});

Deno.test("scaledToFit() never gives less than the smallest size, and shortened() leaves no half of a character", () => {
  assert.deepEqual([scaledToFit(100, 200, 14), scaledToFit(100, 80, 14), scaledToFit(100, -5, 14)], [
    14,
    11.2,
    LEAST_SIZE,
  ]);
  assert.equal(shortened("😀😀😀😀😀😀😀😀", 40, 14).isWellFormed(), true);
  assert.equal(shortened("abc", 0, 14), "…");
});

Deno.test("composeFigure() sets entries of a legend on a further line when they have no room on the first", () => {
  const entries = Array.from(
    { length: 20 },
    (_, i): LegendEntry => ({ mark: "dot", colour: "#000000", text: `${1000 + i}` }),
  );
  const frame = {
    name: "picture",
    title: "A title",
    subtitle: ["and more"],
    legend: [{ heading: "state size", entries }],
  };
  const boxes = textBoxes(composeFigure(figureDocument(), frame, [], 100)).filter(({ text }) => /^10\d\d$/.test(text));
  assert.equal(boxes.length, 20);
  assert.deepEqual(new Set(boxes.map(({ bottom }) => bottom)).size, 2);
  assert.ok(boxes.every(({ right }) => right < 976));
});

Deno.test("dodged() leaves alone what is apart, and spreads neighbours in their order within the range", () => {
  assert.deepEqual(dodged([10, 50, 90], 14, [0, 100]), [10, 50, 90]);
  // Two at one place lie half a gap from it; the order of equal ones is their own.
  assert.deepEqual(dodged([50, 50], 14, [0, 100]), [43, 57]);
  assert.deepEqual(dodged([98, 99, 100], 10, [0, 100]), [80, 90, 100]);
  assert.deepEqual(dodged([1, 0], 10, [0, 100]), [10, 0]);
  // A pair that is pushed apart meets a third.
  assert.deepEqual(dodged([50, 50, 58], 10, [0, 100]), [128 / 3, 158 / 3, 188 / 3]);
  assert.deepEqual(dodged([], 10, [0, 100]), []);
});

Deno.test("placeLabels() keeps labels apart and inside, covers no dot where it need not, and leaves out what is not needed", () => {
  const area = { left: 0, right: 200, top: 0, bottom: 100 }, options = { area, size: 12, reach: 4 };
  const [free] = placeLabels([{ x: 20, y: 50, text: "GRU", needed: true }], [], options);
  assert.deepEqual(free, { dx: 10, dy: 0, textAnchor: "start" });
  const [atEdge] = placeLabels([{ x: 195, y: 50, text: "GRU", needed: true }], [], options);
  assert.equal(atEdge!.textAnchor, "end");
  const [avoiding] = placeLabels([{ x: 100, y: 50, text: "GRU", needed: true }], [{ x: 115, y: 50 }], options);
  assert.equal(avoiding!.textAnchor, "end");
  const everywhere = Array.from({ length: 400 }, (_, i) => ({ x: i % 20 * 10, y: Math.floor(i / 20) * 5 }));
  const [covering, without] = placeLabels(
    [{ x: 100, y: 50, text: "GRU", needed: true }, { x: 40, y: 50, text: "GRU", needed: false }],
    everywhere,
    options,
  );
  assert.ok(covering && without === undefined);
  const [first, second] = placeLabels(
    [{ x: 100, y: 50, text: "GRU", needed: true }, { x: 100, y: 50, text: "GRU", needed: true }],
    [],
    options,
  );
  assert.notDeepEqual(first, second);
});

const LEVELS = [{ label: "order 1", value: 3 }, { label: "order 0", value: 9 }];
const LEVEL_AREA = { left: 0, right: 300, height: 200, yOf: (value: number) => 200 - 100 * (value - 2) };

Deno.test("placeLevelLabels() takes the right end when more dots lie where the label would stand at the left, and else the left one", () => {
  const end = (...spots: [x: number, y: number][]) =>
    placeLevelLabels(LEVELS, [2, 4], LEVEL_AREA, { dots: spots.map(([x, y]) => ({ x, y })) })[0].end;
  assert.equal(end(), "left");
  assert.equal(end([20, 95]), "right");
  assert.equal(end([20, 95], [280, 95]), "left");
  assert.equal(end([20, 95], [25, 90], [280, 95]), "left", "below its line no dot lies");
  assert.equal(end([20, 95], [25, 90], [280, 95], [20, 108], [25, 108], [280, 108]), "right");
  assert.equal(end([20, 20], [120, 95]), "left", "neither is behind a label");
});

Deno.test("placeLevelLabels() keeps labels off other texts: at the other end, below the line, or left out", () => {
  const text = (left: number, top: number) => ({ left, right: left + 40, top, bottom: top + 12 });
  const placed = (...taken: ReturnType<typeof text>[]) => placeLevelLabels(LEVELS, [2, 4], LEVEL_AREA, { taken });
  const [free] = placed();
  assert.deepEqual([free.text, free.end, free.isAbove], ["order 1", "left", true]);
  assert.ok(free.box.top > 85 && free.box.bottom < 100, "above its line, which is at 100");
  const [right] = placed(text(10, 88));
  assert.deepEqual([right.end, right.isAbove], ["right", true]);
  const [below] = placed(text(10, 88), text(270, 88));
  assert.deepEqual([below.end, below.isAbove], ["left", false]);
  assert.deepEqual(placed(text(10, 88), text(270, 88), text(10, 102), text(270, 102)), []);
});
