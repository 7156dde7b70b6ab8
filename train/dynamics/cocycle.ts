/** Products of a model's Jacobians along a text, as `QR` of one after the other: what Lyapunov exponents are made of. */
import { sizeOf } from "../../cells/graph/tensor.ts";
import type { EvaluationModel, State } from "../../cells/language_model.ts";
import { randomStream } from "../corpus/random.ts";
import { BlockVectors, type Carried } from "./block_vectors.ts";
import { Float64Graph } from "./float64.ts";
import { jacobianStep, numbersOf, tangentName } from "./jacobian.ts";
import { orthonormalize } from "./orthonormal.ts";
import type { Watched } from "./progress.ts";
import { type Streams, tokenFeeds } from "./streams.ts";
import { checkFinite, type Observer, outputsOf } from "./walk.ts";
import type { CheckedModel } from "./weighted_model.ts";

/** Tokens of each stream between two words of progress. */
const TOKENS_AT_ONCE = 16;

/** Vectors of one layer and stream, and since when they have not been decomposed. */
interface Block {
  readonly vectors: BlockVectors;
  position: number;
  before: Carried;
}

/** What a walk finds of a layer. */
export interface LayerExponents {
  /** Carried numbers. */
  readonly numbers: number;
  /** Of each stream its exponents by vector, nats per token; −∞ for those too small for float64. */
  readonly streams: readonly Float64Array[];
}

/** A layer that carries something. */
interface Layer {
  readonly states: readonly State[];
  readonly numbers: number;
  readonly count: number;
}

/** Streams of a text that are walked side by side, with vectors for each layer that its Jacobians stretch and turn. */
export class CocycleWalk implements AsyncDisposable {
  #position = 0;
  #carried: Carried;
  /** By layer, those of each stream. */
  readonly #blocks: readonly (readonly Block[])[];

  private constructor(
    private readonly step: Float64Graph,
    private readonly streams: Streams,
    private readonly layers: readonly Layer[],
    private readonly observers: readonly Observer[],
  ) {
    const carried = this.#carried = new Map(layers.flatMap(({ states, count }) =>
      states.flatMap(({ name, shape }) => [
        [name, new Float64Array(sizeOf(shape))] as const,
        [tangentName(name), new Float64Array(count * sizeOf(shape))] as const,
      ])
    ));
    this.#blocks = layers.map((layer) => {
      const start = startingVectors(layer.count, layer.numbers);
      return streams.starts.map((_, stream) => {
        const vectors = new BlockVectors({ ...layer, stream });
        vectors.start(carried, start);
        return { vectors, position: 0, before: carried };
      });
    });
  }

  /**
   * @param evaluation of {@linkcode walkedModel}
   * @param exponents vectors of each layer, at most
   * @param observers what else is to look at the walk
   */
  static async open(
    evaluation: EvaluationModel,
    { weights }: Pick<CheckedModel, "weights">,
    streams: Streams,
    exponents: number,
    observers: readonly Observer[] = [],
  ): Promise<CocycleWalk> {
    const { graph, layers } = jacobianStep(evaluation, outputsOf(observers));
    const carrying = layers.filter((states) => states.length).map((states) => {
      const numbers = numbersOf(states);
      return { states, numbers, count: Math.min(exponents, numbers) };
    });
    // All layers have the same states, and so as many vectors.
    const [{ count } = { count: 1 }] = carrying;
    const names = new Set(carrying.flatMap(({ states }) => states.map(({ name }) => tangentName(name))));
    const step = await Float64Graph.open(graph, { weights, stacked: { names, count } });
    return new CocycleWalk(step, streams, carrying, observers);
  }

  /**
   * Reads all streams, warm-up included, from a zero state. Progress is in tokens of each stream.
   *
   * @param action what an error says was being done
   * @throws {UserError} if a state becomes infinite or NaN
   */
  async run(action: string, { onProgress, signal }: Watched = {}): Promise<void> {
    const { warm_up, tokens } = this.streams, total = warm_up + tokens;
    while (this.#position < total) {
      signal?.throwIfAborted();
      await this.#advance(action);
      // Where the text is cut, all vectors are decomposed.
      const isLast = this.#position === warm_up || this.#position === total;
      for (const block of this.#blocks.flat()) {
        if (isLast || this.#position - block.position >= block.vectors.tokensAtOnce) await this.#decompose(block);
      }
      if (this.#position % TOKENS_AT_ONCE === 0 || isLast) onProgress?.(this.#position, total);
    }
  }

  async #advance(action: string): Promise<void> {
    const before = this.#carried, token = this.#position - this.streams.warm_up;
    this.#carried = await this.#stepFrom(before, this.#position);
    const states = this.layers.flatMap((layer) => layer.states.map(({ name }) => name));
    checkFinite(action, states, this.#carried, this.#position++);
    if (token < 0) return;
    const values = new Map([...this.#carried, ...states.map((name) => [name, before.get(name)!] as const)]);
    for (const observer of this.observers) observer.see(token, values);
  }

  /** Of each layer that carries something. */
  exponents(): LayerExponents[] {
    const measured = this.#position - this.streams.warm_up;
    return this.layers.map(({ numbers }, layer) => ({
      numbers,
      streams: this.#blocks[layer].map(({ vectors }) => vectors.exponents(measured)),
    }));
  }

  async #stepFrom(carried: Carried, position: number): Promise<Carried> {
    return await this.step.run(new Map([...carried, ...tokenFeeds(this.streams.text, this.streams.starts, position)]));
  }

  async #decompose(block: Block): Promise<void> {
    const { vectors } = block, isMeasured = this.#position > this.streams.warm_up;
    if (!vectors.decompose(this.#carried, this.#position - block.position, isMeasured)) {
      // The same tokens again, from where these vectors were decomposed last, one by one.
      let carried = block.before;
      for (let position = block.position; position < this.#position; position++) {
        carried = await this.#stepFrom(carried, position);
        vectors.decompose(carried, 1, isMeasured);
      }
      vectors.restore(this.#carried);
    }
    block.position = this.#position;
    block.before = this.#carried;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.step[Symbol.asyncDispose]();
  }
}

/**
 * Vectors to start from. All directions are the identity: then numbers that do not see each other have their exponents exactly. Of fewer, those along
 * the axes would miss directions for ever where such numbers are many, so they are random.
 */
function startingVectors(count: number, numbers: number): Float64Array[] {
  const random = randomStream(0, "dynamics/lyapunov"), isWhole = count === numbers;
  const vectors = Array.from(
    { length: count },
    (_, i) => new Float64Array(numbers).map((_, j) => isWhole ? Number(i === j) : 2 * random.uniform() - 1),
  );
  orthonormalize(vectors);
  return vectors;
}
