/** A study whose results the store wrote: some runs are done, one has a further seed, one failed, one is under way. */
import { runKey } from "../../experiments/study/run_key.ts";
import type { Study } from "../../experiments/study/store.ts";
import { initStudy } from "../../experiments/study/init_study.ts";
import type { RunResult } from "../../experiments/study/result.ts";
import { syntheticResults, unfinished } from "./synthetic_results.ts";

export interface WrittenStudy {
  readonly study: Study;
  readonly done: readonly RunResult[];
  /** The first done run's configuration with another seed. */
  readonly furtherSeed: RunResult;
  readonly failed: RunResult;
  readonly running: RunResult;
  /** Failed on its way to more steps, and kept its shorter result. */
  readonly failedLater: RunResult;
}

/** What a model may write: quotes, commas, breaks, a NUL, what is no UTF-8. */
export const TEXT = 'a "b", c\r\nd\0e\ufffd\tend\n';

export async function writeStudy(dir: string): Promise<WrittenStudy> {
  const { study } = await initStudy({ dir, experiment: "01", levels: { n_layers: [1], state_size: [256] }, seeds: 2 });
  const made = syntheticResults({ layers: [1], state_sizes: [256], steps: 1000 }).slice(0, 5)
    .map((result): RunResult => ({ ...result, corpus_sha1: study.settings.corpus.sha1 }));
  const [first, second, third, fourth, fifth] = made;
  const failure = { failed: "the loss became NaN", failed_time: 1_790_000_100.5 };
  const written: Omit<WrittenStudy, "study"> = {
    done: [{ ...first, sample: { text: TEXT, prompt: "The ", bytes: 13, temperature: 0.8, seed: 0 } }, {
      ...second,
      earlier_engines: [{ engine: "webgpu", adapter: "llvmpipe", steps: 300 }],
    }],
    furtherSeed: { ...first, seed: 1 },
    running: { ...unfinished(third), owner: "host/1" },
    failed: { ...unfinished(fourth), ...failure, failed_at_step: 131, loss_before_failure: [3.1, 2.9] },
    failedLater: { ...fifth, ...failure, failed_at_step: 1170, loss_before_failure: [...fifth.loss!, 1.5, 1.25, 1.75] },
  };
  await study.makeRunFolders("01");
  for (const result of Object.values(written).flat()) {
    await study.writeResult("01", runKey(result.id, result.seed), result);
  }
  return { study, ...written };
}
