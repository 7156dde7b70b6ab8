/**
 * How long runs will take on this machine: from what the study itself has trained here, or from a few steps that are measured. The
 * arithmetic is pure; the engine and the clock are handed in.
 */
import type { Space } from "../../cells/space.ts";
import { stepsBackOf } from "../../cells/config.ts";
import { messageOf } from "../../cells/errors.ts";
import { maxOf } from "../../cells/extremes.ts";
import { BYTE_VOCABULARY } from "../../cells/language_model.ts";
import { stepCost } from "../../cells/sizes.ts";
import type { Engine } from "../../train/engines/engine.ts";
import { openStudyEngine } from "../../train/engines/registry.ts";
import { totalSteps, type TrainingSettings } from "../../train/training/settings.ts";
import { type FinishedResult, isFinished, type RunResult } from "../study/result.ts";
import type { ConfigEntry } from "../study/runs.ts";
import { capacityOf } from "./capacity.ts";
import { type ConfiguredWork, measurePace } from "./measure_pace.ts";
import { paceOf, secondsOf } from "./pace.ts";

/** What is to be trained, and what is known of it. */
export interface EstimateRequest {
  /** The configurations; each is trained once for each seed. */
  readonly entries: readonly Pick<ConfigEntry, "id" | "config">[];
  /** What the configurations are of; absent: the built-in space. */
  readonly space?: Space;
  readonly seeds: number;
  readonly settings: TrainingSettings;
  /** Results of the experiment that the runs are of: they say what is done already. */
  readonly results: readonly RunResult[];
  /** Results that say how fast this machine is, of any experiment; absent: the same. */
  readonly records?: readonly RunResult[];
  /** As `--engine` has it; absent: `auto`. */
  readonly engine?: string;
  /** Ends a measurement. */
  readonly signal?: AbortSignal;
  /** Called with the reason where there is no estimate. */
  readonly onProblem?: (why: string) => void;
}

/** How long it will take. */
export interface TrainingEstimate {
  /** From the first step to the last one, without scoring; 0 where nothing is left to do. */
  readonly seconds: number;
  /** What it follows from: results of the study that were trained here, or a measurement. */
  readonly basis: "record" | "measurement";
  /** Runs that have steps left. */
  readonly runs: number;
  /** The engine that will train, and its device. */
  readonly engine: string;
  readonly adapter: string;
}

/**
 * A record says what runs cost of up to so many times its largest: beyond, the time of small steps, which is mostly overhead, would be taken for
 * that of large ones.
 */
const REACH = 8;

/** What an estimate opens and measures with; tests have their own. */
export interface EstimateTools {
  readonly open: (engine: string) => Promise<Engine>;
  /** The pace of an engine on some work: see {@linkcode measurePace}. */
  readonly measure: typeof measurePace;
}

const TOOLS: EstimateTools = { open: openStudyEngine, measure: measurePace };

/**
 * Estimates how long runs will take on this machine, with the engine that `train` takes. It may take about two seconds, and closes what it
 * opens.
 *
 * @returns undefined if the signal came, or nothing is known and nothing could be measured: `onProblem` is told why
 */
export async function estimateTraining(
  request: EstimateRequest,
  { open, measure }: EstimateTools = TOOLS,
): Promise<TrainingEstimate | undefined> {
  const { settings, space, results, records = results, engine: choice = "auto", signal, onProblem } = request;
  if (signal?.aborted) return undefined;
  let engine: Engine | undefined;
  try {
    engine = await open(choice);
    const { work, runs } = workLeft(request);
    const told = { runs, engine: engine.name, adapter: engine.adapter };
    if (!runs) return { seconds: 0, basis: "record", ...told };
    const recorded = paceOf(recordsOf(records, settings, engine));
    if (recorded && maxOf(work.map(({ cost }) => cost)) <= REACH * recorded.times.at(-1)!.cost) {
      return { seconds: secondsOf(recorded, work, runs), basis: "record", ...told };
    }
    const { parallel } = capacityOf(engine, undefined, runs);
    const measured = await measure(engine, work, { settings, space, parallel: Math.min(parallel, runs), signal });
    return measured && { seconds: secondsOf(measured, work, runs), basis: "measurement", ...told };
  } catch (error) {
    // A study can be made where it cannot be trained: whatever a device or its driver throws is no reason against it.
    onProblem?.(messageOf(error));
    return undefined;
  } finally {
    await engine?.close().catch(() => {});
  }
}

/** What is left to do, by configuration; runs that have failed are not tried again. */
function workLeft(
  { entries, seeds, settings, results }: Pick<EstimateRequest, "entries" | "seeds" | "settings" | "results">,
): { work: ConfiguredWork[]; runs: number } {
  const keyOf = (id: string, seed: number) => `${id} ${seed}`;
  const known = new Map(results.map((result) => [keyOf(result.id, result.seed), result]));
  let runs = 0;
  const work = entries.flatMap(({ id, config }): ConfiguredWork[] => {
    const back = stepsBackOf(config), total = totalSteps(settings, back);
    const left = Array.from({ length: seeds }, (_, seed) => {
      const result = known.get(keyOf(id, seed));
      return result?.failed === undefined ? total - (result?.steps_done ?? 0) : 0;
    }).filter((steps) => steps > 0);
    runs += left.length;
    const steps = back * left.reduce((sum, updates) => sum + updates, 0);
    return left.length ? [{ config, cost: stepCost(config), steps }] : [];
  });
  return { work, runs };
}

/** Results that say how fast this machine trains with these settings: of one engine on one device from their first step to their last. */
function recordsOf(
  results: readonly RunResult[],
  { batch, vocabulary = BYTE_VOCABULARY }: TrainingSettings,
  { name, adapter }: Engine,
): FinishedResult[] {
  return results.filter(isFinished).filter((result) =>
    result.failed === undefined && result.engine === name && result.adapter === adapter && !result.earlier_engines &&
    result["batch size"] === batch && (result.vocabulary ?? BYTE_VOCABULARY) === vocabulary
  );
}
