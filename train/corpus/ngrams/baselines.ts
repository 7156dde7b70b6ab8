/**
 * N-gram baselines: what models without a network reach on the test split that see so many bytes of context and no more, so that a loss
 * can be read as a length of context.
 *
 * The baseline of order k is the cross-entropy of a Kneser-Ney model of k bytes of context, counted on the training split. It is a
 * measurement, no bound: it says what a strong model with that context does reach, and another may be somewhat better. The fewer the contexts and
 * the longer the text, the closer the counts are to the text's own probabilities, and the less is left to be better at: at orders 0 and 1
 * nearly nothing. The bound is `hindsight_nats`: no model whatever that sees k bytes scores less on this very split, even one that was
 * fitted to it.
 */
import { countGrams, type CountOptions } from "./gram_counts.ts";
import { gramKey, type GramTable, gramTables, indexOfGram, LONGEST } from "./gram_table.ts";
import { kneserNey } from "./kneser_ney.ts";

/** How baselines are made; baselines of another method are made again. */
export const BASELINE_METHOD = "interpolated modified Kneser-Ney over bytes, version 1";

/** Bytes of context, at most. */
export const HIGHEST_ORDER = LONGEST - 1;

/** The baseline of one order. */
export interface NgramBaseline {
  /** Bytes of context. */
  readonly order: number;
  /** Mean cross-entropy on the test split, nats per byte; the same in bits. */
  readonly nats: number;
  readonly bits: number;
  /** Entropy of the test split's bytes given their contexts, as counted in the test split itself, nats per byte: the least that is possible. */
  readonly hindsight_nats: number;
}

/**
 * The baselines of orders 0 to {@linkcode HIGHEST_ORDER}. Scored is each byte of the test split but the first, as networks are; where fewer
 * bytes than the order come before, by the model of so many.
 *
 * @param test at least two bytes
 */
export async function ngramBaselines(
  train: Uint8Array,
  test: Uint8Array,
  options: CountOptions = {},
): Promise<NgramBaseline[]> {
  const tables = gramTables(test);
  const probabilities = kneserNey(tables, await countGrams(train, tables, options));
  const costs = probabilities.map((ofOrder) => ofOrder.map((p) => -Math.log(p)));
  // Bytes with fewer others before them than the order: the first is nobody's to score, the next ones are for the lower orders.
  const start = costs.map((ofOrder, i) =>
    i ? ofOrder[indexOfGram(tables[i + 1], gramKey(test.subarray(0, i + 1)))] : 0
  );
  return costs.map((ofOrder, order): NgramBaseline => {
    const table = order ? tables[order + 1] : withoutFirst(tables[1], test[0]);
    const atStart = start.slice(0, Math.min(order, test.length)).reduce((sum, cost) => sum + cost, 0);
    const nats = (inAll(ofOrder, table) + atStart) / (test.length - 1);
    const hindsight_nats = inAll(hindsightNats(table), table) / (test.length - 1);
    return { order, nats, bits: nats / Math.LN2, hindsight_nats };
  });
}

function withoutFirst(bytes: GramTable, first: number): GramTable {
  const at = indexOfGram(bytes, first);
  return { ...bytes, occurrences: bytes.occurrences.map((times, i) => i === at ? times - 1 : times) };
}

/** Of each gram's cost, as often as it occurs. */
function inAll(costs: Float64Array, { occurrences }: GramTable): number {
  return costs.reduce((sum, cost, i) => sum + occurrences[i] * cost, 0);
}

/** `−ln` of each gram's share among those with its context in the text itself. */
function hindsightNats({ keys, occurrences }: GramTable): Float64Array {
  const nats = new Float64Array(keys.length);
  for (let from = 0, to = 0; from < keys.length; from = to) {
    const context = Math.floor(keys[from] / 256);
    let total = 0;
    while (to < keys.length && Math.floor(keys[to] / 256) === context) total += occurrences[to++];
    for (let i = from; i < to; i++) nats[i] = occurrences[i] ? Math.log(total / occurrences[i]) : 0;
  }
  return nats;
}

/** What a text is worth of which nothing is known: the order below 0, where all bytes are equally likely. */
const NO_ORDER = { order: -1, nats: Math.log(256) } as const;

/**
 * The order whose baseline a loss reaches, linear in nats between neighbouring baselines: 2.5 lies halfway from the baseline of two bytes of context to
 * that of three. At least −1, where a loss is no better than that all bytes be equally likely (order −1, as in prediction by partial matching);
 * and at most {@linkcode HIGHEST_ORDER}, which says that the loss reaches the last baseline or passes it. A baseline that is not below those of
 * less context (short texts have such) is passed over.
 *
 * @param nats a loss on the test split, per byte
 * @param baselines ascending by order
 */
export function contextOrder(nats: number, baselines: readonly Pick<NgramBaseline, "order" | "nats">[]): number {
  let reached: Pick<NgramBaseline, "order" | "nats"> = NO_ORDER;
  if (!(nats < reached.nats)) return reached.order;
  for (const baseline of baselines) {
    if (baseline.nats >= reached.nats) continue;
    if (nats > baseline.nats) {
      const share = (reached.nats - nats) / (reached.nats - baseline.nats);
      return reached.order + share * (baseline.order - reached.order);
    }
    reached = baseline;
  }
  return HIGHEST_ORDER;
}
