/** Whether a provider scores as the CPU does, on a model that is made up: what a driver gets wrong is seen before it is in a result. */
import { cellOf } from "../../cells/catalog/catalog.ts";
import { UserError } from "../../cells/errors.ts";
import { maxOf } from "../../cells/extremes.ts";
import { SMALL_CONFIG } from "../../cells/known_configs.ts";
import { evaluationModel } from "../../cells/language_model.ts";
import { initialWeights } from "../corpus/random.ts";
import { exportModel } from "./export_model.ts";
import { PROVIDERS, type ScoreProvider } from "./providers.ts";
import { ScoringModel } from "./scoring_model.ts";

/** Losses of one token differ by rounding alone: by 2e-6 nats on SwiftShader. */
const MOST_DIFFERENCE = 1e-4;

const CONFIG = { ...SMALL_CONFIG, n_layers: 2, state_size: 8 };
const ROWS = 3;
/** A block and more, of any provider. */
const STEPS = 2 + maxOf(Object.values(PROVIDERS).map(({ steps }) => steps));

/**
 * Reads the same tokens with a provider and on the CPU: blocks and single steps, and rows that forget.
 *
 * @throws {UserError} if the provider cannot run, or their losses differ by more than rounding does
 */
export async function checkProvider(provider: ScoreProvider): Promise<void> {
  const { parameters } = evaluationModel(cellOf(CONFIG), CONFIG);
  // Weights as drawn hardly use their states.
  const weights = [...initialWeights(parameters, 0)].map(([name, values]) => [name, values.map((x) => 4 * x)] as const);
  const model = exportModel(CONFIG, new Map(weights));
  const [own, must] = [await losses(model, provider), await losses(model, "cpu")];
  const difference = own.reduce((most, x, i) => Math.max(most, Math.abs(x - must[i])), 0);
  // NaN is not a number that is small enough.
  if (difference <= MOST_DIFFERENCE && own.every(Number.isFinite)) return;
  throw new UserError(
    `Cannot score on ${provider}: its losses differ from the CPU's by ${
      difference.toExponential(1)
    } nats, must by at most ${MOST_DIFFERENCE}`,
  );
}

async function losses(bytes: Uint8Array, provider: ScoreProvider): Promise<number[]> {
  const model = await ScoringModel.open(bytes, { provider }), reader = model.reader(ROWS);
  try {
    const text = Int32Array.from({ length: (STEPS + 1) * ROWS }, (_, i) => (31 * i + (i >> 2)) % 256);
    const first = await reader.nll(text, STEPS);
    reader.forget(1);
    const second = await reader.nll(text, STEPS);
    reader.reset();
    return [...first, ...second, ...await reader.nll(text, 1)];
  } finally {
    reader.close();
    await model.close();
  }
}
