/** Which run text is drawn from, and its model. */
import { UserError } from "../cells/errors.ts";
import { LoadedModel } from "../train/model.ts";
import { advised } from "./files.ts";
import { type FinishedResult, isFinished } from "./result.ts";
import { checkModel } from "./run_files.ts";
import { type Experiment, REMAKE_MODEL, runKey, shortKey, type Study } from "./store.ts";

/**
 * The finished run that is meant: by a prefix of its key, or the best.
 *
 * @throws {UserError} if no run, or more than one, has the prefix; or if its result cannot be read
 */
export async function findRun(
  study: Study,
  experiment: Experiment,
  prefix?: string,
): Promise<{ key: string; result: FinishedResult }> {
  const { results, damaged } = await study.readResults(experiment);
  const finished = results.filter(isFinished).sort((a, b) => a["min loss"] - b["min loss"]);
  const where = `experiment ${experiment} of ${study.dir}`;
  if (!finished.length) {
    const [problem] = damaged.values();
    throw new UserError(
      problem ?? `Cannot find a model: no run of ${where} has finished; train some with 'deno task train'`,
    );
  }
  const named = new Map(finished.map((result) => [runKey(result.id, result.seed), result]));
  const keys = [...named.keys(), ...damaged.keys()];
  // A whole key is meant exactly, though `<id>_seed1` begins with `<id>`.
  const matches = prefix === undefined || keys.includes(prefix)
    ? [prefix ?? keys[0]]
    : keys.filter((key) => key.startsWith(prefix));
  if (!matches.length) throw new UserError(`Cannot find run '${prefix}': no finished run of ${where} begins so`);
  if (matches.length > 1) {
    const list = matches.slice(0, 4).map(shortKey);
    throw new UserError(
      `Cannot tell which run '${prefix}' is: ${matches.length} begin so (${list.join(", ")}); give more of the id`,
    );
  }
  const [key] = matches, result = named.get(key);
  if (!result) throw new UserError(damaged.get(key)!);
  return { key, result };
}

/**
 * Opens the model of a run, to be closed by the caller.
 *
 * @throws {UserError} if the model is missing or damaged, or is not that of the result
 */
export async function openRunModel(
  study: Study,
  experiment: Experiment,
  { key, result }: { key: string; result: FinishedResult },
): Promise<LoadedModel> {
  const { path, model } = await study.readModel(experiment, key);
  await checkModel(model, result, path);
  return await advised(REMAKE_MODEL, () => LoadedModel.open(model, { file: path }));
}
