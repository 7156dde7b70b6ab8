/** The runs of a study as the library hands them out: plain data, with their configuration. */
import { type CellConfig, describeConfigIn } from "../cells/config.ts";
import type { Configuration } from "../cells/factor.ts";
import { METRICS } from "../experiments/study/metrics.ts";
import { runKey } from "../experiments/study/run_key.ts";
import { configOf, isFinished, type RunResult } from "../experiments/study/result.ts";
import type { ConfigEntry } from "../experiments/study/runs.ts";
import type { Experiment } from "../experiments/study/experiment.ts";
import type { Study } from "../experiments/study/store.ts";
import type { Space } from "../cells/space.ts";
import { type Status, statusOf } from "./export/columns.ts";

/** A configuration as a study lists it. */
export interface ListedConfig {
  /** SHA-256 of the configuration. */
  readonly id: string;
  /** By the keys of factors; of a space of one's own it has those of that space. */
  readonly config: CellConfig & Configuration;
  /** The same in words. */
  readonly label: string;
  /** Whether its cell is none of the space's own, but one that those are compared with. */
  readonly is_baseline: boolean;
}

/** What has come of a run so far. */
export interface StudyRun extends ListedConfig {
  /** The name of its files: the id, and the seed where that is not 0. */
  readonly key: string;
  /** Of its initial weights and of where its passes start in the text. */
  readonly seed: number;
  /** `done`; `failed`: it diverged (NaN or Inf); `running`: under way, or stopped before its end. */
  readonly status: Status;
  /** Why it failed, and at which step. */
  readonly failed?: string;
  /** Whether the study's list has its configuration; results of one that was taken off are kept. */
  readonly is_listed: boolean;
  /** In experiment 02: whether it was drawn at random from what was not chosen. */
  readonly is_control: boolean;
  /**
   * What has been measured of it, as far as it has come: `"min loss"` (of `curve`), `test_loss` (nats per token), `test_bits_per_byte`,
   * `validation_bits_per_byte`, `parameters`, `train_seconds` … `columns.csv` of {@linkcode Study.export} describes each.
   */
  readonly metrics: Readonly<Record<string, number>>;
  /** Training loss, smoothed, nats per token, one value every `log_every` steps; absent before it is done. */
  readonly curve?: readonly number[];
  /** Steps between two values of `curve`. */
  readonly log_every: number;
  /** What has trained it. */
  readonly engine: string;
  /** The device that it was trained on. */
  readonly adapter: string;
  /** Its `.onnx` file; absent before it is done. */
  readonly model?: string;
  /** All that the file of its result holds. */
  readonly record: Readonly<Record<string, unknown>>;
}

/** The results of a study. */
export interface StudyResults {
  /** Sorted by their keys. */
  readonly runs: readonly StudyRun[];
  /** A line for each file that cannot be read, damaged or of a later version; its run is none of `runs`. */
  readonly unreadable: readonly string[];
}

/** A configuration as the library hands it out. */
export function listedConfig({ id, config }: Pick<ConfigEntry, "id" | "config">, space: Space): ListedConfig {
  return { id, config, label: describeConfigIn(space, config), is_baseline: !space.isOwnCell(config) };
}

/** @param ids of the configurations that the study lists, with whether each is a control */
export function studyRun(
  result: RunResult,
  study: Study,
  experiment: Experiment,
  listed: ReadonlyMap<string, ConfigEntry>,
): StudyRun {
  const { id, seed, log_every, engine, adapter, failed } = result, key = runKey(id, seed);
  const measured = METRICS.map(({ key }) => [key, result[key]]).filter(([, value]) => typeof value === "number");
  return {
    ...listedConfig({ id, config: configOf(result, study.space) }, study.space),
    key,
    seed,
    status: statusOf(result),
    ...(failed === undefined ? {} : { failed }),
    is_listed: listed.has(id) && seed < study.settings.seeds,
    is_control: (listed.get(id)?.control ?? result.control) === true,
    metrics: Object.fromEntries(measured),
    ...(isFinished(result) ? { curve: result.loss, model: study.modelPath(experiment, key) } : {}),
    log_every,
    engine,
    adapter,
    record: result,
  };
}
