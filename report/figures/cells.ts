/** The picture `results_*_cells`: the scores of the best configuration's seeds and of other cells, with their differences. */
import * as Plot from "@observablehq/plot";
import { extentOf } from "../../cells/extremes.ts";
import { describeSizesIn } from "../../cells/config.ts";
import { formatCount } from "../../cells/counts.ts";
import type { FactorTable } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import { criterionInWords } from "../../experiments/study/criterion.ts";
import { type Level, levelsOn } from "../data/levels.ts";
import { cellNameIn } from "../data/cell_names.ts";
import type { Table } from "../data/table.ts";
import type { Measure } from "../statistics/matched.ts";
import type { MergedRow } from "../data/merged.ts";
import { trainedAt, variedTraining } from "../data/training_factors.ts";
import { padded } from "../statistics/means.ts";
import {
  type BaselineAnswers,
  type BaselineComparison,
  type BestAgainst,
  comparedRows,
} from "../statistics/baseline_comparison.ts";
import { bestOfEach } from "../tables/baseline_words.ts";
import { COLUMN_OF, unitOfMeasure } from "../tables/measure_words.ts";
import { formatInterval } from "../tables/effect_tables.ts";
import { formatDifference, formatLoss, NONE } from "../tables/format.ts";
import { countColumn, factorColumns, nameColumns, numberColumn, pictureTable, textColumn } from "./data_columns.ts";
import {
  composeFigure,
  type FigureOptions,
  type Frame,
  naming,
  panel,
  panelArea,
  type SvgDocument,
  type SvgElement,
} from "./svg.ts";
import { levelMarksX, levelNote } from "./levels.ts";
import { BOLD, fitTogether } from "./text.ts";
import { textColumns } from "./text_columns.ts";
import { BASELINE_COLOUR, COLOUR, SIZE } from "./theme.ts";

const ROW = 50;
const INSET = { left: 216, headed: 60, top: 36, bottom: 58, right: 350 } as const;
const GAP = 18;
const BEST_COLOUR = "#0072B2";
/** Where the columns of text end, in pixels from the right border of the plot. */
const COLUMN = { parameters: 80, mean: 128, difference: 206, interval: 346 } as const;
/** Other cells than these are in the table alone. */
const MOST_CELLS = 16;
/** Share of the range of what is compared that the axis goes beyond it, for the configurations that the best one was chosen from. */
const BEYOND = 0.5;
const DETAIL_SIZE = 12, COLUMN_SIZE = 13, LABEL_GAP = 10;

/** One line of a panel: a configuration, its cell's name, and what it is compared by. */
interface Line {
  readonly title: string;
  readonly detail: string;
  readonly row: MergedRow;
  readonly colour: string;
  readonly comparison?: BaselineComparison;
}

/**
 * Draws the best configuration and below it the best of each other cell: a dot for each seed and their mean, with the difference of
 * the means over common seeds. A second panel has them trained as is best for each, where they were trained in several ways.
 *
 * @returns the SVG's text
 */
export function figureCells(
  document: SvgDocument,
  { equal, tuned }: BaselineAnswers,
  options: FigureOptions,
  table: FactorTable = GATED,
): string {
  const answers = [equal, tuned].flatMap((answer) => answer ?? []), [{ cell, criterion }] = answers;
  const frame: Frame = {
    name: options.name,
    title: options.title,
    subtitle: [
      options.subtitle,
      `The best configuration of each cell by ${criterionInWords(criterion)}.`,
      "Dot: a seed; bar: their mean; lower is better.",
      `Difference: best ${cell} − other, over common seeds; its interval: Student's t over seeds${
        answers.some(({ comparisons }) => comparisons.length > 1) ? ", not corrected for multiple comparisons" : ""
      }.`,
      ...[...Map.groupBy(answers, ({ measure }) => measure).values()].flatMap((alike) =>
        levelNote(
          levelsBeside(alike[0], options),
          ...alike.map((answer) => scaleOf(answer, linesOf(answer, table)).domain),
        )
      ),
    ],
    legend: answers.some(({ of }) => of > 1)
      ? [{ entries: [{ mark: "line", colour: COLOUR.axis, text: othersInWords(answers, table) }] }]
      : [],
  };
  const { top } = panelArea(frame);
  let height = 0;
  const panels = answers.map((answer) => {
    const drawn = drawPanel(document, answer, {
      top: top + height,
      headed: answers.length > 1 || answer.trained !== "",
      levels: levelsBeside(answer, options),
      table,
    });
    height += drawn.height + GAP;
    return drawn.panel;
  });
  return composeFigure(document, frame, panels, height - GAP - 24);
}

/** What is drawn of a configuration: the dot of a seed, the bar of its mean, or the short line of one that the best was chosen from. */
interface Shown {
  readonly answer: BestAgainst;
  readonly shown: "seed" | "mean" | "other configuration";
  readonly row: MergedRow;
  readonly seed?: number;
  readonly value: number;
  readonly comparison?: BaselineComparison;
}

/** The data behind {@linkcode figureCells}. */
export function cellsData({ equal, tuned }: BaselineAnswers, table: FactorTable): Table {
  const answers = [equal, tuned].flatMap((answer) => answer ?? []), [{ best: { reads } }] = answers;
  const rows = answers.flatMap((answer) => {
    const { measure } = answer, lines = linesOf(answer, table);
    return [
      ...lines.flatMap(({ row, comparison }): Shown[] => [
        ...meansOf(row, measure).map((value) => ({ answer, shown: "mean" as const, row, value, comparison })),
        ...seedsOf(row, measure).map((one) => ({ answer, shown: "seed" as const, row, ...one })),
      ]),
      ...scaleOf(answer, lines).others.map((one): Shown => ({ answer, shown: "other configuration", ...one })),
    ];
  });
  return pictureTable<Shown>([
    textColumn("trained", "training settings of all in the panel", ({ answer }) => trainedHow(answer)),
    textColumn(
      "measure",
      "what is compared, as its column in the table of runs is called",
      ({ answer }) => COLUMN_OF[answer.measure],
    ),
    textColumn(
      "unit",
      "unit of values, differences and intervals",
      ({ answer: { measure } }) => unitOfMeasure(measure, reads),
    ),
    textColumn(
      "shown",
      "a seed, the mean of a configuration's seeds, or that of another one that the best was chosen from",
      ({ shown }) => shown,
    ),
    textColumn("cell_name", "name of the configuration's cell", ({ row }) => cellNameIn(table, row.config)),
    ...nameColumns(({ row }: Shown) => row),
    countColumn("seed", "number of the seed; empty for others", ({ seed }) => seed),
    numberColumn("value", "the measure", ({ value }) => value),
    numberColumn(
      "difference",
      "of a mean: the best configuration's minus this one, over common seeds",
      ({ comparison }) => comparison?.difference,
    ),
    numberColumn(
      "interval_low",
      "lower end of its 95 % interval, Student's t over seeds",
      ({ comparison }) => comparison?.interval?.low,
    ),
    numberColumn("interval_high", "upper end of it", ({ comparison }) => comparison?.interval?.high),
    countColumn("parameters", "parameters of the model", ({ row }) => row.parameters),
    ...factorColumns(table, ({ row }: Shown) => row),
  ], rows);
}

/** The values of a configuration's seeds. */
function seedsOf({ runs }: MergedRow, measure: Measure): { readonly seed: number; readonly value: number }[] {
  return runs.flatMap(({ seed, [measure]: value }) => value === undefined ? [] : [{ seed, value }]);
}

/** The mean of these; nothing where there is none. */
function meansOf(row: MergedRow, measure: Measure): number[] {
  return row[measure] ? [row[measure].mean] : [];
}

function trainedHow({ trained }: BestAgainst): string {
  return trained ? `all trained at ${trained}` : "each with its own best training settings";
}

/** What the axis of a comparison is held against. */
function levelsBeside({ measure, best }: BestAgainst, { levels }: FigureOptions): Level[] {
  return levelsOn(measure === "test_bits_per_byte" ? "test" : "training", levels, best);
}

function linesOf(answer: BestAgainst, table: FactorTable): Line[] {
  const varied = variedTraining(table, comparedRows(answer));
  const detail = (row: MergedRow) =>
    [describeSizesIn(table, row.config), trainedAt(varied, row)].filter(Boolean).join(", ");
  return [
    { title: `best ${answer.cell}`, detail: detail(answer.best), row: answer.best, colour: BEST_COLOUR },
    ...bestOfEach(answer).slice(0, MOST_CELLS).map((comparison) => ({
      title: comparison.name,
      detail: detail(comparison.baseline),
      row: comparison.baseline,
      colour: BASELINE_COLOUR,
      comparison,
    })),
  ];
}

interface PanelOptions {
  /** In pixels. */
  top: number;
  /** Whether the panel says how its configurations were trained. */
  headed: boolean;
  /** On the axis of its numbers. */
  levels: readonly Level[];
  table: FactorTable;
}

/** A number of a panel: `y` is the number of its line. */
interface Mark {
  readonly value: number;
  readonly y: number;
  readonly colour: string;
  readonly name: string;
}

function drawPanel(
  document: SvgDocument,
  answer: BestAgainst,
  { top, headed, levels, table }: PanelOptions,
): { panel: SvgElement; height: number } {
  const { measure } = answer, lines = linesOf(answer, table), { domain, others } = scaleOf(answer, lines);
  const marks = (valuesOf: (row: MergedRow) => readonly number[]) =>
    lines.flatMap(({ row, colour }, y) => valuesOf(row).map((value): Mark => ({ value, y, colour, name: row.name })));
  const dots = marks((row) => seedsOf(row, measure).map(({ value }) => value));
  const means = marks((row) => meansOf(row, measure));
  const marginTop = headed ? INSET.headed : INSET.top, height = marginTop + lines.length * ROW + INSET.bottom;
  const how = trainedHow(answer), heading = how[0].toUpperCase() + how.slice(1);
  const unit = measure === "test_bits_per_byte" ? "test split" : "lowest training loss";
  const drawn = panel(document, [SIZE.margin, top], {
    width: SIZE.width - 2 * SIZE.margin,
    height,
    marginLeft: INSET.left,
    marginRight: INSET.right,
    marginTop,
    marginBottom: INSET.bottom,
    x: { domain, label: null },
    y: { domain: [lines.length - 0.5, -0.5], axis: null },
    marks: [
      Plot.gridX({ ticks: 5, stroke: COLOUR.grid, strokeOpacity: 1 }),
      Plot.axisX({ ticks: 5, tickSize: 5, label: null }),
      ...levelMarksX(levels, domain, SIZE.width - 2 * SIZE.margin - INSET.left - INSET.right),
      Plot.ruleX(others, { x: "value", y1: -0.16, y2: 0.16, stroke: COLOUR.axis }),
      Plot.ruleX(means.slice(0, 1), { x: "value", stroke: BEST_COLOUR, strokeWidth: 1.2, strokeDasharray: "2,3" }),
      Plot.ruleX(means, {
        x: "value",
        y1: ({ y }: Mark) => y - 0.3,
        y2: ({ y }: Mark) => y + 0.3,
        stroke: ({ colour }: Mark) => colour,
        strokeWidth: 3,
      }),
      Plot.dot(dots, {
        x: "value",
        y: "y",
        r: 4.6,
        fill: ({ colour }: Mark) => colour,
        fillOpacity: 0.8,
        stroke: COLOUR.background,
        strokeWidth: 0.8,
        ...naming(dots, ({ name }) => name),
      }),
      ...lineLabels(lines),
      ...columnMarks(lines, answer),
      ...(headed
        ? [
          Plot.text([heading], {
            frameAnchor: "top-left",
            dx: -INSET.left,
            dy: -46,
            fontSize: SIZE.text,
            fontWeight: "bold",
          }),
        ]
        : []),
      Plot.text([`${unit} (${unitOfMeasure(answer.measure, answer.best.reads)})`], {
        frameAnchor: "bottom",
        dy: 42,
        fontSize: SIZE.tick,
      }),
    ],
  });
  return { panel: drawn, height };
}

/** The numbers of a panel's x axis. */
interface Scale {
  readonly domain: [number, number];
  /** Of what the best one was chosen from, those within the domain; and how many are not. */
  readonly others: readonly { readonly row: MergedRow; readonly value: number }[];
  readonly hidden: number;
}

/**
 * All that is compared, and of what the best one was chosen from whatever is lower: it was chosen by another number, and has perhaps not the
 * lowest score. Far above, the others would press the rest together.
 */
function scaleOf({ measure, from, best }: BestAgainst, lines: readonly Line[]): Scale {
  const compared = lines.flatMap(({ row }) => seedsOf(row, measure).map(({ value }) => value));
  const all = from.filter((row) => row !== best)
    .flatMap((row) => meansOf(row, measure).map((value) => ({ row, value })));
  const [low, high] = extentOf(compared), others = all.filter(({ value }) => value <= high + BEYOND * (high - low));
  const [start, end] = extentOf([low, high, ...others.map(({ value }) => value)]);
  const domain = padded([start, end], Math.max(0.05 * (end - start), 0.005));
  return { domain, others, hidden: all.length - others.length };
}

/** What the best ones were chosen from, as the legend says it. */
function othersInWords(answers: readonly BestAgainst[], table: FactorTable): string {
  const hidden = answers.reduce((sum, answer) => sum + scaleOf(answer, linesOf(answer, table)).hidden, 0);
  const left = hidden ? `; ${hidden} beyond the axis not shown` : "";
  return `other ${answers[0].cell} configurations, the mean of each${left}`;
}

function lineLabels(lines: readonly Line[]): Plot.Markish[] {
  const room = INSET.left - LABEL_GAP;
  const label = (
    texts: readonly string[],
    usual: number,
    { boldness, lines: most }: { boldness: number; lines: number },
    dy: number,
    colourOf: (line: Line) => string,
  ) => {
    const fitted = fitTogether(texts, room, usual, { boldness, lines: most });
    return Plot.text(lines, {
      y: (_, i) => i,
      text: (_, i) => fitted.texts[i],
      frameAnchor: "left",
      textAnchor: "end",
      dx: -LABEL_GAP,
      lineAnchor: boldness > 1 ? "middle" : "top",
      dy,
      fontSize: fitted.size,
      fontWeight: boldness > 1 ? "bold" : "normal",
      fill: colourOf,
    });
  };
  return [
    label(lines.map(({ title }) => title), SIZE.text, { boldness: BOLD, lines: 1 }, -10, ({ colour }) => colour),
    label(lines.map(({ detail }) => detail), DETAIL_SIZE, { boldness: 1, lines: 2 }, 2, () => COLOUR.muted),
  ];
}

function columnMarks(lines: readonly Line[], { measure }: BestAgainst): Plot.Markish[] {
  const meanOf = ({ row }: Line) => row[measure] ? formatLoss(row[measure].mean) : NONE;
  const differenceOf = ({ comparison }: Line) =>
    comparison?.difference === undefined ? NONE : formatDifference(comparison.difference);
  const columns = [
    { heading: "parameters", right: COLUMN.parameters, text: ({ row }: Line) => formatCount(row.parameters) },
    { heading: "mean", right: COLUMN.mean, text: meanOf },
    { heading: "difference", right: COLUMN.difference, text: differenceOf },
    {
      heading: "95 % interval",
      right: COLUMN.interval,
      text: ({ comparison }: Line) => comparison ? intervalText(comparison) : NONE,
    },
  ];
  return textColumns(lines, (_: Line, i: number) => i, columns, COLUMN_SIZE);
}

function intervalText({ interval, seeds }: BaselineComparison): string {
  if (interval) return formatInterval(interval);
  return seeds.length ? "one seed" : "not compared";
}
