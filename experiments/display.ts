/** How far long work is, on a terminal: what the scripts make of what the library tells its listeners. */
import { minOf } from "../cells/extremes.ts";
import { openProgress, type ProgressBar } from "../train/terminal/progress.ts";
import { print, printError } from "../train/terminal/output.ts";
import type { TrainingListener, TrainingProgress } from "./session/listener.ts";

/** A display that holds a line of the terminal until it is stopped. */
interface Display extends Disposable {
  /** Gives the line back; nothing is shown any more. */
  stop(): void;
}

/** A text that is shorter is counted in about a second: that needs no word. */
const TOLD_FROM_BYTES = 10_000_000;

/** Shows how far the n-grams of a large corpus are counted. */
export function countingDisplay(
  open: typeof openProgress = openProgress,
): Display & { readonly onProgress: (done: number, total: number) => void } {
  let bar: ProgressBar | undefined;
  const stop = () => {
    bar?.stop();
    bar = undefined;
  };
  return {
    onProgress(done, total) {
      if (total < TOLD_FROM_BYTES) return;
      if (!bar) {
        bar = open(total, "bytes");
        bar.print(`Counting the n-grams of ${total} bytes for the baselines`);
      }
      bar.update(done, "counting n-grams");
    },
    stop,
    [Symbol.dispose]: stop,
  };
}

/** What stands behind the bar. */
function textOf({ preparing, running, lowest }: TrainingProgress): string {
  if (preparing) return `compiling kernels, ${preparing.done} of ${preparing.total}`;
  const losses = running.flatMap(({ loss }) => loss ?? []);
  const current = losses.length ? `loss ${minOf(losses).toFixed(3)}` : "scoring";
  return lowest === undefined ? current : `${current}, lowest finished ${lowest.toFixed(3)}`;
}

/**
 * Shows how far training is: a bar over the steps through the text, and lines above it.
 *
 * @param name the command, which stands before what went wrong
 * @param quiet shows nothing but that
 */
export function trainingDisplay(
  name: string,
  { quiet = false }: { readonly quiet?: boolean } = {},
  open: typeof openProgress = openProgress,
): Display & TrainingListener {
  let bar: ProgressBar | undefined;
  const counting = countingDisplay(open);
  const stop = () => {
    counting.stop();
    bar?.stop();
    bar = undefined;
  };
  const onProgress = (progress: TrainingProgress) => {
    const { preparing, steps_done, steps, running, seconds_left } = progress;
    if (preparing?.what === "n-grams") return counting.onProgress(preparing.done, preparing.total);
    counting.stop();
    if (bar) return bar.update(steps_done, textOf(progress), steps, seconds_left);
    bar = open(steps, progress.unit ?? "steps");
    // A bar that has just been opened says that it starts.
    if (preparing || running.length) bar.update(steps_done, textOf(progress), steps, seconds_left);
  };
  return {
    onProblem: (line) => printError(`${name}: ${line}`),
    ...(quiet ? {} : { onProgress, onMessage: (line) => bar ? bar.print(line) : print(line) }),
    stop,
    [Symbol.dispose]: stop,
  };
}
