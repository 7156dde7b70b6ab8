/** What a run costs beside others, for those who split work. */
import { BYTE_VOCABULARY } from "../../cells/language_model.ts";
import { parametersOf } from "./parameters.ts";
import type { Run } from "./runs.ts";
import type { Experiment } from "./experiment.ts";
import type { Study } from "./store.ts";
import { tokensRead, trainingSettings } from "./training_settings.ts";

/**
 * The relative cost of training each run of a study: multiplications of one weight by one value of each sequence. It follows from the study alone, so that
 * all machines find the same.
 */
export function runCosts({ settings, space }: Study, experiment: Experiment): (run: Pick<Run, "entry">) => number {
  const training = trainingSettings(settings, experiment), { vocabulary = BYTE_VOCABULARY } = training;
  const known = new Map<string, number>();
  return ({ entry: { id, config } }) => {
    const cost = known.get(id) ?? parametersOf(space, config, vocabulary) * tokensRead(training, config);
    known.set(id, cost);
    return cost;
  };
}
