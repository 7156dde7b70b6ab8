/** The picture `results_*_steps_back`: scores and losses against steps back, at equal bytes read and at equal updates. */
import * as Plot from "@observablehq/plot";
import { extentOf, maxOf } from "../../cells/extremes.ts";
import { counted } from "../../cells/counts.ts";
import { criterionInWords } from "../../experiments/study/criterion.ts";
import { type Level, levelsOn } from "../data/levels.ts";
import { BASES, type Basis } from "../data/reading.ts";
import type { Table } from "../data/table.ts";
import { padded } from "../statistics/means.ts";
import type { ChosenConfiguration, StepsBackAnswers, StepsBackPoint } from "../statistics/steps_back.ts";
import { equalIn, pointText, quantityUnit, tunedSentences, updatesText } from "../tables/steps_back_words.ts";
import { baselineEntry, endLabels, labelRoom } from "./baselines.ts";
import { countColumn, numberColumn, pictureTable, textColumn } from "./data_columns.ts";
import { levelMarks, levelNote } from "./levels.ts";
import {
  composeFigure,
  type FigureOptions,
  type LegendLine,
  naming,
  panel,
  panelArea,
  SEEDS_LABEL,
  type Shape,
  type SvgDocument,
  type SvgElement,
} from "./svg.ts";
import { BOLD, fitTogether } from "./text.ts";
import { BASELINE_COLOUR, COLOUR, colourScale, SIZE } from "./theme.ts";

const HEIGHT = 400;
/** Of a panel: room for its heading, its ticks and the labels of its axis. */
const INSET = { left: 48, right: 14, top: 36, bottom: 28 } as const;
const GAP = 18;
/** Of a picture without any height, so that one point stands in the middle. */
const LEAST_SPAN = 0.02;
/** Between two ticks, in pixels: room for two digits. */
const TICK_GAP = 24;
/** Beyond the first and the last number of steps back, as a factor; before the first more where levels have their labels there. */
const BEYOND = 1.25, LABELLED = 1.9;

/** A configuration with its colour; a baseline also with what tells it from others of the same colour. */
interface Curve {
  readonly one: ChosenConfiguration;
  readonly colour: string;
  readonly dashes?: string;
  readonly shape: Shape;
}

/** Of baselines, in order: no two of the six that are shown have both alike. */
const BROKEN = ["8,3,2,3", "12,4", "3,3"],
  BASELINE_SHAPES: readonly Shape[] = ["square", "triangle", "diamond", "star"];

/**
 * Draws two panels, one for each way in which runs are equal: a line for each chosen configuration through its means, with a dot for each seed; the
 * best one in black, baselines broken and with their names.
 *
 * @returns the SVG's text
 */
export function figureStepsBack(document: SvgDocument, answers: StepsBackAnswers, options: FigureOptions): string {
  const curves = coloured(answers.chosen), isSeveral = curves.some(({ one }) => mostSeeds(one) > 1);
  const shown = BASES.map((basis) => ({
    basis,
    domain: domainOf(answers, basis),
    levels: levelsFor(answers, basis, options.levels),
  }));
  const frame = {
    name: options.name,
    title: options.title,
    subtitle: [
      options.subtitle,
      isSeveral
        ? "Line and large mark: mean over the seeds that every number of steps back has; small: a seed; lower is better."
        : "One seed; lower is better.",
      ...chosenNote(answers),
      ...BASES.map((basis) => basisNote(answers, basis)),
      // Lines are at one setting each, and fewer updates may need another.
      ...tunedSentences(answers),
      ...noteOf(shown),
    ],
    legend: legendOf(curves),
    x: "steps back (truncated BPTT length; logarithmic axis)",
  };
  const { top } = panelArea(frame), room = labelRoom(curves.filter(({ one }) => one.isBaseline).map(nameOf));
  const width = (SIZE.width - 2 * SIZE.margin - GAP) / 2;
  const headings = fitTogether(BASES.map((basis) => headingOf(answers, basis)), width - INSET.left, SIZE.text, {
    boldness: BOLD,
  });
  const panels = shown.map(({ basis, domain, levels }, i) =>
    drawPanel(document, answers, curves, {
      basis,
      domain,
      heading: { text: headings.texts[i], size: headings.size },
      levels,
      room,
      width,
      position: [SIZE.margin + i * (width + GAP), top],
    })
  );
  return composeFigure(document, frame, panels, HEIGHT);
}

/** A point of a line, or one of its seeds. */
interface Shown {
  readonly basis: Basis;
  readonly one: ChosenConfiguration;
  readonly k: number;
  readonly seed?: number;
  readonly value: number;
}

/** The data behind {@linkcode figureStepsBack}. */
export function stepsBackData({ at, chosen, reads }: StepsBackAnswers): Table {
  const rows = BASES.flatMap((basis) =>
    chosen.flatMap((one) =>
      one.at[basis].points.flatMap(({ k, mean, seeds }): Shown[] => [
        { basis, one, k, value: mean },
        ...seeds.map((seed) => ({ basis, one, k, ...seed })),
      ])
    )
  );
  const unit = ({ basis }: Shown) => at[basis].quantity && quantityUnit(at[basis].quantity, reads);
  return pictureTable<Shown>([
    textColumn("equal", "quantity that is equal for all runs of a panel", ({ basis }) => equalIn(basis, reads)),
    textColumn("quantity", "score on the test split, or smoothed training loss", ({ basis }) => at[basis].quantity),
    textColumn("unit", "unit of values", unit),
    textColumn("label", "the configuration in words, without its steps back", ({ one }) => one.label),
    textColumn(
      "best_name",
      "its label on page and pictures at its best number of steps back",
      ({ one }) => one.best.name,
    ),
    textColumn("best_id", "SHA-256 of that configuration, as in the table of runs", ({ one }) => one.best.id),
    countColumn("steps_back", "truncated BPTT length in steps", ({ k }) => k),
    countColumn("seed", "of a small mark: its seed; empty: the mean over the seeds", ({ seed }) => seed),
    numberColumn("value", "the score or the loss", ({ value }) => value),
  ], rows);
}

/** The best one in black; the others in the colours of the palette. */
function coloured(chosen: readonly ChosenConfiguration[]): Curve[] {
  const own = chosen.filter(({ isBaseline }) => !isBaseline), colours = colourScale(own.slice(1));
  const baselines = chosen.filter(({ isBaseline }) => isBaseline).map((one, i): Curve => ({
    one,
    colour: BASELINE_COLOUR,
    dashes: BROKEN[i % BROKEN.length],
    shape: BASELINE_SHAPES[i % BASELINE_SHAPES.length],
  }));
  return [
    ...own.map((one): Curve => ({ one, colour: colours.get(one) ?? COLOUR.highlight, shape: "circle" })),
    ...baselines,
  ];
}

function nameOf({ one }: Curve): { name: string } {
  return { name: one.cell };
}

function mostSeeds({ at }: ChosenConfiguration): number {
  return maxOf(BASES.flatMap((basis) => at[basis].points.map(({ seeds }) => seeds.length)), 0);
}

function chosenNote({ chosen, of, criterion }: StepsBackAnswers): string[] {
  const own = chosen.filter(({ isBaseline }) => !isBaseline).length;
  return own < of
    ? [
      `Of ${counted(of, "configuration")} the best ${own} by ${
        criterionInWords(criterion)
      }, with any number of steps back.`,
    ]
    : [];
}

/** What stands for what in a panel. */
function basisNote({ at, reads }: StepsBackAnswers, basis: Basis): string {
  const { quantity } = at[basis], equal = equalIn(basis, reads);
  const start = `${equal[0].toUpperCase()}${equal.slice(1)}`;
  if (!quantity) return `${start}: nothing can be compared.`;
  if (quantity === "score") return `${start}: final scores on the test split, after ${updatesText(at[basis])}.`;
  return `${start}: smoothed training losses after ${pointText(at[basis], reads)}; no scores.`;
}

function levelsFor({ at, chosen: [first] }: StepsBackAnswers, basis: Basis, levels: readonly Level[] | undefined) {
  const { quantity } = at[basis];
  return quantity ? levelsOn(quantity === "score" ? "test" : "training", levels, first.best) : [];
}

/** What the dotted lines are: of the panel that has most of them. */
function noteOf(shown: readonly { readonly levels: readonly Level[]; readonly domain: readonly number[] }[]): string[] {
  const [most] = shown.toSorted((a, b) => b.levels.length - a.levels.length);
  // A colon parts an order from its value: both are numbers.
  return levelNote(most.levels, most.domain);
}

function domainOf({ chosen }: StepsBackAnswers, basis: Basis): [number, number] {
  const values = chosen.flatMap(({ at }) => at[basis].points.flatMap(({ seeds }) => seeds.map(({ value }) => value)));
  if (!values.length) return [0, 1];
  const [low, high] = extentOf(values);
  return padded([low, high], Math.max(0.08 * (high - low), LEAST_SPAN / 2));
}

function legendOf(curves: readonly Curve[]): LegendLine[] {
  const own = curves.filter(({ one }) => !one.isBaseline), baselines = curves.filter(({ one }) => one.isBaseline);
  return [
    {
      entries: own.map(({ one, colour }, i) => ({
        mark: i ? "line" as const : "bar" as const,
        colour,
        text: `${i ? "" : "best: "}${one.label}`,
      })),
    },
    {
      entries: baselines.map(({ one, dashes, shape }) => ({ ...baselineEntry(one.label, "dashdot"), dashes, shape })),
    },
  ].filter(({ entries }) => entries.length > 0);
}

interface PanelOptions {
  readonly basis: Basis;
  readonly domain: readonly [number, number];
  readonly levels: readonly Level[];
  /** Above the panel, and its size, in pixels. */
  readonly heading: { readonly text: string; readonly size: number };
  /** For names of baselines, to the right, in pixels. */
  readonly room: number;
  readonly width: number;
  readonly position: readonly [number, number];
}

/** A point of a curve, and how it is drawn. */
interface DrawnPoint extends StepsBackPoint, Curve {}

function drawPanel(
  document: SvgDocument,
  answers: StepsBackAnswers,
  curves: readonly Curve[],
  { basis, domain, heading, levels, room, width, position }: PanelOptions,
): SvgElement {
  const { quantity } = answers.at[basis], ks = answers.at[basis].levels, height = HEIGHT - INSET.top - INSET.bottom;
  const before = levels.some(({ value }) => value >= domain[0] && value <= domain[1]) ? LABELLED : BEYOND;
  const xDomain = ks.length ? [ks[0] / before, ks[ks.length - 1] * BEYOND] : [1, 2];
  const drawn = curves.map((curve) => curve.one.at[basis].points.map((point): DrawnPoint => ({ ...point, ...curve })))
    .filter(({ length }) => length > 0);
  return panel(document, position, {
    width,
    height: HEIGHT,
    marginLeft: INSET.left,
    marginRight: INSET.right + room,
    marginTop: INSET.top,
    marginBottom: INSET.bottom,
    x: { type: "log", base: 2, domain: xDomain, label: null },
    y: { domain: [...domain], label: null },
    marks: [
      Plot.text([heading.text], {
        frameAnchor: "top-left",
        textAnchor: "start",
        dy: -28,
        fontSize: heading.size,
        fontWeight: "bold",
        fill: COLOUR.text,
      }),
      ...(quantity
        ? [
          Plot.gridY({ ticks: 6, stroke: COLOUR.grid, strokeOpacity: 1 }),
          Plot.axisY({ ticks: 6, tickSize: 0, label: null }),
          Plot.axisX(ticksOf(ks, xDomain, width - INSET.left - INSET.right - room), {
            tickSize: 5,
            label: null,
            tickFormat: (k: number) => `${k}`,
          }),
          Plot.ruleY([domain[0]], { stroke: COLOUR.axis }),
          ...levelMarks(levels, domain, { height, labelled: true }),
          // The best one is drawn last, above all others.
          ...drawn.toReversed().flatMap(curveMarks),
          ...endLabels(namesAtEnds(drawn, domain, height), height),
        ]
        : [Plot.text(["no point in common"], { frameAnchor: "middle", fill: COLOUR.muted, fontSize: SIZE.text })]),
    ],
  });
}

/** Of numbers of steps back that lie too close together for their labels, the first ones. @param width of the domain, in pixels */
function ticksOf(ks: readonly number[], [low, high]: readonly number[], width: number): number[] {
  const pixels = (k: number) => Math.log(k / low) / Math.log(high / low) * width;
  return ks.reduce<number[]>(
    (ticks, k) => ticks.length && pixels(k) - pixels(ticks[ticks.length - 1]) < TICK_GAP ? ticks : [...ticks, k],
    [],
  );
}

/** `At equal bytes read: test score (bits per byte)`. */
function headingOf({ at, reads }: StepsBackAnswers, basis: Basis): string {
  const { quantity } = at[basis], equal = `At ${equalIn(basis, reads)}`;
  if (!quantity) return equal;
  return `${equal}: ${quantity === "score" ? "test score" : "training loss"} (${quantityUnit(quantity, reads)})`;
}

function curveMarks(points: readonly DrawnPoint[]): Plot.Markish[] {
  const [{ one, colour, dashes, shape: symbol }] = points, isBest = colour === COLOUR.highlight;
  const seeds = points.flatMap(({ k, seeds }) => seeds.map(({ value }) => ({ k, value })));
  const at = { x: "k", y: "mean" } as const;
  const named = (drawn: readonly DrawnPoint[]) => naming(drawn, () => one.best.name);
  return [
    ...(points.length > 1
      ? [Plot.line(points, {
        ...at,
        stroke: colour,
        strokeWidth: isBest ? 2.6 : 1.8,
        strokeDasharray: dashes,
        ...named(points),
      })]
      : []),
    Plot.dot(seeds, {
      x: "k",
      y: "value",
      symbol,
      r: 2.6,
      fill: colour,
      fillOpacity: 0.55,
      ariaDescription: SEEDS_LABEL,
    }),
    Plot.dot(points, { ...at, symbol, r: isBest ? 5 : 4, fill: colour, stroke: COLOUR.background, ...named(points) }),
  ];
}

/** The names of baselines, as high as their last points. */
function namesAtEnds(drawn: readonly DrawnPoint[][], [low, high]: readonly [number, number], height: number) {
  return drawn.filter(([{ one }]) => one.isBaseline).map((points) => ({
    name: points[0].one.cell,
    y: (high - points[points.length - 1].mean) / (high - low) * height,
  }));
}
