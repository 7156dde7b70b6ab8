/** How each measure of a model's dynamics is taken where all are: the one table of them. */
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import { recallOf } from "./byte_recall.ts";
import { echoState } from "./echo_state.ts";
import { fixedPointsFrom } from "./fixed_points.ts";
import { lyapunovSpectrum } from "./lyapunov.ts";
import type { DynamicsSettings, Measure, MeasureResults } from "./measure.ts";
import { participationOf } from "./participation_ratio.ts";
import type { Watched } from "./progress.ts";
import type { StreamOptions } from "./streams.ts";
import type { Trajectory } from "./trajectory.ts";
import { STEPS_BACK, truncationGap } from "./truncation_gap.ts";
import type { WeightedModel } from "./weighted_model.ts";

/** What a measure is taken from. */
export interface MeasureInputs {
  readonly model: WeightedModel;
  readonly text: Tokens;
  readonly settings: DynamicsSettings;
  /** How the text is cut. */
  readonly cut: Required<StreamOptions>;
  readonly watched: Watched;
  /** The walk along these streams: made where it is first asked for, and kept for the measures after. */
  readonly walked: () => Promise<Trajectory>;
}

/** How one measure is taken. */
interface Measurer<M extends Measure> {
  /** About how long it takes beside the others, for the progress alone: tenths of a second for 2 layers of 32 states. */
  readonly cost: number;
  readonly take: (inputs: MeasureInputs) => Promise<MeasureResults[M]>;
}

/** Each measure with one line. Those that look at one walk share it; the others read the text in a way of their own. */
export const MEASURERS: { readonly [M in Measure]: Measurer<M> } = {
  lyapunov: { cost: 18, take: ({ model, text, ...how }) => lyapunovSpectrum(model, text, spectrumOptions(how)) },
  echo_state: { cost: 2, take: ({ model, text, ...how }) => echoState(model, text, echoOptions(how)) },
  byte_recall: {
    cost: 10,
    take: ({ watched, walked }) => walked().then(({ visited, streams }) => recallOf(visited, streams, watched)),
  },
  fixed_points: {
    cost: 4,
    take: ({ text, watched, walked }) =>
      walked().then(({ model, visited }) => fixedPointsFrom(model, text, visited, watched)),
  },
  participation_ratio: {
    cost: 1,
    take: ({ watched, walked }) =>
      walked().then(({ visited, streams }) => participationOf(visited, streams, watched.signal)),
  },
  gates: { cost: 0.1, take: ({ walked }) => walked().then(({ gates }) => gates.activities()) },
  truncation_gap: { cost: 4, take: ({ model, text, ...how }) => truncationGap(model, text, gapOptions(how)) },
};

/** The same of the walk that some of them share. */
export const WALK_COST = 2;

type How = Pick<MeasureInputs, "settings" | "cut" | "watched">;

const spectrumOptions = ({ settings: { exponents }, cut, watched }: How) => ({ exponents, ...cut, ...watched });

/** Streams and tokens that are enough, where there are more: each token costs a step of all random starts. */
const ECHO = { streams: 4, tokens: 2048, warm_up: 256 } as const;

const echoOptions = ({ cut, watched }: How) => ({
  streams: Math.min(ECHO.streams, cut.streams),
  tokens: Math.min(ECHO.tokens, cut.tokens),
  warm_up: ECHO.warm_up,
  ...watched,
});

/** Tokens of each stream that are enough: each costs six times a forward pass for each number of steps back. */
const GAP_TOKENS = 512;

/** As many of the tokens as the most steps back divide; of so few that these do not fit, those that do. */
function gapOptions({ cut: { streams, tokens, warm_up }, watched }: How) {
  const most = Math.min(tokens, GAP_TOKENS), bptt = STEPS_BACK.filter((k) => k <= most);
  return { streams, warm_up, tokens: most - most % bptt[bptt.length - 1], bptt, ...watched };
}
