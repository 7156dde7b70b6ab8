/** Studies as they are compared with each other: their finished runs, and where these come from. */
import { messageOf, UserError } from "../../cells/errors.ts";
import type { Space } from "../../cells/space.ts";
import { oneLine } from "../../cells/visible_text.ts";
import { configOf, isFinished, type RunResult } from "../../experiments/study/result.ts";
import type { ConfigEntry } from "../../experiments/study/runs.ts";
import { selectedResults } from "../../experiments/study/selected_results.ts";
import { parseSelection, selectFrom, type Selection } from "../../experiments/study/selection.ts";
import { type RunRow, tableOf } from "./rows.ts";

/** A study's finished runs, for a comparison. */
export interface StudyRuns {
  /** What the report calls it. */
  readonly name: string;
  /** Its folder as it was given, for errors. */
  readonly dir: string;
  readonly space: Space;
  /** SHA-256 of the space's module; undefined for the built-in space. */
  readonly space_sha256: string | undefined;
  /** Versions of cellspace that wrote the runs, sorted. */
  readonly versions: readonly string[];
  readonly rows: readonly RunRow[];
  /** What the rows are made from, and the study's list. */
  readonly source: StudyRunsSource;
  /** Runs without a curve, and files that could not be read: they are not in a comparison. */
  readonly unfinished: number;
  readonly unreadable: number;
}

/** Options of {@linkcode studyRunsOf}. */
export interface StudyRunsSource extends Pick<StudyRuns, "name" | "dir" | "space"> {
  readonly results: readonly RunResult[];
  readonly unreadable: readonly string[];
  /** The same by the runs' keys, and the list: what tells of which runs a selection is. */
  readonly damaged?: ReadonlyMap<string, string>;
  readonly entries?: readonly ConfigEntry[];
}

/** A study's runs from its results. */
export function studyRunsOf(source: StudyRunsSource): StudyRuns {
  const { name, dir, space, results, unreadable } = source, finished = results.filter(isFinished);
  return {
    name,
    dir,
    space,
    space_sha256: finished.find(({ space_sha256 }) => space_sha256 !== undefined)?.space_sha256,
    versions: [...new Set(finished.map(({ cellspace_version }) => oneLine(cellspace_version)))].sort(),
    rows: tableOf(finished, space).rows,
    source,
    unfinished: results.length - finished.length,
    unreadable: unreadable.length,
  };
}

/**
 * The runs of another study that an expression selects.
 *
 * @throws {UserError} if it says nothing of the study's factors, or there are results and none of them is meant
 */
export function selectedStudy(study: StudyRuns, only: Selection | undefined): StudyRuns {
  if (!only) return study;
  const { results, unreadable, damaged = new Map(), entries = [], ...rest } = study.source, { space, dir } = study;
  const own = sameIn(only, study);
  selectFrom(results, own, (result) => configOf(result, space), `compare with ${dir}`, "result");
  const read = { results: [...results], unreadable: [...unreadable], damaged, unknown_version: [] };
  return studyRunsOf({ ...rest, entries, ...selectedResults(read, own, entries, space) });
}

/** The same expression, read by the factors of another study. */
function sameIn(only: Selection, { dir, space }: StudyRuns): Selection {
  try {
    return parseSelection(only.text, space);
  } catch (error) {
    throw new UserError(`Cannot compare with study ${dir}: the selection ${only.text} ${messageOf(error)}`);
  }
}
