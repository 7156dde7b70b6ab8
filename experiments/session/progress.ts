/** Where the runs of a session are: a bar over the steps that this process does, lines as runs end, steps for the queue. */
import { minOf } from "../../cells/extremes.ts";
import { unitOf } from "../../cells/unit.ts";
import { type Leg, UNNAMED_VERSION } from "../../train/training/checkpoint.ts";
import type { Engine } from "../../train/engines/engine.ts";
import { engineOfEveryMachine } from "../../train/engines/registry.ts";
import { totalSteps, type TrainingSettings } from "../../train/training/settings.ts";
import type { Progress } from "../../train/training/training_run.ts";
import { formatDuration, openProgress, plural, type ProgressBar } from "../../train/terminal/progress.ts";
import type { RunResult } from "../study/result.ts";
import { shortKey } from "../study/paths.ts";
import type { Run } from "../study/runs.ts";

/** What this process knows of a run that it has begun and not yet let go. */
interface RunProgress {
  step: number;
  /** Steps that it gets in all. */
  total: number;
  /** Smoothed, nats per token; absent while no group trains it. */
  loss?: number;
}

export interface ProgressOptions {
  /** How many runs this call is to train. */
  readonly runs: number;
  readonly settings: TrainingSettings;
  readonly quiet: boolean;
  /** How many runs this process may still claim. */
  readonly waiting: () => number;
  /** Runs that this process has claimed and not given back, begun or not. */
  readonly claimed: () => readonly Pick<Run, "key">[];
}

/** Shows how far a session is, and knows the step of each run for the heartbeat. */
export class SessionProgress {
  readonly #bar: ProgressBar;
  /** By key. */
  readonly #runs = new Map<string, RunProgress>();
  #done = 0;
  #best = Infinity;

  /** @param open opens the bar on which the session is shown */
  constructor(private readonly options: ProgressOptions, open: typeof openProgress = openProgress) {
    const { runs, settings, quiet } = options;
    this.#bar = open(runs * totalSteps(settings), "steps", quiet);
  }

  announce({ name, adapter, software }: Engine, parallel: number): void {
    const { runs, settings } = this.options, { steps, history } = settings, total = totalSteps(settings);
    if (!runs) return this.print("Nothing is left to train");
    const whole = total === steps ? "" : ` (${steps} asked for; passes of ${history - 1} are finished)`;
    // What fits is not known before it has been tried.
    const atATime = Number.isFinite(parallel) ? Math.min(parallel, runs) : `up to ${runs}`;
    this.print(
      `Training ${plural(runs, "run")} of ${total} steps${whole} on ${name} (${adapter}), ${atATime} at a time`,
    );
    if (!software) return;
    const faster = engineOfEveryMachine();
    this.print(
      `${adapter} is a software adapter: right, but far slower than ${
        faster ? `--engine ${faster.name}` : "a real GPU"
      }`,
    );
  }

  print(line: string): void {
    this.#bar.print(line);
  }

  /** Where each run is: what other processes are told. */
  get steps(): ReadonlyMap<string, number> {
    return new Map([...this.#runs].map(([key, { step }]) => [key, step]));
  }

  /** A run is about to take a slot of a group, perhaps once more. */
  begin({ key }: Run, step: number): void {
    this.#runs.set(key, { step, total: totalSteps(this.options.settings, step) });
  }

  /** Runs have done steps. */
  advance(progress: readonly Progress<Run>[]): void {
    for (const { run: { key }, step, loss } of progress) {
      const run = this.#runs.get(key)!;
      this.#done += step - run.step;
      Object.assign(run, { step, loss });
    }
    this.#show();
  }

  /** A run has left its group, and is still this process's. */
  leaveGroup({ key }: Run): void {
    delete this.#runs.get(key)?.loss;
  }

  /** A run is this process's no longer. */
  drop({ key }: Pick<Run, "key">): void {
    this.#runs.delete(key);
  }

  /** What an engine makes before the first step. */
  prepare(done: number, total: number): void {
    this.#bar.update(this.#done, `compiling kernels, ${done} of ${total}`);
  }

  /** A run goes on where another engine, adapter or version of this program stopped. */
  goOn({ key }: Run, step: number, { engine, adapter, cellspace_version = UNNAMED_VERSION }: Leg): void {
    this.print(
      `${
        shortKey(key)
      }  goes on from step ${step} of ${engine} (${adapter}), cellspace ${cellspace_version}: its last digits ` +
        "will be those of neither alone",
    );
  }

  /** A run has finished. */
  finish({ key }: Run, result: RunResult): void {
    const lowest = result["min loss"]!;
    this.#best = Math.min(this.#best, lowest);
    this.print(
      `${shortKey(key)}  min loss ${lowest.toFixed(4)} nats/${unitOf(result)}, ${result.steps_done} steps in ${
        formatDuration(result.train_seconds!)
      }`,
    );
  }

  stop(): void {
    this.#bar.stop();
  }

  #show(): void {
    const runs = [...this.#runs.values()];
    const begun = runs.reduce((steps, { step, total }) => steps + Math.max(0, total - step), 0);
    // A claimed run takes a while to begin: its files are read first.
    const claimed = this.options.claimed().filter(({ key }) => !this.#runs.has(key)).length;
    const total = this.#done + begun + (this.options.waiting() + claimed) * totalSteps(this.options.settings);
    const losses = runs.flatMap(({ loss }) => loss ?? []);
    const current = losses.length ? `loss ${minOf(losses).toFixed(3)}` : "scoring";
    const best = Number.isFinite(this.#best) ? `, best finished ${this.#best.toFixed(3)}` : "";
    this.#bar.update(this.#done, `${current}${best}`, total);
  }
}
