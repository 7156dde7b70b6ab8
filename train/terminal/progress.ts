/** A progress bar on standard error, only on a terminal. */
import { Presets, SingleBar } from "cli-progress";
import { Writable } from "node:stream";
import { control, isTerminal, print, terminalColumns } from "./output.ts";
import { formatDuration } from "./words.ts";

/** What a terminal understands. */
const CLEAR_LINE = "\x1b[2K", WRAP_ON = "\x1b[?7h", WRAP_OFF = "\x1b[?7l", SAVE_CURSOR = "\x1b7";

/** Standard error for the library, which would not survive a terminal that closes. */
function errorStream(): Writable {
  const stream = new Writable({
    decodeStrings: false,
    write(text: string, _encoding, done) {
      control(text);
      done();
    },
  });
  return Object.defineProperty(Object.assign(stream, { isTTY: true }), "columns", { get: terminalColumns });
}

export interface ProgressBar {
  /**
   * @param text what stands behind the bar (loss, speed)
   * @param total what is to be done, where that has changed
   * @param secondsLeft absent: at the speed so far
   */
  update(done: number, text: string, total?: number, secondsLeft?: number): void;
  /** Prints a line to standard output, above the bar. */
  print(line: string): void;
  stop(): void;
}

/**
 * @param unit what is counted: `steps`
 * @param quiet shows nothing at all, not even printed lines
 */
export function openProgress(total: number, unit: string, quiet = false): ProgressBar {
  const printUnlessQuiet = (line: string) => {
    if (!quiet) print(line);
  };
  if (quiet || !isTerminal("error")) return { update: () => {}, print: printUnlessQuiet, stop: () => {} };

  const start = performance.now();
  const bar = new SingleBar({
    format: `{bar} {percentage}% | {value}/{total} ${unit} | {left} left | {rate} ${unit}/s | {text}`,
    stream: errorStream(),
    hideCursor: true,
    barsize: 20,
    clearOnComplete: true,
  }, Presets.shades_classic);
  bar.start(total, 0, { text: "starting", rate: "–", left: "–" });
  let current: { done: number; text: string; secondsLeft?: number } = { done: 0, text: "starting" };
  const redraw = () => {
    const seconds = (performance.now() - start) / 1000;
    const rate = current.done / seconds;
    const secondsLeft = current.secondsLeft ?? (bar.getTotal() - current.done) / rate;
    const left = Number.isFinite(secondsLeft) ? formatDuration(secondsLeft) : "–";
    bar.update(current.done, { text: current.text, rate: rate < 10 ? rate.toFixed(1) : rate.toFixed(0), left });
  };
  return {
    update(done, text, all = bar.getTotal(), secondsLeft) {
      current = { done, text, secondsLeft };
      bar.setTotal(all);
      redraw();
    },
    print(line) {
      // The line would stand behind the bar: clear it first, draw it again after. The bar has wrapping off, a line needs it.
      control(`\r${CLEAR_LINE}${WRAP_ON}`);
      print(line);
      control(WRAP_OFF);
      redraw();
    },
    stop() {
      // At its end the library goes back to where the cursor was at the start, over all lines printed since: save it anew.
      control(SAVE_CURSOR);
      bar.stop();
    },
  };
}
