/** How each measure of a model's dynamics is taken where all are: the one table of them. */
import { recallOf } from "./byte_recall.ts";
import { echoStateOf } from "./echo_state.ts";
import { fixedPointsOf } from "./fixed_points.ts";
import { spectrumOf } from "./lyapunov.ts";
import type { Measure, MeasureResults } from "./measure.ts";
import { participationOf } from "./participation_ratio.ts";
import type { Watched } from "./progress.ts";
import { firstTokens, type Trajectory } from "./streams.ts";
import { gapOf } from "./truncation_gap.ts";
import type { Walked } from "./walk_once.ts";
import type { CheckedModel } from "./weighted_model.ts";

/** How one measure is taken from what is seen along the walk. */
interface Measurer<M extends Measure> {
  /** About how long it takes beside the others and the walk, for the progress alone: tenths of a second for 2 layers of 32 states. */
  readonly cost: number;
  readonly take: (walked: Walked, watched: Watched) => MeasureResults[M] | Promise<MeasureResults[M]>;
}

/** Each measure with one line. */
export const MEASURERS: { readonly [M in Measure]: Measurer<M> } = {
  lyapunov: { cost: 0.1, take: ({ exponents, trajectory }) => spectrumOf(exponents, trajectory.streams) },
  echo_state: { cost: 2, take: ({ model, trajectory }, watched) => echoStateOf(model, trajectory, watched) },
  byte_recall: { cost: 16, take: ({ trajectory }, watched) => recallOf(trajectory, watched) },
  fixed_points: { cost: 4, take: points },
  participation_ratio: { cost: 1, take: ({ trajectory }, { signal }) => participationOf(trajectory, signal) },
  gates: { cost: 0.1, take: ({ gates }) => gates.activities() },
  truncation_gap: { cost: 7, take: ({ model, trajectory }, watched) => gap(model, trajectory, watched) },
};

/** The same of the walk, which carries the vectors of the Lyapunov spectrum along. */
export const WALK_COST = 30;

/** Tokens for which fixed points are searched: a search costs the third power of a layer's numbers, so of large layers half as many. */
const HELD = { small: 8, large: 4, numbers: 128 } as const;

function points({ model, trajectory, exponents }: Walked, watched: Watched) {
  const isLarge = exponents.some(({ numbers }) => numbers >= HELD.numbers);
  return fixedPointsOf(model, trajectory, { frequent: isLarge ? HELD.large : HELD.small, ...watched });
}

/** Steps back, and the most tokens of each stream that are read for them: each k has a graph of its own, which takes longer to open than to run. */
const GAP = { bptt: [2, 4, 8, 16], tokens: 256 } as const;

/** Over as many of the tokens as the most steps back divide; of so few that these do not fit, those that do. */
function gap(model: CheckedModel, trajectory: Trajectory, watched: Watched) {
  const most = Math.min(trajectory.streams.tokens, GAP.tokens), fitting = GAP.bptt.filter((k) => k <= most);
  const bptt = fitting.length ? fitting : [1];
  return gapOf(model, firstTokens(trajectory, most - most % bptt[bptt.length - 1]), { bptt, ...watched });
}
