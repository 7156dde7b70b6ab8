/** What a report leaves out of a study, or only half of one: counted and named, so that nothing is dropped in silence. */
import { commandOn } from "../../experiments/study/commands.ts";
import type { Experiment } from "../../experiments/study/experiment.ts";
import type { Study } from "../../experiments/study/store.ts";
import { runKey, shortKey } from "../../experiments/study/run_key.ts";
import type { ListGaps } from "../../experiments/study/list_gaps.ts";
import type { RunResult } from "../../experiments/study/result.ts";
import { placeInWords, placesOf } from "../../experiments/study/trained_on.ts";
import { UNNAMED_VERSION } from "../../train/training/leg.ts";
import { numbersOf } from "../../train/version.ts";
import { shortList } from "../../train/terminal/words.ts";
import type { RunTable } from "./rows.ts";
import { oneLine } from "../../cells/visible_text.ts";
import { counted } from "../../cells/counts.ts";

/** What is missing for one reason. */
export interface AccountEntry {
  /** How many, and why, without a final colon. */
  readonly lead: string;
  /** A name or a line for each. */
  readonly names: readonly string[];
  /** Whether each is a line of its own. */
  readonly lines: boolean;
}

/** Where a study and its report differ. */
export interface AccountData extends Partial<ListGaps> {
  /** What commands name: the study itself in a terminal, `ANY_STUDY` on pages. */
  readonly study: Pick<Study, "dir">;
  readonly runs: RunTable;
  readonly experiment: Experiment;
  /** Whether the study's runs get a validation score; absent: they do. */
  readonly isValidated?: boolean;
  /** The expression that says which configurations the report is of; absent where it is of all. */
  readonly selection?: string;
  /** A line for each result file that could not be read, and those of them that are of a version that is not known. */
  readonly unreadable: readonly string[];
  readonly unknown_version: readonly string[];
}

/** What follows from results without a validation score. */
const BY_LOSS = "so the best is chosen by the lowest training loss";

/** One entry for each reason that there is. */
export function accountOf(
  { study, runs, experiment, isValidated = true, selection, unreadable, unknown_version, not_begun, unlisted }:
    AccountData,
): AccountEntry[] {
  const failed = runs.unfinished.filter((run) => run.failed !== undefined);
  const open = runs.unfinished.filter((run) => run.failed === undefined).map(nameOf);
  const scored = runs.rows.filter(({ test_bits_per_byte }) => test_bits_per_byte !== undefined);
  const unvalidated = scored.filter((run) => run.validation_bits_per_byte === undefined).map(nameOf).sort();
  const logged = Map.groupBy(runs.rows, ({ log_every }) => log_every);
  const otherwise = runs.scored_otherwise.map(nameOf);
  const unknown = new Set(unknown_version), damaged = unreadable.filter((line) => !unknown.has(line));
  const places = placesOf(runs.rows);
  const why = (run: RunResult) => `${nameOf(run)}: ${oneLine(run.failed!)}`;
  const entries: AccountEntry[] = [
    {
      lead: "Selection: this report covers only configurations that match this expression",
      names: selection === undefined ? [] : [selection],
      lines: false,
    },
    { lead: `${counted(failed.length, "run")} failed`, names: failed.map(why), lines: true },
    {
      lead: `${counted(runs.failed_later.length, "run")} failed when trained further; the earlier results are shown`,
      names: runs.failed_later.map(why),
      lines: true,
    },
    {
      lead:
        `${
          counted(runs.mixed.length, "run")
        } trained partly on different engines, adapters or versions of cellspace, ` +
        "so the last digits match no single one",
      names: runs.mixed.map(partsOf),
      lines: true,
    },
    {
      lead: "Runs trained on different engines or adapters, whose last digits may differ",
      names: places.size < 2 ? [] : [...places].map(([place, count]) => `${place}: ${counted(count, "run")}`),
      lines: true,
    },
    {
      lead: "Results written by different versions of cellspace",
      names: new Set([...runs.versions.keys()].map(numbersOf)).size < 2
        ? []
        : [...runs.versions].sort().map(([version, count]) => `${version} (${counted(count, "run")})`),
      lines: false,
    },
    {
      lead: `${counted(unvalidated.length, "scored run")} ${have(unvalidated)} no validation score, ` +
        (isValidated
          ? `${BY_LOSS} (${commandOn("evaluate", study, experiment, { again: true })} adds it)`
          : `for which the validation split is too short, ${BY_LOSS}`),
      names: unvalidated.length === scored.length && scored.length > 1 ? ["all scored runs"] : unvalidated,
      lines: false,
    },
    {
      lead: "Test scores cover a part of the test split, and are compared only with scores of the same part",
      names: runs.test_bytes_asked === undefined ? [] : [`the first ${counted(runs.test_bytes_asked, "byte")}`],
      lines: false,
    },
    {
      lead:
        `${
          counted(otherwise.length, "run")
        } scored on another part of the test split, or in other streams, than most: ` +
        `without a test score here (${
          commandOn("evaluate", study, experiment, { again: true })
        } scores all the same way)`,
      names: otherwise,
      lines: false,
    },
    {
      lead: "Losses logged at different steps: lowest training losses are not comparable between these groups",
      names: logged.size < 2
        ? []
        : [...logged].sort(([a], [b]) => a - b).map(([every, runs]) =>
          `every ${counted(every, "step")} (${counted(runs.length, "run")})`
        ),
      lines: false,
    },
    {
      lead: `${counted(open.length, "run")} ${have(open)} not finished and ${
        open.length === 1 ? "is" : "are"
      } not in this report`,
      names: open,
      lines: false,
    },
    {
      lead: `${counted(not_begun?.length ?? 0, "run")} of the study's list ${have(not_begun)} not begun`,
      names: (not_begun ?? []).map(shortKey),
      lines: false,
    },
    {
      lead: `${counted(unknown.size, "result file")} of an unknown version of cellspace, not shown`,
      names: [...unknown],
      lines: true,
    },
    { lead: `${counted(damaged.length, "result file")} could not be read`, names: damaged, lines: true },
    {
      lead: `${counted(unlisted?.length ?? 0, "result")} of runs that are not in the study's list, shown if finished`,
      names: (unlisted ?? []).map(shortKey),
      lines: false,
    },
  ];
  return entries.filter(({ names }) => names.length);
}

/** Who trained which steps of a run, in order. */
function partsOf(result: RunResult): string {
  const { earlier_engines = [], engine, adapter, cellspace_version, steps_done } = result;
  const done = earlier_engines.reduce((sum, { steps }) => sum + steps, 0);
  const last = { engine, adapter, cellspace_version, steps: steps_done! - done };
  const parts = [...earlier_engines, ...(last.steps > 0 ? [last] : [])];
  const words = parts.map((part) =>
    `${counted(part.steps, "step")} on ${placeInWords(part)}, cellspace ${part.cellspace_version ?? UNNAMED_VERSION}`
  );
  return `${nameOf(result)}: ${oneLine(words.join("; "))}`;
}

function nameOf({ id, seed }: Pick<RunResult, "id" | "seed">): string {
  return shortKey(runKey(id, seed));
}

function have(names: readonly string[] = []): string {
  return names.length === 1 ? "has" : "have";
}

/** What is said where nothing is missing. */
export const NOTHING = "No run is unfinished, and every result file could be read.";
/** More names than so many would stand in the way of the report: the page folds them, the terminal cuts them. */
export const MOST_NAMES = 20;

/** For the terminal; the page names all. */
export function accountText(entries: readonly AccountEntry[]): string {
  if (!entries.length) return NOTHING;
  return entries.map(({ lead, names, lines }) => {
    if (!lines) return `${lead}: ${shortList(names, MOST_NAMES)}`;
    const more = names.length - MOST_NAMES;
    return [`${lead}:`, ...names.slice(0, MOST_NAMES), ...(more > 0 ? [`and ${more} more`] : [])].join("\n  ");
  }).join("\n");
}
