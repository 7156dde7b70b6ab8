/** Products of a model's Jacobians along a text, as `QR` of one after the other: what Lyapunov exponents are made of. */
import { sizeOf } from "../../cells/graph/tensor.ts";
import type { State } from "../../cells/language_model.ts";
import type { Values } from "../../cells/graph/interpreter.ts";
import { randomStream } from "../corpus/random.ts";
import { Float64Graph } from "./float64.ts";
import { jacobianStep, numbersOf, tangentName } from "./jacobian.ts";
import { orthonormalize } from "./orthonormal.ts";
import { type Streams, tokenFeeds } from "./streams.ts";
import type { CheckedModel } from "./weighted_model.ts";

/**
 * The most tokens between two decompositions. In exact arithmetic their number changes nothing: `QR` of a product of Jacobians is that of its factors one
 * after the other. How many there are follows from how far the vectors have come to lie along each other.
 */
const MOST_TOKENS = 16;

/** The least share of a vector's length that a decomposition may leave, but for those of single tokens: 22 of the 52 bits of float64 stay. */
const LEAST_LEFT = 2 ** -30;

/** How fast the worst that was seen is forgotten, by decomposition. */
const DECAY = 0.98;

/** One layer's vectors, and the sums of their logarithms. */
interface LayerVectors {
  readonly states: readonly State[];
  readonly numbers: number;
  readonly count: number;
  /** Of each stream, `Σ_t ln R_t,ii` of the measured tokens. */
  readonly sums: readonly Float64Array[];
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
    for (const { states, numbers, count } of layers) {
      for (const { name, shape } of states) this.#carried.set(name, new Float64Array(sizeOf(shape)));
      const start = startingVectors(count, numbers);
      for (let stream = 0; stream < streams.streams; stream++) this.#put(this.#carried, states, stream, start);
    }
  }

  static async open(model: CheckedModel, streams: Streams, exponents: number): Promise<CocycleWalk> {
    const { graph, layers } = jacobianStep(model, streams.streams);
    const vectors = layers.filter((own) => own.length).map((states) => {
      const numbers = numbersOf(states), count = Math.min(exponents, numbers);
      const sums = streams.starts.map(() => new Float64Array(count));
      return { states, numbers, count, sums };
    });
    // All layers have the same states, and so as many vectors.
    const [{ count } = { count: 1 }] = vectors;
    const names = new Set(vectors.flatMap(({ states }) => states.map(({ name }) => tangentName(name))));
    const step = await Float64Graph.open(graph, { weights: model.weights, stacked: { names, count } });
    return new CocycleWalk(step, streams, vectors);
  }

  /** How many tokens should come between this decomposition and the next, with some to spare. */
  get tokensAtOnce(): number {
    const most = Math.floor(-Math.log(LEAST_LEFT) / (1.25 * this.#lossPerToken));
    return Math.max(1, Math.min(MOST_TOKENS, most));
  }

  /** Reads so many tokens of each stream. */
  async advance(count: number, { isMeasured }: { isMeasured: boolean }): Promise<void> {
    const isForState = this.#position < Math.floor(this.streams.warm_up / 2);
    await this.#read(count, isForState, isMeasured);
    if (isMeasured) this.#measured += count;
  }

  async #read(count: number, isForState: boolean, isMeasured: boolean): Promise<void> {
    const before = this.#carried, { text, starts } = this.streams;
    let carried = before;
    for (let t = 0; t < count; t++) {
      const after = await this.step.run(new Map([...carried, ...tokenFeeds(text, starts, this.#position + t)]));
      // While the state alone warms up, the vectors stay as they are.
      carried = isForState ? new Map([...before, ...statesIn(after, this.layers)]) : after;
    }
    if (isForState || this.#decompose(carried, count, isMeasured)) {
      this.#carried = carried;
      this.#position += count;
      return;
    }
    // Half of the tokens at a time, from where they began.
    const half = count >> 1;
    await this.#read(half, isForState, isMeasured);
    await this.#read(count - half, isForState, isMeasured);
  }

  /** @returns whether enough digits are left; if not, nothing has been added up */
  #decompose(carried: Carried, tokens: number, isMeasured: boolean): boolean {
    const diagonals: Float64Array[] = [];
    let worst = 1;
    for (const { states, numbers, count } of this.layers) {
      for (let stream = 0; stream < this.streams.streams; stream++) {
        const vectors = this.#take(carried, states, stream, count, numbers);
        const { diagonal, least } = orthonormalize(vectors, numbers);
        worst = Math.min(worst, least);
        diagonals.push(diagonal);
        this.#put(carried, states, stream, vectors);
      }
    }
    this.#lossPerToken = Math.max(this.#lossPerToken * DECAY, -Math.log(worst) / tokens);
    if (tokens > 1 && worst < LEAST_LEFT) return false;
    const sums = this.layers.flatMap((layer) => layer.sums);
    for (const [at, diagonal] of isMeasured ? diagonals.entries() : []) {
      diagonal.forEach((length, i) => sums[at][i] += Math.log(length));
    }
    return true;
  }

  /** A stream's vectors, one after the other, each with the numbers of all states of the layer. */
  #take(carried: Carried, states: readonly State[], stream: number, count: number, numbers: number): Float64Array {
    const vectors = new Float64Array(count * numbers), { streams } = this.streams;
    let first = 0;
    for (const { name, shape: [, size] } of states) {
      const changes = carried.get(tangentName(name))!;
      for (let i = 0; i < count; i++) {
        const from = (i * streams + stream) * size;
        vectors.set(changes.subarray(from, from + size), i * numbers + first);
      }
      first += size;
    }
    return vectors;
  }

  #put(carried: Carried, states: readonly State[], stream: number, vectors: Float64Array): void {
    const { streams } = this.streams, numbers = states.reduce((sum, { shape: [, size] }) => sum + size, 0);
    const count = vectors.length / numbers;
    let first = 0;
    for (const { name, shape: [, size] } of states) {
      const key = tangentName(name);
      if (!carried.has(key)) carried.set(key, new Float64Array(count * streams * size));
      const changes = carried.get(key)!;
      for (let i = 0; i < count; i++) {
        const from = i * numbers + first;
        changes.set(vectors.subarray(from, from + size), (i * streams + stream) * size);
      }
      first += size;
    }
  }

  /** Of each layer that has a state, how many numbers it has, and of each stream its exponents so far, nats per token. */
  exponents(): { readonly numbers: number; readonly streams: readonly Float64Array[] }[] {
    return this.layers.map(({ numbers, sums }) => ({
      numbers,
      streams: sums.map((sum) => sum.map((total) => total / this.#measured)),
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.step[Symbol.asyncDispose]();
  }
}

function statesIn(carried: Carried, layers: readonly LayerVectors[]): Carried {
  return new Map(layers.flatMap(({ states }) => states.map(({ name }) => [name, carried.get(name)!] as const)));
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
