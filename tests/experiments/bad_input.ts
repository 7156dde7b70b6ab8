/** The form of the table of bad inputs, and the commands that meet them: as their scripts call them. */
import { trainingDisplay } from "../../experiments/display.ts";
import assert from "node:assert/strict";
import { UserError } from "../../cells/errors.ts";
import { overviewOf } from "../../experiments/queue/overview.ts";
import { drawRunText, findRun } from "../../experiments/session/sampling.ts";
import { evaluateStudy } from "../../experiments/session/scoring.ts";
import { initStudy } from "../../experiments/study/init_study.ts";
import { trainStudy } from "../../experiments/session/training.ts";
import { drawReport } from "../../report/write_report.ts";
import { editJson, MORE_STEPS, type SmallStudy, TRAINED } from "./small_study.ts";

export interface BadInput {
  readonly name: string;
  readonly damage?: (small: SmallStudy) => void;
  readonly action: Action;
  /** The whole line, with names for paths and keys (see `SmallStudy.named`); `…` stands for anything. */
  readonly says: string;
}

export interface Action {
  readonly prepare?: (small: SmallStudy) => void;
  /** Returns the lines that its script would print about trouble, beside what goes to standard error at once. */
  readonly run: (small: SmallStudy) => Promise<readonly string[]>;
  /** Runs, by their number, that must have gone on: trained or scored. */
  readonly goesOn?: readonly number[];
  /** Further runs whose files may change. */
  readonly mayTouch?: readonly number[];
}

const of01 = ({ dir }: SmallStudy) => ({ dir, experiment: "01" } as const);

async function trainOne(small: SmallStudy, options: { steps?: number } = {}): Promise<string[]> {
  await trainStudy({
    ...of01(small),
    engine: "onnx",
    parallel: 1,
    limit: 1,
    ...trainingDisplay("train", { quiet: true }),
    ...options,
  });
  return [];
}

/** Trains one more run: the first that has no result. */
export const train: Action = { run: trainOne, goesOn: [TRAINED] };

/** Trains one run longer: the second, since the first is the damaged one. */
export const trainLonger: Action = { run: (small) => trainOne(small, { steps: MORE_STEPS }), goesOn: [1] };

async function evaluateAll(small: SmallStudy, again: boolean): Promise<string[]> {
  const problems: string[] = [];
  const { unreadable } = await evaluateStudy({ ...of01(small), again, onProblem: (line) => problems.push(line) });
  return [...problems, ...unreadable];
}

function takeScores(small: SmallStudy): void {
  for (const run of [0, 1]) {
    editJson(small.result(run), (result) => {
      for (const key of Object.keys(result)) if (key.startsWith("test_")) delete result[key];
    });
  }
}

/** Scores two runs that have no score yet. */
export const evaluate: Action = { prepare: takeScores, run: (small) => evaluateAll(small, false), goesOn: [1] };

/** Makes all models again and scores them. */
export const evaluateAgain: Action = {
  prepare: takeScores,
  run: (small) => evaluateAll(small, true),
  goesOn: [1],
  mayTouch: [2],
};

export const status: Action = {
  async run({ dir }) {
    const { done, damaged, unreadable } = await overviewOf(dir, "01");
    assert.deepEqual([done, damaged], [TRAINED - 1, 1]);
    return [...unreadable];
  },
};

/** Draws the runs that can be read; the page names the others. The fuzzer of commands tries what is written of a damaged study. */
export const report: Action = {
  async run({ dir, study }) {
    const read = await study.readResults("01");
    const { summary } = drawReport({ ...read, dir, experiment: "01", below: 1.9 });
    assert.deepEqual([summary.finished, summary.unreadable], [TRAINED - 1, 1]);
    return read.unreadable;
  },
};

export function init(options: Partial<Parameters<typeof initStudy>[0]> = {}): Action {
  return { run: (small) => initStudy({ ...of01(small), ...options }).then(() => []) };
}

/** Draws from the model of a run by a prefix of its key: of the first where none is given. */
export function sample(prefix?: string): Action {
  return {
    async run(small) {
      const found = await findRun(small.study, "01", prefix ?? small.runs[0].key);
      await drawRunText(small.study, "01", found, { prompt: "a", bytes: 2, temperature: 1, seed: 0 });
      return [];
    },
  };
}

/** Several commands that are refused with the same line, before they do anything. */
export function refused(...actions: readonly Action[]): Action {
  return {
    prepare: (small) => actions.forEach(({ prepare }) => prepare?.(small)),
    async run(small) {
      const said = new Set<string>();
      for (const { run } of actions) {
        await assert.rejects(run(small), (error: Error) => error instanceof UserError && !!said.add(error.message));
      }
      return [...said];
    },
  };
}
