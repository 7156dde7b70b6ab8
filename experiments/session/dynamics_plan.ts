/** Which runs `dynamics` is to measure, and whether the study's text is long enough for it. */
import { isDeepStrictEqual } from "node:util";
import { messageOf, UserError } from "../../cells/errors.ts";
import { type Unit, unitOf } from "../../cells/unit.ts";
import type { Tokens } from "../../train/corpus/tokens/tokenizer.ts";
import { DYNAMICS_WARM_UP, type DynamicsSettings } from "../../train/dynamics/measure.ts";
import { plural } from "../../train/terminal/words.ts";
import { runKey } from "../study/run_key.ts";
import { rankConfigs } from "../study/ranking.ts";
import { isCurrent, modelSum } from "../study/read_dynamics.ts";
import { type FinishedResult, isFinished, type RunResult } from "../study/result.ts";
import type { Experiment } from "../study/experiment.ts";
import { readSelected } from "../study/selected_results.ts";
import type { Selection } from "../study/selection.ts";
import type { Study } from "../study/store.ts";
import { rankedInWords } from "../study/validation.ts";

/** What is asked for. */
export interface DynamicsRequest {
  readonly experiment: Experiment;
  /** Which configurations; all where absent. */
  readonly only?: Selection;
  /** Of these, so many that predict best, with all their seeds; all where absent. */
  readonly top?: number;
  /** Measures runs that have been measured too, with these settings or others. */
  readonly again: boolean;
  readonly settings: DynamicsSettings;
}

/** What is to be done. */
export interface DynamicsPlan {
  /** Finished runs that are to be measured. */
  readonly todo: readonly FinishedResult[];
  /** Runs that have been measured as they are now. */
  readonly had: number;
  /** Of those, with which settings each was measured that was not as is asked for. */
  readonly otherwise: readonly DynamicsSettings[];
  /** A line for each file that could not be read. */
  readonly unreadable: readonly string[];
  /** What `top` has chosen, in words. */
  readonly chosen?: string;
}

/** @throws {UserError} if there are results, and none is of what is asked for */
export async function planDynamics(
  study: Study,
  { experiment, only, top, again, settings }: DynamicsRequest,
): Promise<DynamicsPlan> {
  const doing = `measure the dynamics of experiment ${experiment} of ${study.dir}`;
  const read = await readSelected(study, experiment, only, doing), { results } = read;
  const best = top === undefined ? undefined : bestOf(study, results, top);
  const todo: FinishedResult[] = [], otherwise: DynamicsSettings[] = [], unreadable = [...read.unreadable];
  let had = 0;
  for (const result of best?.runs ?? results.filter(isFinished)) {
    try {
      const measured = again ? undefined : await measuredWith(study, experiment, result);
      if (measured) had++;
      else todo.push(result);
      if (measured && !isDeepStrictEqual(measured, settings)) otherwise.push(measured);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      unreadable.push(messageOf(error));
    }
  }
  return { todo, had, otherwise, unreadable, ...(best ? { chosen: best.words } : {}) };
}

/** The finished runs of the best configurations, as the study ranks them. */
function bestOf(study: Study, results: readonly RunResult[], top: number) {
  const ranking = rankConfigs(results, study.space, study.settings.training.budget), { ranked } = ranking;
  const all = plural(ranked.length, "configuration"), best = ranked.slice(0, top);
  const words = `Measuring the best ${best.length} of ${all}, ${rankedInWords(ranking, study)}`;
  return { runs: best.flatMap(({ runs }) => runs), words };
}

/** With which settings a run's model, as it is now, has been measured; undefined where it has not. */
async function measuredWith(
  study: Study,
  experiment: Experiment,
  { id, seed }: RunResult,
): Promise<DynamicsSettings | undefined> {
  const key = runKey(id, seed), dynamics = await study.readDynamics(experiment, key);
  if (!dynamics) return undefined;
  // Without its model nothing says that it has changed, and nothing could be measured.
  const sum = await modelSum(study, experiment, key) ?? dynamics.model_sha256;
  return isCurrent(dynamics, sum) ? dynamics.settings : undefined;
}

/** Fewer tokens of each stream, or fewer streams, are no advice: little would be left to measure. */
const ENOUGH_TOKENS = 256, ENOUGH_STREAMS = 2;

/**
 * Checks that the test split has room for what is asked for, before anything is written.
 *
 * @throws {UserError} saying what it has room for
 */
export function checkLength(study: Study, { length }: Tokens, settings: DynamicsSettings): void {
  const { streams, tokens } = settings;
  const needed = streams * (DYNAMICS_WARM_UP + tokens) + 1, unit: Unit = unitOf(study.settings);
  if (length >= needed) return;
  throw new UserError(
    `Cannot measure the dynamics of ${study.dir}: its test split has ${plural(length, unit)}, ` +
      `${plural(streams, "stream")} of ${DYNAMICS_WARM_UP} + ${tokens} need ${needed}; ${advice(length, settings)}`,
  );
}

function advice(length: number, { streams, tokens }: DynamicsSettings): string {
  const most = (streams: number) => Math.floor((length - 1) / streams) - DYNAMICS_WARM_UP;
  const fitting = (tokens: number) => Math.floor((length - 1) / (DYNAMICS_WARM_UP + tokens));
  const ways = [
    ...(most(streams) >= ENOUGH_TOKENS ? [`--bytes ${most(streams)}`] : []),
    ...(fitting(tokens) >= ENOUGH_STREAMS ? [`--streams ${fitting(tokens)}`] : []),
  ];
  if (ways.length) return `${ways.join(" or ")} would do`;
  const fewer = Math.max(1, fitting(ENOUGH_TOKENS));
  return most(fewer) > 0 ? `--streams ${fewer} --bytes ${most(fewer)} would do` : "it is too short for any setting";
}
