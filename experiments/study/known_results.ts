/** The results of an experiment, for whoever looks at them again and again: a file is read again only where it has changed. */
import { messageOf } from "../../cells/errors.ts";
import { type Found, KnownFiles } from "./known_files.ts";
import { resultKeys } from "./paths.ts";
import { type RunResult, UnknownVersion } from "./result.ts";
import type { ReadResults } from "./runs.ts";
import type { Experiment } from "./experiment.ts";
import type { Study } from "./store.ts";

/** What {@linkcode KnownResults.look} found. */
export interface FoundResults {
  /** By key of their run. A result that was read again and is the same is the same object. */
  readonly byKey: ReadonlyMap<string, RunResult>;
  /** What `Study.readResults()` would give. */
  readonly read: ReadResults;
}

/** What is known of an experiment's results. */
export class KnownResults {
  readonly #files: KnownFiles<RunResult>;

  /**
   * @param study gives the study as it is now: results are checked by what it says of itself
   * @param onRead called with the path of each file that is read, before it is
   */
  constructor(study: () => Study, private readonly experiment: Experiment, onRead?: (path: string) => void) {
    this.#files = new KnownFiles(
      (key) => study().resultPath(experiment, key),
      (key, path) => {
        onRead?.(path);
        return study().readResult(experiment, key);
      },
    );
  }

  /** Has every file read again: the study says something else of itself. */
  forget(): void {
    this.#files.forget();
  }

  /**
   * Looks at all results; reads those that are new or have changed.
   *
   * @param dir the study's folder
   */
  async look(dir: string): Promise<FoundResults> {
    const found = await this.#files.look(await resultKeys(dir, this.experiment));
    return { byKey: found.values, read: readResultsOf(found) };
  }
}

function readResultsOf({ values, problems }: Found<RunResult>): ReadResults {
  const damaged = new Map([...problems].map(([key, { message }]) => [key, message]));
  const newer = [...problems.values()].filter((problem) => problem instanceof UnknownVersion);
  return {
    results: [...values.values()],
    unreadable: [...damaged.values()],
    damaged,
    unknown_version: newer.map(messageOf),
  };
}
