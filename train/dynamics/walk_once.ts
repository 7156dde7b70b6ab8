/** One walk through a text for all measures that need nothing but what is seen on the way. */
import { CocycleWalk, type LayerExponents } from "./cocycle.ts";
import { GateObserver } from "./gates.ts";
import type { Watched } from "./progress.ts";
import type { Streams, Trajectory } from "./streams.ts";
import { StateRecorder } from "./walk.ts";
import { type CheckedModel, modelOfRows } from "./weighted_model.ts";

/** What has been seen along some streams. */
export interface Walked {
  readonly model: CheckedModel;
  /** The states before each measured token: 8 bytes for each number of each token. */
  readonly trajectory: Trajectory;
  readonly gates: GateObserver;
  /** Of each layer that carries something. */
  readonly exponents: readonly LayerExponents[];
}

/**
 * Walks once.
 *
 * @param exponents of each layer, at most
 * @param action what an error says was being done
 * @throws {UserError} if a state becomes infinite or NaN
 */
export async function walkOnce(
  model: CheckedModel,
  streams: Streams,
  exponents: number,
  action: string,
  watched?: Watched,
): Promise<Walked> {
  const evaluation = modelOfRows(model, streams.streams);
  const recorder = new StateRecorder(evaluation, streams), gates = new GateObserver(evaluation.graph, streams);
  await using walk = await CocycleWalk.open(evaluation, model, streams, exponents, [recorder, gates]);
  await walk.run(action, watched);
  return { model, trajectory: { streams, states: recorder.visited }, gates, exponents: walk.exponents() };
}
