/**
 * How much of what configurations differ by is due to each factor, and to what factors do together: the functional analysis of variance, exact
 * where the grid is complete. Sources: R. A. Fisher, "Statistical Methods for Research Workers" (1925), chapter 8; F. Hutter, H. Hoos and
 * K. Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter Importance", ICML 2014, whose question it answers without a model.
 */
import { mean, variance } from "simple-statistics";
import { canonicalJsonIn } from "../../cells/config.ts";
import {
  type Factor,
  type FactorTable,
  type FactorValue,
  isSwitch,
  markedBy,
  trainingFactors,
  valueOf,
} from "../../cells/factor.ts";
import { levelsIn, ownCellRows, type RunRow, settingsName, variedIn } from "../data/rows.ts";
import type { Measure } from "./matched.ts";

/** One axis of a complete grid: a factor, or several of which not all combinations are valid, as one factor that has those that are. */
export interface GridAxis {
  readonly factors: readonly Factor[];
  /** So many values, or combinations. */
  readonly levels: number;
}

/** The share of one effect. */
export interface VarianceShare {
  /** One axis: its mean effect. Several: what these do together beyond what each of them, and fewer of them, do. */
  readonly axes: readonly GridAxis[];
  /** Of the variance over the configurations, 0 to 1. */
  readonly share: number;
}

/** The shares of a complete part of the grid. They sum to 1. */
export interface VarianceShares {
  readonly axes: readonly GridAxis[];
  /** One for each set of axes, the largest first. */
  readonly shares: readonly VarianceShare[];
  readonly configurations: number;
  /** Standard deviation over the configurations (of the whole grid: divided by their number), in the measure's unit. */
  readonly deviation: number;
  /** What tells these from the study's others: the value, or the values, that they have of a factor with further ones. */
  readonly at: readonly { readonly factor: Factor; readonly values: readonly FactorValue[] }[];
  /**
   * Share of the variance that seed noise explains on average, `(s²/K)/Var` with `s²` pooled within configurations of `K` seeds each: it
   * is a part of all shares. Undefined with one seed, and where not all have one in common.
   */
  readonly noise: number | undefined;
}

/** Why nothing is said of shares: what the largest part of the grid that has one size and one way of training lacks. */
export interface MissingShares {
  /** Fewer than two axes; combinations of its values without a score; more numbers than a report computes; a difference. */
  readonly lacks: "axes" | "combinations" | "room" | "difference";
  /** That have the measure. */
  readonly configurations: number;
  /** All combinations of the values that occur, as far as they are valid. */
  readonly combinations: number;
  readonly at: VarianceShares["at"];
}

/** Some of the rows, and what tells them from the others. */
interface Part {
  readonly rows: readonly RunRow[];
  readonly at: VarianceShares["at"];
}

/** Sets of axes times configurations: with more, memory and time would grow beyond a report's. */
const MOST_NUMBERS = 2 ** 24;

/**
 * The shares of a measure over configurations of the table's own cell, each the mean over the seeds that all of them have. Of several
 * state sizes, or training settings, the part of the grid with the most configurations is taken: not all sizes have all settings. Of that, what
 * {@linkcode mostAxes} keeps.
 *
 * @returns why there are none, where the grid is not complete over two axes or more, or nothing differs
 */
export function varianceShares(
  rows: readonly RunRow[],
  measure: Measure,
  table: FactorTable,
): VarianceShares | MissingShares {
  const own = ownCellRows(table, rows).filter((row) => row[measure] !== undefined);
  const part = mostAxes(largestPart(own, table), table),
    rowsOfPart = atCommonSeeds(part.rows),
    grid = gridOf(rowsOfPart, table);
  const { axes, configurations: { length: configurations }, combinations } = grid;
  const lacking = (lacks: MissingShares["lacks"]) => ({ lacks, configurations, combinations, at: part.at });
  if (axes.length < 2) return lacking("axes");
  if (!isComplete(grid)) return lacking("combinations");
  if (configurations * 2 ** axes.length > MOST_NUMBERS) return lacking("room");
  const values = valuesOn(grid, measure), centre = mean([...values]), total = meanSquare(values, centre);
  if (!(total > 0)) return lacking("difference");
  const shares = components(axes.map(({ levels }) => levels), values)
    .map(({ set, square }) => ({ axes: axes.filter((_, i) => set & (1 << i)), share: square / total }))
    .sort((a, b) => b.share - a.share || a.axes.length - b.axes.length);
  return {
    axes,
    shares,
    configurations,
    deviation: Math.sqrt(total),
    at: part.at,
    noise: noiseShare(rowsOfPart, measure, total),
  };
}

function meanSquare(values: readonly number[] | Float64Array, centre: number): number {
  let sum = 0;
  for (const value of values) sum += (value - centre) ** 2;
  return sum / values.length;
}

/**
 * One state size, and one value of each way of training: of several those that have the most configurations, then the larger size, then those that are
 * defaults.
 */
function largestPart(rows: readonly RunRow[], table: FactorTable): Part {
  const size = markedBy(table, "colour");
  const fixed = [size, ...trainingFactors(table)].filter((factor) => levelsIn(factor, rows).length > 1);
  const groups = Map.groupBy(
    rows,
    (row) => JSON.stringify([fixed.map((factor) => valueOf(factor, row.config)), settingsName(row)]),
  );
  const sizeOf = ([row]: readonly RunRow[]) => Number(valueOf(size, row.config));
  const usual = ([{ config }]: readonly RunRow[]) =>
    fixed.filter((factor) => valueOf(factor, config) === factor.default).length;
  const [largest = []] = [...groups].sort(([a, one], [b, two]) =>
    configurationsIn(two) - configurationsIn(one) || sizeOf(two) - sizeOf(one) || usual(two) - usual(one) ||
    (a < b ? -1 : 1)
  ).map(([, group]) => group);
  const at = largest.length ? fixed.map((factor) => ({ factor, values: [valueOf(factor, largest[0].config)] })) : [];
  return { rows: largest, at };
}

/**
 * A few settings listed at another level, such as eight with one layer beside all with two, join most factors into one axis, of which nothing is
 * told apart. So levels of joined factors are left out, those with the fewest configurations first, where that gives more axes and leaves at
 * least half of the configurations: of such parts the one with the most axes is taken, then the largest. A switch keeps both values, since
 * without one of them it would not be among the shares. A complete grid is not left for one with gaps.
 */
function mostAxes(part: Part, table: FactorTable, least = configurationsIn(part.rows) / 2): Part {
  const whole = gridOf(part.rows, table);
  const fewer = whole.axes.flatMap(({ factors }) => factors.length > 1 ? factors.filter((one) => !isSwitch(one)) : [])
    .flatMap((factor) => atFewerLevels(part, factor))
    .map((smaller) => ({ smaller, grid: gridOf(smaller.rows, table) }))
    .filter(({ grid }) => grid.configurations.length >= least && (isComplete(grid) || !isComplete(whole)));
  const [best] = fewer.sort((a, b) =>
    b.grid.axes.length - a.grid.axes.length || b.grid.configurations.length - a.grid.configurations.length
  );
  return best && best.grid.axes.length > whole.axes.length ? mostAxes(best.smaller, table, least) : part;
}

function isComplete({ configurations, combinations }: Grid): boolean {
  return configurations.length === combinations;
}

/** A part without the level of a factor that has the fewest configurations, without the two that have the fewest, and so on. */
function atFewerLevels({ rows, at }: Part, factor: Factor): Part[] {
  const others = at.filter((one) => one.factor !== factor);
  const levels = levelsIn(factor, rows).map((value) => ({
    value,
    rows: rows.filter(({ config }) => valueOf(factor, config) === value),
  }));
  const byCount = levels.toSorted((a, b) => configurationsIn(b.rows) - configurationsIn(a.rows));
  return byCount.slice(1).map((_, i) => {
    const kept = new Set(byCount.slice(0, i + 1));
    const ordered = levels.filter((level) => kept.has(level));
    return {
      rows: ordered.flatMap(({ rows }) => rows),
      at: [...others, { factor, values: ordered.map(({ value }) => value) }],
    };
  });
}

const configurationsIn = (rows: readonly RunRow[]) => new Set(rows.map(({ id }) => id)).size;

/**
 * The runs of the seeds that all configurations have: what those of one seed have in common would else be taken for an effect of what tells the
 * configurations with that seed from the others. Without such a seed all runs.
 */
function atCommonSeeds(rows: readonly RunRow[]): readonly RunRow[] {
  const seeds = [...Map.groupBy(rows, ({ id }) => id).values()].map((runs) => new Set(runs.map(({ seed }) => seed)));
  if (!seeds.length) return rows;
  const common = seeds.reduce((all, own) => all.intersection(own));
  return common.size ? rows.filter(({ seed }) => common.has(seed)) : rows;
}

/** Configurations as points of a grid: complete where there are as many as combinations. */
interface Grid {
  readonly axes: readonly GridAxis[];
  /** The runs of each configuration, with its level on each axis. */
  readonly configurations: readonly { readonly runs: readonly RunRow[]; readonly at: readonly number[] }[];
  readonly combinations: number;
}

function gridOf(rows: readonly RunRow[], table: FactorTable): Grid {
  const configs = [...Map.groupBy(rows, ({ config }) => canonicalJsonIn(table, config)).values()];
  const factors = variedIn(table, rows).filter((factor) => levelsIn(factor, rows).length > 1);
  const groups = joinedFactors(factors, configs.map(([{ config }]) => config));
  const levelOf = (group: readonly Factor[], { config }: RunRow) =>
    JSON.stringify(group.map((factor) => valueOf(factor, config)));
  const levels = groups.map((group) => [...new Set(configs.map(([row]) => levelOf(group, row)))].sort());
  return {
    axes: groups.map((group, i) => ({ factors: group, levels: levels[i].length })),
    configurations: configs.map((runs) => ({
      runs,
      at: groups.map((group, i) => levels[i].indexOf(levelOf(group, runs[0]))),
    })),
    combinations: levels.reduce((product, { length }) => product * length, 1),
  };
}

/** The mean of each configuration's seeds, the last axis first to change. */
function valuesOn({ axes, configurations, combinations }: Grid, measure: Measure): Float64Array {
  const values = new Float64Array(combinations);
  for (const { runs, at } of configurations) {
    const place = axes.reduce((place, { levels }, i) => place * levels + at[i], 0);
    values[place] = mean(runs.map((run) => run[measure]!).sort((a, b) => a - b));
  }
  return values;
}

/** Joins factors of which some combination of two values does not occur, until all that is left is free of each other. */
function joinedFactors(factors: readonly Factor[], configs: readonly RunRow["config"][]): Factor[][] {
  const group = new Map(factors.map((factor) => [factor, factor]));
  const count = (some: readonly Factor[]) =>
    new Set(configs.map((config) => JSON.stringify(some.map((factor) => valueOf(factor, config))))).size;
  for (const [i, one] of factors.entries()) {
    for (const two of factors.slice(i + 1)) {
      if (count([one, two]) === count([one]) * count([two])) continue;
      const [kept, joined] = [group.get(one)!, group.get(two)!];
      for (const [factor, own] of group) if (own === joined) group.set(factor, kept);
    }
  }
  return [...Map.groupBy(factors, (factor) => group.get(factor)!).values()];
}

/**
 * The mean square of each component of a function on a grid: `f_U(x_U) = Σ_{V ⊆ U} (−1)^{|U|−|V|} m_V(x_V)`, where `m_V` is the mean over all
 * axes that are not in `V`. Components of different sets are orthogonal on a complete grid, so their mean squares sum to the variance.
 */
function components(levels: readonly number[], values: Float64Array): { set: number; square: number }[] {
  const sets = Array.from({ length: 2 ** levels.length }, (_, set) => set);
  // Each component as a function on the whole grid: what is left after all smaller ones is taken from the mean.
  const found = new Map<number, Float64Array>();
  for (const set of sets.toSorted((a, b) => bits(a) - bits(b) || a - b)) {
    const own = averaged(levels, values, set);
    for (const [smaller, component] of found) {
      if ((smaller & set) === smaller) own.forEach((value, i) => own[i] = value - component[i]);
    }
    found.set(set, own);
  }
  return sets.slice(1).map((set) => ({ set, square: meanSquare(found.get(set)!, 0) }));
}

function bits(set: number): number {
  return set === 0 ? 0 : (set & 1) + bits(set >> 1);
}

/** The mean over all axes that are not in a set, on the whole grid. */
function averaged(levels: readonly number[], values: Float64Array, set: number): Float64Array<ArrayBuffer> {
  let own = Float64Array.from(values), stride = values.length;
  for (const [axis, count] of levels.entries()) {
    stride /= count;
    if (set & (1 << axis)) continue;
    const next = new Float64Array(own.length);
    for (let at = 0; at < own.length; at++) {
      const level = Math.floor(at / stride) % count, first = at - level * stride;
      let sum = 0;
      for (let k = 0; k < count; k++) sum += own[first + k * stride];
      next[at] = sum / count;
    }
    own = next;
  }
  return own;
}

function noiseShare(rows: readonly RunRow[], measure: Measure, total: number): number | undefined {
  const groups = [...Map.groupBy(rows, ({ id }) => id).values()].map((runs) => runs.map((run) => run[measure]!));
  const [{ length: seeds }] = groups;
  if (seeds < 2 || groups.some(({ length }) => length !== seeds)) return undefined;
  const within = mean(groups.map((values) => variance(values) * seeds / (seeds - 1)));
  return Math.min(1, within / seeds / total);
}
