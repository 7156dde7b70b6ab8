/** Which workers a program starts, and whether they have been ended. */

class RecordedWorker extends Worker {
  isEnded = false;

  override terminate(): void {
    this.isEnded = true;
    super.terminate();
  }
}

export interface WorkerRecord extends Disposable {
  /** In the order of their start. */
  readonly started: readonly RecordedWorker[];
  /** How many live. */
  readonly alive: number;
}

/** Records all workers until it is disposed of. */
export function recordWorkers(): WorkerRecord {
  const { Worker } = globalThis, started: RecordedWorker[] = [];
  globalThis.Worker = class extends RecordedWorker {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      super(...args);
      started.push(this);
    }
  };
  return {
    started,
    get alive() {
      return started.filter(({ isEnded }) => !isEnded).length;
    },
    [Symbol.dispose]: () => void (globalThis.Worker = Worker),
  };
}
