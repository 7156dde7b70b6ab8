/**
 * Everything random comes from a run's seed, by named streams: the stream `(seed, "weights/output_nn.weight")` gives the same
 * numbers whatever else was drawn before. So two engines see the same numbers, two configurations of one seed share what
 * they have in common, and a run that goes on needs no saved state.
 */
import { UserError } from "../../cells/errors.ts";
import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { checkWhole } from "../../cells/bounds.ts";
import type { Parameter } from "../../cells/cell.ts";
import { sha256Of } from "../../cells/sha256.ts";
import { drawTensor } from "./draws.ts";

/** A stream of random numbers. */
export interface RandomStream {
  /** Uniform in [0, 1), with 32 random bits. */
  uniform(): number;
  /** A whole number, each from `from` to `to` (both included) equally likely. */
  integer(from: number, to: number): number;
}

/** @throws {RangeError} if a seed is not a whole number that is exact: two of them could not be told apart */
export function checkSeed(seed: number): void {
  checkWhole("draw random numbers", "the seed", seed, 0);
}

/**
 * The stream of this name: xoroshiro128+, started from the SHA-256 of seed and name.
 *
 * @throws {RangeError} see {@linkcode checkSeed}
 */
export function randomStream(seed: number, name: string): RandomStream {
  checkSeed(seed);
  const digest = new DataView(sha256Of(`cellspace/${seed}/${name}`).buffer);
  const state = [0, 4, 8, 12].map((at) => digest.getInt32(at, true));
  const generator = xoroshiro128plusFromState(state);
  return {
    uniform: () => (generator.next() >>> 0) / 2 ** 32,
    integer: (from, to) => uniformInt(generator, from, to),
  };
}

/** A model's initial weights, rounded to float32: each from U(−1/√fan_in, 1/√fan_in), biases too, unless it says how it is drawn. */
export function initialWeights(parameters: readonly Parameter[], seed: number): Map<string, Float32Array> {
  const streamOf = (name: string) => randomStream(seed, `weights/${name}`).uniform;
  return new Map(parameters.map(({ name, shape, fan_in, draw }) => {
    const values = drawTensor(draw, { shape, fan_in, uniform: streamOf(name), streamOf });
    return [name, Float32Array.from(values)];
  }));
}

/**
 * Where each row of the batch starts in pass number `pass`: uniform over all places where the tokens of a pass fit.
 *
 * @param passTokens tokens that a pass reads from its start
 * @throws {UserError} if the text is shorter than one pass
 */
export function passOffsets(
  seed: number,
  pass: number,
  batch: number,
  passTokens: number,
  textLength: number,
): Uint32Array {
  if (textLength < passTokens) {
    throw new UserError(`Cannot draw a sequence: the text has ${textLength} tokens, a sequence reads ${passTokens}`);
  }
  const stream = randomStream(seed, `offsets/${pass}`);
  return new Uint32Array(batch).map(() => stream.integer(0, textLength - passTokens));
}
