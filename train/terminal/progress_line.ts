/** The line of a progress bar: what it says in the columns that there are. */
import { formatDuration } from "./words.ts";

/** What is known of some work. */
export interface ProgressState {
  readonly done: number;
  readonly total: number;
  /** What is counted: `steps`. */
  readonly unit: string;
  /** Done per second; absent before anything is. */
  readonly rate?: number;
  /** Absent where nothing is known yet. */
  readonly secondsLeft?: number;
  /** More, in parts separated by commas, of which the first matters most. */
  readonly text: string;
}

/** Columns of a bar, and of one where there is little room. */
const BAR = 20, SHORT_BAR = 10;
const DONE = "█", NOT_DONE = "░", BETWEEN = " | ";

/**
 * A progress bar in one line of so many columns, of which nothing is cut off. Bar, percentage and time left always stand there, on a terminal
 * of 40 columns too; what is done of how much, the text and the rate where they fit, and of the text as many parts as do.
 *
 * @param columns absent: any number
 */
export function progressLine(
  { done, total, unit, rate, secondsLeft, text }: ProgressState,
  columns = Infinity,
): string {
  const part = total > 0 ? Math.min(1, Math.max(0, done / total)) : 1;
  const left = `${secondsLeft === undefined || !Number.isFinite(secondsLeft) ? "–" : formatDuration(secondsLeft)} left`;
  const count = `${done}/${total} ${unit}`;
  const speed = rate === undefined ? "" : `${rate < 10 ? rate.toFixed(1) : rate.toFixed(0)} ${unit}/s`;
  const line = (bar: number, pieces: readonly string[]) =>
    [`${barOf(part, bar)} ${Math.floor(100 * part)}%`, ...pieces.filter(Boolean)].join(BETWEEN);
  const texts = beginningsOf(text), [first] = texts;
  const choices = [
    ...texts.toReversed().map((text) => [count, left, speed, text]),
    [count, left, first],
    [count, left],
  ];
  for (const bar of [BAR, SHORT_BAR]) {
    for (const pieces of choices) if (line(bar, pieces).length <= columns) return line(bar, pieces);
  }
  return line(columns < line(BAR, [left]).length ? SHORT_BAR : BAR, [left]);
}

/** The same after some more seconds, in which nothing was heard of the work. */
export function countedDown(state: ProgressState, seconds: number): ProgressState {
  const { secondsLeft } = state;
  return secondsLeft === undefined ? state : { ...state, secondsLeft: Math.max(0, secondsLeft - seconds) };
}

function barOf(part: number, columns: number): string {
  const done = Math.round(part * columns);
  return DONE.repeat(done) + NOT_DONE.repeat(columns - done);
}

/** A text's first part, its first two, and so on up to all; of an empty text that. */
function beginningsOf(text: string): string[] {
  const parts = text.split(", ");
  return parts.map((_, i) => parts.slice(0, i + 1).join(", "));
}
