/** Studies as they are compared with each other: their finished runs, and where these come from. */
import { basename, dirname, resolve } from "node:path";
import { messageOf, UserError } from "../../cells/errors.ts";
import type { Space } from "../../cells/space.ts";
import { oneLine } from "../../cells/visible_text.ts";
import { adviceForRuns } from "../../experiments/study/commands.ts";
import { realFolder } from "../../experiments/study/files.ts";
import { isFinished, type RunResult } from "../../experiments/study/result.ts";
import type { Experiment } from "../../experiments/study/schema.ts";
import { readSelected } from "../../experiments/study/selected_results.ts";
import { parseSelection, type Selection } from "../../experiments/study/selection.ts";
import { Study } from "../../experiments/study/store.ts";
import { type RunRow, tableOf } from "./rows.ts";

/** The most studies that one is compared with. */
export const MOST_STUDIES = 8;

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
  /** Runs without a curve, and files that could not be read: they have no part in a comparison. */
  readonly unfinished: number;
  readonly unreadable: number;
}

/** What {@linkcode studyRunsOf} is told. */
export interface StudyRunsSource extends Pick<StudyRuns, "name" | "dir" | "space"> {
  readonly results: readonly RunResult[];
  readonly unreadable: readonly string[];
}

/** A study's runs from its results. */
export function studyRunsOf({ name, dir, space, results, unreadable }: StudyRunsSource): StudyRuns {
  const finished = results.filter(isFinished);
  return {
    name,
    dir,
    space,
    space_sha256: finished.find(({ space_sha256 }) => space_sha256 !== undefined)?.space_sha256,
    versions: [...new Set(finished.map(({ cellspace_version }) => oneLine(cellspace_version)))].sort(),
    rows: tableOf(finished, space).rows,
    unfinished: results.length - finished.length,
    unreadable: unreadable.length,
  };
}

/** What a comparison reads of other studies. */
export interface OtherStudiesRequest {
  readonly dirs: readonly string[];
  readonly experiment: Experiment;
  /** Which configurations, of each study; all where absent. */
  readonly only?: Selection;
  /** Called with a line on each file that cannot be read; the others are compared. */
  readonly onProblem: (line: string) => void;
}

/**
 * Opens other studies and reads their finished runs. A study with a space of its own runs it confined, as {@linkcode Study.open} does.
 *
 * @throws {UserError} with one line, if a study is named twice, cannot be opened, has no finished run, or the selection says nothing of it
 */
export async function readOtherStudies(
  { dirs, experiment, only, onProblem }: OtherStudiesRequest,
): Promise<StudyRuns[]> {
  if (dirs.length > MOST_STUDIES) {
    throw new UserError(`Cannot compare with ${dirs.length} studies: must be at most ${MOST_STUDIES}`);
  }
  const folders = await Promise.all(dirs.map(realFolder));
  const repeated = dirs.find((_, i) => folders.indexOf(folders[i]) < i);
  if (repeated !== undefined) {
    throw new UserError(`Cannot compare with study ${repeated}: it is named twice, must be named once`);
  }
  const names = namesOf(dirs), found: StudyRuns[] = [];
  for (const [i, dir] of dirs.entries()) {
    const study = await Study.open(dir, "name the folder of a study"), { space } = study;
    const { results, unreadable } = await readSelected(study, experiment, sameIn(only, study), `compare with ${dir}`);
    for (const line of unreadable) onProblem(line);
    const runs = studyRunsOf({ name: names[i], dir, space, results, unreadable });
    if (!runs.rows.length) {
      const isAnyListed = (await study.readConfigs(experiment)).length > 0;
      throw new UserError(
        `Cannot compare with study ${dir}: no run of experiment ${experiment} has finished; ` +
          adviceForRuns({ dir }, experiment, isAnyListed),
      );
    }
    found.push(runs);
  }
  return found;
}

/** The same expression, read by the factors of another study. */
function sameIn(only: Selection | undefined, { dir, space }: Study): Selection | undefined {
  if (!only) return undefined;
  try {
    return parseSelection(only.text, space);
  } catch (error) {
    throw new UserError(`Cannot compare with study ${dir}: the selection ${only.text} ${messageOf(error)}`);
  }
}

/** The last part of each folder's path, with as many before it as tell them apart: where studies lie is no matter of a report. */
export function namesOf(dirs: readonly string[]): string[] {
  const paths = dirs.map((dir) => resolve(dir));
  return paths.map((path, i) => {
    let name = basename(path) || path;
    const isTaken = () => paths.some((other, k) => k !== i && `/${other}`.replaceAll("\\", "/").endsWith(`/${name}`));
    for (let above = dirname(path); isTaken() && above !== dirname(above); above = dirname(above)) {
      name = `${basename(above)}/${name}`;
    }
    return oneLine(name, 60);
  });
}
