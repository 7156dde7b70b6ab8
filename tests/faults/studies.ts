/** Small studies to do harm to, and what must hold of them after. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { readClaims } from "../../experiments/queue/sqlite_queue.ts";
import { isFinished, type RunResult } from "../../experiments/study/result.ts";
import { shortKey } from "../../experiments/study/run_key.ts";
import type { Run } from "../../experiments/study/runs.ts";
import { Study } from "../../experiments/study/store.ts";
import { ensureBaselines } from "../../experiments/study/ngram_baselines.ts";
import { initStudy } from "../../experiments/study/init_study.ts";
import { decodeCheckpoint } from "../../train/training/checkpoint.ts";
import type { TrainingState } from "../../train/training/loss_log.ts";
import { totalSteps } from "../../train/training/settings.ts";
import { cellJob, stepOf } from "../../train/training/training_run.ts";
import type { TrainingStep } from "../../cells/language_model.ts";
import { trainStudy } from "../../experiments/session/training.ts";
import { shortCorpus } from "../experiments/corpus_file.ts";
import { processOf, type Training, type TrainingOptions } from "./processes.ts";

export { tempFolder } from "../experiments/folder.ts";

const EXPERIMENT = "01";

export interface StudyOptions {
  /** Configurations. */
  readonly runs: number;
  readonly steps: number;
  readonly layers?: number;
  readonly stateSizes?: readonly number[];
  readonly seeds?: number;
  /** Path of a text; absent: a {@linkcode shortCorpus} beside its settings. */
  readonly corpus?: string;
  /** Bytes of a pass. Where it is long, checkpoints lie within passes. */
  readonly history?: number;
  readonly logEvery?: number;
}

/** Makes a study with some configurations of the grid, spread over it; the state sizes take turns. */
export async function makeStudy(
  dir: string,
  { runs, steps, layers = 1, stateSizes = [8], seeds = 1, corpus, history = 201, logEvery = 50 }: StudyOptions,
): Promise<Study> {
  const levels = { n_layers: [layers], state_size: stateSizes };
  if (corpus === undefined) {
    await Deno.mkdir(dir, { recursive: true });
    corpus = shortCorpus(dir);
  }
  const { study, corpus: text } = await initStudy({
    dir,
    experiment: EXPERIMENT,
    levels,
    seeds,
    corpus,
    steps,
    batch: 16,
    history,
  });
  const all = await study.readConfigs(EXPERIMENT);
  // Each setting is listed in all sizes, one after the other: from run to run another setting, and the next size.
  const sizes = stateSizes.length, settingsListed = all.length / sizes;
  const some = Array.from({ length: runs }, (_, i) => all[sizes * Math.floor(i * settingsListed / runs) + i % sizes]);
  const entries = some.map(({ id, config }) => ({ ...config, id }));
  await Deno.writeTextFile(join(dir, "rnn_configs.json"), JSON.stringify(entries));
  const settings = {
    ...study.settings,
    training: { ...study.settings.training, log_every: { "01": logEvery, "02": logEvery } },
  };
  await Deno.writeTextFile(join(dir, "study.json"), JSON.stringify(settings));
  // As 'init' leaves a study.
  await ensureBaselines(study, text);
  return await Study.open(dir);
}

/** A copy of a study that nothing has happened to: its settings, configurations and n-gram baselines. */
export async function copyOf(study: Study, dir: string): Promise<Study> {
  await Deno.mkdir(dir, { recursive: true });
  for (const name of ["study.json", "rnn_configs.json", "entropy_floors.json"]) {
    await Deno.copyFile(join(study.dir, name), join(dir, name));
  }
  return await Study.open(dir);
}

/** A study like another, trained by this process, where nothing disturbs it. */
export async function trainedQuietly(
  study: Study,
  dir: string,
  { engine = "onnx", parallel }: Pick<TrainingOptions, "engine" | "parallel"> = {},
): Promise<Study> {
  const quiet = await copyOf(study, dir);
  const { failed, problems } = await trainStudy({ dir, experiment: EXPERIMENT, engine, parallel });
  assert.deepEqual([failed, problems], [0, 0]);
  return quiet;
}

/** A study to copy, in the folder `plan`, and one like it that nothing has disturbed: the results that each copy must have. */
export async function planAndQuiet(
  dir: string,
  options: StudyOptions,
  training: Parameters<typeof trainedQuietly>[2] = {},
): Promise<{ plan: Study; quiet: Study }> {
  const plan = await makeStudy(join(dir, "plan"), options);
  return { plan, quiet: await trainedQuietly(plan, join(dir, "quiet"), training) };
}

/** The same with a copy that something is to happen to: in the folder `study`, or where `at` says. */
export async function quietAndStudy(
  dir: string,
  options: StudyOptions,
  { at = join(dir, "study"), ...training }: Parameters<typeof planAndQuiet>[2] & { at?: string } = {},
): Promise<{ plan: Study; quiet: Study; study: Study }> {
  const { plan, quiet } = await planAndQuiet(dir, options, training);
  return { plan, quiet, study: await copyOf(plan, at) };
}

/** What was read last, by what it is. Waiting looks again and again: files that are the same are not read again. */
class LastRead<T> {
  readonly #last = new Map<string, { mark: string; value: T }>();

  /** @param paths the files that `read` reads; each change of one puts another file there, or another time on it */
  async get(what: string, paths: readonly string[], read: () => Promise<T>): Promise<T> {
    // Taken before it is read: what changes meanwhile has another mark at the next look.
    const mark = paths.map(markOf).join(), last = this.#last.get(what);
    if (last?.mark === mark) return last.value;
    const value = await read();
    this.#last.set(what, { mark, value });
    return value;
  }
}

/** Differs for each file that is put at a path; empty where there is none. */
function markOf(path: string): string {
  try {
    const { ino, size, mtime, ctime } = Deno.statSync(path);
    return `${path} ${ino} ${size} ${mtime?.getTime()} ${ctime?.getTime()}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

const lastResults = new LastRead<ReadonlyMap<string, RunResult>>();
const lastRuns = new LastRead<Run[]>();
const lastSteps = new LastRead<number>();

/** The runs of a study, in the order of its list. */
function runsOf(study: Study): Promise<Run[]> {
  const { dir, settings: { seeds } } = study;
  return lastRuns.get(`${seeds} ${dir}`, [join(dir, "rnn_configs.json")], () => study.runs(EXPERIMENT));
}

/** The results of a study, by key; every file among them must be whole. */
export async function resultsOf(study: Study): Promise<ReadonlyMap<string, RunResult>> {
  const folder = dirname(study.resultPath(EXPERIMENT, ""));
  const paths = existsSync(folder) ? [...Deno.readDirSync(folder)].map(({ name }) => join(folder, name)).sort() : [];
  return await lastResults.get(study.dir, paths, async () => {
    const { results, unreadable } = await study.readResults(EXPERIMENT);
    assert.deepEqual(unreadable, []);
    return new Map(results.map((result) => [basename(study.resultPath(EXPERIMENT, keyOf(result)), ".json"), result]));
  });
}

function keyOf({ id, seed }: RunResult): string {
  return seed === 0 ? id : `${id}_seed${seed}`;
}

/** Keys of the runs that have their curve. */
export async function finishedRuns(study: Study): Promise<string[]> {
  return [...await resultsOf(study)].filter(([, result]) => isFinished(result)).map(([key]) => key);
}

/** The state in a run's checkpoint; undefined where there is none. A damaged one, or another run's, throws. */
async function checkpointOf(study: Study, { key, entry: { config }, seed }: Run): Promise<TrainingState | undefined> {
  const { path, bytes } = await study.readCheckpoint(EXPERIMENT, key);
  if (!bytes) return undefined;
  const { corpus, training } = study.settings;
  const settings = { ...training, steps: training.steps[EXPERIMENT], log_every: training.log_every[EXPERIMENT] };
  const step = steps.get(key) ?? stepOf(cellJob({ config, seed }), settings);
  steps.set(key, step);
  const about = { config, seed, corpus: corpus.name, corpus_sha1: corpus.sha1, ...settings };
  return (await decodeCheckpoint(bytes, path, step, about)).state;
}

/** Checkpoints are read often, and the graph that tells their shapes takes a while to build. */
const steps = new Map<string, TrainingStep>();

/** Steps in the checkpoint of each run; 0 where there is none. */
export async function checkpointSteps(study: Study): Promise<Map<string, number>> {
  const steps = new Map<string, number>();
  for (const run of await runsOf(study)) {
    const path = study.checkpointPath(EXPERIMENT, run.key);
    const read = async () => (await checkpointOf(study, run))?.steps_done ?? 0;
    steps.set(run.key, await lastSteps.get(path, [path], read));
  }
  return steps;
}

/** Steps that a run of the study gets. */
export function stepsOfRun({ settings: { training } }: Study): number {
  return totalSteps({ ...training, steps: training.steps[EXPERIMENT] }, 1);
}

/** The files of the study's results as they are. */
export async function resultFiles(study: Study): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const { key } of await study.runs(EXPERIMENT)) {
    const text = await Deno.readTextFile(study.resultPath(EXPERIMENT, key)).catch(() => undefined);
    if (text !== undefined) files.set(key, text);
  }
  return files;
}

/**
 * Every run of `actual` has ended, whole, and with the numbers of `expected`: curve, score, weights, moments, states, model.
 * No unfinished file lies where results, models or checkpoints do.
 */
export async function assertSameRuns(actual: Study, expected: Study, note: string): Promise<void> {
  const [results, wanted] = [await resultsOf(actual), await resultsOf(expected)];
  const runs = await actual.runs(EXPERIMENT);
  const keys = runs.map(({ key }) => key).sort();
  assert.deepEqual([...results.keys()].sort(), keys, note);
  for (const run of runs) {
    const { key } = run;
    const [result, other] = [results.get(key)!, wanted.get(key)!];
    const about = `run ${shortKey(key)}, ${note}`;
    assert.ok(isFinished(result) && result.failed === undefined && result.owner === undefined, about);
    assert.ok(isFinished(other) && other.test_loss !== undefined, about);
    assert.equal(JSON.stringify(result.loss), JSON.stringify(other.loss), about);
    assert.deepEqual([result.steps_done, result.test_loss], [other.steps_done, other.test_loss], about);
    assertSameBytes(actual.modelPath(EXPERIMENT, key), expected.modelPath(EXPERIMENT, key), about);
    await assertSameCheckpoint(actual, expected, run, about);
  }
  for (const kind of ["results", "models", "checkpoints"]) {
    const names = [...Deno.readDirSync(join(actual.dir, `${kind}_01_all`))].map(({ name }) => name.split(".")[0])
      .sort();
    assert.deepEqual(names, keys, `${kind}, ${note}`);
  }
}

function assertSameBytes(actual: string, expected: string, note: string): void {
  const [a, b] = [Deno.readFileSync(actual), Deno.readFileSync(expected)];
  assert.ok(a.length === b.length && a.every((byte, i) => byte === b[i]), `${actual} has other bytes, ${note}`);
}

async function assertSameCheckpoint(actual: Study, expected: Study, run: Run, note: string): Promise<void> {
  const [a, b] = [await checkpointOf(actual, run), await checkpointOf(expected, run)];
  assert.ok(a && b, note);
  const numbers = ({ steps_done, smoothed_loss, curve }: TrainingState) => [steps_done, smoothed_loss, ...curve];
  assert.deepEqual(numbers(a), numbers(b), note);
  assert.deepEqual([...a.tensors.keys()], [...b.tensors.keys()], note);
  for (const [name, values] of a.tensors) {
    const other: ArrayLike<number> = b.tensors.get(name)!;
    assert.ok(values.length === other.length && values.every((x, i) => x === other[i]), `'${name}' differs, ${note}`);
  }
}

/** Each run was finished by one process: none by two, none by nobody but those that a process finished and was killed before it said so. */
export async function assertFinishedOnce(
  study: Study,
  trainings: readonly Training[],
  unsaid: ReadonlySet<string>,
  note: string,
): Promise<void> {
  const said = trainings.flatMap(({ finished }) => finished);
  for (const { key } of await study.runs(EXPERIMENT)) {
    const times = said.filter((short) => short === shortKey(key)).length;
    const about = `run ${shortKey(key)} was finished ${times} times, ${note}\n${
      trainings.map(({ transcript }) => transcript).join("\n")
    }`;
    assert.ok(times === 1 || times === 0 && unsaid.has(key), about);
  }
}

/** Whether a process has claims, or had when it was killed. */
export function holdsRuns(study: Study, { pid }: Training): boolean {
  return readClaims(study.queuePath).some(({ owner }) => processOf(owner) === pid);
}

/** Nobody holds anything, but processes that were killed. */
export function assertReleased(study: Study, killed: readonly Training[], note: string): void {
  const dead = new Set(killed.map(({ pid }) => pid));
  const held = readClaims(study.queuePath).filter(({ owner }) => !dead.has(processOf(owner)));
  assert.deepEqual(held, [], note);
}
