/** A small study whose dynamics are measured, with workers that are kept. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type MeasureOptions, measureStudy } from "../../../experiments/session/measure_dynamics.ts";
import { DynamicsWorkers } from "../../../train/dynamics/dynamics_workers.ts";
import { copiesOfSmallStudy, type SmallStudy, TRAINED } from "../small_study.ts";

/** Two streams of the settings below, and what warms them up, fit into a twentieth of this. */
export const copyStudy = copiesOfSmallStudy(24_000);
export const SETTINGS = { streams: 2, tokens: 32, exponents: 4 };

/** Of the study's runs, what has been measured: by the first test that needs it. */
let files: Promise<readonly string[]> | undefined;

async function measureAll(): Promise<readonly string[]> {
  const small = await copyStudy();
  assert.equal((await measure(small)).summary.measured, TRAINED);
  return keysOf(small).map((_, run) => Deno.readTextFileSync(small.dynamics(run)));
}

/**
 * A study whose runs have been measured.
 *
 * @param without runs that have not
 */
export async function copyMeasured(...without: readonly number[]): Promise<SmallStudy> {
  const small = await copyStudy(), contents = await (files ??= measureAll());
  Deno.mkdirSync(join(small.dir, "dynamics_01_all"));
  for (const [run, content] of contents.entries()) {
    if (!without.includes(run)) Deno.writeTextFileSync(small.dynamics(run), content);
  }
  return small;
}

/** Kept from test to test: a worker takes longer to start than one of these runs to be measured. */
let workers: DynamicsWorkers;

/** Starts the workers before the tests of a file, and ends them after. */
export function keepWorkers(): void {
  Deno.test.beforeAll(() => void (workers = new DynamicsWorkers(2)));
  Deno.test.afterAll(() => workers[Symbol.dispose]());
}

/** Measures; returns what came of it, the keys that were measured, and what was said. */
export async function measure(
  { dir }: SmallStudy,
  options: Partial<MeasureOptions> = {},
  given?: Parameters<typeof measureStudy>[1],
) {
  const keys: string[] = [], problems: string[] = [], messages: string[] = [];
  const summary = await measureStudy({
    dir,
    experiment: "01",
    again: false,
    settings: SETTINGS,
    parallel: 1,
    onMeasured: (key) => void keys.push(key),
    onProblem: (problem) => void problems.push(problem),
    onMessage: (message) => void messages.push(message),
    ...options,
  }, { workers, ...given });
  return { summary, keys, problems, messages };
}

/** Keys of the runs that were trained. */
export const keysOf = ({ runs }: SmallStudy) => runs.slice(0, TRAINED).map(({ key }) => key);
