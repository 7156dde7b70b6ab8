/** Whether two results are of the same run, trained twice: numbers must be the same, times and names of processes need not be. */
import { numbersOf } from "../../train/version.ts";
import { oneLine } from "../../cells/visible_text.ts";
import { KEYS_OF_SCORE, KNOWN_KEYS, type RunResult, TIME_KEYS } from "./result.ts";

/** Say when and by whom a run was trained, or where its list has it from, and nothing of what came out. */
const ASIDE: readonly string[] = [...TIME_KEYS, "train_seconds", "owner", "attempt", "old id", "control"];

/** Explain what else differs, so they come first. */
const FIRST: readonly string[] = ["engine", "adapter", "cellspace_version", "earlier_engines", "steps_done"];

const TRAINED_KEYS = [...FIRST, ...KNOWN_KEYS.filter((key) => !FIRST.includes(key))]
  .filter((key) => !ASIDE.includes(key) && !KEYS_OF_SCORE.includes(key));

/**
 * The first thing in which two results of one run differ, in words; undefined where they are the same. Scores are compared where both were made in the
 * same way: elsewhere, or of another part of the text, they differ and say nothing against the run.
 */
export function resultsDifference(theirs: RunResult, ours: RunResult): string | undefined {
  if (stepsOf(theirs) !== stepsOf(ours) && isSamePlace(theirs, ours)) return lengthsInWords(theirs, ours);
  const isScoredAlike = theirs.test_loss !== undefined && ours.test_loss !== undefined &&
    theirs.scored_on === ours.scored_on && theirs.test_bytes_asked === ours.test_bytes_asked;
  // What was placed beside n-gram baselines in one folder may not have been in the other.
  const scored = isScoredAlike
    ? KEYS_OF_SCORE.filter((key) => theirs[key] !== undefined && ours[key] !== undefined)
    : [];
  const key = [...TRAINED_KEYS, ...scored].find((key) => comparable(theirs, key) !== comparable(ours, key));
  if (key === undefined) return undefined;
  if (key === "loss") return curvesInWords(theirs, ours);
  return `its '${key}' is ${inWords(theirs[key])}, here it is ${inWords(ours[key])}`;
}

/** Results of one engine, adapter and version. */
function isSamePlace(a: RunResult, b: RunResult): boolean {
  return FIRST.slice(0, 3).every((key) => comparable(a, key) === comparable(b, key));
}

/** A value as it is compared. */
function comparable(result: RunResult, key: string): string | undefined {
  return JSON.stringify(key === "cellspace_version" ? numbersOf(result.cellspace_version) : result[key]);
}

function stepsOf({ steps_done, failed_at_step }: RunResult): number {
  return steps_done ?? failed_at_step ?? 0;
}

/** A longer run has the curve of the shorter one at its beginning, unless something else differs too. */
function lengthsInWords(theirs: RunResult, ours: RunResult): string {
  const [a, b] = [theirs.loss ?? [], ours.loss ?? []];
  const isAlike = Array.from({ length: Math.min(a.length, b.length) }, (_, i) => i).every((i) => a[i] === b[i]);
  const curves = isAlike ? "and their curves agree so far" : "and their curves differ";
  return `it is at step ${stepsOf(theirs)}, here it is at step ${stepsOf(ours)}, ${curves}`;
}

function curvesInWords({ loss: theirs = [] }: RunResult, { loss: ours = [] }: RunResult): string {
  const at = ours.findIndex((loss, i) => loss !== theirs[i]);
  return `value ${at + 1} of its 'loss' is ${theirs[at]}, here it is ${ours[at]}`;
}

function inWords(value: unknown): string {
  return value === undefined
    ? "absent"
    : typeof value === "string"
    ? oneLine(value, 80)
    : oneLine(JSON.stringify(value), 80);
}
