/** Reads the studies that a report compares its own with. */
import { basename, dirname, resolve } from "node:path";
import { UserError } from "../cells/errors.ts";
import { oneLine } from "../cells/visible_text.ts";
import { adviceForRuns } from "../experiments/study/commands.ts";
import { realFolder } from "../experiments/study/files.ts";
import type { Experiment } from "../experiments/study/experiment.ts";
import type { Selection } from "../experiments/study/selection.ts";
import { Study } from "../experiments/study/store.ts";
import { selectedStudy, type StudyRuns, studyRunsOf } from "./data/other_studies.ts";

/** The most studies that one is compared with. */
export const MOST_STUDIES = 8;

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
    const read = await study.readResults(experiment), entries = await study.readConfigs(experiment);
    const runs = selectedStudy(studyRunsOf({ name: names[i], dir, space, ...read, entries }), only);
    for (const line of runs.source.unreadable) onProblem(line);
    if (!runs.rows.length) {
      throw new UserError(
        `Cannot compare with study ${dir}: no run of experiment ${experiment} has finished; ` +
          adviceForRuns({ dir }, experiment, entries.length > 0),
      );
    }
    found.push(runs);
  }
  return found;
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
