/**
 * The one table of numbers that the dynamics of a run come to. From it follow columns of exports, of the page and of the terminal's table, what the
 * effects of factors are taken on, and what a higher value is called. A new number is a record here.
 */
import type { Unit } from "../../cells/unit.ts";
import type { Estimate } from "../../train/dynamics/estimate.ts";
import type { TokenFixedPoints } from "../../train/dynamics/fixed_points.ts";
import type { StepsBackGap } from "../../train/dynamics/truncation_gap.ts";
import { DYNAMICS_DEFAULTS, type DynamicsSettings, type Measure } from "../../train/dynamics/measure.ts";
import { RECALL_LAGS } from "../../train/dynamics/stream_options.ts";
import type { RunDynamics } from "./dynamics_file.ts";

/** A number of a run's dynamics. */
export interface DynamicsMetric {
  /** The name of its column in exports. */
  readonly key: string;
  /** The measure that it is of. */
  readonly measure: Measure;
  /** What its value says, in one line: the description of its column in exports. */
  readonly about: string;
  /** What it is called in a sentence, without an article. */
  readonly name: string;
  /** Its heading on the page, without the unit. */
  readonly heading: string;
  /** Its heading in the terminal's table of the best runs; absent: it is not in that table. */
  readonly terminal?: string;
  /** Named behind the heading; `unit` is what the models read. Absent: it is a share or a plain number. */
  readonly unit?: "unit" | "nats per unit" | "bits" | "dimensions";
  /** Decimals in tables. */
  readonly decimals: number;
  /** Whether it has a standard error over streams. */
  readonly hasError: boolean;
  /**
   * What a value above and one below another says, for a sentence: `memory is longer`. Present: effects of factors are taken on it. A number without
   * it is skewed, follows from one that has it, or is of parts that the factors themselves add.
   */
  readonly words?: { readonly higher: string; readonly lower: string };
  /** Value null where it could not be had; undefined where the measure was not taken. */
  readonly of: (dynamics: RunDynamics) => Estimate | undefined;
}

/** A metric that effects of factors are taken on. */
export type ComparedMetric = DynamicsMetric & { readonly words: NonNullable<DynamicsMetric["words"]> };

/** Steps back at which the truncation gap is told in one number. */
const TOLD_STEPS_BACK = 16;

const certain = (value: number | null): Estimate => ({ value, standard_error: null });

/**
 * λ₁, which memory is told by.
 *
 * Effects are on this, and not on the forgetting time. What multiplies a state's differences by f adds ln f, so here switches add up; it has a
 * value in each run. The forgetting time is its reciprocal: skewed, and none where nothing is forgotten, which are the longest memories of all.
 */
export const LARGEST_EXPONENT: ComparedMetric = {
  key: "lyapunov_largest",
  measure: "lyapunov",
  about:
    "largest Lyapunov exponent, nats per byte or token (see tokens): below 0 the state forgets its past; none if it is minus infinity or too small for float64",
  name: "largest Lyapunov exponent",
  heading: "λ₁",
  terminal: "λ₁",
  unit: "nats per unit",
  decimals: 3,
  hasError: true,
  words: { higher: "differences between states last longer", lower: "differences between states vanish faster" },
  of: ({ lyapunov }) => lyapunov?.largest,
};

/** −1/λ₁. */
export const FORGETTING_TIME: DynamicsMetric = {
  key: "forgetting_time",
  measure: "lyapunov",
  about:
    "−1/λ₁, bytes or tokens (see tokens) in which a small difference between states shrinks to 1/e; none if λ₁ is not below 0",
  name: "forgetting time",
  heading: "forgetting time",
  terminal: "forgetting",
  unit: "unit",
  decimals: 1,
  hasError: true,
  of: ({ lyapunov }) => lyapunov?.forgetting_time,
};

/** What of the text the state tells. */
export const RECALL_BITS: ComparedMetric = {
  key: "recall_bits",
  measure: "byte_recall",
  about: "byte recall: bits about the input that a linear readout of the state recovers, summed over all lags",
  name: "byte recall",
  heading: "recall",
  terminal: "recall",
  unit: "bits",
  decimals: 2,
  hasError: true,
  words: { higher: "the state encodes more of the input", lower: "the state encodes less of the input" },
  of: ({ byte_recall }) => byte_recall?.total,
};

/** The metrics, measure by measure. */
export const DYNAMICS_METRICS: readonly DynamicsMetric[] = [
  LARGEST_EXPONENT,
  FORGETTING_TIME,
  {
    key: "echo_merged_share",
    measure: "echo_state",
    about: "share of random starts that end in the largest group of merged states: 1 is the echo state property",
    name: "merged share of random starts",
    heading: "starts merged",
    decimals: 3,
    hasError: true,
    words: { higher: "more starts end in the same state", lower: "fewer starts end in the same state" },
    of: ({ echo_state }) => echo_state?.merged_share,
  },
  {
    key: "echo_responses",
    measure: "echo_state",
    about: "distinct responses to the same text: groups of merged states at its end",
    name: "number of distinct responses",
    heading: "responses",
    decimals: 2,
    hasError: true,
    of: ({ echo_state }) => echo_state?.responses,
  },
  RECALL_BITS,
  {
    key: "recall_horizon",
    measure: "byte_recall",
    about:
      `the last lag, bytes or tokens (see tokens), with recall above two standard errors; at most ${RECALL_LAGS}, the longest measured`,
    name: "recall horizon",
    heading: "recall horizon",
    unit: "unit",
    decimals: 1,
    hasError: false,
    of: ({ byte_recall }) => byte_recall && certain(byte_recall.horizon),
  },
  {
    key: "fixed_points",
    measure: "fixed_points",
    about:
      "distinct fixed points found per byte or token (see tokens), mean weighted by their share of the text; more may exist",
    name: "number of fixed points found",
    heading: "fixed points",
    decimals: 2,
    hasError: false,
    words: { higher: "more fixed points are found", lower: "fewer fixed points are found" },
    of: ({ fixed_points }) => fixed_points && overText(fixed_points.tokens, ({ points }) => points.length),
  },
  {
    key: "stable_share",
    measure: "fixed_points",
    about: "share of the text (of the tried bytes or tokens, see tokens) for which a stable fixed point was found",
    name: "share of the text with a stable fixed point",
    heading: "stable fixed point",
    decimals: 3,
    hasError: false,
    words: { higher: "more of the text has a stable fixed point", lower: "less of the text has a stable fixed point" },
    of: ({ fixed_points }) =>
      fixed_points &&
      overText(fixed_points.tokens, ({ points }) => points.some(({ unstable }) => unstable === 0) ? 1 : 0),
  },
  {
    key: "participation_ratio",
    measure: "participation_ratio",
    about: "participation ratio of the whole state: how many dimensions it uses",
    name: "participation ratio",
    heading: "participation ratio",
    unit: "dimensions",
    decimals: 2,
    hasError: true,
    words: { higher: "the state uses more dimensions", lower: "the state uses fewer dimensions" },
    of: ({ participation_ratio: ratio }) =>
      ratio && { value: ratio.whole.value, standard_error: ratio.whole.standard_error },
  },
  {
    key: "gates_shut",
    measure: "gates",
    about:
      "share of units and of bytes or tokens (see tokens) at which a gate is below 0.1, mean over all gates of all layers; none without gates",
    name: "share of closed gates",
    heading: "gates closed",
    decimals: 3,
    hasError: false,
    of: ({ gates }) => gates && meanOver(gates.gates.map(({ below }) => below.value)),
  },
  {
    key: "gates_open",
    measure: "gates",
    about:
      "share of units and of bytes or tokens (see tokens) at which a gate is above 0.9, mean over all gates of all layers; none without gates",
    name: "share of open gates",
    heading: "gates open",
    decimals: 3,
    hasError: false,
    of: ({ gates }) => gates && meanOver(gates.gates.map(({ above }) => above.value)),
  },
  {
    key: `truncation_cosine_${TOLD_STEPS_BACK}`,
    measure: "truncation_gap",
    about: `cosine of the mean gradient through one step and through ${TOLD_STEPS_BACK}, all weights`,
    name: `cosine of the gradients through one step and through ${TOLD_STEPS_BACK}`,
    heading: `gradient cosine, 1 and ${TOLD_STEPS_BACK} steps`,
    decimals: 3,
    hasError: true,
    words: { higher: "truncation turns the gradient less", lower: "truncation turns the gradient more" },
    of: ({ truncation_gap }) =>
      truncation_gap &&
      atToldSteps(truncation_gap.gaps, ({ whole }) => ({
        value: whole.cosine,
        standard_error: whole.cosine_standard_error,
      })),
  },
  {
    key: `truncation_ratio_${TOLD_STEPS_BACK}`,
    measure: "truncation_gap",
    about: `norm of the mean gradient through one step divided by that through ${TOLD_STEPS_BACK}, all weights`,
    name: `ratio of the gradients' norms through one step and through ${TOLD_STEPS_BACK}`,
    heading: `gradient ratio, 1 by ${TOLD_STEPS_BACK} steps`,
    decimals: 3,
    hasError: true,
    of: ({ truncation_gap }) =>
      truncation_gap &&
      atToldSteps(truncation_gap.gaps, ({ whole }) => ({
        value: whole.ratio,
        standard_error: whole.ratio_standard_error,
      })),
  },
];

/** The column of exports with a metric's standard error over streams. */
export function errorColumn({ key }: DynamicsMetric): string {
  return `${key}_standard_error`;
}

/** The column of exports with one of the settings that a run was measured with. */
export function settingsColumn(key: keyof DynamicsSettings): string {
  return `dynamics_${key}`;
}

/** The columns of exports that say something of a run's dynamics. */
export const DYNAMICS_COLUMN_NAMES: readonly string[] = [
  ...DYNAMICS_METRICS.flatMap((metric) => metric.hasError ? [metric.key, errorColumn(metric)] : [metric.key]),
  ...(Object.keys(DYNAMICS_DEFAULTS) as (keyof DynamicsSettings)[]).map(settingsColumn),
];

export function isCompared(metric: DynamicsMetric): metric is ComparedMetric {
  return metric.words !== undefined;
}

/** The unit of a metric's values in words: `nats per byte`, `bytes`; undefined where it has none. */
export function dynamicsUnit({ unit }: Pick<DynamicsMetric, "unit">, reads: Unit): string | undefined {
  return unit === "nats per unit" ? `nats per ${reads}` : unit === "unit" ? `${reads}s` : unit;
}

/** The mean over tokens by their share of the text; null where none was tried. */
function overText(tokens: readonly TokenFixedPoints[], of: (token: TokenFixedPoints) => number): Estimate {
  const all = tokens.reduce((sum, { share }) => sum + share, 0);
  return certain(all > 0 ? tokens.reduce((sum, token) => sum + token.share * of(token), 0) / all : null);
}

/** Errors of gates are correlated, since they read one text: what their standard errors come to together is not known. */
function meanOver(values: readonly (number | null)[]): Estimate {
  const known = values.filter((value) => value !== null);
  const isWhole = known.length > 0 && known.length === values.length;
  return certain(isWhole ? known.reduce((sum, value) => sum + value, 0) / known.length : null);
}

function atToldSteps(gaps: readonly StepsBackGap[], of: (gap: StepsBackGap) => Estimate): Estimate {
  const gap = gaps.find(({ bptt }) => bptt === TOLD_STEPS_BACK);
  return gap ? of(gap) : certain(null);
}
