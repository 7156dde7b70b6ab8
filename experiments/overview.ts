/** What `status` shows: where a study stands. */
import { totalSteps } from "../train/trainer.ts";
import { readClaims } from "./queue.ts";
import { type FinishedResult, isFinished } from "./result.ts";
import { type Experiment, type Run, Study } from "./store.ts";

export interface RunningRun {
  readonly key: string;
  readonly owner: string;
  /** Unix seconds. */
  readonly since: number;
}

export interface Overview {
  readonly experiment: Experiment;
  readonly total: number;
  readonly done: number;
  readonly running: readonly RunningRun[];
  readonly failed: readonly { key: string; why: string }[];
  /** Runs that nobody works on, those included that were started and left. */
  readonly waiting: number;
  /** Keys of waiting runs that were started and left. */
  readonly left_unfinished: readonly string[];
  readonly unreadable: readonly string[];
  readonly best?: { key: string; min_loss: number; test_bits_per_byte?: number };
  /** From the speed of the finished runs; absent where none has finished. */
  readonly seconds_left?: number;
}

export async function overviewOf(dir: string, experiment: Experiment): Promise<Overview> {
  const study = await Study.open(dir);
  const runs = await study.runs(experiment);
  const { results, unreadable } = await study.readResults(experiment);
  const byKey = new Map(results.map((result) => [`${result.id}/${result.seed}`, result]));
  const resultOf = ({ entry, seed }: Run) => byKey.get(`${entry.id}/${seed}`);

  const claims = livingClaims(study, experiment);
  const finished = runs.flatMap((run) => {
    const result = resultOf(run);
    return result && isFinished(result) ? [{ key: run.key, result }] : [];
  });
  const failed = runs.flatMap((run) => {
    const why = resultOf(run)?.failed;
    return why === undefined ? [] : [{ key: run.key, why }];
  });
  const ended = new Set([...finished, ...failed].map(({ key }) => key));
  const running = claims.filter(({ key }) => !ended.has(key));
  const busy = new Set(running.map(({ key }) => key));
  const waiting = runs.filter(({ key }) => !ended.has(key) && !busy.has(key));
  const best = [...finished].sort((a, b) => a.result["min loss"] - b.result["min loss"])[0];
  return {
    experiment,
    total: runs.length,
    done: finished.length,
    running,
    failed,
    waiting: waiting.length,
    left_unfinished: waiting.filter((run) => resultOf(run) !== undefined).map(({ key }) => key),
    unreadable,
    ...(best
      ? {
        best: { key: best.key, min_loss: best.result["min loss"], test_bits_per_byte: best.result.test_bits_per_byte },
      }
      : {}),
    seconds_left: secondsLeft(
      study,
      experiment,
      [...waiting, ...runs.filter(({ key }) => busy.has(key))],
      finished.map((f) => f.result),
    ),
  };
}

/** Claims of living processes. */
function livingClaims(study: Study, experiment: Experiment): RunningRun[] {
  const prefix = `${experiment}/`;
  return readClaims(study.queuePath).filter(({ key, stale }) => key.startsWith(prefix) && !stale)
    .map(({ key, owner, since }) => ({ key: key.slice(prefix.length), owner, since }));
}

/**
 * Time for the runs that are left: the work so far per second in which anything trained (so that runs side by side count
 * rightly, and nights do not), applied to the work that is left.
 */
function secondsLeft(
  study: Study,
  experiment: Experiment,
  left: readonly Run[],
  finished: readonly FinishedResult[],
): number | undefined {
  if (!left.length) return 0;
  if (!finished.length) return undefined;
  const work = ({ n_layers, state_size }: { n_layers: number; state_size: number }, steps: number) =>
    steps * (n_layers * state_size ** 2 + 512 * state_size);
  const { training } = study.settings;
  const steps = totalSteps({
    ...training,
    steps: training.steps[experiment],
    log_every: training.log_every[experiment],
  });
  const done = finished.reduce((total, r) => total + work(r, r.steps_done), 0);
  return left.reduce((total, { entry }) => total + work(entry.config, steps), 0) * busySeconds(finished) / done;
}

/** Seconds in which at least one of the runs trained. */
function busySeconds(finished: readonly FinishedResult[]): number {
  const spans = finished.map((r) => [r["end time"] - r.train_seconds, r["end time"]]).sort(([a], [b]) => a - b);
  let total = 0, reached = -Infinity;
  for (const [start, end] of spans) {
    total += Math.max(0, end - Math.max(start, reached));
    reached = Math.max(reached, end);
  }
  return total;
}
