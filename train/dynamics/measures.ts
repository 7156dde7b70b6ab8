/** How each measure of a model's dynamics is taken where all are: the one table of them. */
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import { recallOf } from "./byte_recall.ts";
import { echoStateOf } from "./echo_state.ts";
import { fixedPointsOf } from "./fixed_points.ts";
import { lyapunovSpectrum } from "./lyapunov.ts";
import type { DynamicsSettings, Measure, MeasureResults } from "./measure.ts";
import { participationOf } from "./participation_ratio.ts";
import type { Watched } from "./progress.ts";
import { firstTokens, type StreamOptions, type Trajectory } from "./streams.ts";
import { gapOf, STEPS_BACK } from "./truncation_gap.ts";
import type { Walked } from "./walk_once.ts";
import type { CheckedModel, WeightedModel } from "./weighted_model.ts";

/** What a measure is taken from. */
export interface MeasureInputs {
  readonly model: WeightedModel;
  readonly text: Tokens;
  readonly settings: DynamicsSettings;
  /** How the text is cut. */
  readonly cut: Required<StreamOptions>;
  readonly watched: Watched;
  /** The walk along these streams: made where it is first asked for, and kept for the measures after. */
  readonly walked: () => Promise<Walked>;
}

/** How one measure is taken. */
interface Measurer<M extends Measure> {
  /** About how long it takes beside the others, for the progress alone: tenths of a second for 2 layers of 32 states. */
  readonly cost: number;
  readonly take: (inputs: MeasureInputs) => Promise<MeasureResults[M]>;
}

/** Takes a measure from what is seen along the one walk. */
const along = <R>(take: (walked: Walked, watched: Watched) => R | Promise<R>) => async (inputs: MeasureInputs) =>
  take(await inputs.walked(), inputs.watched);

/** Each measure with one line. A spectrum walks by itself, since differences between states go with it. */
export const MEASURERS: { readonly [M in Measure]: Measurer<M> } = {
  lyapunov: { cost: 18, take: spectrum },
  echo_state: { cost: 2, take: along(({ model, trajectory }, watched) => echoStateOf(model, trajectory, watched)) },
  byte_recall: { cost: 10, take: along(({ trajectory }, watched) => recallOf(trajectory, watched)) },
  fixed_points: { cost: 4, take: along(({ model, trajectory }, watched) => fixedPointsOf(model, trajectory, watched)) },
  participation_ratio: { cost: 1, take: along(({ trajectory }, { signal }) => participationOf(trajectory, signal)) },
  gates: { cost: 0.1, take: along(({ gates }) => gates.activities()) },
  truncation_gap: { cost: 4, take: along(({ model, trajectory }, watched) => gap(model, trajectory, watched)) },
};

/** The same of the walk that they share. */
export const WALK_COST = 2;

function spectrum({ model, text, settings: { exponents }, cut, watched }: MeasureInputs) {
  return lyapunovSpectrum(model, text, { exponents, ...cut, ...watched });
}

/** Tokens of each stream that are enough: each costs six times a forward pass for each number of steps back. */
const GAP_TOKENS = 512;

/** Over as many of the tokens as the most steps back divide; of so few that these do not fit, those that do. */
function gap(model: CheckedModel, trajectory: Trajectory, watched: Watched) {
  const most = Math.min(trajectory.streams.tokens, GAP_TOKENS), bptt = STEPS_BACK.filter((k) => k <= most);
  return gapOf(model, firstTokens(trajectory, most - most % bptt[bptt.length - 1]), { bptt, ...watched });
}
