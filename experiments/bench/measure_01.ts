/** Measures what experiment 01 takes on this machine: a few steps, parts of scores, and the files of a few runs. `experiment_01.ts` has the arithmetic. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type CellConfig, configId } from "../../cells/config.ts";
import { messageOf, UserError } from "../../cells/errors.ts";
import { EMBEDDED, loadCorpus } from "../../train/corpus/corpus.ts";
import { generateEmbedded } from "../../train/corpus/embedded.ts";
import { initialTensors } from "../../train/engines/engine.ts";
import { evaluateModel, type Extras } from "../../train/scoring/evaluate.ts";
import { EvaluationWorkers } from "../../train/scoring/evaluation_workers.ts";
import { exportModel } from "../../train/scoring/export_model.ts";
import { PROVIDERS } from "../../train/scoring/providers.ts";
import type { ScoreChoice } from "../../train/scoring/score_on.ts";
import { promptFrom } from "../../train/scoring/sample_text.ts";
import { PART_TOKENS } from "../../train/scoring/state_resets.ts";
import { totalSteps } from "../../train/training/settings.ts";
import { prepare, trainedRun } from "../../train/training/training_run.ts";
import { claimKey, openStudyQueue } from "../queue/study_queue.ts";
import { estimateTraining } from "../session/estimate.ts";
import { RunFiles } from "../session/run_files.ts";
import { SCORE_SAMPLE } from "../session/score_run.ts";
import { makeFolder } from "../study/files.ts";
import { grid } from "../study/grid.ts";
import { initStudy } from "../study/init_study.ts";
import type { Run } from "../study/runs.ts";
import type { Study } from "../study/store.ts";
import {
  type Estimate01,
  estimate01,
  type Measured01,
  rowsRead,
  scoreSeconds,
  SETTINGS_01,
  type Shape,
  shapesOf,
  tokensRead,
} from "./experiment_01.ts";
import { copies } from "./measure.ts";
import { median } from "./median.ts";

/** What is read of a text, in blocks of the provider. */
const BLOCKS = { short: 2, long: 10 } as const;
/** Times that each part is read, and that the files of each shape are written. */
const ROUNDS = 3;

/** The folder of this benchmark's own, in which it writes files as `train` does: `deno.json` lets it write there alone. */
const FOLDER = fileURLToPath(new URL("../../.bench/", import.meta.url));

type Progress = (what: string) => void;

/**
 * Estimates experiment 01 with its scores and files.
 *
 * @param training what is known of its training, or the name of an engine whose pace is measured
 * @returns in words why there is no estimate, where something cannot be measured here
 */
export async function measureExperiment01(
  training: Measured01["training"] | string,
  progress: Progress,
): Promise<Estimate01 | string> {
  try {
    progress("experiment 01, training");
    const measured = typeof training === "string" ? await measureTraining(training) : training;
    const shapes = shapesOf(measured.groups.flatMap(({ configs }) => configs));
    const scores = await measureScores(shapes, progress);
    const files = await measureFiles(shapes, progress);
    return estimate01({ training: measured, scores, files });
  } catch (error) {
    if (error instanceof UserError) return `not estimated: ${messageOf(error)}`;
    throw error;
  }
}

/** The training of all configurations by an engine, from a few of its steps, as `init` estimates it. @throws {UserError} if nothing can be measured */
async function measureTraining(engine: string): Promise<Measured01["training"]> {
  const configs = grid();
  const estimated = await estimateTraining({
    entries: configs.map((config) => ({ id: configId(config), config })),
    seeds: 1,
    settings: SETTINGS_01,
    results: [],
    engine,
    onProblem: (why) => {
      throw new UserError(why);
    },
  });
  const { seconds, engine: name, adapter } = estimated!;
  return {
    on: `${name} (${adapter})`,
    trainsOnCpu: true,
    groups: [{ seconds, configs }],
    from: "a few steps at the smallest and median sizes, extrapolated by the cost of each size",
  };
}

/** Scores of one model of each shape. @param scoreOn absent: where `train` scores by itself */
export async function measureScores(
  shapes: readonly Shape[],
  progress: Progress,
  scoreOn: ScoreChoice = "auto",
): Promise<Measured01["scores"]> {
  progress("experiment 01, scores");
  using workers = await EvaluationWorkers.open(scoreOn, progress);
  const { location } = workers,
    { provider } = location,
    onCpu = provider === "cpu",
    cores = navigator.hardwareConcurrency;
  const { rows: most, steps } = PROVIDERS[provider], rows = rowsRead(most), tokens = tokensRead(most);
  const parts = { short: rows * steps * BLOCKS.short, long: rows * steps * BLOCKS.long };
  const sample = { prompt: promptFrom(textOf(PART_TOKENS)), ...SCORE_SAMPLE };
  const seconds = new Map<string, number>();
  // The first scores start the workers.
  await timeScores(shapes[0].typical, rows, rows, { workers }, cores);
  for (const { name, typical } of shapes) {
    progress(`experiment 01, scores of ${name}`);
    const short: number[] = [], long: number[] = [];
    // A device scores one model after the other, whatever the caller.
    const atOnce = onCpu ? cores : 1;
    for (let round = 0; round < ROUNDS; round++) {
      short.push(await timeScores(typical, parts.short, rows, { workers }, atOnce));
      long.push(await timeScores(typical, parts.long, rows, { workers }, atOnce));
    }
    const times = {
      short: { tokens: parts.short, seconds: median(short) },
      long: { tokens: parts.long, seconds: median(long) },
      withExtras: {
        tokens: PART_TOKENS,
        seconds: await timeScores(typical, PART_TOKENS, rows, { workers, memory: true, sample }, cores),
      },
    };
    seconds.set(name, scoreSeconds(times, tokens, onCpu));
  }
  if (workers.location.provider !== provider) throw new UserError(`${location.adapter} failed while scoring`);
  const from = `one model of each of ${shapes.length} shapes, which reads ${parts.short} and ${parts.long} bytes of ` +
    `generated text in ${rows} streams, scaled to the ${tokens} bytes that a score reads with its warm-ups, and from the ` +
    `state resets over ${PART_TOKENS} bytes and the sample of ${SCORE_SAMPLE.bytes} of each as they are`;
  return { location, seconds, from };
}

let text = new Uint8Array();

/** The beginning of the embedded corpus: what begins alike is computed once, so that it must be like a text. */
function textOf(bytes: number): Uint8Array {
  if (text.length < bytes) text = generateEmbedded(EMBEDDED.seed, bytes).text;
  return text.subarray(0, bytes);
}

/** Seconds of a score of so many tokens, from some at once, each on one thread as `train` has it. */
async function timeScores(
  config: CellConfig,
  tokens: number,
  rows: number,
  extras: Extras,
  atOnce: number,
): Promise<number> {
  const [{ tensors }] = copies(config, 1), model = exportModel(config, tensors);
  const cut = { streams: rows, warm_up: 0 }, read = textOf(tokens + 1), begun = performance.now();
  await Promise.all(Array.from({ length: atOnce }, () => evaluateModel(model, read, 1, cut, extras)));
  return (performance.now() - begun) / 1000 / atOnce;
}

/** Files of one run of each shape, written as `train` writes them into a study that is removed after. */
export async function measureFiles(shapes: readonly Shape[], progress: Progress): Promise<Measured01["files"]> {
  progress("experiment 01, files");
  await makeFolder(FOLDER);
  await removeOld();
  const dir = await Deno.makeTempDir({ dir: FOLDER });
  try {
    const { study } = await initStudy({ dir, experiment: "01", seeds: ROUNDS });
    await study.makeRunFolders("01");
    const runs = await study.runs("01"), seconds = new Map<string, number>();
    const { queue, owner } = await openStudyQueue(study);
    try {
      const corpus = await loadCorpus(EMBEDDED.name);
      const engine = () => ({ name: "none", adapter: "none" });
      const files = new RunFiles({ study, experiment: "01", corpus, settings: SETTINGS_01, queue, owner, engine });
      for (const { name, typical } of shapes) {
        const times: number[] = [];
        for (const run of runs.filter(({ entry }) => entry.id === configId(typical))) {
          await queue.claim(claimKey("01", run.key));
          times.push(await timeFiles(study, files, run));
          await queue.release(claimKey("01", run.key));
        }
        seconds.set(name, median(times));
      }
    } finally {
      await queue.close();
    }
    const from = `the record, checkpoint, model and result of one run of each of ${shapes.length} shapes, ` +
      `encoded, written and synced ${ROUNDS} times`;
    return { seconds, from };
  } finally {
    await Deno.remove(dir, { recursive: true });
    // Another benchmark may have something there.
    await Deno.remove(FOLDER).catch(() => {});
  }
}

/** Seconds of what `train` writes of a run: as it begins, as it has ended, and as it has a score. */
async function timeFiles(study: Study, files: RunFiles, run: Run): Promise<number> {
  const begun = performance.now();
  const started = await files.start(run, false);
  const before = performance.now() - begun;
  const steps_done = totalSteps(SETTINGS_01, 1),
    curve = new Array(Math.floor(steps_done / SETTINGS_01.log_every)).fill(2);
  const tensors = initialTensors(prepare(started));
  const trained = trainedRun(started, { steps_done, smoothed_loss: 2, curve, seconds: 1, tensors }, []);
  const ended = performance.now();
  const { result } = await files.finish(started, trained);
  await study.writeResult("01", run.key, result);
  return (before + performance.now() - ended) / 1000;
}

/** Removes what benchmarks have left that were ended on the way. */
async function removeOld(): Promise<void> {
  const anHourAgo = Date.now() - 3_600_000;
  for await (const { name } of Deno.readDir(FOLDER)) {
    const path = join(FOLDER, name), { mtime } = await Deno.stat(path);
    if (mtime && mtime.getTime() < anHourAgo) await Deno.remove(path, { recursive: true });
  }
}
