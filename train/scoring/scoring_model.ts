/** A trained model as an ONNX file, opened to be scored: what it loses on each token of texts that it reads side by side. */
import { messageOf, UserError } from "../../cells/errors.ts";
import { maxOf } from "../../cells/extremes.ts";
import * as ort from "../engines/onnx/runtime.ts";
import { NEXT } from "../engines/onnx/export.ts";
import { NLL } from "../engines/onnx/nll.ts";
import { encodeModel } from "../engines/onnx/proto.ts";
import { TEXT, unrolled } from "../engines/onnx/unrolled.ts";
import { decodeEvaluation, type EvaluationFile, LOGITS } from "./evaluation_file.ts";
import { numbersOf } from "./model.ts";
import { type AnySession, type CarriedStates, type Provider, PROVIDERS, type ScoreProvider } from "./providers.ts";

/** How a model is opened for scores. */
export interface ScoringOptions {
  /** Where it is computed; absent: on the CPU. */
  readonly provider?: ScoreProvider;
  readonly threads?: number;
  /** What messages call the model. */
  readonly file?: string;
  /** Asked before each run; the model throws once it is true. */
  readonly isStopped?: () => boolean;
}

/** What the readers of one model share. */
interface Shared extends Pick<EvaluationFile, "states"> {
  readonly provider: Provider;
  readonly rows: number;
  /** Reads one token per row, and reads a block of them. */
  readonly step: AnySession;
  readonly block: AnySession;
  /** Tokens of a block. */
  readonly steps: number;
  readonly file: string;
  readonly isStopped: () => boolean;
}

/** An open model. */
export class ScoringModel {
  private constructor(private readonly shared: Shared, private readonly sessions: readonly AnySession[]) {}

  /** @throws {UserError} if the bytes are no evaluation model of this project, or the provider cannot run it */
  static async open(model: Uint8Array, options: ScoringOptions = {}): Promise<ScoringModel> {
    const { provider: name = "cpu", threads = 1, file = "the model", isStopped = () => false } = options;
    const { proto, input, states, vocabulary } = decodeEvaluation(model, file), provider = PROVIDERS[name];
    const outputs = [...states.keys()].map((name) => name + NEXT);
    const open = async (steps: number, forgets: boolean) => {
      // Written again: what runs is what was checked, without the parts of a file that nobody read (data in other files, functions).
      const block = encodeModel(unrolled(proto, { input, logits: LOGITS, steps, nll: provider.nll, forgets }));
      return await provider.open(block, outputs, threads).catch((error) => {
        throw new UserError(
          `Cannot open ${file}${name === "cpu" ? ": it is damaged" : ` on ${name}`} (${messageOf(error)})`,
        );
      });
    };
    const rows = Math.max(1, Math.min(provider.rows, Math.floor(provider.logits / vocabulary)));
    // The values of all steps are joined, before their logits are computed.
    const steps = blockSteps(provider, rows, maxOf(states.values(), vocabulary));
    const step = await open(1, provider.forgets);
    const block = steps === 1 && !provider.forgets ? step : await open(steps, false).catch(async (error) => {
      await step.release();
      throw error;
    });
    return new ScoringModel(
      { provider, rows, states, step, block, steps, file, isStopped },
      [...new Set([step, block])],
    );
  }

  /** Rows that a reader should have at most: with a large vocabulary their logits fill the memory. */
  get rows(): number {
    return this.shared.rows;
  }

  /** Numbers of one row's states. */
  get stateNumbers(): number {
    return [...this.shared.states.values()].reduce((sum, size) => sum + size, 0);
  }

  /** A reader of so many rows, all of them with a zero state. It must be closed before the model. */
  reader(rows: number): RowReader {
    return new RowReader(this.shared, rows);
  }

  async close(): Promise<void> {
    for (const session of this.sessions) await session.release();
  }
}

/** The longest block that is worth it, a power of two, whose widest tensor is not too large. */
function blockSteps({ steps, logits }: Provider, rows: number, width: number): number {
  let fitting = steps;
  while (fitting > 1 && fitting * rows * width > logits) fitting /= 2;
  return fitting;
}

/** Rows that read a model's tokens side by side, each with a state of its own. */
export class RowReader {
  readonly #states: CarriedStates;

  /** Only {@linkcode ScoringModel.reader} makes one. */
  constructor(private readonly shared: Shared, readonly rows: number) {
    this.#states = shared.provider.states(shared.states, rows);
  }

  /** Sets all states to zero. */
  reset(): void {
    this.#states.reset();
  }

  /** Sets the states of one row to zero. */
  forget(row: number): void {
    this.#states.forget(row);
  }

  /**
   * The states as they are now, each `[rows, its size]`, row-major: the next token is read with what is written there.
   *
   * @throws {TypeError} where they are on a device
   */
  get states(): readonly Float32Array[] {
    const { arrays } = this.#states;
    if (arrays) return arrays;
    throw new TypeError("Cannot read the states of a model: they are on a device, must be on the CPU");
  }

  /** Tokens that each row reads in one run, at most. */
  get steps(): number {
    return this.shared.steps;
  }

  /**
   * Reads `steps` tokens per row; returns for each the negative log-likelihood of the one that follows, `−ln p`, nats.
   *
   * @param text `[steps + 1, rows]`, step after step: the last tokens are predicted, and not read
   * @returns `[steps, rows]`
   * @throws {UserError} if the model cannot be run, or makes of the text what are no numbers
   */
  async nll(text: Int32Array, steps: number): Promise<Float32Array> {
    const { rows } = this, nll = new Float32Array(steps * rows);
    for (let done = 0; done < steps;) {
      const isBlock = steps - done >= this.shared.steps && !this.#states.isForgetting;
      const taken = isBlock ? this.shared.steps : 1;
      const part = text.subarray(done * rows, (done + taken + 1) * rows);
      nll.set(await this.#run(isBlock, part, taken), done * rows);
      done += taken;
    }
    return nll;
  }

  async #run(isBlock: boolean, text: Int32Array, steps: number): Promise<Float32Array> {
    const { file, isStopped, provider, step, block } = this.shared, { rows } = this;
    if (isStopped()) throw new Error("Cannot score: it was stopped");
    const feeds: Record<string, ort.Tensor> = { [TEXT]: new ort.Tensor("int32", text, [steps + 1, rows]) };
    const fetches: Record<string, ort.Tensor | null> = { [NLL]: null };
    this.#states.prepare(feeds, fetches, provider.forgets && !isBlock);
    const results = await (isBlock ? block : step).run(feeds, fetches).catch((error) => {
      throw new UserError(`Cannot run ${file}: ${messageOf(error)}`);
    });
    this.#states.take(results);
    return numbersOf(results[NLL], NLL, steps * rows, file);
  }

  /** Gives back what it keeps on a device. */
  close(): void {
    this.#states.close();
  }
}
