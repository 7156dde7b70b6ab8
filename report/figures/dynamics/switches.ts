/** The picture `results_*_dynamics_switches`: forgetting time against the test score, with each switch off and on. */
import * as Plot from "@observablehq/plot";
import { appliesTo, isSwitch, type SwitchFactor, valueOf } from "../../../cells/factor.ts";
import { GATED } from "../../../cells/factors.ts";
import { dynamicsUnit, FORGETTING_TIME } from "../../../experiments/study/dynamics_metrics.ts";
import type { Table } from "../../data/table.ts";
import {
  factorColumns,
  nameColumns,
  numberColumn,
  pictureTable,
  switchColumn,
  textColumn,
  withUnit,
} from "../data_columns.ts";
import type { MergedRow } from "../../data/merged.ts";
import type { DynamicsEffect } from "../../statistics/dynamics_effects.ts";
import { bySize, isSignificant, SIGNIFICANT_P } from "../../tables/significant_effects.ts";
import { DEPENDS, isDependent } from "../../tables/dynamics_tables.ts";
import { formatFixed } from "../../tables/format.ts";
import { drawScatter, TICK_LABELS } from "../scatter.ts";
import { composeFigure, type FigureOptions, panelArea, type SvgDocument } from "../svg.ts";
import { COLOUR, SIZE } from "../theme.ts";
import { placedColumns, placeDots, type PlacedRow, placedRows, ringMarks, switchColours, switchKey } from "./dots.ts";
import { FORGETTING } from "./forgetting.ts";
import { SCORE_LABEL, scoreAxis } from "./score_axis.ts";
import type { FactorTable } from "../../../cells/factor.ts";
import { measureTexts } from "./words.ts";

/** The effect of a switch. */
export type SwitchEffect = DynamicsEffect & { readonly factor: SwitchFactor };

const COLUMNS = 4, HEIGHT = 290, GAP = 10;

/**
 * Draws a panel for each switch, those with clear effects on λ₁ first, then by size, all with the same dots: coloured by whether it is off or on, with the
 * forgetting times that the mean exponents of its pairs stand for.
 *
 * @param rows best first, at least one with a spectrum and a test score
 * @param effects on λ₁, at least one of a switch
 * @returns the SVG's text
 */
export function figureSwitches(
  document: SvgDocument,
  rows: readonly MergedRow[],
  effects: readonly DynamicsEffect[],
  { table = GATED, ...options }: FigureOptions & { readonly table?: FactorTable },
): string {
  const { domain, shown, levels } = scoreAxis(rows, options.levels, table), [{ reads }] = rows;
  const switches = switchEffects(effects), colours = switchColours();
  const frame = {
    ...measureTexts(options, rows, ({ lyapunov }) => lyapunov, [
      "The same configurations in every panel, one mark each; horizontal bars: ± one standard error over streams. Ring: the best measured.",
      "Vertical lines: forgetting times of the mean λ₁ with the switch off and on, over pairs that differ only in it.",
      `Above: these times, in ${reads}s; * corrected p at most ${SIGNIFICANT_P}${
        switches.some(isDependent) ? `; ${DEPENDS} it depends on other factors` : ""
      }. Significant effects on λ₁ first, then by size.`,
    ]),
    legend: [{
      entries: [...colours].map(([on, colour]) => ({
        mark: "dot" as const,
        colour,
        text: `switch ${on ? "on" : "off"}`,
      })),
    }, ...switchKey(shown, table, switches[0].factor).legend.slice(1)],
    x: `forgetting time −1/λ₁ (${reads}s, logarithmic)`,
    y: SCORE_LABEL,
  };
  const area = panelArea(frame), lines = Math.ceil(switches.length / COLUMNS);
  const width = (SIZE.width - area.left - TICK_LABELS - (COLUMNS - 1) * GAP) / COLUMNS - 2;
  const panels = switches.map((effect, i) => {
    const column = i % COLUMNS, key = switchKey(shown, table, effect.factor);
    const { dots, ticks, under, ...placed } = placeDots(shown, FORGETTING, key);
    return drawScatter(document, dots.toReversed(), {
      position: [
        area.left + column * (width + GAP) + (column ? TICK_LABELS : 0),
        area.top + Math.floor(i / COLUMNS) * HEIGHT,
      ],
      width,
      height: HEIGHT,
      heading: headingOf(effect),
      xLabel: "",
      xScale: FORGETTING.scale,
      xDomain: placed.domain,
      xTicks: ticks,
      tickFormat: placed.tickFormat,
      yDomain: domain,
      labelled: column === 0,
      key,
      levels,
      under: [...meanMarks(effect, placed.domain), ...under],
      over: ringMarks(dots, shown.slice(0, 1)),
    });
  });
  return composeFigure(document, frame, panels, lines * HEIGHT - 24);
}

/** A dot of a switch's panel, or the line at what its pairs come to with it off or on. */
type Shown =
  & { readonly effect: SwitchEffect }
  & (PlacedRow | { readonly on: boolean; readonly time: number });

/** The data behind {@linkcode figureSwitches}: a row for each dot of each panel, and for each vertical line. */
export function switchesData(
  rows: readonly MergedRow[],
  effects: readonly DynamicsEffect[],
  table: FactorTable,
): Table {
  const [{ reads }] = rows, dots = placedRows(scoreAxis(rows, undefined, table).shown, FORGETTING);
  const shown = switchEffects(effects).flatMap((effect): Shown[] => [
    ...(timesOf(effect) ?? []).map((time, on) => ({ effect, on: on === 1, time })),
    ...dots.map((dot) => ({ effect, ...dot })),
  ]);
  const dotOf = (one: Shown) => "row" in one ? one : undefined, rowOf = (one: Shown) => dotOf(one)?.row;
  const isOn = ({ effect: { factor }, ...one }: Shown) => {
    if ("on" in one) return one.on;
    return appliesTo(table, factor, one.row.config) ? valueOf(factor, one.row.config) === true : undefined;
  };
  const column = withUnit(FORGETTING_TIME.key, dynamicsUnit(FORGETTING_TIME, reads));
  return pictureTable<Shown>([
    textColumn(
      "switch",
      "the panel's switch, as its column in the table of runs is called",
      ({ effect }) => effect.factor.key,
    ),
    switchColumn("on", "whether it is on; empty where a configuration does not have it", isOn),
    textColumn(
      "shown",
      "a configuration, or the mean of the switch's pairs",
      (one) => "row" in one ? "configuration" : "mean of pairs",
    ),
    numberColumn(
      `mean_${column}`,
      "of a mean: −1 divided by the mean λ₁ over pairs that differ only in the switch",
      (one) => "time" in one ? one.time : undefined,
    ),
    ...nameColumns(rowOf),
    ...placedColumns<PlacedRow>(column, "forgetting time −1/λ₁").map(({ of, ...rest }) => ({
      ...rest,
      of: (one: Shown) => "row" in one ? of(one) : null,
    })),
    ...factorColumns(table, rowOf),
  ], shown);
}

/** Those of switches, clear ones first, each from the largest. */
export function switchEffects(effects: readonly DynamicsEffect[]): SwitchEffect[] {
  const known = effects.filter((effect) => effect.pairs > 0 && isSwitch(effect.factor));
  return (bySize(known) as DynamicsEffect[]) as SwitchEffect[];
}

/** −1/λ₁ of the mean exponents; undefined where one of them is not below zero. */
function timesOf({ means }: DynamicsEffect): readonly [number, number] | undefined {
  if (!means || means.some((exponent) => exponent >= 0)) return undefined;
  return [-1 / means[0], -1 / means[1]];
}

function headingOf(effect: DynamicsEffect): string {
  const times = timesOf(effect)?.map((time) => formatFixed(time, 1)).join(" → ");
  return `${effect.factor.label}${times === undefined ? "" : `: ${times}`}${isSignificant(effect) ? " *" : ""}${
    isDependent(effect) ? ` ${DEPENDS}` : ""
  }`;
}

function meanMarks(effect: DynamicsEffect, [low, high]: readonly [number, number]): Plot.Markish[] {
  const colours = switchColours(), times = timesOf(effect)?.map((x, on) => ({ x, stroke: colours.get(on === 1)! }));
  const within = (times ?? []).filter(({ x }) => x >= low && x <= high);
  return [
    Plot.ruleX(within, { x: "x", stroke: COLOUR.background, strokeWidth: 4 }),
    Plot.ruleX(within, { x: "x", stroke: "stroke", strokeWidth: 2.2 }),
  ];
}
