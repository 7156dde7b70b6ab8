/** Streams of a text that are read side by side, token by token, by a step of a model. */
import { UserError } from "../../cells/errors.ts";
import type { Values } from "../../cells/graph/interpreter.ts";
import type { Tensor } from "../../cells/graph/tensor.ts";
import type { Float64Graph } from "./float64.ts";
import { type Streams, tokenFeeds } from "./streams.ts";

/** Looks at what is read as it goes, so that nothing needs to be kept of what it sums up. */
export interface Observer {
  /** Tensors of the step's graph that it looks at beside the states, each under a name that no state has. */
  readonly outputs: ReadonlyMap<string, Tensor>;
  /**
   * Called at each measured token.
   *
   * @param token from 0
   * @param values the states before the token, and the observer's outputs as it is read: the rows of all streams
   */
  see(token: number, values: ReadonlyMap<string, Values>): void;
}

/** What some observers look at beside the states. */
export function outputsOf(observers: readonly Observer[]): Map<string, Tensor> {
  return new Map(observers.flatMap((observer) => [...observer.outputs]));
}

/** What a reader is made of. */
export interface StreamReaderParts {
  /** Takes what it carries and a token of each stream, and makes what it carries next, and the observers' outputs. */
  readonly step: Float64Graph;
  readonly streams: Streams;
  /** Names of the carried states: they must stay finite, and observers see them. */
  readonly states: readonly string[];
  readonly observers: readonly Observer[];
}

/** Reads all streams, warm-up included, and shows observers each measured token. */
export class StreamReader {
  #position = 0;
  #carried: ReadonlyMap<string, Values>;

  /** @param start what the step carries at first */
  constructor(private readonly parts: StreamReaderParts, start: ReadonlyMap<string, Values>) {
    this.#carried = start;
  }

  /** Tokens of each stream that were read. */
  get position(): number {
    return this.#position;
  }

  /** Tokens of each stream, warm-up included. */
  get total(): number {
    const { warm_up, tokens } = this.parts.streams;
    return warm_up + tokens;
  }

  /** What the last step has made. */
  get carried(): ReadonlyMap<string, Values> {
    return this.#carried;
  }

  /**
   * Reads the next token of every stream.
   *
   * @param action what an error says was being done
   * @throws {UserError} if a state becomes infinite or NaN
   */
  async advance(action: string): Promise<void> {
    const { streams, states, observers } = this.parts, before = this.#carried, token = this.#position - streams.warm_up;
    this.#carried = await this.stepFrom(before, this.#position++);
    this.#checkFinite(action);
    if (token < 0) return;
    const values = new Map([...this.#carried, ...states.map((name) => [name, before.get(name)!] as const)]);
    for (const observer of observers) observer.see(token, values);
  }

  /** What the step makes of something else that it carries, at a position of every stream; the reader stays where it is. */
  stepFrom(carried: ReadonlyMap<string, Values>, position: number): Promise<Map<string, Values>> {
    const { step, streams: { text, starts } } = this.parts;
    return step.run(new Map([...carried, ...tokenFeeds(text, starts, position)]));
  }

  #checkFinite(action: string): void {
    for (const name of this.parts.states) {
      const wrong = this.#carried.get(name)!.find((value) => !Number.isFinite(value));
      if (wrong === undefined) continue;
      throw new UserError(
        `Cannot ${action}: '${name}' is ${wrong} after ${this.#position} tokens of its stream, must be finite`,
      );
    }
  }
}
