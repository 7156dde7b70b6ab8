/** Where the runs of a session are: what its listener is told, and the steps of each for the queue. */
import { stepsBackOf } from "../../cells/config.ts";
import { unitOf } from "../../cells/unit.ts";
import { type Leg, UNNAMED_VERSION } from "../../train/training/leg.ts";
import type { Engine } from "../../train/engines/engine.ts";
import { engineOfEveryMachine } from "../../train/engines/registry.ts";
import { totalSteps, type TrainingSettings } from "../../train/training/settings.ts";
import type { Progress } from "../../train/training/training_run.ts";
import { formatDuration, plural } from "../../train/terminal/words.ts";
import type { RunResult } from "../study/result.ts";
import { shortKey } from "../study/run_key.ts";
import type { Run } from "../study/runs.ts";
import { stepsBackAmong, tokensRead } from "../study/training_settings.ts";
import type { Preparation, RunningRun, TrainingListener, TrainingProgress } from "./listener.ts";

export interface ProgressOptions {
  /** How many runs this call is to train. */
  readonly runs: number;
  readonly settings: TrainingSettings;
  readonly listener: TrainingListener;
  /** What steps through the text are called; absent: steps. */
  readonly unit?: string;
  /** Runs that this process may still claim. */
  readonly waiting: () => readonly Pick<Run, "entry">[];
  /** Runs that this process has claimed and not given back, begun or not. */
  readonly claimed: () => readonly Pick<Run, "key" | "entry">[];
  /** Seconds left by now, where they are known; absent: they never are. */
  readonly secondsLeft?: () => number | undefined;
}

/** Tells a listener how far a session is, and knows the step of each run for the heartbeat. */
export class SessionProgress {
  /** Runs that this process has begun and not yet let go, by key. */
  readonly #runs = new Map<string, RunningRun>();
  /** How many steps back each of these goes: an update is so many steps through the text. */
  readonly #stepsBack = new Map<string, number>();
  /** Keys of the runs that have ended in this session. */
  readonly #ended = new Set<string>();
  #done = 0;
  #lowest: number | undefined;

  constructor(private readonly options: ProgressOptions) {}

  announce({ name, adapter, software }: Engine, parallel: number): void {
    const { runs, waiting, settings } = this.options;
    this.#tell();
    if (!runs) return this.say("Nothing is left to train");
    // What fits is not known before it has been tried.
    const atATime = Number.isFinite(parallel) ? Math.min(parallel, runs) : `up to ${runs}`;
    this.say(
      `Training ${plural(runs, "run")} of ${
        stepsInWords(settings, stepsBackAmong(waiting().map(({ entry }) => entry.config)))
      } on ${name} (${adapter}), ${atATime} at a time`,
    );
    if (!software) return;
    const faster = engineOfEveryMachine();
    this.say(
      `${adapter} is a software adapter: correct, but far slower than ${
        faster ? `--engine ${faster.name}` : "a real GPU"
      }`,
    );
  }

  /** A line for people. */
  say(line: string): void {
    this.options.listener.onMessage?.(line);
  }

  /** A line on what went wrong, while the session goes on. */
  complain(line: string): void {
    this.options.listener.onProblem?.(line);
  }

  /** Where each run is: what other processes are told. */
  get steps(): ReadonlyMap<string, number> {
    return new Map([...this.#runs].map(([key, { step }]) => [key, step]));
  }

  /** Keys of the runs that this call is finished with. */
  get ended(): ReadonlySet<string> {
    return this.#ended;
  }

  /** A run is about to take a slot of a group, perhaps once more. */
  begin({ key, entry: { config } }: Run, step: number): void {
    const back = stepsBackOf(config);
    this.#stepsBack.set(key, back);
    this.#runs.set(key, { key, step, steps: totalSteps(this.options.settings, back, step) });
  }

  /** Runs have done steps. */
  advance(progress: readonly Progress<Run>[]): void {
    for (const { run: { key }, step, loss } of progress) {
      const run = this.#runs.get(key)!;
      this.#done += (step - run.step) * this.#stepsBack.get(key)!;
      this.#runs.set(key, { ...run, step, loss });
    }
    this.#tell();
  }

  /** A run has left its group, and is still this process's. */
  leaveGroup({ key }: Run): void {
    const run = this.#runs.get(key);
    if (!run) return;
    const { step, steps } = run;
    this.#runs.set(key, { key, step, steps });
  }

  /** A run is this process's no longer. */
  drop({ key }: Pick<Run, "key">): void {
    this.#runs.delete(key);
    this.#stepsBack.delete(key);
  }

  /** What an engine makes before the first step. */
  prepare(done: number, total: number): void {
    this.#tell({ what: "kernels", done, total });
  }

  /** A run goes on where another engine, adapter or version of this program stopped. */
  goOn({ key }: Run, step: number, { engine, adapter, cellspace_version = UNNAMED_VERSION }: Leg): void {
    this.say(
      `${
        shortKey(key)
      }  resumes from step ${step} of ${engine} (${adapter}), cellspace ${cellspace_version}: its last digits ` +
        "may match neither",
    );
  }

  /** A run has finished. */
  finish({ key }: Run, result: RunResult): void {
    const lowest = result["min loss"]!;
    this.#lowest = Math.min(this.#lowest ?? Infinity, lowest);
    this.#end(
      key,
      `${shortKey(key)}  min loss ${lowest.toFixed(4)} nats/${unitOf(result)}, ${result.steps_done} ${
        stepsBackOf(result) > 1 ? "updates" : "steps"
      } in ${formatDuration(result.train_seconds!)}`,
    );
  }

  /** A run has broken down. */
  fail({ key }: Run, why: string): void {
    this.#end(key, `${shortKey(key)}  failed: ${why}`);
  }

  #end(key: string, line: string): void {
    this.#ended.add(key);
    this.say(line);
    this.#tell();
  }

  #tell(preparing?: Preparation): void {
    this.options.listener.onProgress?.(this.#now(preparing));
  }

  #now(preparing: Preparation | undefined): TrainingProgress {
    const { waiting, claimed, settings, unit } = this.options, running = [...this.#runs.values()];
    const left = running.reduce(
      (sum, { key, step, steps }) => sum + Math.max(0, steps - step) * this.#stepsBack.get(key)!,
      0,
    );
    const held = claimed(), free = waiting(), seconds = this.options.secondsLeft?.();
    // A claimed run takes a while to begin: its files are read first.
    const coming = [...held.filter(({ key }) => !this.#runs.has(key)), ...free];
    return {
      runs_done: this.#ended.size,
      runs: this.#ended.size + held.filter(({ key }) => !this.#ended.has(key)).length + free.length,
      steps_done: this.#done,
      steps: this.#done + left + coming.reduce((sum, { entry }) => sum + tokensRead(settings, entry.config), 0),
      ...(seconds === undefined ? {} : { seconds_left: seconds }),
      ...(unit ? { unit } : {}),
      running,
      ...(this.#lowest === undefined ? {} : { lowest: this.#lowest }),
      ...(preparing ? { preparing } : {}),
    };
  }
}

/**
 * How many steps runs get: `10989 steps (10000 requested; rounded up to whole sequences of 999)`, or `10989 and 2739 updates (1 and 4 steps back)`.
 *
 * @param stepsBack the numbers of steps that they go back
 */
function stepsInWords(settings: TrainingSettings, stepsBack: readonly number[]): string {
  const { steps, history } = settings, totals = stepsBack.map((back) => totalSteps(settings, back));
  if (stepsBack.some((back) => back > 1)) {
    const list = (numbers: readonly number[]) => new Intl.ListFormat("en-GB").format(numbers.map(String));
    return `${list(totals)} updates (${list(stepsBack)} steps back)`;
  }
  const whole = totals[0] === steps ? "" : ` (${steps} requested; rounded up to whole sequences of ${history - 1})`;
  return `${totals[0]} steps${whole}`;
}
