/** What the commands do, as their scripts call it, for a study of which one file is damaged. */
import { overviewOf } from "../../experiments/overview.ts";
import { drawText, findRun } from "../../experiments/sampling.ts";
import { evaluateStudy } from "../../experiments/scoring.ts";
import { comparedWithList, Study } from "../../experiments/store.ts";
import { initStudy } from "../../experiments/study.ts";
import { trainStudy } from "../../experiments/training.ts";
import { studyLevels } from "../../report/study_levels.ts";
import { FORMATS, writeExport } from "../../report/write_export.ts";
import { writeReport } from "../../report/write_report.ts";
import { permissionsOf, TASKS } from "../../task.ts";
import { type FuzzedRuns, MORE_STEPS, STEPS } from "./fuzz_study.ts";

export interface FuzzCommand {
  readonly name: string;
  /** Whether it takes milliseconds. */
  readonly isCheap: boolean;
  /** Does the work; returns the lines that it says about trouble. */
  run(dir: string, runs: FuzzedRuns): Promise<string[]>;
  /** Whether it may change a file of the study, where it was not refused. */
  changes(path: string, runs: FuzzedRuns, target: string): boolean;
}

const EXPERIMENT = "01";
const nothing = () => false;

const isOf = (path: string, ...keys: readonly string[]) => keys.some((key) => path.includes(key));
/** They are counted anew where they are damaged, and scores are placed among them. */
const isFloors = (path: string) => path === "entropy_floors.json";
/** What `init` writes. */
const isSettings = (path: string) =>
  ["study.json", "rnn_configs.json", "rnn_configs_02.json", "tokenizer.json", "entropy_floors.json"].includes(path);

async function train(dir: string, options: { steps?: number; retryFailed?: boolean }): Promise<string[]> {
  // A file may now say a billion steps: that is right, and long.
  const signal = AbortSignal.timeout(5000);
  await trainStudy({
    dir,
    experiment: EXPERIMENT,
    engine: "onnx",
    parallel: 1,
    limit: 1,
    quiet: true,
    signal,
    ...options,
  });
  return [];
}

async function evaluate(dir: string, again: boolean): Promise<string[]> {
  const said: string[] = [];
  const { unreadable } = await evaluateStudy({
    dir,
    experiment: EXPERIMENT,
    again,
    onProblem: (line) => said.push(line),
  });
  return [...said, ...unreadable];
}

export const COMMANDS: readonly FuzzCommand[] = [
  {
    name: "status",
    isCheap: true,
    async run(dir) {
      return [...(await overviewOf(dir, EXPERIMENT)).unreadable];
    },
    changes: nothing,
  },
  {
    name: "task",
    isCheap: true,
    async run(dir) {
      await permissionsOf(TASKS.train, ["--dir", dir]);
      return [];
    },
    changes: nothing,
  },
  {
    name: "sample",
    isCheap: true,
    async run(dir, { damaged }) {
      const study = await Study.open(dir), options = { prompt: "the ", bytes: 3, temperature: 0.8, seed: 0 };
      await drawText(study, EXPERIMENT, await findRun(study, EXPERIMENT, damaged), options);
      return [];
    },
    changes: nothing,
  },
  {
    name: "export",
    isCheap: true,
    async run(dir) {
      const { problems } = await writeExport({
        study: await Study.open(dir),
        experiment: EXPERIMENT,
        formats: FORMATS,
      });
      return [...problems];
    },
    changes: nothing,
  },
  {
    name: "init",
    isCheap: true,
    async run(dir) {
      await initStudy({ dir, experiment: EXPERIMENT });
      return [];
    },
    changes: isSettings,
  },
  {
    name: "init --layers 2",
    isCheap: true,
    async run(dir) {
      await initStudy({ dir, experiment: EXPERIMENT, layers: [2], stateSizes: [8], steps: STEPS });
      return [];
    },
    changes: isSettings,
  },
  {
    name: "init --experiment 02",
    isCheap: true,
    async run(dir) {
      await initStudy({ dir, experiment: "02" });
      return [];
    },
    changes: isSettings,
  },
  {
    name: "train",
    isCheap: false,
    run: (dir) => train(dir, {}),
    // The stopped run goes on, and what has no score gets one.
    changes: (path, { damaged, stopped, unscored }) => isOf(path, damaged, stopped, unscored) || isFloors(path),
  },
  {
    name: "train --steps",
    isCheap: false,
    run: (dir) => train(dir, { steps: MORE_STEPS, retryFailed: true }),
    // Where the damaged run cannot go on, another does.
    changes: (path, { damaged, whole, unscored, stopped }) =>
      isOf(path, damaged, whole, unscored, stopped) || isFloors(path),
  },
  {
    name: "evaluate",
    isCheap: false,
    run: (dir) => evaluate(dir, false),
    changes: (path, { unscored, damaged }, target) =>
      isOf(path, unscored, damaged) || isFloors(path) || (isFloors(target) && path.startsWith("results_01_all/")),
  },
  {
    name: "evaluate --again",
    isCheap: false,
    run: (dir) => evaluate(dir, true),
    // Whoever is not damaged is scored as before.
    changes: (path, { unscored, damaged }, target) =>
      isOf(path, unscored, damaged) || isFloors(path) || (isFloors(target) && path.startsWith("results_01_all/")),
  },
  {
    name: "report",
    isCheap: false,
    async run(dir) {
      const said: string[] = [], study = await Study.open(dir), read = await study.readResults(EXPERIMENT);
      const { levels, below } = await studyLevels(study, (problem) => said.push(problem));
      await writeReport({
        ...read,
        gaps: comparedWithList(await study.runs(EXPERIMENT), read),
        dir,
        experiment: EXPERIMENT,
        below,
        levels,
      });
      return [...said, ...read.unreadable];
    },
    changes: nothing,
  },
];
