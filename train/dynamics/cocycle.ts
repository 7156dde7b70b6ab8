/** Products of a model's Jacobians along a text, as `QR` of one after the other: what Lyapunov exponents are made of. */
import { sizeOf } from "../../cells/graph/tensor.ts";
import type { EvaluationModel, State } from "../../cells/language_model.ts";
import { randomStream } from "../corpus/random.ts";
import { BlockVectors, type Carried } from "./block_vectors.ts";
import { Float64Graph } from "./float64.ts";
import { jacobianStep, numbersOf, tangentName } from "./jacobian.ts";
import { orthonormalize } from "./orthonormal.ts";
import type { Watched } from "./progress.ts";
import { type Observer, outputsOf, StreamReader, type StreamReaderParts } from "./stream_reader.ts";
import type { Streams } from "./streams.ts";
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
  readonly #reader: StreamReader;
  /** By layer, those of each stream. */
  readonly #blocks: readonly (readonly Block[])[];

  private constructor(
    private readonly layers: readonly Layer[],
    private readonly parts: StreamReaderParts,
  ) {
    const carried = new Map(layers.flatMap(({ states, count }) =>
      states.flatMap(({ name, shape }) => [
        [name, new Float64Array(sizeOf(shape))] as const,
        [tangentName(name), new Float64Array(count * sizeOf(shape))] as const,
      ])
    ));
    this.#reader = new StreamReader(parts, carried);
    this.#blocks = layers.map((layer) => {
      const start = startingVectors(layer.count, layer.numbers);
      return parts.streams.starts.map((_, stream) => {
        const vectors = new BlockVectors({ ...layer, stream });
        vectors.start(carried, start);
        return { vectors, position: 0, before: carried };
      });
    });
  }

  /**
   * @param evaluation the model with a row for each stream
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
    await using opened = new AsyncDisposableStack();
    const step = opened.use(await Float64Graph.open(graph, { weights, stacked: { names, count } }));
    const states = evaluation.states.map(({ name }) => name);
    const walk = new CocycleWalk(carrying, { step, streams, states, observers });
    // From here on the walk gives the graph back.
    opened.move();
    return walk;
  }

  /**
   * Reads all streams, warm-up included, from a zero state. Progress is in tokens of each stream.
   *
   * @param action what an error says was being done
   * @throws {UserError} if a state becomes infinite or NaN
   */
  async run(action: string, { onProgress, signal }: Watched = {}): Promise<void> {
    const reader = this.#reader, { total } = reader;
    while (reader.position < total) {
      signal?.throwIfAborted();
      await reader.advance(action);
      const { position } = reader;
      // Where the text is cut, all vectors are decomposed.
      const isLast = position === this.parts.streams.warm_up || position === total;
      for (const block of this.#blocks.flat()) {
        if (isLast || position - block.position >= block.vectors.tokensAtOnce) await this.#decompose(block);
      }
      if (position % TOKENS_AT_ONCE === 0 || isLast) onProgress?.(position, total);
    }
  }

  /** Of each layer that carries something. */
  exponents(): LayerExponents[] {
    const measured = this.#reader.position - this.parts.streams.warm_up;
    return this.layers.map(({ numbers }, layer) => ({
      numbers,
      streams: this.#blocks[layer].map(({ vectors }) => vectors.exponents(measured)),
    }));
  }

  async #decompose(block: Block): Promise<void> {
    const { vectors } = block, { position, carried } = this.#reader, isMeasured = position > this.parts.streams.warm_up;
    if (!vectors.decompose(carried, position - block.position, isMeasured)) {
      // The same tokens again, from where these vectors were decomposed last, one by one.
      let again = block.before;
      for (let at = block.position; at < position; at++) {
        again = await this.#reader.stepFrom(again, at);
        vectors.decompose(again, 1, isMeasured);
      }
      vectors.restore(carried);
    }
    block.position = position;
    block.before = carried;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.parts.step[Symbol.asyncDispose]();
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
