/** What a session shows while it works: lines as runs end, and a bar over the steps that this process does. */
import { minOf } from "../../cells/extremes.ts";
import { unitOf } from "../../cells/unit.ts";
import { type Leg, UNNAMED_VERSION } from "../../train/training/checkpoint.ts";
import type { Engine } from "../../train/engines/engine.ts";
import { engineOfEveryMachine } from "../../train/engines/registry.ts";
import { totalSteps, type TrainingSettings } from "../../train/training/settings.ts";
import { formatDuration, openProgress, plural, type ProgressBar } from "../../train/terminal/progress.ts";
import type { RunResult } from "../study/result.ts";
import { type Run, shortKey } from "../study/store.ts";

/** Runs that train together, with where each is. They change as runs end and others take their places. */
export interface AtWork {
  readonly runs: Map<Run, { step: number; loss?: number }>;
  readonly stop: AbortController;
}

export class Board {
  /** The groups under way, by lane. */
  readonly atWork = new Map<number, AtWork>();
  readonly #bar: ProgressBar;
  /** Steps that are left of each run in hand. */
  readonly #left = new Map<Run, number>();
  #waiting: number;
  #done = 0;
  #best = Infinity;

  constructor(private readonly runs: number, private readonly settings: TrainingSettings, quiet: boolean) {
    this.#waiting = runs;
    this.#bar = openProgress(runs * totalSteps(settings), "steps", quiet);
  }

  announce({ name, adapter, software }: Engine, parallel: number): void {
    const { steps, history } = this.settings, total = totalSteps(this.settings);
    const whole = total === steps ? "" : ` (${steps} asked for; passes of ${history - 1} are finished)`;
    // What fits is not known before it has been tried.
    const atATime = Number.isFinite(parallel) ? Math.min(parallel, this.runs) : `up to ${this.runs}`;
    this.print(
      `Training ${plural(this.runs, "run")} of ${total} steps${whole} on ${name} (${adapter}), ${atATime} at a time`,
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

  take(run: Run): void {
    this.#waiting = Math.max(0, this.#waiting - 1);
    this.#left.set(run, totalSteps(this.settings));
  }

  /** A group starts, or starts again. */
  begin(lane: number): AtWork {
    const atWork = { runs: new Map(), stop: new AbortController() };
    this.atWork.set(lane, atWork);
    return atWork;
  }

  /** A run takes a place in a group. */
  join({ runs }: AtWork, run: Run, step: number): void {
    runs.set(run, { step });
    this.#left.set(run, totalSteps(this.settings, step) - step);
  }

  /** A run has left its group. */
  leave({ runs }: AtWork, run: Run): void {
    runs.delete(run);
  }

  advance({ runs }: AtWork, progress: readonly { run: Run; step: number; loss: number }[]): void {
    for (const { run, step, loss } of progress) {
      const steps = step - runs.get(run)!.step;
      this.#left.set(run, Math.max(0, (this.#left.get(run) ?? 0) - steps));
      this.#done += steps;
      runs.set(run, { step, loss });
    }
    this.#show();
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
    const least = result["min loss"]!;
    this.#best = Math.min(this.#best, least);
    this.print(
      `${shortKey(key)}  min loss ${least.toFixed(4)} nats/${unitOf(result)}, ${result.steps_done} steps in ${
        formatDuration(result.train_seconds!)
      }`,
    );
  }

  /** A run is out of this process's hands. */
  drop(run: Run): void {
    this.#left.delete(run);
  }

  /** A run that was dropped is to be taken again. */
  putBack(): void {
    this.#waiting++;
  }

  stop(): void {
    this.#bar.stop();
  }

  #show(): void {
    const inHand = [...this.#left.values()].reduce((a, b) => a + b, 0);
    const total = this.#done + inHand + this.#waiting * totalSteps(this.settings);
    const now = [...this.atWork.values()].flatMap(({ runs }) => [...runs.values()].flatMap(({ loss }) => loss ?? []));
    const current = now.length ? `loss ${minOf(now).toFixed(3)}` : "scoring";
    const best = Number.isFinite(this.#best) ? `, best finished ${this.#best.toFixed(3)}` : "";
    this.#bar.update(this.#done, `${current}${best}`, total);
  }
}
