/** Takes all measures of a model's dynamics, one after the other. */
import { messageOf, UserError } from "../../cells/errors.ts";
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
import { MEASURERS, WALK_COST } from "./measures.ts";
import type { Watched } from "./progress.ts";
import { cutStreams } from "./streams.ts";
import { type Walked, walkOnce } from "./walk_once.ts";
import { checkModel, type WeightedModel } from "./weighted_model.ts";

const ACTION = "measure the dynamics";

/**
 * Takes all measures of a model. One that this model or this text does not allow is left out, and the line that says why stands in its place.
 *
 * @param watched `onProgress` is told a share of all work: `done` of a `total` of 1
 * @throws {UserError} if a weight is missing or not finite
 * @throws {RangeError} if the text is too short for the settings, or has a token that the model has not
 * @throws the signal's reason, if it comes
 */
export async function measureModel(
  model: WeightedModel,
  text: Tokens,
  settings: DynamicsSettings,
  { onProgress, signal }: Watched = {},
): Promise<MeasuredModel> {
  const start = performance.now(), { streams, tokens, exponents } = settings;
  const cut = { streams, tokens, warm_up: DYNAMICS_WARM_UP };
  // What is wrong for all of them is said once.
  const checked = checkModel(model, ACTION), cutText = cutStreams(text, cut, checked, ACTION);
  const measured: { -readonly [M in Measure]?: MeasureResults[M] } = {};
  const not_measured: { [M in Measure]?: string } = {};
  const all = MEASURES.reduce((sum, measure) => sum + MEASURERS[measure].cost, WALK_COST);
  /** Of all costs: those of the measures that are over, that of the one under way so far, and that of the walk. */
  const done = { before: 0, within: 0, walk: 0 };
  const tell = () => onProgress?.((done.before + done.within + done.walk) / all, 1);
  const watch = (part: "within" | "walk", cost: number): Watched => ({
    signal,
    onProgress(share, total) {
      done[part] = cost * Math.min(1, share / total);
      tell();
    },
  });
  let walk: Promise<Walked> | undefined;
  const walked = () => walk ??= walkOnce(checked, cutText, exponents, ACTION, watch("walk", WALK_COST));

  const take = async <M extends Measure>(measure: M) => {
    const { cost, take } = MEASURERS[measure], watched = watch("within", cost);
    try {
      measured[measure] = await take(await walked(), watched) as MeasuredDynamics[M];
    } catch (error) {
      signal?.throwIfAborted();
      if (!isOfTheModel(error)) throw error;
      not_measured[measure] = messageOf(error);
    }
    done.before += cost;
    done.within = 0;
    tell();
  };
  for (const measure of MEASURES) {
    // A turn of the event loop, so that a signal is heard between two measures too.
    await new Promise((resolve) => setTimeout(resolve));
    signal?.throwIfAborted();
    await take(measure);
  }
  return { measured, not_measured, seconds: (performance.now() - start) / 1000 };
}

/** Whether an error says something of this model or this text, rather than of the program, or of a machine without memory: V8's are RangeErrors too. */
function isOfTheModel(error: unknown): boolean {
  return error instanceof UserError || (error instanceof RangeError && error.message.startsWith("Cannot "));
}
