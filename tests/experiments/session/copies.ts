/** A small study, trained in one place and in two copies of it, each with half of the runs; and copies of those to merge and to damage. */
import { createHash } from "node:crypto";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { mergeStudies, type MergeSummary } from "../../../experiments/session/merge_study.ts";
import { trainStudy } from "../../../experiments/session/training.ts";
import type { Run } from "../../../experiments/study/runs.ts";
import { Study } from "../../../experiments/study/store.ts";
import { copyOf, makeStudy } from "../../faults/studies.ts";
import { corpusFile } from "../corpus_file.ts";
import { editJson } from "../small_study.ts";

/** Steps of each run, and runs of the study. */
export const STEPS = 100;
export const RUNS = 6;

/** The study as it was trained: all of it, and each half. */
export interface TrainedApart {
  readonly whole: string;
  readonly halves: readonly [string, string];
}

/** Makes the study before a file's tests, and removes it with all that is made of it after them. */
export function trainedApart(): () => Scene {
  let folder = "", trained: TrainedApart | undefined, scenes = 0;
  Deno.test.beforeAll(async () => {
    folder = await Deno.makeTempDir();
    const corpus = corpusFile(folder), at = (name: string) => join(folder, name);
    const made = await makeStudy(at("made"), { runs: RUNS, steps: STEPS, history: 51, logEvery: 25, corpus });
    const train = async (name: string, index?: number) => {
      const { dir } = await copyOf(made, at(name)), shard = index && { index, count: 2 };
      await trainStudy({ dir, experiment: "01", engine: "onnx", parallel: 1, ...(shard ? { shard } : {}) });
      return dir;
    };
    trained = { whole: await train("whole"), halves: [await train("first", 1), await train("second", 2)] };
  });
  Deno.test.afterAll(() => Deno.remove(folder, { recursive: true }));
  return () => new Scene(join(folder, `scene_${scenes++}`), trained!);
}

/** One test's copies: `here` has the first half, `there` the second. */
export class Scene {
  constructor(private readonly folder: string, private readonly trained: TrainedApart) {
    Deno.mkdirSync(folder);
    cpSync(trained.halves[0], this.here, { recursive: true });
    cpSync(trained.halves[1], this.there, { recursive: true });
  }

  get here(): string {
    return join(this.folder, "here");
  }
  get there(): string {
    return join(this.folder, "there");
  }

  /** A further copy: of all runs, or of what is there. */
  copy(of: "whole" | "there" | "here", name: string): string {
    const dir = join(this.folder, name);
    cpSync(of === "whole" ? this.trained.whole : this[of], dir, { recursive: true });
    return dir;
  }

  /** The runs that are finished there, by key. */
  async runsThere(): Promise<Run[]> {
    const study = await Study.open(this.trained.halves[1]), runs: Run[] = [];
    for (const run of await study.runs("01")) if (await study.readResult("01", run.key)) runs.push(run);
    return runs;
  }

  /** Merges, and tells what came of it, with names in the place of folders and keys. */
  async merge(
    from: readonly string[] = [this.there],
    options: { dryRun?: boolean; signal?: AbortSignal } = {},
  ): Promise<{ summary: MergeSummary; messages: string[]; problems: string[] }> {
    const messages: string[] = [], problems: string[] = [], keys = (await this.runsThere()).map(({ key }) => key);
    const summary = await mergeStudies({
      dir: this.here,
      experiment: "01",
      from,
      ...options,
      onMessage: (line) => messages.push(this.named(line, keys)),
      onProblem: (line) => problems.push(this.named(line, keys)),
    });
    return { summary, messages, problems };
  }

  /** A line with HERE, THERE, RUN0, RUN1, … in the place of folders and keys. */
  named(line: string, keys: readonly string[] = []): string {
    const folders = line.replaceAll(this.here, "HERE").replaceAll(this.there, "THERE").replaceAll(
      this.folder,
      "FOLDER",
    );
    return keys.reduce(
      (text, key, i) => text.replaceAll(key, `RUN${i}`).replaceAll(key.slice(0, 8), `RUN${i}`),
      folders,
    );
  }

  /** Each file here with its content's hash and the time at which it was changed; and folders. */
  files(dir: string = this.here): Map<string, string> {
    const found = new Map<string, string>();
    const walk = (folder: string) => {
      for (const { name, isDirectory } of Deno.readDirSync(folder)) {
        const path = join(folder, name);
        if (isDirectory) walk(path);
        const sum = isDirectory ? "" : createHash("sha256").update(Deno.readFileSync(path)).digest("hex");
        found.set(path.slice(dir.length), `${sum} ${isDirectory ? "" : Deno.statSync(path).mtime?.getTime()}`);
      }
    };
    walk(dir);
    return found;
  }
}

/** Two trainings take different times, and a report shows them: this sets them to the same in every result, and nothing else. */
export function setTimes(dir: string): void {
  const folder = join(dir, "results_01_all");
  for (const { name } of Deno.readDirSync(folder)) {
    editJson(join(folder, name), (result) => {
      Object.assign(result, { "start time": 1, "end time": 2, train_seconds: 1 });
    });
  }
}

/** Makes of a finished result the record of a run under way; its checkpoint stays. */
export function makeUnfinished(study: Study, key: string, more: object = {}): void {
  editJson(study.resultPath("01", key), (result) => {
    for (const name of Object.keys(result)) if (AFTER_START.test(name)) delete result[name];
    Object.assign(result, more);
  });
}

/** Keys that a result gets when its run has ended, and when it is scored. */
const AFTER_START =
  /^(loss|min loss|end time|steps_done|train_seconds|test_.*|validation_.*|context_order|gain_.*|sample|memory|scored_on)$/;
