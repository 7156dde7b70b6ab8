/** The step that all peers do: our weights, our bytes, and the losses that our engine got. */
import type { CellConfig } from "../../../cells/config.ts";
import { loadCorpus } from "../../../train/corpus/corpus.ts";
import type { Engine } from "../../../train/engines/engine.ts";
import { BATCH, copies } from "../measure.ts";
import type { PeerStart, PeerTask } from "./peer.ts";

/** Steps whose losses are compared: on text, a wrong update shows in the next loss; on noise it would not. */
const CHECKED_STEPS = 24;
const PASS_BYTES = 1000;
/** Different weights, so that runs that get mixed up are seen. */
const STARTS = 2;

/**
 * The task of one configuration, with losses from `engine`.
 *
 * @param config must have the switches of the best configuration, as the peers have these alone
 * @param runs for peers that train several at once
 */
export async function peerTask(
  engine: Engine,
  config: CellConfig,
  runs: number = 1,
): Promise<PeerTask> {
  const { train } = await loadCorpus("embedded", PASS_BYTES);
  const prepared = copies(config, STARTS);
  const stride = Math.floor((train.length - PASS_BYTES) / BATCH);
  const offsets = new Uint32Array(BATCH).map((_, row) => row * stride);
  const group = await engine.open(prepared, train);
  try {
    prepared.forEach((_, i) => group.beginPass(i, offsets));
    const losses = await group.advance(CHECKED_STEPS);
    const starts = prepared.map(({ step, tensors }, i): PeerStart => ({
      weights: new Map(
        step.parameters.map(({ name, shape }) => [name, { shape, values: Float32Array.from(tensors.get(name)!) }]),
      ),
      losses: Array.from(losses[i]),
    }));
    const text = new Uint8Array(PASS_BYTES * BATCH).map((_, i) => train[offsets[i % BATCH] + Math.floor(i / BATCH)]);
    return { sizes: prepared[0].step.sizes, starts, text, runs };
  } finally {
    await group.close();
  }
}
