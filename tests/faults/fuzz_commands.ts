/** What the commands do, as their scripts call it, for a study of which one file is damaged. */
import { trainingDisplay } from "../../experiments/display.ts";
import { type CellConfig, configId } from "../../cells/config.ts";
import { overviewOf } from "../../experiments/queue/overview.ts";
import { drawRunText, findRun } from "../../experiments/session/sampling.ts";
import { evaluateStudy } from "../../experiments/session/scoring.ts";
import { Study } from "../../experiments/study/store.ts";
import { initStudy } from "../../experiments/study/init_study.ts";
import type { TrainStudyOptions } from "../../experiments/session/train_options.ts";
import { trainStudy } from "../../experiments/session/training.ts";
import { studyLevels } from "../../report/data/study_levels.ts";
import { DEFAULT_FORMATS } from "../../report/export/formats.ts";
import { writeExport } from "../../report/export/write_export.ts";
import { drawReport, type ReportOptions, writeReport } from "../../report/write_report.ts";
import { permissionsOf, TASKS } from "../../task.ts";
import { editJson } from "../experiments/small_study.ts";
import { type FileKind, type FuzzedRuns, MORE_STEPS, STEPS } from "./fuzz_study.ts";

export interface FuzzCommand {
  readonly name: string;
  /** Whether it takes milliseconds. */
  readonly isCheap: boolean;
  /** The kinds of files that it reads. */
  readonly reads: readonly FileKind[];
  /** Does the work; returns the lines that it says about trouble. */
  run(dir: string, runs: FuzzedRuns): Promise<string[]>;
  /** Whether it may change a file of the study, where it was not refused. */
  changes(path: string, runs: FuzzedRuns, target: string): boolean;
}

const EXPERIMENT = "01";
const nothing = () => false;

const isOf = (path: string, ...keys: readonly string[]) => keys.some((key) => path.includes(key));
/** They are counted again where they are damaged, and scores are placed among them. */
const isBaselines = (path: string) => path === "entropy_floors.json";
/** What `init` writes. */
const isSettings = (path: string) =>
  ["study.json", "rnn_configs.json", "rnn_configs_02.json", "tokenizer.json", "entropy_floors.json"].includes(path);

async function train(dir: string, options: Partial<TrainStudyOptions>): Promise<string[]> {
  // A file may now say a billion steps: that is right, and long.
  const signal = AbortSignal.timeout(5000);
  await trainStudy({
    dir,
    experiment: EXPERIMENT,
    engine: "onnx",
    parallel: 1,
    limit: 1,
    signal,
    ...trainingDisplay("train", { quiet: true }),
    ...options,
  });
  return [];
}

async function evaluate(dir: string, again: boolean, skip?: ReadonlySet<string>): Promise<string[]> {
  const said: string[] = [];
  const { unreadable } = await evaluateStudy({
    dir,
    experiment: EXPERIMENT,
    again,
    skip,
    onProblem: (line) => said.push(line),
  });
  return [...said, ...unreadable];
}

async function report(dir: string, draw: (options: ReportOptions) => Promise<unknown>): Promise<string[]> {
  const said: string[] = [], study = await Study.open(dir), read = await study.readResults(EXPERIMENT);
  const levels = await studyLevels(study, (problem) => said.push(problem));
  await draw({ ...read, runs: await study.runs(EXPERIMENT), dir, experiment: EXPERIMENT, levels });
  return [...said, ...read.unreadable];
}

export const COMMANDS: readonly FuzzCommand[] = [
  {
    name: "status",
    isCheap: true,
    reads: ["study", "list", "result", "queue"],
    async run(dir) {
      return [...(await overviewOf(dir, EXPERIMENT)).unreadable];
    },
    changes: nothing,
  },
  {
    name: "task",
    isCheap: true,
    reads: ["study"],
    async run(dir) {
      await permissionsOf(TASKS.train, ["--dir", dir]);
      return [];
    },
    changes: nothing,
  },
  {
    name: "sample",
    isCheap: true,
    reads: ["study", "tokenizer", "result", "model"],
    async run(dir, { damaged }) {
      const study = await Study.open(dir), options = { prompt: "the ", bytes: 3, temperature: 0.8, seed: 0 };
      await drawRunText(study, EXPERIMENT, await findRun(study, EXPERIMENT, damaged), options);
      return [];
    },
    changes: nothing,
  },
  {
    name: "export",
    isCheap: true,
    reads: ["study", "result"],
    async run(dir) {
      const { problems } = await writeExport({
        study: await Study.open(dir),
        experiment: EXPERIMENT,
        formats: DEFAULT_FORMATS,
      });
      return [...problems];
    },
    changes: nothing,
  },
  {
    name: "init",
    isCheap: true,
    reads: ["study", "list", "tokenizer", "baselines", "result"],
    async run(dir) {
      await initStudy({ dir, experiment: EXPERIMENT });
      return [];
    },
    changes: isSettings,
  },
  {
    name: "init --layers 2",
    isCheap: true,
    reads: ["study", "list", "tokenizer", "result"],
    async run(dir) {
      await initStudy({ dir, experiment: EXPERIMENT, levels: { n_layers: [2], state_size: [8] }, steps: STEPS });
      return [];
    },
    changes: isSettings,
  },
  {
    name: "init --experiment 02",
    isCheap: true,
    reads: ["study", "tokenizer", "result"],
    async run(dir) {
      await initStudy({ dir, experiment: "02" });
      return [];
    },
    changes: isSettings,
  },
  {
    name: "train",
    isCheap: false,
    reads: ["study", "list", "tokenizer", "baselines", "result", "queue"],
    run: (dir) => train(dir, {}),
    // The stopped run goes on.
    changes: (path, { damaged, stopped }, target) =>
      isOf(path, damaged, stopped) || isBaselines(path) || (isBaselines(target) && path.startsWith("results_01_all/")),
  },
  {
    name: "train --steps",
    isCheap: false,
    reads: ["study", "list", "tokenizer", "baselines", "result", "checkpoint", "queue"],
    run: (dir, { damaged }) => {
      const only = (config: CellConfig) => configId(config) === damaged;
      return train(dir, { steps: MORE_STEPS, retryFailed: true, only });
    },
    changes: (path, { damaged }, target) =>
      isOf(path, damaged) || isBaselines(path) || (isBaselines(target) && path.startsWith("results_01_all/")),
  },
  {
    name: "evaluate",
    isCheap: false,
    reads: ["study", "tokenizer", "baselines", "result", "model", "queue"],
    async run(dir, { damaged }) {
      // Only a run without a score is read.
      const path = (await Study.open(dir)).resultPath(EXPERIMENT, damaged);
      try {
        editJson(path, (result) => delete result.test_loss && delete result.test_bits_per_byte);
      } catch {
        // It is the result that is damaged.
      }
      return await evaluate(dir, false);
    },
    changes: (path, { damaged }, target) =>
      isOf(path, damaged) || isBaselines(path) || (isBaselines(target) && path.startsWith("results_01_all/")),
  },
  {
    name: "evaluate --again",
    isCheap: false,
    reads: ["study", "tokenizer", "baselines", "result", "checkpoint", "queue"],
    run: (dir, { whole }) => evaluate(dir, true, new Set([whole])),
    changes: (path, { damaged }, target) =>
      isOf(path, damaged) || isBaselines(path) || (isBaselines(target) && path.startsWith("results_01_all/")),
  },
  {
    name: "report",
    isCheap: false,
    reads: ["study", "list", "baselines", "result"],
    run: (dir) => report(dir, (options) => Promise.resolve(drawReport(options))),
    changes: nothing,
  },
  {
    // Most of its time goes to PNGs, which are drawn by native code.
    name: "report, with its files",
    isCheap: false,
    reads: ["study", "result"],
    run: (dir) => report(dir, writeReport),
    changes: nothing,
  },
];
