/** The picture `results_*_test`: the score on held-out text against the training loss. */
import * as Plot from "@observablehq/plot";
import { sampleRankCorrelation } from "simple-statistics";
import { extentOf } from "../../cells/extremes.ts";
import { commandOn } from "../../experiments/study/commands.ts";
import type { Experiment } from "../../experiments/study/experiment.ts";
import { ANY_STUDY } from "../../train/terminal/advice.ts";
import { criterionInWords } from "../../experiments/study/criterion.ts";
import { bitsPerByte, levelsOn } from "../data/levels.ts";
import { levelNote } from "./levels.ts";
import type { FactorTable } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import { criterionOfRows, type MergedRow } from "../data/merged.ts";
import type { Table } from "../data/table.ts";
import {
  factorColumns,
  measureColumn,
  nameColumns,
  numberColumn,
  pictureTable,
  spreadColumns,
} from "./data_columns.ts";
import { dotKey } from "./marks.ts";
import { cellNames, drawScatter, leftOut, type ScatterDot, TICK_LABELS, widened } from "./scatter.ts";
import { composeFigure, DASHES, type FigureOptions, type LegendLine, panelArea, type SvgDocument } from "./svg.ts";
import { COLOUR, SIZE } from "./theme.ts";

const HEIGHT = 560;
/** Fewer configurations than this say nothing by their order. */
const FEWEST_RANKED = 10;

const EQUALITY: LegendLine = {
  entries: [{ mark: "dashes", colour: COLOUR.muted, text: "equal on the test split and in training" }],
};

/**
 * Draws test bits per byte over the lowest training loss, with the line on which both are equal. Configurations that have not been
 * scored are counted; where none has, the picture says so.
 *
 * @param rows at least one configuration, best first
 * @param experiment where they can be scored
 * @returns the SVG's text
 */
export function figureTest(
  document: SvgDocument,
  rows: readonly MergedRow[],
  options: FigureOptions,
  experiment: Experiment = "01",
  table: FactorTable = GATED,
): string {
  const key = dotKey(rows, table);
  const dots = scoredDots(rows);
  const base = { name: options.name, title: options.title };
  if (!dots.length) {
    const evaluate = commandOn("evaluate", ANY_STUDY, experiment);
    const note = `No configuration has been scored on the test split; ${evaluate} scores them.`;
    return composeFigure(document, { ...base, subtitle: [options.subtitle, note], legend: [] }, [], 0);
  }
  const xDomain = widened(dots.map(({ x }) => x), "linear");
  // The line of equality belongs in the picture where it is near; far from the dots it would squeeze them together, and the PNG
  // renderer fails on a line that is clipped away whole.
  const toBits = (nats: number) => bitsPerByte(nats, rows[0].bytes_per_token);
  const equal = dots.map(({ x }) => toBits(x));
  const ys = dots.flatMap(({ least, most }) => [least, most]);
  const [low, high] = extentOf(ys), span = high - low;
  const near = equal.filter((y) => y > low - span / 2 && y < high + span / 2);
  const yDomain = widened([...ys, ...near], "linear");
  const levels = levelsOn("test", options.levels, rows[0]);
  const frame = {
    ...base,
    subtitle: [
      options.subtitle,
      agreement(dots, criterionInWords(criterionOfRows(rows))) + leftOut(rows.length - dots.length, "no score"),
      ...levelNote(levels, yDomain),
    ],
    legend: near.length ? [...key.legend, EQUALITY] : key.legend,
    y: "test split (bits per byte)",
  };
  const area = panelArea(frame);
  const panels = [
    drawScatter(document, dots.toReversed(), {
      position: [area.left, area.top],
      width: SIZE.width - area.left - TICK_LABELS - 10,
      height: HEIGHT,
      xLabel: `lowest smoothed training loss (nats per ${rows[0].reads})`,
      xScale: "linear",
      xDomain,
      yDomain,
      labelled: true,
      key,
      names: cellNames(dots, table),
      levels,
      under: near.length ? [equalityLine(xDomain, toBits)] : [],
      over: [Plot.dot(dots.slice(0, 1), { x: "x", y: "y", r: 7.5, stroke: COLOUR.highlight, strokeWidth: 1.8 })],
    }),
  ];
  return composeFigure(document, frame, panels, HEIGHT - 24);
}

/** A dot for each configuration that has been scored. */
function scoredDots(rows: readonly MergedRow[]): ScatterDot[] {
  return rows.flatMap((row) => {
    const score = row.test_bits_per_byte;
    return score ? [{ row, x: row.min_loss.mean, y: score.mean, least: score.least, most: score.most }] : [];
  });
}

/** The data behind {@linkcode figureTest}: a row for each dot. */
export function testData(rows: readonly MergedRow[], table: FactorTable): Table {
  const [{ reads }] = rows;
  return pictureTable<ScatterDot>([
    ...nameColumns(({ row }: ScatterDot) => row),
    numberColumn(measureColumn("min_loss", reads), "lowest smoothed training loss, mean over its seeds", ({ x }) => x),
    ...spreadColumns("test_bits_per_byte", "score on the test split", ({ y, least, most }: ScatterDot) => ({
      mean: y,
      least,
      most,
    })),
    ...factorColumns(table, ({ row }: ScatterDot) => row),
  ], scoredDots(rows));
}

function equalityLine(xDomain: readonly number[], toBits: (nats: number) => number): Plot.Markish {
  return Plot.line(xDomain.map((x) => ({ x, y: toBits(x) })), {
    x: "x",
    y: "y",
    stroke: COLOUR.muted,
    strokeWidth: 1.4,
    strokeDasharray: DASHES,
    clip: true,
  });
}

/** Whether the order by training loss is that by test score: Spearman's rank correlation. @param chosenBy what the first one is chosen by */
function agreement(dots: readonly ScatterDot[], chosenBy: string): string {
  const ring = `The ring marks the best one by ${chosenBy}.`;
  const [xs, ys] = [dots.map(({ x }) => x), dots.map(({ y }) => y)];
  if (dots.length < FEWEST_RANKED || new Set(xs).size < 2 || new Set(ys).size < 2) return ring;
  return `${ring} Spearman's rank correlation: ${sampleRankCorrelation(xs, ys).toFixed(3)}.`;
}
