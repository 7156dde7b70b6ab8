/** A small study whose files a test writes as trainers do. */
import { canonicalJson } from "../../../cells/config.ts";
import { encodeSafetensors } from "../../../train/training/safetensors.ts";
import { initStudy } from "../../../experiments/study/init_study.ts";
import { configOf, type RunResult } from "../../../experiments/study/result.ts";
import { runKey } from "../../../experiments/study/run_key.ts";
import type { Run } from "../../../experiments/study/runs.ts";
import type { Study } from "../../../experiments/study/store.ts";
import { syntheticResults, unfinished } from "../synthetic_results.ts";

/** Sizes of a study's runs, and how long they train. */
export interface FollowedSizes {
  readonly layers: number[];
  readonly state_sizes: number[];
  readonly steps: number;
}

const SMALL: FollowedSizes = { layers: [1], state_sizes: [8], steps: 300 };

/** A study with nothing done, and what its runs come to. */
export interface FollowedStudy {
  readonly study: Study;
  readonly runs: readonly Run[];
  /** The finished result of a run. */
  resultOf(run: Run): RunResult;
  /** Writes a result in the place of a run's. */
  write(result: RunResult): Promise<void>;
  /** Writes the record of a run under way, and a checkpoint with so many values of its curve. */
  begin(run: Run, values: number): Promise<void>;
  /** Writes a checkpoint with this curve. */
  save(result: RunResult, curve: readonly number[]): Promise<void>;
}

/** Makes one, of 48 runs where nothing else is asked for. */
export async function makeFollowedStudy(dir: string, sizes: FollowedSizes = SMALL): Promise<FollowedStudy> {
  const { layers, state_sizes, steps } = sizes, levels = { n_layers: layers, state_size: state_sizes };
  const { study } = await initStudy({ dir, experiment: "01", levels, history: 101, steps, seeds: 1 });
  await study.makeRunFolders("01");
  const made = new Map(syntheticResults(sizes).map((one) => [one.id, one]));
  const { corpus, training } = study.settings;
  const resultOf = ({ entry: { id } }: Run): RunResult => ({
    ...made.get(id)!,
    corpus_sha1: corpus.sha1,
    "batch size": training.batch,
    "history size": training.history,
  });
  const write = (result: RunResult) => study.writeResult("01", runKey(result.id, result.seed), result);
  const save = (result: RunResult, curve: readonly number[]) =>
    study.writeCheckpoint("01", runKey(result.id, result.seed), checkpointWith(study, result, curve));
  return {
    study,
    runs: await study.runs("01"),
    resultOf,
    write,
    save,
    async begin(run, values) {
      const result = resultOf(run);
      await write(unfinished(result));
      await save(result, result.loss!.slice(0, values));
    },
  };
}

/** As much of a checkpoint as says how far a run has come; one number stands for its tensors. */
export function checkpointWith({ space }: Study, result: RunResult, curve: readonly number[]): Uint8Array<ArrayBuffer> {
  const { seed, corpus_sha1, log_every } = result;
  const training = {
    steps_done: log_every * curve.length,
    pass: 0,
    position: 0,
    smoothed_loss: curve.at(-1) ?? 0,
    curve,
    seconds: 1,
    legs: [],
  };
  return encodeSafetensors({
    tensors: new Map([["x", { shape: [1], values: Float32Array.of(1) }]]),
    metadata: {
      config: canonicalJson(configOf(result, space)),
      seed: `${seed}`,
      corpus_sha1,
      batch: `${result["batch size"]}`,
      history: `${result["history size"]}`,
      log_every: `${log_every}`,
      training: JSON.stringify(training),
    },
  });
}
