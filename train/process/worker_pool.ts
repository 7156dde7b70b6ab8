/** Workers that are asked one thing after another, and kept from task to task. */
import { UserError } from "../../cells/errors.ts";
import { affordableWorkers, checkWorker } from "./open_files.ts";
import { isProgressMessage, isRefusal, type Numbered, type ProgressMessage, type Refusal } from "./worker_reply.ts";

/** Who waits for a reply. */
interface Waiting<Reply, Progress> {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
  readonly onProgressMessage?: (told: Progress) => void;
}

/** The near end of a worker: numbers requests and matches replies, and what the worker tells on the way to them. */
export class AskedWorker<Request extends object, Reply extends object, Progress = never> {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting<Reply, Progress>>();
  #last = 0;
  #closed = false;
  #failed = false;

  /** @param name what messages call it */
  constructor(script: URL, private readonly name: string) {
    this.#worker = new Worker(script, { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<Numbered<Reply | Refusal | ProgressMessage<Progress>>>) => {
      const waiting = this.#waiting.get(data.number);
      if (isProgressMessage<Numbered<Reply | Refusal>, Progress>(data)) return waiting?.onProgressMessage?.(data.told);
      this.#waiting.delete(data.number);
      if (!isRefusal(data)) return waiting?.resolve(data);
      this.#failed = true;
      waiting?.reject(data.isUserError ? new UserError(data.error) : new Error(data.error));
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      // A dead worker answers nothing: whoever asked it would wait for ever.
      this.#end(`${this.name} stopped: ${event.message}`);
    };
  }

  /** Whether it has done all that it was asked, and can be asked more. */
  get isSound(): boolean {
    return !this.#closed && !this.#failed;
  }

  /** @param onProgressMessage called with what the worker tells before it replies */
  ask(request: Request, onProgressMessage?: (told: Progress) => void): Promise<Reply> {
    if (this.#closed) return Promise.reject(new Error(`${this.name} was closed`));
    const number = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject, onProgressMessage });
      this.#worker.postMessage({ ...request, number } satisfies Numbered<Request>);
    });
  }

  terminate(): void {
    this.#worker.terminate();
    this.#end(`${this.name} was closed`);
  }

  #end(why: string): void {
    this.#closed = true;
    for (const { reject } of this.#waiting.values()) reject(new Error(why));
    this.#waiting.clear();
  }
}

/**
 * Workers of one kind. A worker that ends leaves two open files of ONNX Runtime's behind for as long as the process lives: so whoever has
 * many tasks keeps a pool for all of them. Idle workers keep a program alive; disposing of the pool ends them.
 */
export class WorkerPool<T extends { readonly isSound: boolean; terminate(): void }> implements Disposable {
  readonly #idle: T[] = [];
  #closed = false;

  constructor(private readonly start: () => T) {}

  /**
   * Checks that there is a worker to take, for those who must read files first.
   *
   * @throws {OpenFilesError} if none is idle, and this process may open no more
   */
  check(): void {
    if (!this.#idle.length) checkWorker();
  }

  /** @throws {OpenFilesError} if there is no idle worker, and this process may open no more */
  take(): T {
    return this.takeUpTo(1)[0];
  }

  /**
   * As many workers as this process may have, at most `wanted` and at least one.
   *
   * @throws {OpenFilesError} if that is none
   */
  takeUpTo(wanted: number): T[] {
    this.check();
    const taken = this.#idle.splice(-wanted);
    const more = taken.length < wanted ? affordableWorkers(wanted - taken.length) : 0;
    for (let i = 0; i < more; i++) taken.push(this.start());
    return taken;
  }

  /** Takes a worker back. One that has failed is ended: nobody knows what it has left undone. */
  giveBack(worker: T): void {
    if (worker.isSound && !this.#closed) this.#idle.push(worker);
    else worker.terminate();
  }

  /** Ends the idle workers; one that is given back later is ended then. */
  [Symbol.dispose](): void {
    this.#closed = true;
    for (const worker of this.#idle.splice(0)) worker.terminate();
  }
}
