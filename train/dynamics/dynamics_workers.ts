/** The workers that measure dynamics: one model each at a time, kept from model to model. */
import type { Cell } from "../../cells/cell.ts";
import type { Sizes } from "../../cells/sizes.ts";
import { AskedWorker, WorkerPool } from "../process/worker_pool.ts";
import { type DynamicsProgress, type DynamicsRequest, plainCell } from "./dynamics_protocol.ts";
import type { MeasuredModel } from "./measure.ts";

type DynamicsWorker = AskedWorker<DynamicsRequest, MeasuredModel, DynamicsProgress>;

const startWorker = (): DynamicsWorker =>
  new AskedWorker(new URL("./dynamics_worker.ts", import.meta.url), "Dynamics worker");

/** How long a worker that was told to stop may go on, milliseconds: after that it is ended, whatever it is at. */
const STOP_MILLISECONDS = 800;

/** What a worker is to measure. */
export interface DynamicsJob extends Omit<DynamicsRequest, "cell" | "stop"> {
  readonly cell: Cell;
  /** Of the model: only that of its states is read. */
  readonly sizes: Pick<Sizes, "state_size">;
}

/** How a measurement is watched and stopped. */
export interface DynamicsWatch {
  /** Called with how much of the work is done, from 0 to 1. */
  readonly onProgress?: (share: number) => void;
  readonly signal?: AbortSignal;
}

/** As many workers as models are measured at once. Dispose of them, since idle workers keep a program alive. */
export class DynamicsWorkers implements Disposable {
  readonly #pool = new WorkerPool(startWorker);
  readonly #count: number;

  /**
   * Workers for so many models at once, or for fewer where this process may open no more files.
   *
   * @throws {OpenFilesError} if it may not open the files of one
   */
  constructor(wanted: number) {
    const workers = this.#pool.takeUpTo(wanted);
    this.#count = workers.length;
    for (const worker of workers) this.#pool.giveBack(worker);
  }

  /** Models that are measured at once. */
  get count(): number {
    return this.#count;
  }

  /**
   * Measures a model in a worker.
   *
   * @throws {UserError} if the file is no model of this cell, or a weight is not finite
   * @throws {Error} if the text is too short for the settings, or has a token that the model has not
   * @throws the signal's reason, within a second or so
   */
  async measure(
    { cell, sizes, ...job }: DynamicsJob,
    { onProgress, signal }: DynamicsWatch = {},
  ): Promise<MeasuredModel> {
    signal?.throwIfAborted();
    const stop = new Int32Array(new SharedArrayBuffer(4)),
      request = { ...job, cell: plainCell(cell, sizes.state_size), stop };
    const worker = this.#pool.take();
    let ending: ReturnType<typeof setTimeout> | undefined;
    const tell = () => {
      Atomics.store(stop, 0, 1);
      ending = setTimeout(() => worker.terminate(), STOP_MILLISECONDS);
    };
    signal?.addEventListener("abort", tell);
    try {
      return await worker.ask(request, ({ share }) => onProgress?.(share));
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      clearTimeout(ending);
      signal?.removeEventListener("abort", tell);
      this.#pool.giveBack(worker);
    }
  }

  /** Ends the workers. */
  [Symbol.dispose](): void {
    this.#pool[Symbol.dispose]();
  }
}
