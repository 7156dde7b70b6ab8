/** What tests of faults draw at random. They print the seed, and take it back through a variable of the environment. */
import { randomStream } from "../../train/corpus/random.ts";

/** `CELLSPACE_SEED=7 deno task test:faults` draws what the seed 7 draws. */
export const SEED_VARIABLE = "CELLSPACE_SEED";

/**
 * @param otherwise the seed where the variable is not set
 * @param given what it is set to
 */
export function testSeed(
  otherwise: number = Math.floor(Math.random() * 2 ** 32),
  given: string | undefined = Deno.env.get(SEED_VARIABLE),
): number {
  if (!given) return otherwise;
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
