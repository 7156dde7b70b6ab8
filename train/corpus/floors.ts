/**
 * Entropy floors: what models without a network reach on the test split that see so many bytes of context and no more, so that a loss
 * can be read as a length of context.
 *
 * The floor of order k is the cross-entropy of a Kneser-Ney model of k bytes of context, counted on the training split. It is a
 * measurement, no bound: it says what a strong model with that context does reach, and another may be somewhat better. The fewer the contexts and
 * the longer the text, the closer the counts are to the text's own probabilities, and the less is left to be better at: at orders 0 and 1
 * nearly nothing. The bound is `hindsight_nats`: no model whatever that sees k bytes scores less on this very split, even one that was
 * fitted to it.
 */
import { countGrams, type CountOptions } from "./gram_counts.ts";
import { gramKey, type GramTable, gramTables, indexOfGram, LONGEST } from "./gram_table.ts";
import { kneserNey } from "./kneser_ney.ts";

/** How floors are made; floors of another method are made anew. */
export const FLOOR_METHOD = "interpolated modified Kneser-Ney over bytes, version 1";

/** Bytes of context, at most. */
export const HIGHEST_ORDER = LONGEST - 1;

/** The floor of one order. */
export interface Floor {
  /** Bytes of context. */
  readonly order: number;
  /** Mean cross-entropy on the test split, nats per byte; the same in bits. */
  readonly nats: number;
  readonly bits: number;
  /** Entropy of the test split's bytes given their contexts, as counted in the test split itself, nats per byte: the least that is possible. */
  readonly hindsight_nats: number;
}

/**
 * The floors of orders 0 to {@linkcode HIGHEST_ORDER}. Scored is each byte of the test split but the first, as networks are; where fewer
 * bytes than the order come before, by the model of so many.
 *
 * @param test at least two bytes
 */
export async function entropyFloors(train: Uint8Array, test: Uint8Array, options: CountOptions = {}): Promise<Floor[]> {
  const tables = gramTables(test);
  const probabilities = kneserNey(tables, await countGrams(train, tables, options));
  const nats = probabilities.map((ofOrder) => ofOrder.map((p) => -Math.log(p)));
  const hindsight = tables.slice(1).map(hindsightNats);
  return probabilities.map((_, order): Floor => {
    const mean = meanOver(test, tables, nats, order);
    const hindsight_nats = meanOver(test, tables, hindsight, order, () => 0);
    return { order, nats: mean, bits: mean / Math.LN2, hindsight_nats };
  });
}

/**
 * Mean over the scored bytes of what each costs with `order` bytes of context.
 *
 * @param costs by order, of the grams of one byte more
 * @param atStart what the byte at place `i` costs, which has fewer bytes before it than the order
 */
function meanOver(
  test: Uint8Array,
  tables: readonly GramTable[],
  costs: readonly Float64Array[],
  order: number,
  atStart = (i: number) => costAt(test, tables, costs, i),
): number {
  const { occurrences } = tables[order + 1];
  let sum = costs[order].reduce((total, cost, i) => total + occurrences[i] * cost, 0);
  // The first byte is nobody's to score; of the next ones, grams of full length know nothing.
  if (order === 0) sum -= costAt(test, tables, costs, 0);
  for (let i = 1; i < Math.min(order, test.length); i++) sum += atStart(i);
  return sum / (test.length - 1);
}

/** What the byte at place `i` costs after all bytes before it. */
function costAt(test: Uint8Array, tables: readonly GramTable[], costs: readonly Float64Array[], i: number): number {
  return costs[i][indexOfGram(tables[i + 1], gramKey(test.subarray(0, i + 1)))];
}

/** `−ln` of each gram's share among those with its context in the test split. */
function hindsightNats({ keys, occurrences }: GramTable): Float64Array {
  const nats = new Float64Array(keys.length);
  for (let from = 0, to = 0; from < keys.length; from = to) {
    const context = Math.floor(keys[from] / 256);
    let total = 0;
    while (to < keys.length && Math.floor(keys[to] / 256) === context) total += occurrences[to++];
    for (let i = from; i < to; i++) nats[i] = Math.log(total / occurrences[i]);
  }
  return nats;
}
