/** Configurations as dots by a measure and the test score, with the measure's standard errors; beyond the axis in a strip beside it. */
import * as Plot from "@observablehq/plot";
import { appliesTo, type FactorTable, type SwitchFactor, valueOf } from "../../../cells/factor.ts";
import type { Estimate } from "../../../train/dynamics/estimate.ts";
import type { MergedRow } from "../../data/merged.ts";
import type { Configured } from "../../data/rows.ts";
import type { Column } from "../../data/table.ts";
import { estimateColumns, type OfConfiguration, spreadColumns, textColumn } from "../data_columns.ts";
import { type DotKey, dotKey } from "../marks.ts";
import { logTicks, type ScatterDot, widened } from "../scatter.ts";
import { type LegendLine, SEEDS_LABEL } from "../svg.ts";
import { COLOUR, colourScale } from "../theme.ts";

/** So many of the best are ringed. */
export const RINGED = 10;

/** What has no place on an axis: `low` left of it, `high` right of it. */
export type Beyond = "low" | "high";

/** The value of a configuration on an axis. */
export type Placed = Estimate | Beyond;

/** An axis of a measure. */
export interface MeasureAxis {
  readonly scale: "linear" | "log";
  /** Undefined: the configuration has no dot. */
  of(row: MergedRow): Placed | undefined;
  /** What stands below the strips. */
  readonly beyond: Readonly<Record<Beyond, string>>;
}

/** An axis with its dots in place. */
export interface PlacedDots {
  /** Best first. */
  readonly dots: readonly ScatterDot[];
  readonly domain: readonly [number, number];
  readonly ticks: readonly number[];
  tickFormat(value: number): string;
  /** Error bars, and the edges of the strips. */
  readonly under: readonly Plot.Markish[];
}

/** Width of a strip as a share of the axis. */
const STRIP = 0.07;
/** Between the tick of a strip and a number, as a share of the axis. */
const TICK_GAP = 0.09;

/** The range of an axis, and the strips beside it that are needed. */
interface Strips {
  /** Without strips. */
  readonly own: readonly [number, number];
  readonly domain: readonly [number, number];
  /** The middle of each strip that is there. */
  readonly at: ReadonlyMap<Beyond, number>;
  /** How far a value lies from another, as a share of the axis without strips. */
  distance(a: number, b: number): number;
}

function stripsOf(placed: readonly Placed[], scale: MeasureAxis["scale"]): Strips {
  const known = placed.flatMap((one) => typeof one === "object" && one.value !== null ? [one.value] : []);
  const own = known.length ? widened(known, scale) : [0.1, 1] as const;
  const [to, from] = scale === "log" ? [Math.log, Math.exp] : [(x: number) => x, (x: number) => x];
  const [low, high] = own.map(to), width = STRIP * (high - low);
  const isThere = (side: Beyond) => placed.includes(side);
  const middles: [Beyond, number][] = [["low", from(low - width / 2)], ["high", from(high + width / 2)]];
  return {
    own,
    domain: [isThere("low") ? from(low - width) : own[0], isThere("high") ? from(high + width) : own[1]],
    at: new Map(middles.filter(([side]) => isThere(side))),
    distance: (a, b) => Math.abs(to(a) - to(b)) / (high - low),
  };
}

/** A configuration with its value on an axis. */
export interface PlacedRow extends OfConfiguration {
  readonly placed: Placed;
}

/** Those that have a dot. */
export function placedRows(rows: readonly MergedRow[], axis: MeasureAxis): PlacedRow[] {
  return rows.flatMap((row) => {
    const placed = axis.of(row);
    return placed === undefined ? [] : [{ row, placed }];
  });
}

/** Columns of dots by a measure and the test score. */
export function placedColumns<Row extends PlacedRow>(name: string, about: string): Column<Row>[] {
  return [
    ...estimateColumns(name, about, ({ placed }: Row) => typeof placed === "object" ? placed : undefined),
    textColumn(
      "beyond",
      "low or high: the value is beyond the axis, so the dot is in a strip beside it",
      ({ placed }) => typeof placed === "object" ? undefined : placed,
    ),
    ...spreadColumns("test_bits_per_byte", "score on the test split", ({ row }: Row) => row.test_bits_per_byte),
  ];
}

/** Places dots; a strip is there where something lies in it. @param key for the colours of error bars */
export function placeDots(rows: readonly MergedRow[], axis: MeasureAxis, key: DotKey): PlacedDots {
  const found = placedRows(rows, axis);
  const { own, domain, at, distance } = stripsOf(found.map(({ placed }) => placed), axis.scale);
  const dots = found.map(({ row, placed }): ScatterDot => {
    const { mean: y, least, most } = row.test_bits_per_byte!;
    return { row, x: typeof placed === "object" ? placed.value! : at.get(placed)!, y, least, most };
  });
  const bars = found.flatMap(({ row, placed }, i) => {
    const error = typeof placed === "object" && placed.standard_error, { x, y } = dots[i];
    if (!error) return [];
    return [{ x1: Math.max(own[0], x - error), x2: Math.min(own[1], x + error), y, stroke: key.colourOf(row) }];
  });
  const sides = [...at], usual = axis.scale === "log" ? logTicks([own[0], own[1]]) : linearTicks(own);
  const isFree = (tick: number) =>
    tick >= own[0] && tick <= own[1] && sides.every(([, x]) => distance(tick, x) > TICK_GAP);
  return {
    dots,
    domain,
    ticks: [...usual.filter(isFree), ...at.values()],
    tickFormat: (value) => {
      const side = sides.find(([, x]) => x === value)?.[0];
      return side ? axis.beyond[side] : `${Number(value.toPrecision(6))}`.replace("-", "−");
    },
    under: [
      ...sides.map(([side]) =>
        Plot.ruleX([own[side === "low" ? 0 : 1]], { stroke: COLOUR.axis, strokeDasharray: "1,3" })
      ),
      Plot.ruleY(bars, {
        x1: "x1",
        x2: "x2",
        y: "y",
        stroke: "stroke",
        strokeOpacity: 0.55,
        ariaDescription: SEEDS_LABEL,
      }),
    ],
  };
}

/** At most six round numbers. */
function linearTicks([low, high]: readonly [number, number]): number[] {
  const decade = 10 ** Math.floor(Math.log10((high - low) / 6));
  const step = [1, 2, 5, 10].map((factor) => factor * decade).find((step) => (high - low) / step <= 6)!;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step);
}

/** Rings around the ten best, the best one's bold. @param dots best first */
export function ringMarks(dots: readonly ScatterDot[], best: readonly MergedRow[]): Plot.Markish[] {
  const ringed = dots.filter(({ row }) => best.includes(row));
  const first = ringed.filter(({ row }) => row === best[0]), at = { x: "x", y: "y", stroke: COLOUR.highlight } as const;
  return [
    Plot.dot(ringed, { ...at, r: 6, strokeWidth: 1.1 }),
    Plot.dot(first, { ...at, r: 8.5, strokeWidth: 2.4 }),
  ];
}

/** Colours for a switch off and on, shapes as everywhere; without a switch colours as everywhere. */
export function switchKey(
  rows: readonly MergedRow[],
  table: FactorTable,
  factor: SwitchFactor | undefined,
): DotKey {
  const usual = dotKey(rows, table);
  if (!factor) return usual;
  const colours = switchColours(), isOf = ({ config }: Configured) => appliesTo(table, factor, config);
  const legend: LegendLine = {
    heading: factor.label,
    entries: [...colours].map(([on, colour]) => ({ mark: "dot", colour, text: on ? "on" : "off" })),
  };
  return {
    ...usual,
    colourOf: (row) => isOf(row) ? colours.get(valueOf(factor, row.config) === true)! : usual.colourOf(row),
    legend: [legend, ...usual.legend.slice(1)],
  };
}

/** Off and on. */
export function switchColours(): Map<boolean, string> {
  return colourScale([false, true]);
}
