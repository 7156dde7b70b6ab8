/** The workers that score models: kept from model to model, on the CPU or on a device. */
import { messageOf, UserError } from "../../cells/errors.ts";
import { checkWorker } from "../process/open_files.ts";
import { AskedWorker, WorkerPool } from "../process/worker_pool.ts";
import type { EvaluateRequest, ShareEvaluation } from "./evaluate_protocol.ts";
import {
  checkChoice,
  choosePlace,
  ON_CPU,
  ownAdapter,
  type ScoreChoice,
  type ScorePlace,
  type ScoreTools,
} from "./score_on.ts";

type EvaluationWorker = AskedWorker<EvaluateRequest, ShareEvaluation>;

const startWorker = (): EvaluationWorker =>
  new AskedWorker(new URL("./evaluate_worker.ts", import.meta.url), "Evaluation worker");

/** What evaluations take of the workers: for this folder, not for users of the library. */
export interface EvaluationPool {
  readonly pool: WorkerPool<EvaluationWorker>;
  /** Scores on the device, one request after the other: two would share its memory and gain nothing. */
  askDevice(request: EvaluateRequest): Promise<ShareEvaluation>;
  /** Whether the CPU may score where the device fails. */
  readonly mayFallBack: boolean;
  /** After a failure of the device: the CPU scores from now on. */
  fallBack(error: unknown): void;
}

/** The pool within. */
export let poolOf: (workers: EvaluationWorkers) => EvaluationPool;

/**
 * Workers that score many models, one after the other or at once: each that ends leaves two open files behind. Dispose of them, since idle
 * workers keep a program alive.
 */
export class EvaluationWorkers implements Disposable {
  readonly #pool = new WorkerPool(startWorker);
  #place: ScorePlace = ON_CPU;
  /** The one worker that has the device. */
  #device: EvaluationWorker | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #choice: ScoreChoice = "cpu";
  #onMessage: (message: string) => void = () => {};

  static {
    poolOf = (workers) => ({
      pool: workers.#pool,
      askDevice: (request) => workers.#askDevice(request),
      mayFallBack: workers.#choice === "auto",
      fallBack: (error) => workers.#fallBack(error),
    });
  }

  /**
   * Workers that score where `choice` says.
   *
   * @param onMessage given a line where `auto` finds an adapter and cannot use it, now or later
   * @param tools what asks the machine; tests have their own
   * @throws {RangeError} if there is no such choice; {@linkcode UserError} if `webgpu` was asked for and cannot score here; {@linkcode OpenFilesError} if this process may open no worker
   */
  static async open(
    choice: ScoreChoice,
    onMessage?: (message: string) => void,
    tools?: ScoreTools,
  ): Promise<EvaluationWorkers> {
    checkChoice(choice);
    const workers = new EvaluationWorkers();
    workers.#choice = choice;
    workers.#onMessage = onMessage ?? workers.#onMessage;
    try {
      const check = async () => void await workers.#askDevice({ check: "webgpu" });
      const { place, why } = await choosePlace(choice, tools ?? { adapter: ownAdapter, check });
      workers.#place = place;
      if (why !== undefined) workers.#toCpu(why);
      return workers;
    } catch (error) {
      workers[Symbol.dispose]();
      throw error;
    }
  }

  /** Where they score. */
  get place(): ScorePlace {
    return this.#place;
  }

  /**
   * Checks that there is a worker to score with, for those who must read files first.
   *
   * @throws {UserError} if none is idle, and this process may open no more
   */
  check(): void {
    this.#pool.check();
  }

  /** Ends the workers. */
  [Symbol.dispose](): void {
    this.#pool[Symbol.dispose]();
    this.#endDevice();
  }

  async #askDevice(request: EvaluateRequest): Promise<ShareEvaluation> {
    const answer = this.#last.then(() => {
      if (!this.#device) checkWorker();
      this.#device ??= startWorker();
      return this.#device.ask(request);
    });
    this.#last = answer.catch(() => {});
    return await answer;
  }

  #fallBack(error: unknown): void {
    // Of several that have failed together, the first says it.
    if (this.#place.provider !== "cpu") this.#toCpu(messageOf(error));
  }

  #toCpu(why: string): void {
    this.#place = ON_CPU;
    this.#endDevice();
    this.#onMessage(`Scoring on the CPU: ${why}`);
  }

  #endDevice(): void {
    this.#device?.terminate();
    this.#device = undefined;
  }
}

/** What went wrong with a device, with what else can be done. */
export function deviceFailure(error: unknown): UserError {
  return new UserError(`${messageOf(error)}; use --score-on cpu`);
}
