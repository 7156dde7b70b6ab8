/** What tests of faults draw at random. They print the seed, and take it back through a variable of the environment. */
import { randomStream } from "../../train/corpus/random.ts";

/** `CELLSPACE_SEED=7 deno task test:faults` draws what the seed 7 draws. */
export const SEED_VARIABLE = "CELLSPACE_SEED";

const anySeed = () => Math.floor(Math.random() * 2 ** 32);

/** The seed that the variable gives, else another. */
export function testSeed(otherwise: number = anySeed()): number {
  return seedFrom(Deno.env.get(SEED_VARIABLE), otherwise);
}

/** @param given what the variable says; undefined where it is not set */
export function seedFrom(given: string | undefined, otherwise: number): number {
  if (given === undefined) return otherwise;
  if (!/^\d+$/.test(given)) throw new RangeError(`Cannot use ${SEED_VARIABLE}=${given}: must be a whole number`);
  return Number(given);
}

/** Draws of one test. */
export interface Draws {
  /** For messages: how to have the same draws again. */
  readonly note: string;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Draws that follow from the seed and a test's name, whatever other tests draw. Prints the seed. */
export function drawsOf(name: string, seed: number = testSeed()): Draws {
  const note = `${name}, ${SEED_VARIABLE}=${seed}`;
  console.log(`  random moments of ${note}`);
  return { note, random: randomStream(seed, `faults/${name}`).uniform };
}
