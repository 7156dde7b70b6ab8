/** Who is told what happens while runs are trained. */

/** A run that is being trained, or whose model is being scored. */
export interface RunningRun {
  /** The name of its files: the id of its configuration, and the seed where that is not 0. */
  readonly key: string;
  /** Updates done, in earlier calls too. */
  readonly step: number;
  /** Updates that it gets in all. */
  readonly steps: number;
  /** Training loss, smoothed, nats per token (bytes are tokens where nothing else is said); absent before its first and after its last step. */
  readonly loss?: number;
}

/** What is made before the first step. */
export interface Preparation {
  /** N-grams of the corpus for the baselines, counted in its bytes; or kernels of the engine. */
  readonly what: "n-grams" | "kernels";
  /** So many are ready. */
  readonly done: number;
  /** Of so many. */
  readonly total: number;
}

/** Where a call of `train` is. */
export interface TrainingProgress {
  /** Runs that this call is finished with: they have finished or diverged (NaN or Inf). */
  readonly runs_done: number;
  /** Runs that this call trains, as far as is known: those that other processes take are none of them. */
  readonly runs: number;
  /** Steps through the text that this call has done, of all runs: an update that goes several steps back makes so many. */
  readonly steps_done: number;
  /** Those that this call will have done at its end. */
  readonly steps: number;
  /**
   * Seconds until the runs that this call is about are trained, no matter which process trains them: what `status` says, up to the moment at which it looked, where
   * the call is about all runs. Absent until one of them has finished, and where it is unknown which processes train: then the speed of this call's own steps is
   * all that is known.
   */
  readonly seconds_left?: number;
  /** What these steps are called where some runs go several steps back: `bytes` of one sequence of each batch, or tokens. Absent: steps. */
  readonly unit?: string;
  /** The runs under way. */
  readonly running: readonly RunningRun[];
  /** The lowest loss of the runs that have finished in this call, nats per token; absent before the first has. */
  readonly lowest?: number;
  /** What is under way before the first step; absent while runs are trained. */
  readonly preparing?: Preparation;
}

/** Is told what happens while runs are trained; nobody else is. What a handler throws ends the training. */
export interface TrainingListener {
  /** Called whenever losses have been read, and when a run has ended. */
  readonly onProgress?: (progress: TrainingProgress) => void;
  /** Called with a line for people: what is trained on which engine, how a run has ended. */
  readonly onMessage?: (line: string) => void;
  /** Called with a line on what went wrong with one run, while the others go on. */
  readonly onProblem?: (line: string) => void;
}

/** What handlers have thrown: in the middle of the work it would count as a failure of the engine, or of a worker. */
export class HandlerErrors {
  #first: { readonly error: unknown } | undefined;

  /** @param onFirst called when a handler throws for the first time */
  constructor(private readonly onFirst: () => void) {}

  /** The same listener, whose handlers throw nothing, and are not called again once one has thrown. */
  guarded({ onProgress, onMessage, onProblem }: TrainingListener): TrainingListener {
    return { onProgress: this.guard(onProgress), onMessage: this.guard(onMessage), onProblem: this.guard(onProblem) };
  }

  /** The same for one handler, where there is one. */
  guard<Told extends unknown[]>(handler: ((...told: Told) => void) | undefined): typeof handler {
    return handler && ((...told) => {
      if (this.#first) return;
      try {
        handler(...told);
      } catch (error) {
        this.#first = { error };
        this.onFirst();
      }
    });
  }

  /** @throws the first thing that a handler has thrown */
  check(): void {
    if (this.#first) throw this.#first.error;
  }
}
