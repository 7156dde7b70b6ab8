/** The dynamics of runs as lines of printed cells: what switches change, means by switch, and of single configurations. */
import type { Space } from "../../cells/space.ts";
import { formatCount } from "../../cells/counts.ts";
import type { Unit } from "../../cells/unit.ts";
import { DYNAMICS_METRICS, type DynamicsMetric, isCompared } from "../../experiments/study/dynamics_metrics.ts";
import { cohortsOf, ownKind } from "../data/baselines.ts";
import { cellNameIn } from "../data/cell_names.ts";
import { dynamicsOf, metricsMeasured } from "../data/dynamics.ts";
import { type MergedRow, spreadOf } from "../data/merged.ts";
import type { DynamicsAnswers, MetricEffects } from "../statistics/dynamics_effects.ts";
import type { FactorEffect } from "../statistics/effects.ts";
import { groupings } from "../statistics/means.ts";
import { isSignificant, qualificationOf } from "./significant_effects.ts";
import { dynamicsHeading, spreadText } from "./dynamics_text.ts";
import type { Cells } from "./effect_tables.ts";
import { areSwitches, contrastWords, differenceName } from "./factor_words.ts";
import { formatDifference, NONE } from "./format.ts";

/** What stands behind a difference whose corrected p is low enough. */
const SIGNIFICANT = " *";

/** What stands behind a difference that is never told alone. */
export const DEPENDS = "†";

/** What each factor changes of each metric, a column each: the mean difference, marked where it is significant, and where it depends on other factors. The metrics' p are corrected one by one. */
export function dynamicsEffectCells({ effects, reads }: DynamicsAnswers): Cells {
  const [{ effects: first }] = effects, onlySwitches = areSwitches(first), { noun: [noun] } = contrastWords(first);
  return {
    headings: [
      noun,
      ...(onlySwitches ? [] : ["compared"]),
      ...effects.map(({ metric }) => dynamicsHeading(metric, reads)),
    ],
    lines: first.map((effect, i) => [
      effect.factor.label,
      ...(onlySwitches ? [] : [differenceName(effect)]),
      ...effects.map((of) => differenceText(of, i)),
    ]),
  };
}

/** Whether a mean is marked so. */
export function isDependent(effect: FactorEffect): boolean {
  return effect.difference !== undefined && qualificationOf(effect) !== undefined;
}

function differenceText({ effects }: MetricEffects, i: number): string {
  const effect = effects[i], { difference } = effect;
  if (difference === undefined) return NONE;
  return formatDifference(difference) + (isSignificant(effect) ? SIGNIFICANT : "") +
    (isDependent(effect) ? ` ${DEPENDS}` : "");
}

/**
 * Means over configurations ± standard deviation: of all of the table's own cell, at each value of each factor, and of each baseline.
 *
 * @param rows configurations, merged over seeds
 */
export function dynamicsLevelCells(rows: readonly MergedRow[], reads: Unit, table: Space): Cells {
  const metrics = metricsMeasured(rows, DYNAMICS_METRICS.filter(isCompared));
  const measured = rows.filter((row) => !row.control && metrics.some((metric) => dynamicsOf(row, metric)));
  const { own, baselines } = cohortsOf(table, measured);
  const line = (name: string, some: readonly MergedRow[]) => [
    name,
    formatCount(some.length),
    ...metrics.map((metric) => meanText(some, metric)),
  ];
  const byCell = Map.groupBy(baselines, ({ config }) => cellNameIn(table, config));
  return {
    headings: ["configurations", "number", ...metrics.map((metric) => dynamicsHeading(metric, reads))],
    lines: [
      line([ownKind(table, own).trim(), "all"].filter(Boolean).join(", "), own),
      ...groupings(measured, table).flatMap(({ factor, groups }) => {
        const there = groups.filter(({ rows }) => rows.length);
        return there.length > 1 ? there.map(({ name, rows }) => line(`${factor.label} ${name}`, rows)) : [];
      }),
      ...[...byCell].map(([name, rows]) => line(name, rows)),
    ],
    wraps: true,
  };
}

function meanText(rows: readonly MergedRow[], metric: DynamicsMetric): string {
  const means = rows.flatMap((row) => dynamicsOf(row, metric)?.mean ?? []);
  return means.length ? spreadText(spreadOf(means), metric) : NONE;
}
