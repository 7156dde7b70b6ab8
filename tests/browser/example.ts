import { gruCell } from "../../cells/catalog/catalog.ts";
import { buildTrainingStep } from "../../cells/language_model.ts";
import { initialWeights, passOffsets } from "../../train/corpus/random.ts";
import type { Engine } from "../../train/engines/engine.ts";

/** Trains a GRU on some text. @returns the loss before each step, nats per byte */
export async function train(engine: Engine, text: Uint8Array, steps: number): Promise<Float64Array> {
  const seed = 0, batch = 8, passTokens = steps + 1;
  const step = buildTrainingStep(gruCell, { n_layers: 1, state_size: 16, vocabulary: 256, batch });
  const run = { step, tensors: initialWeights(step.parameters, seed), stepsDone: 0, learningRate: 0.001 };
  const group = await engine.open([run], text);
  try {
    group.beginPass(0, passOffsets(seed, 0, batch, passTokens, text.length));
    const [losses] = await group.advance(steps);
    return losses;
  } finally {
    await group.close();
  }
}
