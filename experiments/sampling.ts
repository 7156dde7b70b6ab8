/** Text from a trained model. */
import { UserError } from "../cells/errors.ts";
import type { LoadedModel } from "../train/model.ts";
import { randomStream } from "../train/corpus/random.ts";
import { type Experiment, runKey, shortKey, type Study } from "./store.ts";
import { isFinished, type RunResult } from "./result.ts";

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
 * @throws {UserError} if no run, or more than one, has the prefix
 */
export async function findRun(
  study: Study,
  experiment: Experiment,
  prefix?: string,
): Promise<{ key: string; result: RunResult }> {
  const { results } = await study.readResults(experiment);
  const finished = results.filter(isFinished).sort((a, b) => a["min loss"] - b["min loss"]);
  const where = `experiment ${experiment} of ${study.dir}`;
  if (!finished.length) {
    throw new UserError(`Cannot find a model: no run of ${where} has finished; train some with 'deno task train'`);
  }
  const named = finished.map((result) => ({ key: runKey(result.id, result.seed), result }));
  if (prefix === undefined) return named[0];
  // A whole key is meant exactly, though `<id>_seed1` begins with `<id>`.
  const exact = named.filter(({ key }) => key === prefix);
  const matches = exact.length ? exact : named.filter(({ key }) => key.startsWith(prefix));
  if (!matches.length) throw new UserError(`Cannot find run '${prefix}': no finished run of ${where} begins so`);
  if (matches.length > 1) {
    const list = matches.slice(0, 4).map(({ key }) => shortKey(key));
    throw new UserError(
      `Cannot tell which run '${prefix}' is: ${matches.length} begin so (${list.join(", ")}); give more of the id`,
    );
  }
  return matches[0];
}
