/** One walk through a text for all measures that need nothing but what is seen on the way. */
import { GateObserver } from "./gates.ts";
import type { Watched } from "./progress.ts";
import type { Streams, Trajectory } from "./streams.ts";
import { StateRecorder, walk, walkedModel } from "./walk.ts";
import type { CheckedModel } from "./weighted_model.ts";

/** What has been seen along some streams. */
export interface Walked {
  readonly model: CheckedModel;
  /** The states before each measured token: 8 bytes for each number of each token. */
  readonly trajectory: Trajectory;
  readonly gates: GateObserver;
}

/** Walks once. Throws and reports as {@linkcode walk} does. */
export async function walkOnce(
  model: CheckedModel,
  streams: Streams,
  action: string,
  watched?: Watched,
): Promise<Walked> {
  const evaluation = walkedModel(model, streams);
  const recorder = new StateRecorder(evaluation, streams), gates = new GateObserver(evaluation.graph, streams);
  await walk(evaluation, model, streams, [recorder, gates], action, watched);
  return { model, trajectory: { streams, states: recorder.visited }, gates };
}
