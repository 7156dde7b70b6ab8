/** Which run text is drawn from, and its model. */
import { UserError } from "../../cells/errors.ts";
import { drawText, type TextOptions } from "../../train/scoring/draw_text.ts";
import { bestFirst } from "../study/criterion.ts";
import { advised } from "../study/files.ts";
import { type FinishedResult, isFinished } from "../study/result.ts";
import { checkModel } from "./run_model.ts";
import { adviceForRuns, remakeModel } from "../study/commands.ts";
import { runKey, shortKey } from "../study/run_key.ts";
import type { Experiment } from "../study/experiment.ts";
import { readSelected } from "../study/selected_results.ts";
import type { Selection } from "../study/selection.ts";
import type { Study } from "../study/store.ts";
import { studyTokenizer } from "../study/text.ts";

/**
 * The finished run that is meant: by a prefix of its key, or the best.
 *
 * @param only which configurations; all where absent
 * @throws {UserError} if no run, or more than one, has the prefix; or if its result cannot be read
 */
export async function findRun(
  study: Study,
  experiment: Experiment,
  prefix?: string,
  only?: Selection,
): Promise<{ key: string; result: FinishedResult }> {
  const where = `experiment ${experiment} of ${study.dir}`;
  const { results, damaged } = await readSelected(study, experiment, only, `find a model of ${where}`);
  const finished = bestFirst(results.filter(isFinished));
  if (!finished.length) {
    const [problem] = damaged.values();
    const advice = adviceForRuns(study, experiment, (await study.readConfigs(experiment)).length > 0);
    throw new UserError(
      problem ?? `Cannot find a model: no run of ${where} has finished; ${advice}`,
    );
  }
  const named = new Map(finished.map((result) => [runKey(result.id, result.seed), result]));
  const keys = [...named.keys(), ...damaged.keys()];
  // A whole key is meant exactly, though `<id>_seed1` begins with `<id>`.
  const matches = prefix === undefined || keys.includes(prefix)
    ? [prefix ?? keys[0]]
    : keys.filter((key) => key.startsWith(prefix));
  if (!matches.length) {
    throw new UserError(`Cannot find run '${prefix}': no finished run of ${where} has an id that begins with it`);
  }
  if (matches.length > 1) {
    const list = matches.slice(0, 4).map(shortKey);
    throw new UserError(
      `Cannot choose run '${prefix}': ${matches.length} ids begin with it (${list.join(", ")}); give more of the id`,
    );
  }
  const [key] = matches, result = named.get(key);
  if (!result) throw new UserError(damaged.get(key)!);
  return { key, result };
}

/**
 * Draws a text from a run's model.
 *
 * @returns the bytes behind the prompt
 * @throws {UserError} if the model is missing or damaged, is not that of the result, or cannot be run
 */
export async function drawRunText(
  study: Study,
  experiment: Experiment,
  { key, result }: { key: string; result: FinishedResult },
  options: Partial<TextOptions> = {},
): Promise<Uint8Array> {
  const tokenizer = await studyTokenizer(study);
  const { path, model } = await study.readModel(experiment, key);
  await checkModel(model, result, path, study, experiment);
  return await advised(remakeModel(study, experiment), () => drawText(model, tokenizer, options, path));
}
