/** What a study's losses are held against. */
import { messageOf, UserError } from "../../cells/errors.ts";
import { readBaselines } from "../../experiments/study/ngram_baselines.ts";
import type { Study } from "../../experiments/study/store.ts";
import { type Level, levelsOf } from "./levels.ts";

/**
 * The levels of a study, nats per what its models read.
 *
 * @param onProblem told where the file of the baselines cannot be read
 */
export async function studyLevels(study: Study, onProblem: (problem: string) => void): Promise<Level[]> {
  const { corpus, split, tokens } = study.settings;
  const baselines = await readBaselines(study).catch((error) => {
    if (!(error instanceof UserError)) throw error;
    onProblem(messageOf(error));
    return undefined;
  });
  const bytesPerToken = tokens ? split.train / tokens.split.train : 1;
  return levelsOf(baselines, corpus.entropy_rate, bytesPerToken);
}
