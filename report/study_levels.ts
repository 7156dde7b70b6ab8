/** What a study's losses are held against. */
import { messageOf, UserError } from "../cells/errors.ts";
import { readFloors } from "../experiments/floors.ts";
import type { Study } from "../experiments/store.ts";
import { knownCorpus } from "../train/corpus/known.ts";
import { type Level, levelsOf } from "./levels.ts";

/** The original's sign on its own corpus, enwik8, that a network uses its memory, nats per byte. */
const ORIGINAL_BELOW = 1.9;

export interface StudyLevels {
  /** Nats per what the models read. */
  readonly levels: readonly Level[];
  /** Threshold of the filtered picture where none is asked for. */
  readonly below: number;
}

/**
 * The levels of a study. Its threshold is what a network can reach without memory, the floor of order 1; or the original's where the corpus is
 * the original's, or the study has no floors.
 *
 * @param onProblem told where the file of the floors cannot be read
 */
export async function studyLevels(study: Study, onProblem: (problem: string) => void): Promise<StudyLevels> {
  const { corpus, split, tokens } = study.settings;
  const floors = await readFloors(study).catch((error) => {
    if (!(error instanceof UserError)) throw error;
    onProblem(messageOf(error));
    return undefined;
  });
  const bytesPerToken = tokens ? split.train / tokens.split.train : 1;
  const isOriginal = corpus.sha1 === knownCorpus("enwik8")?.sha1;
  return {
    levels: levelsOf(floors, corpus.entropy_rate, bytesPerToken),
    below: floors && !isOriginal ? Number((floors[1].nats * bytesPerToken).toFixed(2)) : ORIGINAL_BELOW,
  };
}
