/**
 * What each factor changes of the dynamics, by the same pairs and the same rules as of the scores (`effects.ts`): each metric by itself is a family of
 * tests. All runs read the same part of one text, so an interval says nothing of another text.
 *
 * **Stacks**: λ₁ of a stack is the largest of its layers' exponents, a maximum, which grows with the number of layers by itself. Both sides of a pair
 * have equally many, so this is in no effect of a switch; it is in any comparison of numbers of layers.
 */
import { mean } from "simple-statistics";
import type { Space } from "../../cells/space.ts";
import type { Unit } from "../../cells/unit.ts";
import {
  type ComparedMetric,
  DYNAMICS_METRICS,
  isCompared,
  LARGEST_EXPONENT,
} from "../../experiments/study/dynamics_metrics.ts";
import type { DynamicsSettings } from "../../train/dynamics/measure.ts";
import { dynamicsOfRun, isMeasured, type MeasuredRun } from "../data/dynamics.ts";
import { mergeSeeds } from "../data/merged.ts";
import type { RunRow } from "../data/rows.ts";
import { type DynamicsCorrelation, dynamicsCorrelations } from "./dynamics_correlations.ts";
import { type FactorEffect, factorEffects } from "./effects.ts";
import { Matching, type RunNumber } from "./matched.ts";

/** What a factor changes of a metric of the dynamics. */
export interface DynamicsEffect extends FactorEffect {
  /** The metric at the first and the second value of the contrast, means over the pairs and seeds of the difference; undefined without a pair. */
  readonly means: readonly [from: number, to: number] | undefined;
}

/** What the factors change of one metric. */
export interface MetricEffects {
  readonly metric: ComparedMetric;
  /** In the order of the table of factors. */
  readonly effects: readonly DynamicsEffect[];
}

/** What a report says on dynamics. */
export interface DynamicsAnswers {
  /** What the models read: `byte` or `token`. */
  readonly reads: Unit;
  /** Runs whose dynamics were measured, of how many, and how they were. */
  readonly measured: number;
  readonly finished: number;
  readonly settings: DynamicsSettings;
  /** Runs whose λ₁ is not below zero: they have no forgetting time. */
  readonly unforgetting: number;
  /** Runs whose λ₁ is −∞: they forget within one step, and are in no number on λ₁. */
  readonly vanishing: number;
  /** The metrics that runs have, in the order of their table. */
  readonly effects: readonly MetricEffects[];
  /** With the test score. */
  readonly correlations: readonly DynamicsCorrelation[];
}

/** What can be said of the dynamics of runs; undefined where none was measured. The order of `rows` does not matter. */
export function dynamicsAnswers(rows: readonly RunRow[], space: Space): DynamicsAnswers | undefined {
  const measured = rows.filter(isMeasured);
  if (!measured.length) return undefined;
  const [{ reads, dynamics: { settings } }] = measured, matching = new Matching(measured, space);
  const largest = measured.flatMap(({ dynamics }) => dynamics.lyapunov?.largest ?? []);
  return {
    reads,
    measured: measured.length,
    finished: rows.length,
    settings,
    unforgetting: largest.filter(({ value }) => value !== null && value >= 0).length,
    vanishing: largest.filter(({ value }) => value === null).length,
    effects: comparedIn(measured).map((metric) => ({ metric, effects: metricEffects(matching, metric) })),
    correlations: dynamicsCorrelations(mergeSeeds(measured), space),
  };
}

/** The metrics that some of these runs have and effects are taken on. */
function comparedIn(runs: readonly MeasuredRun[]): ComparedMetric[] {
  return DYNAMICS_METRICS.filter(isCompared).filter((metric) =>
    runs.some((run) => dynamicsOfRun(run, metric) !== undefined)
  );
}

function metricEffects(matching: Matching, metric: ComparedMetric): DynamicsEffect[] {
  const of = (run: RunRow) => dynamicsOfRun(run, metric);
  return factorEffects(matching, of).map((effect) => ({ ...effect, means: meansOf(effect, matching, of) }));
}

function meansOf(
  effect: FactorEffect,
  matching: Matching,
  of: Exclude<RunNumber, string>,
): DynamicsEffect["means"] {
  const { difference } = effect;
  if (difference === undefined) return undefined;
  const from = meanAtFirst(effect, matching, of);
  return [from, from + difference];
}

/** The mean at the first value of the contrast, weighted as the difference is. */
function meanAtFirst(effect: FactorEffect, matching: Matching, of: Exclude<RunNumber, string>): number {
  const names = new Set(effect.names), seeds = new Set(effect.seeds);
  const counted = matching.blocks([effect]).active.filter(({ name }) => names.has(name));
  return mean(counted.map((block) => {
    const own = block.seeds.filter(({ seed, runs }) => seeds.has(seed) && runs.every((run) => of(run) !== undefined));
    const bySeed = Map.groupBy(own, ({ seed }) => seed);
    return mean([...bySeed.values()].map((same) => mean(same.map(({ runs: [first] }) => of(first)!))));
  }));
}

/** The effects on λ₁, which memory is told by; undefined where it was not measured. */
export function memoryEffects({ effects }: DynamicsAnswers): readonly DynamicsEffect[] | undefined {
  return effects.find(({ metric }) => metric === LARGEST_EXPONENT)?.effects;
}
