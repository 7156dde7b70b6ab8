/** The workers that score models: kept from model to model, on the CPU or on a device. */
import { messageOf } from "../../cells/errors.ts";
import { findAdapter } from "../engines/webgpu/runtime/device.ts";
import { checkWorker } from "../process/open_files.ts";
import { AskedWorker, WorkerPool } from "../process/worker_pool.ts";
import type { EvaluateRequest, ShareEvaluation } from "./evaluate_protocol.ts";
import {
  checkChoice,
  chooseLocation,
  ON_CPU,
  type ScoreChoice,
  type ScoreLocation,
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
  /** After a failure of the device on a model that the CPU has scored. */
  fallBack(error: unknown): Promise<void>;
}

/** The pool within. */
export let poolOf: (workers: EvaluationWorkers) => EvaluationPool;

/**
 * Workers that score many models, one after the other or at once: each that ends leaves two open files behind. Dispose of them, since idle
 * workers keep a program alive.
 */
export class EvaluationWorkers implements Disposable {
  readonly #pool = new WorkerPool(startWorker);
  #location: ScoreLocation = ON_CPU;
  /** The one worker that has the device. */
  #device: EvaluationWorker | undefined;
  #hasEnded = false;
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
      // ONNX Runtime's provider does not name its adapter: it is Deno's, as far as there is one.
      const { location, why } = await chooseLocation(choice, tools ?? { adapter: findAdapter, check });
      workers.#location = location;
      if (why !== undefined) workers.#toCpu(why);
      return workers;
    } catch (error) {
      workers[Symbol.dispose]();
      throw error;
    }
  }

  /** Has another listener told where a device is left: one that does not throw in the middle of a score. */
  tell(onMessage: (message: string) => void): void {
    this.#onMessage = onMessage;
  }

  /** Where they score. */
  get location(): ScoreLocation {
    return this.#location;
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
    const answer = this.#last.then(() => this.#deviceWorker().ask(request));
    this.#last = answer.catch(() => {});
    return await answer;
  }

  /** @throws {Error} if the device is not to be used any more */
  #deviceWorker(): EvaluationWorker {
    if (this.#hasEnded) throw new Error("Cannot score on a device: its workers were ended");
    // Nobody knows what one that has failed has left undone.
    if (!this.#device?.isSound) {
      this.#device?.terminate();
      this.#device = undefined;
      checkWorker();
      this.#device = startWorker();
    }
    return this.#device;
  }

  /** One model may be too much for a device that is all right: it is left where it fails on the model that is made up, too. */
  async #fallBack(error: unknown): Promise<void> {
    if (this.#location.provider === "cpu") return;
    const failure = await this.#askDevice({ check: "webgpu" }).then(() => undefined, (failure) => ({ failure }));
    if (!failure) this.#onMessage(`A model was scored on the CPU instead: ${messageOf(error)}`);
    // Of several that have failed together, the first says it.
    else if (!this.#hasEnded) this.#toCpu(messageOf(error));
  }

  #toCpu(why: string): void {
    this.#location = ON_CPU;
    this.#endDevice();
    this.#onMessage(`Scoring on the CPU instead: ${why}`);
  }

  #endDevice(): void {
    this.#hasEnded = true;
    const device = this.#device;
    this.#device = undefined;
    // One that is at a score which was given up gives its memory back first.
    if (device) void this.#last.then(() => device.terminate());
  }
}

/** What went wrong with a device that was asked for, with what else can be done. No file is to blame, and no input: so it is no `UserError`. */
export class DeviceFailure extends Error {
  constructor(cause: unknown) {
    super(`${messageOf(cause)}; use --score-on cpu`, { cause });
  }
}
