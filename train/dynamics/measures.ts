/** All measures of a model's dynamics, one after the other: the one table of the functions that take them. */
import { messageOf, UserError } from "../../cells/errors.ts";
import type { Values } from "../../cells/graph/interpreter.ts";
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import {
  DYNAMICS_WARM_UP,
  type DynamicsSettings,
  type Measure,
  type MeasuredDynamics,
  type MeasuredModel,
  type MeasureResults,
  MEASURES,
} from "./measure.ts";
import type { Watched } from "./progress.ts";
import { cutStreams, type StreamOptions, type Streams, visitedStates } from "./streams.ts";
import { STEPS_BACK, truncationGap } from "./truncation_gap.ts";
import { type CheckedModel, checkModel, type WeightedModel } from "./weighted_model.ts";

/** A text as a model has walked it, once for all measures that need nothing but the states on the way. */
export interface Trajectory {
  readonly model: CheckedModel;
  readonly streams: Streams;
  /** As {@linkcode visitedStates} returns them. */
  readonly states: ReadonlyMap<string, readonly Values[]>;
}

/** What a measure is taken from. */
export interface MeasureInputs {
  readonly model: WeightedModel;
  readonly text: Tokens;
  readonly settings: DynamicsSettings;
  /** How the text is cut, for measures that read it themselves. */
  readonly cut: Required<StreamOptions>;
  readonly watched: Watched;
  /** The walk along these streams: made when it is first asked for, and kept until the last measure has been taken. */
  readonly trajectory: () => Promise<Trajectory>;
}

/** How one measure is taken. */
interface Measurer<M extends Measure> {
  /** About how long it takes beside the others, for the progress alone: tenths of a second for 2 layers of 32 states. */
  readonly cost: number;
  readonly take: (inputs: MeasureInputs) => Promise<MeasureResults[M]>;
}

/** A measure stands here with one line; {@linkcode MEASURES} has the order in which they are taken. */
const MEASURERS: { readonly [M in Measure]?: Measurer<M> } = {
  truncation_gap: { cost: 4, take: ({ model, text, cut, watched }) => truncationGap(model, text, gapOf(cut, watched)) },
};

/** The measures that are taken of each model. */
export const TAKEN: readonly Measure[] = MEASURES.filter((measure) => MEASURERS[measure]);

/** Tokens of each stream that gradients are taken over, at most: they cost six times a forward pass for each number of steps back. */
const GAP_TOKENS = 512;

/** As many of the tokens as the most steps back divide; of so few that these do not fit, those that do. */
function gapOf({ streams, tokens, warm_up }: Required<StreamOptions>, watched: Watched) {
  const most = Math.min(tokens, GAP_TOKENS), bptt = STEPS_BACK.filter((k) => k <= most);
  return { streams, warm_up, tokens: most - most % bptt[bptt.length - 1], bptt, ...watched };
}

/**
 * Takes all measures of a model. One that this model or this text does not allow is left out, and the line that says why stands in its place.
 *
 * @param watched `onProgress` is told a share of all work, `done` of a `total` of 1
 * @throws {UserError} if a weight is missing or not finite; {@linkcode RangeError} if the text is too short for the settings, or has a token that
 * the model has not
 * @throws the signal's reason, if it comes
 */
export async function measureDynamics(
  model: WeightedModel,
  text: Tokens,
  settings: DynamicsSettings,
  { onProgress, signal }: Watched = {},
): Promise<MeasuredModel> {
  const action = "measure the dynamics", start = performance.now();
  const cut = { streams: settings.streams, tokens: settings.tokens, warm_up: DYNAMICS_WARM_UP };
  // What is wrong for all of them is said once.
  const checked = checkModel(model, action), streams = cutStreams(text, cut, checked, action);
  let walk: Promise<Trajectory> | undefined;
  const walked = async () => ({ model: checked, streams, states: await visitedStates(checked, streams) });
  const trajectory = () => walk ??= walked();
  const all = TAKEN.reduce((sum, measure) => sum + MEASURERS[measure]!.cost, 0);
  const measured: { -readonly [M in Measure]?: MeasureResults[M] } = {}, not_measured: Record<string, string> = {};
  let before = 0;
  const take = async <M extends Measure>(measure: M, { cost, take }: Measurer<M>) => {
    const watched: Watched = {
      onProgress: (done, total) => onProgress?.((before + cost * Math.min(1, done / total)) / all, 1),
      signal,
    };
    try {
      measured[measure] = await take({ model, text, settings, cut, watched, trajectory }) as MeasuredDynamics[M];
    } catch (error) {
      signal?.throwIfAborted();
      if (!isOfModel(error)) throw error;
      not_measured[measure] = messageOf(error);
    }
    before += cost;
    onProgress?.(before / all, 1);
  };
  for (const measure of TAKEN) {
    // A turn of the event loop, so that a signal is heard between two measures too.
    await new Promise((resolve) => setTimeout(resolve));
    signal?.throwIfAborted();
    await take(measure, MEASURERS[measure] as Measurer<Measure>);
  }
  return { measured, not_measured, seconds: (performance.now() - start) / 1000 };
}

/** Whether an error says something of this model or this text, rather than of the program. */
function isOfModel(error: unknown): boolean {
  return error instanceof UserError || error instanceof RangeError;
}
