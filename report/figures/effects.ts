/** The picture `results_*_effects`, a forest plot: what each factor alone changes, with its interval, by both measures. */
import * as Plot from "@observablehq/plot";
import { extentOf } from "../../cells/extremes.ts";
import { isSwitch } from "../../cells/factor.ts";
import { formatInterval } from "../tables/effect_tables.ts";
import type { Effects, FactorEffect } from "../statistics/effects.ts";
import { contrastWords, differenceName } from "../tables/factor_words.ts";
import { bySize, CLEAR_P, isClear, seedsDisagree, seedsOfPairs } from "../tables/effect_words.ts";
import type { Measure } from "../statistics/matched.ts";
import {
  composeFigure,
  type FigureOptions,
  type Frame,
  panel,
  panelArea,
  type SvgDocument,
  type SvgElement,
} from "./svg.ts";
import { scaledToFit, shortened, widest, wrapped } from "./text.ts";
import { COLOUR, DIFFERENCE_COLOUR, SIZE } from "./theme.ts";
import { counted, formatCount } from "../../cells/counts.ts";
import { formatDifference, formatP } from "../tables/format.ts";

const ROW = 34;
const INSET = { top: 62, bottom: 62, right: 352 } as const;
/** Room for the rows' labels, with a gap to the plot: what usual labels need, and what is left for the plot's sake. */
const LABELS = { least: 118, most: 240, gap: 10 } as const;
const GAP = 26;
/** Where the columns of text end, in pixels from the right border of the plot. */
const COLUMN = { difference: 62, interval: 200, pairs: 262, p: 346 } as const;

const HEADINGS: Readonly<Record<Measure, { title: string; none: string }>> = {
  min_loss: {
    title: "Lowest training loss",
    none: "no two runs differ in this alone",
  },
  test_bits_per_byte: {
    title: "Score on the test split",
    none: "no two scored runs differ in this alone",
  },
};

/**
 * Draws the effects, one row per factor and one panel per measure; both have their rows in one order, that of the effect
 * on the lowest training loss. What cannot be compared has a row that says so.
 *
 * @returns the SVG's text
 */
export function figureEffects(document: SvgDocument, effects: Effects, options: FigureOptions): string {
  const order = bySize(effects.min_loss).map(keyOf);
  const frame: Frame = {
    name: options.name,
    title: options.title,
    subtitle: [options.subtitle, ...explanation(effects), seedLine(effects)],
    legend: [{
      heading: `${contrastWords(effects.min_loss).atSecond}:`,
      entries: [
        { mark: "dot", colour: DIFFERENCE_COLOUR.lower, text: "lower" },
        { mark: "dot", colour: DIFFERENCE_COLOUR.higher, text: "higher" },
        { mark: "dot", colour: DIFFERENCE_COLOUR.unclear, text: `not clear (corrected p above ${CLEAR_P})` },
      ],
    }],
  };
  const height = INSET.top + order.length * ROW + INSET.bottom;
  const { top } = panelArea(frame);
  const panels = (["min_loss", "test_bits_per_byte"] as const).map((measure, i) =>
    drawPanel(document, measure, effects, order, { top: top + i * (height + GAP), height })
  );
  return composeFigure(document, frame, panels, panels.length * height + GAP - 24);
}

function explanation({ min_loss }: Effects): string[] {
  const tested = min_loss.filter(({ p }) => p !== undefined).length;
  const { noun: [one, several] } = contrastWords(min_loss);
  return [
    `Dot: mean over pairs of configurations that differ in that ${one} alone. Line: BCa bootstrap 95 % interval.`,
    `p: two-sided, by flipping the signs of pairs, with Holm's correction for ${counted(tested, one, several)}.`,
  ];
}

function seedLine(effects: Effects): string {
  const { least, most } = seedsOfPairs(effects);
  if (most < 2) return "One seed: seed noise is unknown; “lower” means lower in this one seed's runs.";
  const disagree = effects.min_loss.filter(seedsDisagree).map(({ factor }) => factor.label);
  return `Each pair is averaged over its ${least === most ? most : `${least} to ${most}`} seeds first.` +
    (disagree.length ? ` Interval too narrow for other seeds: ${disagree.join(", ")}.` : "");
}

/** Where a panel stands, in pixels from the picture's top. */
interface Extent {
  top: number;
  height: number;
}

function drawPanel(
  document: SvgDocument,
  measure: Measure,
  all: Effects,
  order: readonly string[],
  { top, height }: Extent,
): SvgElement {
  const effects = all[measure], domain = domainOf(effects);
  const unit = measure === "min_loss" ? `nats per ${all.reads}` : "bits per byte";
  const compared = effects.filter(({ difference }) => difference !== undefined);
  const words = contrastWords(effects), labels = rowLabels(effects);
  return panel(document, [SIZE.margin, top], {
    width: SIZE.width - 2 * SIZE.margin,
    height,
    marginLeft: labels.room,
    marginRight: INSET.right,
    marginTop: INSET.top,
    marginBottom: INSET.bottom,
    x: { domain, label: null },
    y: { type: "point", domain: [...order], padding: 0.5, label: null },
    marks: [
      Plot.gridX({ ticks: 6, stroke: COLOUR.grid, strokeOpacity: 1 }),
      Plot.axisX({ ticks: 6, tickSize: 5, label: null, tickFormat: (value: number) => axisNumber(value) }),
      Plot.axisY({ tickSize: 0, label: null, fontSize: labels.size, tickFormat: (key: string) => labels.of.get(key)! }),
      Plot.ruleX([0], { stroke: COLOUR.text, strokeWidth: 1.2 }),
      ...effectMarks(compared),
      Plot.text(effects.filter(({ difference }) => difference === undefined), {
        y: keyOf,
        frameAnchor: "right",
        textAnchor: "end",
        dx: COLUMN.p,
        text: () => HEADINGS[measure].none,
        fill: COLOUR.muted,
      }),
      ...columns(compared, words.difference),
      Plot.text([HEADINGS[measure].title], {
        frameAnchor: "top-left",
        dx: -labels.room,
        dy: -50,
        fontSize: SIZE.text,
        fontWeight: "bold",
      }),
      Plot.text([`${words.difference}, ${unit} (left of zero: lower ${words.atSecond})`], {
        frameAnchor: "bottom",
        dy: 44,
        fontSize: SIZE.tick,
      }),
    ],
  });
}

/** All intervals and zero, with a little room. Without any effect, a range that shows where zero is. */
function domainOf(effects: readonly FactorEffect[]): [number, number] {
  const ends = effects.flatMap(({ difference, interval }) => [
    ...(difference === undefined ? [] : [difference]),
    ...(interval ? [interval.low, interval.high] : []),
  ]);
  const [low, high] = extentOf([0, ...ends]);
  const pad = 0.06 * (high - low) || 0.1;
  return [low - pad, high + pad];
}

/** What rows are called, by key, and the room that they take; of what is no switch, with the values that are compared. */
function rowLabels(effects: readonly FactorEffect[]): { of: ReadonlyMap<string, string>; room: number; size: number } {
  const names = effects.map((effect) => {
    const { factor: { label } } = effect;
    if (!isSwitch(effect.factor)) return `${label}\n${differenceName(effect)}`;
    return widest([label], SIZE.text) > LABELS.most - LABELS.gap ? wrapped(label, 2) : label;
  });
  const room = Math.min(Math.max(LABELS.least, widest(names, SIZE.text) + LABELS.gap), LABELS.most);
  const size = scaledToFit(widest(names, SIZE.text), room - LABELS.gap, SIZE.text);
  const fitted = names.map((name) => shortened(name, room - LABELS.gap, size));
  return { of: new Map(effects.map((effect, i) => [keyOf(effect), fitted[i]])), room, size };
}

function keyOf({ factor }: FactorEffect): string {
  return factor.key;
}

/** As few decimals as there are, with a true minus sign. */
function axisNumber(value: number): string {
  return `${Number(value.toPrecision(6))}`.replace("-", "−");
}

function colourOf(effect: FactorEffect): string {
  if (!isClear(effect)) return DIFFERENCE_COLOUR.unclear;
  return effect.difference! < 0 ? DIFFERENCE_COLOUR.lower : DIFFERENCE_COLOUR.higher;
}

function effectMarks(compared: readonly FactorEffect[]): Plot.Markish[] {
  const sure = compared.filter(({ interval }) => interval);
  return [
    Plot.ruleY(sure, {
      y: keyOf,
      x1: ({ interval }: FactorEffect) => interval!.low,
      x2: ({ interval }: FactorEffect) => interval!.high,
      stroke: colourOf,
      strokeWidth: 3,
    }),
    Plot.dot(compared, {
      x: "difference",
      y: keyOf,
      r: 4.2,
      fill: colourOf,
    }),
  ];
}

function columns(compared: readonly FactorEffect[], difference: string): Plot.Markish[] {
  const column = (dx: number, heading: string, text: (effect: FactorEffect) => string): Plot.Markish[] => [
    Plot.text(compared, { y: keyOf, frameAnchor: "right", textAnchor: "end", dx, text }),
    Plot.text([heading], {
      frameAnchor: "top-right",
      textAnchor: "end",
      dx,
      dy: -20,
      fill: COLOUR.muted,
      fontSize: 13,
    }),
  ];
  return [
    ...column(COLUMN.difference, difference, ({ difference }) => formatDifference(difference!)),
    ...column(
      COLUMN.interval,
      "95 % interval",
      ({ interval }) => (interval ? formatInterval(interval) : "too few pairs"),
    ),
    ...column(COLUMN.pairs, "pairs", ({ pairs }) => formatCount(pairs)),
    ...column(COLUMN.p, "corrected p", ({ p_holm }) => formatP(p_holm!)),
  ];
}
