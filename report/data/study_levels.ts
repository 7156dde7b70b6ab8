/** What a study's losses are held against. */
import { messageOf, UserError } from "../../cells/errors.ts";
import { readBaselines } from "../../experiments/study/ngram_baselines.ts";
import type { Study } from "../../experiments/study/store.ts";
import { knownCorpus } from "../../train/corpus/known.ts";
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
 * A level as a threshold: to two decimals, or to two digits where these would leave nothing of it; always above 0. A text that a model of
 * order 1 knows by heart has a level of 0, which nothing is below: no threshold then.
 */
export function thresholdAt(level: number): number | undefined {
  return Number(level.toFixed(2)) || Number(level.toPrecision(2)) || undefined;
}

/**
 * The levels of a study. Its threshold is what a network can reach without memory, the baseline of order 1; or the original's where the corpus is
 * the original's, or the study has no baselines, or one of 0.
 *
 * @param onProblem told where the file of the baselines cannot be read
 */
export async function studyLevels(study: Study, onProblem: (problem: string) => void): Promise<StudyLevels> {
  const { corpus, split, tokens } = study.settings;
  const baselines = await readBaselines(study).catch((error) => {
    if (!(error instanceof UserError)) throw error;
    onProblem(messageOf(error));
    return undefined;
  });
  const bytesPerToken = tokens ? split.train / tokens.split.train : 1;
  const isOriginal = corpus.sha1 === knownCorpus("enwik8")?.sha1;
  return {
    levels: levelsOf(baselines, corpus.entropy_rate, bytesPerToken),
    below: baselines && !isOriginal ? thresholdAt(baselines[1].nats * bytesPerToken) ?? ORIGINAL_BELOW : ORIGINAL_BELOW,
  };
}
