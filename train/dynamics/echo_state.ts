/** Echo state: whether what a model does depends on its input alone, or also on the state that it started from. */
import type { Estimate } from "./estimate.ts";
import type { StreamOptions } from "./streams.ts";

/** What {@linkcode echoState} finds. */
export interface EchoState extends Pick<Required<StreamOptions>, "streams"> {
  /** Random starts of each stream. */
  readonly starts: number;
  /** Tokens that were read, at most: reading ends where all starts of all streams have merged. */
  readonly tokens: number;
  /** States are merged whose largest difference in any number is below this. */
  readonly tolerance: number;
  /** Share of the starts that end in the largest group of merged states, from 1/starts (none have merged) to 1 (all). */
  readonly merged_share: Estimate;
  /** Distinct responses: groups of merged states at the end. 1: the model has the echo state property, as far as these starts tell. */
  readonly responses: Estimate;
  /** Tokens after which all starts of a stream had merged; value null where in some stream they never did. */
  readonly merged_after: Estimate;
  /** Starts, of all streams, whose state became infinite or NaN; they are in no group. */
  readonly diverged: number;
}
