/**
 * The pictures `results_*_hyperparameters` and `filtered_results_*`: one panel per hyperparameter, with each
 * configuration as a dot above its value and the mean of each group.
 */
import * as Plot from "@observablehq/plot";
import { extentOf, maxOf, minOf } from "../../cells/extremes.ts";
import { type FactorTable, isQuantity } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import { type BaselineLine, baselineMarks, baselineNote, labelRoom, reachOf } from "./baselines.ts";
import { hyperparameterPanels } from "./hyperparameter_data.ts";
import { columnTextSize, meanBars, meanBoxes, meanLabels, TEXT_GAP, thinning } from "./group_means.ts";
import { levelMarks, levelNote } from "./levels.ts";
import { type Level, levelsOn } from "../data/levels.ts";
import type { LossFilter } from "../data/loss_filter.ts";
import { areSeveralBack } from "../data/reading.ts";
import { variedTraining } from "../data/training_factors.ts";
import { countConfigurations, type MergedRow, mostSeeds } from "../data/merged.ts";
import type { FactorEffect } from "../statistics/effects.ts";
import { type Grouping, padded } from "../statistics/means.ts";
import { differenceName, nounOf } from "../tables/factor_words.ts";
import {
  composeFigure,
  type FigureOptions,
  naming,
  panel,
  panelArea,
  SEEDS_LABEL,
  type SvgDocument,
  type SvgElement,
} from "./svg.ts";
import { COLOUR, SIZE } from "./theme.ts";
import { counted, formatCount } from "../../cells/counts.ts";
import { formatDifference, formatLoss } from "../tables/format.ts";
import { type FactorColours, sizeColours } from "./marks.ts";
import { fitSwarms } from "./swarm.ts";
import { BOLD, fitTogether, scaledToFit, widest } from "./text.ts";

const COLUMNS = 3;
const PANEL_HEIGHT = 262;
const GAP_X = 22;
const TICK_LABELS = 34;
const INSET = { top: 50, bottom: 48 } as const;

/** Which configurations the picture shows. */
export interface HyperparameterOptions extends FigureOptions {
  /** Only configurations that pass are shown; all where absent. */
  filter?: LossFilter;
  /** What each factor changes of the lowest training loss, for the picture of all: groups differ in more than one factor. */
  effects?: readonly FactorEffect[];
}

/**
 * Draws the lowest loss of each configuration, the mean over its seeds, against each hyperparameter; a line through the dot goes from
 * the lowest to the highest of the seeds. Controls are hollow diamonds, and are not in means. With a filter that no configuration passes,
 * the picture says so.
 *
 * @param rows at least one configuration, best first
 * @returns the SVG's text
 */
export function figureHyperparameters(
  document: SvgDocument,
  rows: readonly MergedRow[],
  options: HyperparameterOptions,
  table: FactorTable = GATED,
): string {
  const { filter, effects = [] } = options,
    { own, shown, panels: all, lines } = hyperparameterPanels(rows, table, filter);
  const levels = levelsOn("training", options.levels, rows[0]);
  const base = { name: options.name, title: options.title };
  if (!shown.length) {
    return composeFigure(
      document,
      { ...base, subtitle: [options.subtitle, nonePasses(own, filter!)], legend: [] },
      [],
      0,
    );
  }
  // Colours are those of all runs, so that the filtered picture agrees with the full one.
  const colours = sizeColours(table, rows);
  const controls = shown.some(({ control }) => control);
  const [low, high] = reachOf(extentOf(shown.flatMap(({ min_loss }) => [min_loss.least, min_loss.most])), lines);
  const pad = Math.max(0.06 * (high - low), 0.01);
  const domain = padded([low, high], pad);
  const frame = {
    ...base,
    subtitle: [
      options.subtitle,
      ...(filter?.note ? [filter.note] : []),
      ...explanation(own, effects),
      ...trainedOften(shown, table),
      ...baselineNote(lines, domain),
      ...levelNote(levels, domain),
    ],
    legend: [{
      heading: colours.factor.label,
      entries: [
        ...colours.entries.map((entry) => ({ mark: "dot" as const, ...entry })),
        ...(controls ? [{ mark: "outline" as const, colour: COLOUR.muted, text: "a control" }] : []),
        {
          mark: "bar" as const,
          colour: COLOUR.highlight,
          text: `mean of the group${controls ? ", without controls" : ""}`,
        },
      ],
    }],
    x: "value of the hyperparameter, with the number of configurations that have it",
    y: `lowest smoothed training loss (nats per ${rows[0].reads})`,
  };
  const area = panelArea(frame);
  const height = Math.ceil(all.length / COLUMNS) * PANEL_HEIGHT;
  const room = labelRoom(lines);
  const inner = (SIZE.width - SIZE.margin - area.left - TICK_LABELS - (COLUMNS - 1) * GAP_X - room) / COLUMNS;
  const swarms = layOut(all, inner, domain);
  const panels = all.map((grouping, i) => {
    const [column, row] = [i % COLUMNS, Math.floor(i / COLUMNS)];
    const position = [
      area.left + column * (inner + GAP_X) + (column ? TICK_LABELS : 0),
      area.top + row * PANEL_HEIGHT,
    ] as const;
    const effect = effects.find(({ factor }) => factor.key === grouping.factor.key);
    return drawPanel(document, grouping, {
      position,
      inner,
      domain,
      colours,
      note: effect ? effectNote(effect) : "",
      labelled: column === 0,
      levels,
      lines,
      room: column === COLUMNS - 1 || i === all.length - 1 ? room : 0,
      radius: swarms.radius,
      dots: swarms.dots[i],
    });
  });
  return composeFigure(document, frame, panels, height);
}

/** How far the lowest one is from the threshold; a configuration that passes was not there. */
function nonePasses(rows: readonly MergedRow[], { measure }: LossFilter): string {
  const lowest = minOf(rows.flatMap((row) => row[measure]?.mean ?? []));
  const what = measure === "min_loss" ? "training loss" : "test loss";
  return `No configuration is below the threshold; the lowest ${what} is ${formatLoss(lowest)} nats per ${
    rows[0].reads
  }.`;
}

function explanation(rows: readonly MergedRow[], effects: readonly FactorEffect[]): string[] {
  const dots = mostSeeds(rows) > 1
    ? "One dot per configuration: mean of its seeds (line: their range)"
    : "One dot per run";
  const differences = [...new Set(effects.map((effect) => `“${differenceName(effect)}”`))].join(", ");
  if (!differences) return [`${dots}; lower is better. Means are of the dots shown.`];
  return [
    `${dots}; lower is better. ${differences}: mean difference, otherwise identical.`,
    ...(effects.some(({ inactive }) => inactive)
      ? ["Pairs whose added weights are never trained are left out of differences, but not of the group means."]
      : []),
  ];
}

/** A cell that is trained in several ways counts in a mean as often. */
function trainedOften(rows: readonly MergedRow[], table: FactorTable): string[] {
  const labels = variedTraining(table, rows).map(nounOf);
  if (!labels.length) return [];
  return [
    `A cell has one dot, and counts once in means, for each ${labels.join(" and ")} that it was trained with.`,
    ...(areSeveralBack(rows)
      ? [
        "With more steps back, the lowest loss comes after fewer updates and is smoothed over more text: compare scores instead.",
      ]
      : []),
  ];
}

function effectNote(effect: FactorEffect): string {
  const { pairs, difference } = effect, name = differenceName(effect);
  if (difference === undefined) return `${name}: no pairs`;
  return `${name}: ${formatDifference(difference)} in ${counted(pairs, "pair")}`;
}

/** One dot: the middle of its column is a whole number, and a column is 1 wide. */
interface Dot {
  x: number;
  row: MergedRow;
}

/** A lone group, too, gets no more than half of a panel. */
function columnCount(grouping: Grouping): number {
  return Math.max(2, grouping.groups.length);
}

/** Places the dots of all panels, with one radius for all, as large as the fullest column allows. */
function layOut(all: readonly Grouping[], inner: number, [low, high]: [number, number]) {
  const plotHeight = PANEL_HEIGHT - INSET.top - INSET.bottom;
  const columns = all.flatMap((grouping) => grouping.groups.map((group) => ({ grouping, group })));
  const ys = columns.map(({ group }) =>
    group.rows.map((row) => (high - row.min_loss.mean) / (high - low) * plotHeight)
  );
  const widths = columns.map(({ grouping }) => inner / columnCount(grouping));
  const { radius, positions } = fitSwarms(ys, 4.2, widths.map((width) => 0.47 * width));
  const dots = all.map((grouping) =>
    columns.flatMap((column, k): Dot[] =>
      column.grouping !== grouping ? [] : column.group.rows.map((row, i) => ({
        x: grouping.groups.indexOf(column.group) + positions[k][i] / widths[k],
        row,
      }))
    )
  );
  return { radius, dots };
}

interface PanelOptions {
  position: readonly [number, number];
  /** Width between the axes, in pixels. */
  inner: number;
  domain: [number, number];
  colours: FactorColours;
  /** A line under the heading. */
  note: string;
  labelled: boolean;
  levels: readonly Level[];
  /** Those of baselines, and the room to the right for their labels, in pixels: none where another panel has them. */
  lines: readonly BaselineLine[];
  room: number;
  /** Of a dot, in pixels. */
  radius: number;
  dots: Dot[];
}

function drawPanel(document: SvgDocument, grouping: Grouping, options: PanelOptions): SvgElement {
  const left = options.labelled ? TICK_LABELS : 0;
  const middle = (columnCount(grouping) - grouping.groups.length) / 2;
  const groups = grouping.groups.map((group, x) => ({ ...group, x })), column = options.inner / columnCount(grouping);
  const few = options.dots.length <= 40, { domain } = options, height = PANEL_HEIGHT - INSET.top - INSET.bottom;
  return panel(document, options.position, {
    width: left + options.inner + options.room,
    height: PANEL_HEIGHT,
    marginLeft: left,
    marginRight: options.room,
    marginTop: INSET.top,
    marginBottom: INSET.bottom,
    x: { domain: [-0.5 - middle, groups.length - 0.5 + middle], axis: null },
    y: { domain: options.domain, label: null },
    marks: [
      Plot.gridY({ ticks: 5, stroke: COLOUR.grid, strokeOpacity: 1 }),
      Plot.axisY({ ticks: options.labelled ? 5 : [], tickSize: 0, label: null }),
      Plot.ruleY([options.domain[0]], { stroke: COLOUR.axis }),
      ...levelMarks(options.levels, domain, {
        height,
        labelled: options.labelled,
        width: options.inner,
        taken: meanBoxes(groups, { column, middle, height, domain }),
      }),
      ...baselineMarks(options.lines, options.domain, {
        height: PANEL_HEIGHT - INSET.top - INSET.bottom,
        labelled: options.room > 0,
      }),
      // Among few dots a bar must not hide one; among many a bar under the dots would not be seen.
      ...(few ? meanBars(groups) : []),
      Plot.ruleX(options.dots.filter(({ row }) => row.runs.length > 1), {
        x: "x",
        y1: (dot: Dot) => dot.row.min_loss.least,
        y2: (dot: Dot) => dot.row.min_loss.most,
        stroke: (dot: Dot) => options.colours.of(dot.row),
        strokeOpacity: 0.6,
        ariaDescription: SEEDS_LABEL,
      }),
      ...dotMarks(options),
      ...(few ? [] : meanBars(groups)),
      meanLabels(groups, column),
      groupLabels(grouping, column),
      ...headings(grouping.factor.label, options.note, options.inner),
    ],
  });
}

/** The dots of what was chosen, and the controls among them as hollow diamonds. */
function dotMarks({ dots, radius, colours }: PanelOptions): Plot.Markish[] {
  const colour = ({ row }: Dot) => colours.of(row);
  const at = { x: "x", y: ({ row }: Dot) => row.min_loss.mean };
  const chosen = dots.filter(({ row }) => !row.control), controls = dots.filter(({ row }) => row.control);
  const named = (some: readonly Dot[]) => naming(some, ({ row }) => row.name);
  return [
    Plot.dot(chosen, { ...at, r: radius * 0.92, fill: colour, stroke: "none", ...named(chosen) }),
    Plot.dot(controls, {
      ...at,
      r: radius * 0.92,
      symbol: "diamond",
      fill: COLOUR.background,
      stroke: colour,
      strokeWidth: 1.5,
      ...named(controls),
    }),
  ];
}

/** @param room the width of the panel, in pixels */
function headings(label: string, note: string, room: number): Plot.Markish[] {
  const line = (text: string, size: number, boldness: number, more: Plot.TextOptions) => {
    const fitted = fitTogether([text], room, size, { boldness });
    return Plot.text(fitted.texts, { frameAnchor: "top-left", fontSize: fitted.size, ...more });
  };
  return [
    line(label, SIZE.text, BOLD, { dy: -41, fontWeight: "bold" }),
    ...(note ? [line(note, 13.5, 1, { dy: -22, fill: COLOUR.muted })] : []),
  ];
}

/**
 * The values under their columns, with the numbers of configurations. Numbers that would be too small to read are left out at some: their
 * order tells the others. Names stand in two lines, and end with `…` where they are too long even so.
 *
 * @param column its width, in pixels
 */
function groupLabels({ factor, groups }: Grouping, column: number): Plot.Markish {
  const names = groups.map(({ name }) => name);
  const counts = groups.map(({ rows }) => formatCount(countConfigurations(rows)));
  const every = thinning(isQuantity(factor) ? [...names, ...counts] : counts, column);
  const room = every * column - TEXT_GAP, usual = columnTextSize(groups);
  const fitted = fitTogether(names, room, usual, { lines: isQuantity(factor) ? 1 : 2 });
  const lines = maxOf(fitted.texts.map((text) => text.split("\n").length), 1);
  const labels = fitted.texts.map((text, x) => {
    const below = "\n".repeat(lines - text.split("\n").length + 1);
    return { x, text: `${text}${below}${counts[x]}` };
  });
  return Plot.text(labels.filter(({ x }) => x % every === 0), {
    x: "x",
    frameAnchor: "bottom",
    text: "text",
    lineAnchor: "top",
    lineHeight: lines > 1 ? 1.15 : 1,
    dy: 8,
    fontSize: Math.min(fitted.size, scaledToFit(widest(counts, usual), room, usual)),
  });
}
