/** Products of a model's Jacobians along a text, as `QR` of one after the other: what Lyapunov exponents are made of. */
import { sizeOf } from "../../cells/graph/tensor.ts";
import type { State } from "../../cells/language_model.ts";
import type { Values } from "../../cells/graph/interpreter.ts";
import { randomStream } from "../corpus/random.ts";
import { Float64Graph } from "./float64.ts";
import { jacobianStep, numbersOf, tangentName } from "./jacobian.ts";
import { type Decomposition, isLost, orthonormalize } from "./orthonormal.ts";
import { type Streams, tokenFeeds } from "./streams.ts";
import type { CheckedModel } from "./weighted_model.ts";

/**
 * The most tokens between two decompositions. In exact arithmetic their number changes nothing: `QR` of a product of Jacobians is that of its factors one
 * after the other. How many there are follows from how far the vectors have come to lie along each other.
 */
const MOST_TOKENS = 16;

/**
 * The least share of a vector's length that a decomposition may leave, but for those of single tokens: 16 bits of the smallest exponents stay at the
 * worst, and all but the last two or three of the largest. Over thousands of tokens the errors average out: 1e-6 nats were not reached by a hundred.
 */
const LEAST_LEFT = 2 ** -36;

/** How much worse than seen so far the next tokens may be. */
const MARGIN = 1.15;

/** The share of tokens that may leave no digit of a number; what rounding puts in its place is then some nats too large, and moves the mean by less than 0.01. */
const MOST_LOST = 1e-3;

/** How fast the worst that was seen is forgotten, by decomposition. */
const DECAY = 0.98;

/** One layer's vectors, and the sums of their logarithms. */
interface LayerVectors {
  readonly states: readonly State[];
  readonly numbers: number;
  readonly count: number;
  /** Of each stream, over the measured tokens: `Σ_t ln R_t,ii`, and how many left no digit of `R_t,ii`. */
  readonly totals: readonly { readonly sums: Float64Array; readonly lost: Float64Array }[];
}

/** States and changes by their inputs' names. */
type Carried = Map<string, Values>;

/** Streams of a text that are walked side by side, with vectors for each layer that its Jacobians stretch and turn. */
export class CocycleWalk implements AsyncDisposable {
  #position = 0;
  #measured = 0;
  /** What a token takes of the shares that decompositions leave, in nats: of the worst stream, and falling slowly. */
  #lossPerToken = 0;
  #carried: Carried;

  private constructor(
    private readonly step: Float64Graph,
    private readonly streams: Streams,
    private readonly layers: readonly LayerVectors[],
  ) {
    this.#carried = new Map();
    for (const layer of layers) {
      for (const { name, shape } of layer.states) {
        this.#carried.set(name, new Float64Array(sizeOf(shape)));
        this.#carried.set(tangentName(name), new Float64Array(layer.count * sizeOf(shape)));
      }
      const start = startingVectors(layer.count, layer.numbers);
      for (let stream = 0; stream < streams.streams; stream++) this.#put(this.#carried, layer, stream, start);
    }
  }

  static async open(model: CheckedModel, streams: Streams, exponents: number): Promise<CocycleWalk> {
    const { graph, layers } = jacobianStep(model, streams.streams);
    const vectors = layers.filter((own) => own.length).map((states) => {
      const numbers = numbersOf(states), count = Math.min(exponents, numbers);
      const totals = streams.starts.map(() => ({ sums: new Float64Array(count), lost: new Float64Array(count) }));
      return { states, numbers, count, totals };
    });
    // All layers have the same states, and so as many vectors.
    const [{ count } = { count: 1 }] = vectors;
    const names = new Set(vectors.flatMap(({ states }) => states.map(({ name }) => tangentName(name))));
    const step = await Float64Graph.open(graph, { weights: model.weights, stacked: { names, count } });
    return new CocycleWalk(step, streams, vectors);
  }

  /** How many tokens should come between this decomposition and the next, with some to spare. */
  get tokensAtOnce(): number {
    const most = Math.floor(-Math.log(LEAST_LEFT) / (MARGIN * this.#lossPerToken));
    return Math.max(1, Math.min(MOST_TOKENS, most));
  }

  /**
   * Reads so many tokens of each stream.
   *
   * @param isMeasured whether they count, or warm up
   */
  async advance(count: number, isMeasured: boolean): Promise<void> {
    const { text, starts } = this.streams;
    let carried = this.#carried;
    for (let t = 0; t < count; t++) {
      carried = await this.step.run(new Map([...carried, ...tokenFeeds(text, starts, this.#position + t)]));
    }
    if (!this.#decompose(carried, count, isMeasured)) {
      // Half of the tokens at a time, from where they began.
      const half = count >> 1;
      await this.advance(half, isMeasured);
      return await this.advance(count - half, isMeasured);
    }
    this.#carried = carried;
    this.#position += count;
    if (isMeasured) this.#measured += count;
  }

  /** @returns whether enough digits are left; if not, nothing has been added up */
  #decompose(carried: Carried, tokens: number, isMeasured: boolean): boolean {
    const decompositions: Decomposition[] = [];
    let worst = 1;
    for (const layer of this.layers) {
      for (let stream = 0; stream < this.streams.streams; stream++) {
        const vectors = this.#take(carried, layer, stream);
        const found = orthonormalize(vectors, layer.numbers);
        worst = found.shares.reduce((a, b) => Math.min(a, b), worst);
        decompositions.push(found);
        this.#put(carried, layer, stream, vectors);
      }
    }
    this.#lossPerToken = Math.max(this.#lossPerToken * DECAY, -Math.log(worst) / tokens);
    if (tokens > 1 && worst < LEAST_LEFT) return false;
    const totals = this.layers.flatMap((layer) => layer.totals);
    for (const [at, { diagonal, shares }] of isMeasured ? decompositions.entries() : []) {
      const { sums, lost } = totals[at];
      for (let i = 0; i < sums.length; i++) {
        sums[i] += Math.log(diagonal[i]);
        if (isLost(shares[i])) lost[i] += tokens;
      }
    }
    return true;
  }

  /** A stream's vectors, one after the other, each with the numbers of all states of the layer. */
  #take(carried: Carried, layer: LayerVectors, stream: number): Float64Array {
    const { numbers, count } = layer, vectors = new Float64Array(count * numbers);
    for (const { changes, from, to, size } of this.#pieces(carried, layer, stream)) {
      for (let i = 0, a = from.first, b = to.first; i < count; i++, a += from.stride, b += to.stride) {
        for (let j = 0; j < size; j++) vectors[b + j] = changes[a + j];
      }
    }
    return vectors;
  }

  #put(carried: Carried, layer: LayerVectors, stream: number, vectors: Float64Array): void {
    for (const { changes, from, to, size } of this.#pieces(carried, layer, stream)) {
      for (let i = 0, a = from.first, b = to.first; i < layer.count; i++, a += from.stride, b += to.stride) {
        for (let j = 0; j < size; j++) changes[a + j] = vectors[b + j];
      }
    }
  }

  /** Where the numbers of each state lie: in the changes that a graph reads and makes, `[count, streams, size]`, and in a stream's vectors. */
  #pieces(carried: Carried, { states, numbers }: LayerVectors, stream: number) {
    const { streams } = this.streams;
    let first = 0;
    return states.map(({ name, shape: [, size] }) => {
      const to = { first, stride: numbers };
      first += size;
      return {
        changes: carried.get(tangentName(name))!,
        size,
        from: { first: stream * size, stride: streams * size },
        to,
      };
    });
  }

  /** Of each layer that has a state, how many numbers it has, and of each stream its exponents so far, nats per token. */
  exponents(): { readonly numbers: number; readonly streams: readonly Float64Array[] }[] {
    const measured = this.#measured;
    return this.layers.map(({ numbers, totals }) => ({
      numbers,
      streams: totals.map(({ sums, lost }) =>
        sums.map((sum, i) => lost[i] > MOST_LOST * measured ? -Infinity : sum / measured)
      ),
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.step[Symbol.asyncDispose]();
  }
}

/**
 * Vectors to start from. All directions are the identity: then numbers that do not see each other have their exponents exactly. Of fewer, those along
 * the axes would miss directions for ever where such numbers are many, so they are random.
 */
function startingVectors(count: number, numbers: number): Float64Array {
  const vectors = new Float64Array(count * numbers);
  if (count === numbers) {
    for (let i = 0; i < count; i++) vectors[i * numbers + i] = 1;
    return vectors;
  }
  const random = randomStream(0, "dynamics/lyapunov");
  for (let i = 0; i < vectors.length; i++) vectors[i] = 2 * random.uniform() - 1;
  orthonormalize(vectors, numbers);
  return vectors;
}
