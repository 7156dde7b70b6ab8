/** The picture `results_*_shares`: what share of the variance over the configurations each factor has, alone and together with others. */
import * as Plot from "@observablehq/plot";
import { maxOf } from "../../cells/extremes.ts";
import { counted, formatCount } from "../../cells/counts.ts";
import { keysOf } from "../../cells/factor.ts";
import { sum } from "simple-statistics";
import type { Table } from "../data/table.ts";
import type { Effects } from "../statistics/effects.ts";
import type { VarianceShare, VarianceShares } from "../statistics/variance_shares.ts";
import { COLUMN_OF, measureTitle, unitOfMeasure } from "../tables/measure_words.ts";
import { formatLoss } from "../tables/format.ts";
import { atSomeLevels } from "../tables/factor_words.ts";
import { axisName, termName } from "../tables/share_words.ts";
import { numberColumn, pictureTable, textColumn } from "./data_columns.ts";
import { composeFigure, type FigureOptions, panel, panelArea, type SvgDocument, type SvgElement } from "./svg.ts";
import { fitTogether, widest } from "./text.ts";
import { textColumns } from "./text_columns.ts";
import { COLOUR, DIFFERENCE_COLOUR, SIZE } from "./theme.ts";

/** A row has room for two lines of its label, and some to the next one. */
const ROW = 42, GAP = 20;
const INSET = { top: 58, bottom: 34 } as const;
const WIDTH = SIZE.width - 2 * SIZE.margin;
/** Room for the rows' labels, with a gap to the bars. */
const LABELS = { least: 118, most: 330, gap: 10 } as const;
/** Where the columns of text end, in pixels from the right border of the bars, and the room for them. */
const COLUMN = { alone: 66, together: 176, room: 176 } as const;
/** So many single interactions are shown, those after the first of this share at least; the others are summed. */
const MOST_INTERACTIONS = 8, LEAST_SHARE = 0.001;

/** A space at which {@linkcode fitTogether} breaks no line. */
const NO_BREAK = "\u00a0";

const FILL = { alone: DIFFERENCE_COLOUR.lower, together: "#a9cde6", noise: "#bdbdbd" } as const;

/** A bar: the share of something alone, and beside it what it has in interactions. */
interface Bar {
  readonly label: string;
  /** The keys of its factors; empty where it is of none, or of several sets of these. */
  readonly factors: readonly string[];
  readonly alone?: number;
  readonly together?: number;
  readonly noise?: number;
}

/**
 * Draws a bar for each axis of the grid, its own share and the sum of the shares that it has a part in; below, the largest single
 * interactions, the rest of them, and seed noise, which is in all.
 *
 * @returns the SVG's text
 */
export function figureShares(
  document: SvgDocument,
  { primary, reads }: Pick<Effects, "primary" | "reads">,
  shares: VarianceShares,
  options: FigureOptions,
): string {
  const frame = {
    name: options.name,
    title: options.title,
    subtitle: [
      options.subtitle,
      gridLine(shares),
      measureLine(shares, measureTitle(primary), unitOfMeasure(primary, reads)),
      sumLine(shares),
      noiseLine(shares),
    ],
    legend: [{
      entries: [
        { mark: "square" as const, colour: FILL.alone, text: "alone" },
        { mark: "square" as const, colour: FILL.together, text: "in interactions (counted for each factor)" },
      ],
    }],
  };
  const top = axisBars(shares), below = interactionBars(shares);
  const labels = labelRoom([...top, ...below]);
  const most = maxOf([...top, ...below].map(lengthOf));
  const { top: start } = panelArea(frame),
    heights = [top, below].map(({ length }) => INSET.top + length * ROW + INSET.bottom);
  const panels = [
    drawBars(document, top, { title: "Each hyperparameter", top: start, height: heights[0], most, labels }),
    drawBars(document, below, {
      title: "Interactions of hyperparameters",
      top: start + heights[0] + GAP,
      height: heights[1],
      most,
      labels,
    }),
  ];
  return composeFigure(document, frame, panels, heights[0] + GAP + heights[1] - 30);
}

/** The data behind {@linkcode figureShares}: a row for each bar. */
export function sharesData(
  { primary }: Pick<Effects, "primary">,
  shares: VarianceShares,
): Table {
  const of = (panel: string) => (bar: Bar) => ({ ...bar, panel });
  return pictureTable<Bar & { readonly panel: string }>([
    textColumn(
      "measure",
      "the measure, by the name of its column in the table of runs",
      () => COLUMN_OF[primary],
    ),
    textColumn("panel", "hyperparameter, or interaction of several", ({ panel }) => panel),
    textColumn("label", "label of the bar", ({ label }) => label.replaceAll(NO_BREAK, " ")),
    textColumn(
      "factors",
      "its factors, by the names of their columns in the table of runs, joined by ×",
      ({ factors }) => factors.join(" × ") || undefined,
    ),
    numberColumn("alone", "share of the variance that it has alone, 0 to 1", ({ alone }) => alone),
    numberColumn(
      "together",
      "share of its interactions; in the first panel, of all interactions that include it",
      ({ together }) => together,
    ),
    numberColumn("noise", "share of seed noise, which is included in all shares", ({ noise }) => noise),
  ], [...axisBars(shares).map(of("hyperparameter")), ...interactionBars(shares).map(of("interaction"))]);
}

function lengthOf({ alone = 0, together = 0, noise = 0 }: Bar): number {
  return alone + together + noise;
}

function gridLine({ configurations, at, axes }: VarianceShares): string {
  const where = atSomeLevels(at);
  const grid = axes.map(({ levels }) => formatCount(levels)).join(" × ");
  return `The complete grid of ${counted(configurations, "configuration")}${
    where ? ` with ${where}` : ""
  }: ${grid} values.`;
}

function measureLine({ deviation }: VarianceShares, measure: string, unit: string): string {
  return `${measure}: standard deviation over these configurations ${formatLoss(deviation)} ${unit}.`;
}

/** How the shares sum to 1. */
function sumLine({ shares }: VarianceShares): string {
  const ofOrder = (holds: (axes: number) => boolean) =>
    formatShare(sum(shares.filter(({ axes }) => holds(axes.length)).map(({ share }) => share)));
  const several = shares.some(({ axes }) => axes.length > 2) ? `, of three or more ${ofOrder((axes) => axes > 2)}` : "";
  return `Exact shares of the variance, which sum to 100 %: alone ${ofOrder((axes) => axes === 1)}, ` +
    `interactions of two ${ofOrder((axes) => axes === 2)}${several}.`;
}

function noiseLine({ noise }: VarianceShares): string {
  return noise === undefined
    ? "The share of seed noise is unknown: it needs the same number of seeds, at least two, of each configuration."
    : `Seed noise makes up about ${formatShare(noise)} of the variance, and is included in all shares.`;
}

/** A term's name, which is broken between axes alone. */
function unbroken(term: VarianceShare): string {
  return termName(term).replaceAll(" ", NO_BREAK).replaceAll(`×${NO_BREAK}`, "× ");
}

function keysIn({ axes }: VarianceShare): string[] {
  return axes.flatMap(({ factors }) => keysOf(factors));
}

function axisBars({ axes, shares }: VarianceShares): Bar[] {
  return axes.map((axis): Required<Omit<Bar, "noise">> => {
    const own = shares.filter((share) => share.axes.includes(axis));
    const isAlone = ({ axes }: VarianceShare) => axes.length === 1;
    return {
      label: axisName(axis),
      factors: keysOf(axis.factors),
      alone: sum(own.filter(isAlone).map(({ share }) => share)),
      together: sum(own.filter((share) => !isAlone(share)).map(({ share }) => share)),
    };
  }).sort((a, b) => b.alone + b.together - a.alone - a.together);
}

function interactionBars({ shares, noise }: VarianceShares): Bar[] {
  const all = shares.filter(({ axes }) => axes.length > 1);
  const isShown = ({ share }: VarianceShare, i: number) => i === 0 || (i < MOST_INTERACTIONS && share >= LEAST_SHARE);
  const shown = all.filter(isShown).length, others = all.slice(shown);
  return [
    ...all.slice(0, shown).map((one) => ({ label: unbroken(one), factors: keysIn(one), together: one.share })),
    ...(others.length
      ? [{
        label: others.length > 1 ? `all ${formatCount(others.length)} others` : unbroken(others[0]),
        factors: others.length > 1 ? [] : keysIn(others[0]),
        together: sum(others.map(({ share }) => share)),
      }]
      : []),
    ...(noise === undefined ? [] : [{ label: "for comparison: seed noise", factors: [], noise }]),
  ];
}

/** Labels in up to two lines, with the room that they take. */
function labelRoom(bars: readonly Bar[]): { of: ReadonlyMap<string, string>; room: number; size: number } {
  const names = bars.map(({ label }) => label);
  const { texts, size } = fitTogether(names, LABELS.most - LABELS.gap, SIZE.tick, { lines: 2 });
  const room = Math.max(LABELS.least, widest(texts, size) + LABELS.gap);
  return { of: new Map(names.map((name, i) => [name, texts[i]])), room, size };
}

interface PanelOptions {
  title: string;
  top: number;
  height: number;
  /** The longest bar of all panels. */
  most: number;
  labels: ReturnType<typeof labelRoom>;
}

function drawBars(document: SvgDocument, bars: readonly Bar[], options: PanelOptions): SvgElement {
  const { title, top, height, most, labels } = options;
  const shown = (share: number | undefined) => share === undefined ? "" : formatShare(share);
  const columns = bars.some(({ alone }) => alone !== undefined)
    ? [
      { heading: "alone", right: COLUMN.alone, text: ({ alone }: Bar) => shown(alone) },
      { heading: "interactions", right: COLUMN.together, text: ({ together }: Bar) => shown(together) },
    ]
    : [{ heading: "share", right: COLUMN.together, text: ({ together, noise }: Bar) => shown(together ?? noise) }];
  const bar = (from: (bar: Bar) => number, length: keyof typeof FILL) =>
    Plot.barX(bars, {
      y: "label",
      x1: from,
      x2: (one: Bar) => from(one) + (one[length] ?? 0),
      fill: FILL[length],
    });
  return panel(document, [SIZE.margin, top], {
    width: WIDTH,
    height,
    marginLeft: labels.room,
    marginRight: COLUMN.room,
    marginTop: INSET.top,
    marginBottom: INSET.bottom,
    x: { domain: [0, 1.02 * most], label: null },
    y: { type: "band", domain: bars.map(({ label }) => label), padding: 0.3, label: null },
    marks: [
      Plot.gridX({ ticks: 6, stroke: COLOUR.grid, strokeOpacity: 1 }),
      Plot.axisX({
        ticks: 6,
        tickSize: 5,
        label: null,
        tickFormat: (share: number) => `${Number((100 * share).toPrecision(6))} %`,
      }),
      Plot.axisY({
        tickSize: 0,
        label: null,
        fontSize: labels.size,
        tickFormat: (name: string) => labels.of.get(name)!,
      }),
      bar(() => 0, "alone"),
      bar(({ alone = 0 }) => alone, "together"),
      bar(() => 0, "noise"),
      Plot.ruleX([0], { stroke: COLOUR.text, strokeWidth: 1.2 }),
      ...textColumns(bars, "label", columns),
      Plot.text([title], {
        frameAnchor: "top-left",
        dx: -labels.room,
        dy: -44,
        fontSize: SIZE.text,
        fontWeight: "bold",
      }),
    ],
  });
}

/** `61 %`, `4.2 %`; of less than a hundredth of a percent that it is less. */
function formatShare(share: number): string {
  const percent = 100 * share;
  if (percent < 0.01) return percent > 0 ? "< 0.01 %" : "0 %";
  return `${percent < 9.95 ? percent.toPrecision(2) : Math.round(percent)} %`;
}
