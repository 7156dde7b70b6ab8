/** Text from a trained model. */
import { UserError } from "../cells/errors.ts";
import { LoadedModel } from "../train/model.ts";
import { randomStream } from "../train/corpus/random.ts";
import { advised } from "./files.ts";
import { type FinishedResult, isFinished } from "./result.ts";
import { checkModel } from "./run_files.ts";
import { type Experiment, REMAKE_MODEL, runKey, shortKey, type Study } from "./store.ts";

export interface SampleOptions {
  readonly prompt: Uint8Array;
  /** Bytes to draw. */
  readonly bytes: number;
  /** Divides the logits; 0 takes the likeliest byte each time. */
  readonly temperature: number;
  readonly seed: number;
}

/**
 * Draws bytes one after the other, each given all before.
 *
 * @param model opened with one row
 * @returns the drawn bytes, without the prompt
 */
export async function sampleText(model: LoadedModel, options: SampleOptions): Promise<Uint8Array> {
  const stream = randomStream(options.seed, "sample");
  // A model is trained on text, where every byte has one before it: a line's end stands in where there is no prompt.
  const prompt = options.prompt.length ? options.prompt : new TextEncoder().encode("\n");
  let logits: Float32Array = new Float32Array();
  for (const byte of prompt) logits = await model.step([byte]);
  const drawn = new Uint8Array(options.bytes);
  for (let i = 0; i < drawn.length; i++) {
    drawn[i] = draw(logits, options.temperature, stream.uniform());
    if (i + 1 < drawn.length) logits = await model.step([drawn[i]]);
  }
  return drawn;
}

/** The index at which the running sum of softmax(logits / temperature) passes `u`. */
export function draw(logits: ArrayLike<number>, temperature: number, u: number): number {
  const values = Array.from(logits);
  const peak = values.reduce((a, b) => Math.max(a, b), -Infinity);
  if (temperature === 0) return values.indexOf(peak);
  const powers = values.map((x) => Math.exp((x - peak) / temperature));
  let rest = u * powers.reduce((a, b) => a + b, 0);
  const found = powers.findIndex((power) => (rest -= power) < 0);
  return found < 0 ? powers.length - 1 : found;
}

/**
 * The finished run that is meant: by a prefix of its key, or the best.
 *
 * @throws {UserError} if no run, or more than one, has the prefix; or if its result cannot be read
 */
export async function findRun(
  study: Study,
  experiment: Experiment,
  prefix?: string,
): Promise<{ key: string; result: FinishedResult }> {
  const { results, damaged } = await study.readResults(experiment);
  const finished = results.filter(isFinished).sort((a, b) => a["min loss"] - b["min loss"]);
  const where = `experiment ${experiment} of ${study.dir}`;
  if (!finished.length) {
    const [problem] = damaged.values();
    throw new UserError(
      problem ?? `Cannot find a model: no run of ${where} has finished; train some with 'deno task train'`,
    );
  }
  const named = new Map(finished.map((result) => [runKey(result.id, result.seed), result]));
  const keys = [...named.keys(), ...damaged.keys()];
  // A whole key is meant exactly, though `<id>_seed1` begins with `<id>`.
  const matches = prefix === undefined || keys.includes(prefix)
    ? [prefix ?? keys[0]]
    : keys.filter((key) => key.startsWith(prefix));
  if (!matches.length) throw new UserError(`Cannot find run '${prefix}': no finished run of ${where} begins so`);
  if (matches.length > 1) {
    const list = matches.slice(0, 4).map(shortKey);
    throw new UserError(
      `Cannot tell which run '${prefix}' is: ${matches.length} begin so (${list.join(", ")}); give more of the id`,
    );
  }
  const [key] = matches, result = named.get(key);
  if (!result) throw new UserError(damaged.get(key)!);
  return { key, result };
}

/**
 * Opens the model of a run, to be closed by the caller.
 *
 * @throws {UserError} if the model is missing or damaged, or is not that of the result
 */
export async function openRunModel(
  study: Study,
  experiment: Experiment,
  { key, result }: { key: string; result: FinishedResult },
): Promise<LoadedModel> {
  const { path, model } = await study.readModel(experiment, key);
  const loaded = await advised(REMAKE_MODEL, () => LoadedModel.open(model, { file: path }));
  try {
    checkModel(loaded.metadata, result, path);
    return loaded;
  } catch (error) {
    await loaded.close();
    throw error;
  }
}
