/** The baselines' model once more, slow and as the formula has it: maps of texts, one gram at a time. For tests alone. */

/** A context or a gram: its bytes as characters. */
type Text = string;
type CountOf = (gram: Text) => number;

/** What follows a context: how often anything does, and how much of that the discounts leave to the shorter context. */
interface Following {
  readonly total: number;
  readonly left: number;
  readonly discount: (count: number) => number;
}

const BYTES = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));

export function asText(bytes: Uint8Array): Text {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** The probabilities of models of all orders, counted on a text. */
export class KneserNeyOracle {
  readonly #occurrences = new Map<Text, number>();
  readonly #before = new Map<Text, Set<Text>>();

  constructor(train: Uint8Array, longest: number) {
    const text = asText(train);
    for (let length = 1; length <= longest; length++) {
      for (let i = 0; i + length <= text.length; i++) {
        const gram = text.slice(i, i + length);
        this.#occurrences.set(gram, (this.#occurrences.get(gram) ?? 0) + 1);
        if (i === 0) continue;
        if (!this.#before.has(gram)) this.#before.set(gram, new Set());
        this.#before.get(gram)!.add(text[i - 1]);
      }
    }
  }

  readonly #occurrencesOf: CountOf = (gram) => this.#occurrences.get(gram) ?? 0;
  readonly #continuationsOf: CountOf = (gram) => this.#before.get(gram)?.size ?? 0;

  /** The probability of a byte after a context, by the model whose order is the context's length. */
  probability(context: Text, byte: Text): number {
    return this.#interpolated(context, byte, this.#occurrencesOf);
  }

  #interpolated(context: Text, byte: Text, countOf: CountOf): number {
    const shorter = context === "" ? 1 / 256 : this.#interpolated(context.slice(1), byte, this.#continuationsOf);
    const { total, left, discount } = this.#following(context, countOf);
    const count = countOf(context + byte);
    return total ? (count - discount(count) + left * shorter) / total : shorter;
  }

  readonly #known = new Map<CountOf, Map<Text, Following>>();

  #following(context: Text, countOf: CountOf): Following {
    if (!this.#known.has(countOf)) this.#known.set(countOf, new Map());
    const known = this.#known.get(countOf)!;
    if (!known.has(context)) known.set(context, this.#countFollowing(context, countOf));
    return known.get(context)!;
  }

  #countFollowing(context: Text, countOf: CountOf): Following {
    const counts = BYTES.map((byte) => countOf(context + byte)), discount = this.#discount(context.length + 1, countOf);
    const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
    return { total: sum(counts), left: sum(counts.map(discount)), discount };
  }

  readonly #discounts = new Map<string, (count: number) => number>();

  #discount(length: number, countOf: CountOf): (count: number) => number {
    const key = `${length} ${countOf === this.#occurrencesOf}`;
    const known = this.#discounts.get(key) ?? this.#estimate(length, countOf);
    this.#discounts.set(key, known);
    return known;
  }

  #estimate(length: number, countOf: CountOf): (count: number) => number {
    const grams = [...this.#occurrences.keys()].filter((gram) => gram.length === length);
    const [n1, n2, n3, n4] = [1, 2, 3, 4].map((count) => grams.filter((gram) => countOf(gram) === count).length);
    const y = n1 / (n1 + 2 * n2);
    const [d1, d2, d3] = [1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3];
    const usable = n1 && n2 && n3 && n4 && d1 > 0 && d1 <= 1 && d2 > 0 && d2 <= 2 && d3 > 0 && d3 <= 3;
    const [one, two, more] = usable ? [d1, d2, d3] : [0.5, 1, 1.5];
    return (count) => count === 0 ? 0 : count === 1 ? one : count === 2 ? two : more;
  }

  /** Mean cross-entropy of all bytes but the first, nats. */
  crossEntropy(test: Uint8Array, order: number): number {
    const text = asText(test);
    let nats = 0;
    for (let i = 1; i < text.length; i++) {
      nats -= Math.log(this.probability(text.slice(Math.max(0, i - order), i), text[i]));
    }
    return nats / (text.length - 1);
  }
}

/** Entropy of each byte but the first given those before it, as a text itself has it; bytes with fewer before them cost nothing. */
export function hindsight(test: Uint8Array, order: number): number {
  const text = asText(test);
  const grams = Array.from({ length: text.length }, (_, i) => i).slice(Math.max(1, order))
    .map((i) => text.slice(i - order, i + 1));
  const counts = (texts: Text[]) => Map.groupBy(texts, (one) => one);
  const contexts = counts(grams.map((gram) => gram.slice(0, order))), whole = counts(grams);
  const nats = grams.map((gram) => Math.log(contexts.get(gram.slice(0, order))!.length / whole.get(gram)!.length));
  return nats.reduce((sum, value) => sum + value, 0) / (text.length - 1);
}
