/** Whether configurations with other dynamics have other scores: a correlation of ranks, which says nothing of what makes what. */
import { type FactorTable, isSize, trainingFactors, valueOf } from "../../cells/factor.ts";
import { type ComparedMetric, LARGEST_EXPONENT, RECALL_BITS } from "../../experiments/study/dynamics_metrics.ts";
import { dynamicsOf } from "../data/dynamics.ts";
import type { MergedRow } from "../data/merged.ts";
import { ownCellRows, settingsName } from "../data/rows.ts";
import { bcaIntervalOf, type Interval } from "./bootstrap.ts";
import { kendallTauB, type Stratum } from "./kendall.ts";

/** How far a metric of the dynamics and the test score rank configurations alike. */
export interface DynamicsCorrelation {
  readonly metric: ComparedMetric;
  /** Configurations that are compared with another one. */
  readonly configurations: number;
  /** Groups of equal sizes and training; only within them configurations are compared. */
  readonly groups: number;
  /** Mean of the groups' τ-b, by their pairs. Below zero: a higher metric goes with a lower test score. */
  readonly tau: number;
  /** Seeds that their runs have. */
  readonly seeds: number;
  /** 95 %, by a bootstrap over the configurations of each group; undefined with fewer than {@linkcode FEWEST}, and with one seed, whose errors they share. */
  readonly interval: Interval | undefined;
}

/** With fewer configurations a bootstrap says little of how sure τ is. */
const FEWEST = 12;
/** Each takes all pairs again: of 432 configurations 17,000. */
const RESAMPLES = 1999;

/**
 * Memory and recall with the test score, over the table's own cells; those that can be said. Of a forgetting time τ-b is that of λ₁, of which it is an
 * increasing function, if what never forgets counts as longest.
 */
export function dynamicsCorrelations(rows: readonly MergedRow[], table: FactorTable): DynamicsCorrelation[] {
  const own = ownCellRows(table, rows).filter(({ control }) => !control);
  return [LARGEST_EXPONENT, RECALL_BITS].flatMap((metric) => correlationOf(own, metric, table) ?? []);
}

function correlationOf(
  rows: readonly MergedRow[],
  metric: ComparedMetric,
  table: FactorTable,
): DynamicsCorrelation | undefined {
  const alike = [...table.factors.filter(isSize), ...trainingFactors(table)];
  const groups = Map.groupBy(
    rows,
    ({ config, runs: [run] }) => JSON.stringify([alike.map((factor) => valueOf(factor, config)), settingsName(run)]),
  );
  // Rows come best first; the bootstrap draws by place, so groups and rows stand in an order of their own.
  const strata = [...groups].sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, rows]) => stratumOf(rows, metric)).filter(({ values }) => values.length > 1);
  const tau = meanTau(strata), configurations = strata.reduce((sum, { values }) => sum + values.length, 0);
  if (tau === undefined) return undefined;
  const seeds = new Set(rows.flatMap(({ runs }) => runs.map(({ seed }) => seed))).size;
  const interval = configurations < FEWEST || seeds < 2 ? undefined : bcaIntervalOf(
    strata.map(({ values }) => values.length),
    (counts) => meanTau(strata, counts) ?? 0,
    { name: `dynamics/${metric.key}`, resamples: RESAMPLES },
  );
  return { metric, configurations, groups: strata.length, tau, seeds, interval };
}

function stratumOf(rows: readonly MergedRow[], metric: ComparedMetric): Stratum {
  const values = rows.toSorted((a, b) => (a.id < b.id ? -1 : 1)).flatMap((row): [number, number][] => {
    const x = dynamicsOf(row, metric)?.mean, y = row.test_bits_per_byte?.mean;
    return x === undefined || y === undefined ? [] : [[x, y]];
  });
  return { population: values.length, values };
}

/** Within groups alone: between them sizes differ, which change both numbers. Undefined where all pairs tie. */
function meanTau(strata: readonly Stratum[], counts?: readonly (readonly number[])[]): number | undefined {
  let sum = 0, pairs = 0;
  for (const [i, stratum] of strata.entries()) {
    const tau = kendallTauB([stratum], counts && [counts[i]]), { length } = stratum.values;
    if (tau === undefined) continue;
    sum += tau * length * (length - 1) / 2;
    pairs += length * (length - 1) / 2;
  }
  return pairs ? sum / pairs : undefined;
}
