/** One walk through a text for all measures that need nothing but what is seen on the way. */
import { GateObserver } from "./gates.ts";
import type { Watched } from "./progress.ts";
import type { Streams } from "./streams.ts";
import { StateRecorder, type VisitedStates, walk, walkedModel } from "./walk.ts";
import type { CheckedModel } from "./weighted_model.ts";

/** A model's way along some streams. */
export interface Trajectory {
  readonly model: CheckedModel;
  readonly streams: Streams;
  /** The states before each measured token: 8 bytes for each number of each token. */
  readonly visited: VisitedStates;
  /** What has been seen of each gate. */
  readonly gates: GateObserver;
}

/** Walks once. Throws and reports as {@linkcode walk} does. */
export async function trajectoryOf(
  model: CheckedModel,
  streams: Streams,
  action: string,
  watched?: Watched,
): Promise<Trajectory> {
  const evaluation = walkedModel(model, streams);
  const recorder = new StateRecorder(evaluation, streams), gates = new GateObserver(evaluation.graph, streams);
  await walk(evaluation, model, streams, [recorder, gates], action, watched);
  return { model, streams, visited: recorder.visited, gates };
}
