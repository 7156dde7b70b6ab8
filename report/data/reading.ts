/**
 * How much of a text runs have read. A run with `k` steps back makes one update where one without makes `k`, so two runs are equal either in the
 * bytes that they have read or in their updates (docs/bptt.md, "Equal in what?"). Both follow from what a result says that was done.
 */
import { type CellConfig, stepsBackOf } from "../../cells/config.ts";
import { minOf } from "../../cells/extremes.ts";
import { EQUAL_SHARE } from "../../experiments/study/equal_runs.ts";
import { SMOOTHING } from "../../train/training/loss_log.ts";
import { type Configured, distinct, type RunRow } from "./rows.ts";

/** In what runs are equal: in what they have read, or in their updates. */
export type Basis = "bytes" | "updates";
/** Both, in the order in which they are shown. */
export const BASES: readonly Basis[] = ["bytes", "updates"];

/** Steps that a configuration's gradient goes back. */
export function stepsBack({ config }: Configured): number {
  return stepsBackOf(config as CellConfig);
}

/** Whether some rows go farther back than others, so that their updates are of other amounts of text. */
export function areSeveralBack(rows: readonly Configured[]): boolean {
  return distinct(rows, stepsBack).length > 1;
}

/** What a run has read: updates × steps back × batch size, in bytes or tokens. */
export function amountRead(run: Configured & Pick<RunRow, "steps_done" | "batch_size">): number {
  return run.steps_done * stepsBack(run) * run.batch_size;
}

/** What a run has done of that in which runs are equal: bytes or tokens of all rows, or updates. */
export function amountOf(run: RunRow, basis: Basis): number {
  return basis === "bytes" ? amountRead(run) : run.steps_done;
}

export { EQUAL_SHARE };

/**
 * The runs that are equal in this, as many as can be: of several such groups the one with most numbers of steps back, then most runs, then the
 * longest ones.
 */
export function equalRuns(runs: readonly RunRow[], basis: Basis): RunRow[] {
  const groups = distinct(runs, (run) => amountOf(run, basis)).map((least) =>
    runs.filter((run) => {
      const amount = amountOf(run, basis);
      return amount >= least && least >= EQUAL_SHARE * amount;
    })
  );
  const size = (group: readonly RunRow[]) => [distinct(group, stepsBack).length, group.length];
  return groups.reduce((best, group) => {
    const [levels, count] = size(group), [most, largest] = size(best);
    return levels > most || levels === most && count >= largest ? group : best;
  }, []);
}

/**
 * With each number of steps back the runs that are as long as most, and longer ones: these have logged all that the others have. Of as many short
 * ones as long ones the long ones alone.
 */
export function longRuns(runs: readonly RunRow[]): RunRow[] {
  return [...Map.groupBy(runs, stepsBack).values()].flatMap((same) => {
    const least = minOf(equalRuns(same, "updates").map(({ steps_done }) => steps_done));
    return same.filter(({ steps_done }) => steps_done >= least);
  });
}

/** The least common multiple of whole numbers. */
export function commonMultiple(values: readonly number[]): number {
  const divisor = (a: number, b: number): number => b ? divisor(b, a % b) : a;
  return values.reduce((common, value) => common / divisor(common, value) * value, 1);
}

/**
 * The last point at which all runs have logged a loss and are equal: of each parallel sequence of a batch so many bytes or tokens, or so many updates.
 * Undefined where there is none.
 */
export function lastCommonPoint(runs: readonly RunRow[], basis: Basis): number | undefined {
  const perUpdate = (run: RunRow) => basis === "bytes" ? stepsBack(run) : 1;
  const every = commonMultiple(runs.map((run) => run.log_every * perUpdate(run)));
  const last = minOf(runs.map((run) => run.loss.length * run.log_every * perUpdate(run)));
  const point = Math.floor(last / every) * every;
  return point > 0 ? point : undefined;
}

/** A run's training loss at a common point, without the smoothing's start: see {@linkcode withoutStart}. */
export function lossAt(run: RunRow, basis: Basis, point: number): number {
  const updates = basis === "bytes" ? point / stepsBack(run) : point;
  return withoutStart(run.loss[updates / run.log_every - 1], updates);
}

/**
 * A smoothed loss after so many updates without the value that the smoothing starts from, whose weight is then `0.95^u`:
 * `(ma − 0.95^u · 3) / (1 − 0.95^u)`, the weighted mean of the losses alone. A run of few updates would else be shown nearer to 3. Source: as
 * Adam's moments are corrected (D. P. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, section 3).
 */
export function withoutStart(smoothed: number, updates: number): number {
  const left = SMOOTHING.keep ** updates;
  return (smoothed - left * SMOOTHING.start) / (1 - left);
}

/** Updates that a smoothed loss is older than the last one, on average: `Σ i · 0.05 · 0.95^i`. */
export const SMOOTHING_AGE: number = Math.round(SMOOTHING.keep / (1 - SMOOTHING.keep));
