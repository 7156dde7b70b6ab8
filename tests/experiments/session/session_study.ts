/** A study of small runs that sessions train in tests, and what these runs come to undisturbed. */
import { join } from "node:path";
import type { RunResult } from "../../../experiments/study/result.ts";
import type { Study } from "../../../experiments/study/store.ts";
import type { Engine } from "../../../train/engines/engine.ts";
import { openOnnxEngine } from "../../../train/engines/onnx/engine.ts";
import { trainOn } from "../../faults/engines.ts";
import { copyOf, makeStudy } from "../../faults/studies.ts";
import { corpusFile } from "../corpus_file.ts";

/** Steps of a run; passes of 50 steps, 10 values of the curve in each 100. */
export const STEPS = 100;

/** A run is saved after each step that is read. */
export const SAVE_OFTEN = { save: 0 } as const;

/** A study of so many small runs on a short text. */
export async function begin(dir: string, runs: number): Promise<{ study: Study; keys: readonly string[] }> {
  const corpus = corpusFile(dir);
  const study = await makeStudy(join(dir, "study"), { runs, steps: STEPS, history: 51, logEvery: 10, corpus });
  return { study, keys: (await study.runs("01")).map(({ key }) => key) };
}

/** The results of the same runs, trained with nothing in their way. */
export async function undisturbed(study: Study, dir: string): Promise<(key: string) => RunResult> {
  const quiet = await copyOf(study, dir);
  await trainOn(quiet, await openOnnxEngine(undefined, { keepWorkers: true }), { parallel: 1 });
  const results = await Promise.all((await quiet.runs("01")).map(({ key }) => resultOf(quiet, key)));
  const byId = new Map(results.map((result) => [result.id, result]));
  return (key) => byId.get(key)!;
}

export async function resultOf(study: Study, key: string): Promise<RunResult> {
  return (await study.readResult("01", key))!;
}

/** An engine that leaves the CPU to scores, as one on a GPU does. */
export async function onGpu(): Promise<Engine> {
  const engine = await openOnnxEngine(undefined, { keepWorkers: true });
  return { ...engine, capabilities: { ...engine.capabilities, trainsOnCpu: false } };
}
