/** A progress bar on standard error, only on a terminal. */
import { Presets, SingleBar } from "cli-progress";
import { Writable } from "node:stream";
import { control, holdLine, isTerminal, printText, terminalColumns } from "./output.ts";
import { countedDown, progressLine, type ProgressState } from "./progress_line.ts";

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
   * @param text what stands behind the bar (loss, speed): parts separated by commas, the first of which matters most
   * @param total what is to be done, where that has changed
   * @param secondsLeft absent: at the speed so far
   */
  update(done: number, text: string, total?: number, secondsLeft?: number): void;
  /** Prints a line to standard output, above the bar. */
  print(line: string): void;
  stop(): void;
}

/** Redrawn so many times a second, changed or not: what a person types there, such as `^C`, stands no longer than that. */
const REDRAWS_PER_SECOND = 5;

/**
 * A bar that fits the terminal's width, see {@linkcode progressLine}. There is one at a time; what anyone prints stands above it.
 *
 * @param unit what is counted: `steps`
 * @param quiet shows nothing at all, not even printed lines
 */
export function openProgress(total: number, unit: string, quiet = false): ProgressBar {
  const printUnlessQuiet = (line: string) => {
    if (!quiet) printText(line);
  };
  if (quiet || !isTerminal("error")) return { update: () => {}, print: printUnlessQuiet, stop: () => {} };

  const start = performance.now();
  let state: ProgressState = { done: 0, total, unit, text: "starting" }, told = start;
  const bar = new SingleBar({
    format: () => progressLine(countedDown(state, (performance.now() - told) / 1000), terminalColumns()),
    stream: errorStream(),
    hideCursor: true,
    clearOnComplete: true,
    // What it has drawn last says nothing of what stands there: lines are printed in its place.
    forceRedraw: true,
    fps: REDRAWS_PER_SECOND,
  }, Presets.shades_classic);
  bar.start(total, 0);
  // The bar has wrapping off, lines need it.
  holdLine({
    clear: () => control(`\r${CLEAR_LINE}${WRAP_ON}`),
    redraw() {
      control(WRAP_OFF);
      bar.render();
    },
  });
  let isOpen = true;
  return {
    update(done, text, total = state.total, secondsLeft) {
      const rate = done ? done / ((performance.now() - start) / 1000) : undefined;
      state = { done, total, unit, text, rate, secondsLeft: secondsLeft ?? (rate && (total - done) / rate) };
      told = performance.now();
      bar.update(done);
    },
    print: printText,
    stop() {
      if (!isOpen) return;
      isOpen = false;
      holdLine(undefined);
      // At its end the library goes back to where the cursor was at the start, over all lines printed since: save it again.
      control(SAVE_CURSOR);
      bar.stop();
    },
  };
}
