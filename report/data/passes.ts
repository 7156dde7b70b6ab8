/**
 * Where training curves may have a bump: at the end of a pass each sequence of a batch goes on at a new random place of the text, with a state of
 * zero (docs/bptt.md, "What a run does"). What comes first there is predicted without context, and in a smoothed curve that lasts.
 */
import { formatCount } from "../../cells/counts.ts";
import { maxOf } from "../../cells/extremes.ts";
import { passUpdates } from "../../train/training/settings.ts";
import type { CurveAxis } from "./curve_axis.ts";
import type { MergedRow } from "./merged.ts";
import { stepsBack } from "./reading.ts";

/** The passes of some curves. */
export interface Passes {
  /** Where on the axis one ends and another begins; empty where these are too many to be marked, or differ from curve to curve. */
  readonly ends: readonly number[];
  /** What happens there, for a subtitle; empty where no curve has more than one pass. */
  readonly note: readonly string[];
}

/** More marks would be a pattern behind the curves. */
const MOST_MARKED = 12;

/** @param rows all of a picture, at least one */
export function passesOf(rows: readonly MergedRow[], axis: CurveAxis): Passes {
  const several = rows.map((row) => {
    const updates = passUpdates({ history: row.runs[0].history_size }, stepsBack(row));
    return { every: axis.at(row, updates), last: axis.at(row, row.steps_done) };
  }).filter(({ every, last }) => every > 0 && last > every);
  if (!several.length) return { ends: [], note: [] };
  const lengths = [...new Set(several.map(({ every }) => every))].sort((a, b) => a - b), [every] = lengths;
  const last = maxOf(several.map(({ last }) => last));
  const ends = Array.from({ length: Math.ceil(last / every) - 1 }, (_, i) => (i + 1) * every);
  const isMarked = lengths.length === 1 && ends.length <= MOST_MARKED;
  const longest = lengths[lengths.length - 1];
  const length = `${every < longest ? `${formatCount(every)} to ` : ""}${formatCount(longest)} ${axis.noun}`;
  return {
    ends: isMarked ? ends : [],
    note: [
      `${
        isMarked ? "Vertical dotted lines: states are reset, every" : "States are reset every"
      } ${length}. The loss may rise there:`,
      "new sequences start at random offsets in the text, with a zero state.",
    ],
  };
}
