/** The measures of a model's dynamics by their keys, and how a run is measured: for those who keep results, without the code that makes them. */
import type { ByteRecall } from "./byte_recall.ts";
import type { EchoState } from "./echo_state.ts";
import type { FixedPoints } from "./fixed_points.ts";
import type { GateActivities } from "./gates.ts";
import type { LyapunovSpectrum } from "./lyapunov.ts";
import type { ParticipationRatio } from "./participation_ratio.ts";
import { USUAL_STREAMS } from "./stream_options.ts";
import type { TruncationGap } from "./truncation_gap.ts";

/** What each measure finds. */
export interface MeasureResults {
  /** How fast differences of states shrink or grow, nats per token. */
  readonly lyapunov: LyapunovSpectrum;
  /** Whether random starts end in the same state. */
  readonly echo_state: EchoState;
  /** What a linear readout of the state tells of what was read, bits. */
  readonly byte_recall: ByteRecall;
  /** States that stay where they are while one token is read again and again. */
  readonly fixed_points: FixedPoints;
  /** How many dimensions the states spread over. */
  readonly participation_ratio: ParticipationRatio;
  /** How far gates are open. */
  readonly gates: GateActivities;
  /** How far the gradient through one step is from that through several. */
  readonly truncation_gap: TruncationGap;
}

/** The key of a measure. */
export type Measure = keyof MeasureResults;

/** What the measures are called in a sentence, in the order in which files and reports have them. */
export const MEASURE_NAMES: Readonly<Record<Measure, string>> = {
  lyapunov: "Lyapunov spectrum",
  echo_state: "echo state",
  byte_recall: "byte recall",
  fixed_points: "fixed points",
  participation_ratio: "participation ratio",
  gates: "gates",
  truncation_gap: "truncation gap",
};

/** All keys, in that order. */
export const MEASURES = Object.keys(MEASURE_NAMES) as readonly Measure[];

/** What the measures came to; one that could not be taken is absent. */
export type MeasuredDynamics = Partial<MeasureResults>;

/** How a run is measured. */
export interface DynamicsSettings {
  /** Parts of the test split that are read side by side. */
  readonly streams: number;
  /** Tokens of each that are measured; bytes are tokens, where nothing else is said. */
  readonly tokens: number;
  /** Lyapunov exponents of each layer, at most. */
  readonly exponents: number;
}

/** How runs are measured where nothing else is said. */
export const DYNAMICS_DEFAULTS: DynamicsSettings = {
  streams: USUAL_STREAMS.streams,
  tokens: USUAL_STREAMS.tokens,
  exponents: 32,
};

/** Tokens that each stream reads before those that are measured. */
export const DYNAMICS_WARM_UP = USUAL_STREAMS.warm_up;

/** What came of a model. */
export interface MeasuredModel {
  /** By the keys of the measures. */
  readonly measured: MeasuredDynamics;
  /** Why a measure is absent, in one line, by its key. */
  readonly not_measured: Readonly<Partial<Record<Measure, string>>>;
  /** Wall time of all measures, seconds. */
  readonly seconds: number;
}
