/**
 * The engines, in one list. Whoever offers, opens, checks or describes engines reads it; each function takes another list as well.
 *
 * A new engine is a folder beside this module, with an {@linkcode EngineEntry}, and a line in {@linkcode ENGINES}.
 */
import { UserError } from "../../cells/errors.ts";
import type { Engine, EngineEntry, EngineOptions, StudyHelp } from "./engine.ts";
import { ONNX_ENGINE } from "./onnx/engine.ts";
import { REFERENCE_ENGINE } from "./reference.ts";
import { WEBGPU_ENGINE } from "./webgpu/engine.ts";

/** All engines, the slowest first: `auto` tries them from the end. */
export const ENGINES = [REFERENCE_ENGINE, ONNX_ENGINE, WEBGPU_ENGINE] as const satisfies readonly EngineEntry[];

/** One of {@linkcode ENGINE_NAMES}. */
export type EngineName = typeof ENGINES[number]["name"];
/** Engines by name. They differ in speed and rounding. */
export const ENGINE_NAMES: readonly EngineName[] = ENGINES.map(({ name }) => name);

/** The fastest engine that this machine has, where that is not a software adapter. */
const AUTO = "auto";

/** What `--engine` may say where a study is trained. */
export type EngineChoice<E extends EngineEntry = typeof ENGINES[number]> =
  | typeof AUTO
  | Extract<E, { study: StudyHelp }>["name"];

/** An engine that is fast enough to train a study. */
export type StudyEngine = EngineEntry & { readonly study: StudyHelp };

/** The engines that train studies, the slowest first. */
export function studyEngines(engines: readonly EngineEntry[] = ENGINES): StudyEngine[] {
  return engines.filter((entry): entry is StudyEngine => entry.study !== undefined);
}

/** What `--engine` may say, the fastest engine first. */
export function engineChoices<E extends EngineEntry>(engines: readonly E[]): EngineChoice<E>[] {
  return [AUTO, ...studyEngines(engines).toReversed().map(({ name }) => name as EngineChoice<E>)];
}

/** The fastest engine that every machine has, for whom another is missing or too slow. */
export function engineOfEveryMachine(engines: readonly EngineEntry[] = ENGINES): StudyEngine | undefined {
  return studyEngines(engines).findLast(({ absence }) => absence === undefined);
}

/** An engine that was opened, or why this machine has none, as the end of a sentence. */
export type Opened = { readonly engine: Engine; readonly absence?: undefined } | {
  readonly engine?: undefined;
  readonly absence: string;
};

/** Opens an engine, to be closed, where this machine has it. */
export async function openEntry(entry: EngineEntry, options?: EngineOptions): Promise<Opened> {
  if (entry.absence === undefined) return { engine: await entry.open(options) };
  const engine = await entry.open(options);
  return engine ? { engine } : { absence: entry.absence };
}

/** What `auto` takes, for a flag's help: nothing that is slower than an engine that it takes everywhere. */
export function describeAuto(engines: readonly EngineEntry[] = ENGINES): string {
  const fastestFirst = studyEngines(engines).toReversed();
  const everywhere = fastestFirst.findIndex(({ study }) => study.chosenOn === undefined);
  return fastestFirst.slice(0, everywhere < 0 ? undefined : everywhere + 1)
    .map(({ name, study }) => study.chosenOn === undefined ? name : `${name} on ${study.chosenOn}`)
    .join(", else ");
}

/** What `--parallel` counts, for its help. */
export function describeParallel(engines: readonly EngineEntry[] = ENGINES): string {
  const entries = studyEngines(engines);
  const counted = entries.map(({ name, study }) => `${study.parallel} on ${name}`).join(", ");
  return `${counted} (default: ${entries.map(({ study }) => study.defaultParallel).join("; ")})`;
}

/**
 * Opens the engine that is to train a study; it is to be closed.
 *
 * @param choice one of {@linkcode engineChoices}
 * @throws {UserError} if there is no such engine, or this machine has none
 */
export async function openStudyEngine(choice: string, engines: readonly EngineEntry[] = ENGINES): Promise<Engine> {
  const study = studyEngines(engines), options = { keepWorkers: true };
  if (choice === AUTO) return await openFastest(study, options, "name one with --engine");
  const entry = study.find(({ name }) => name === choice);
  if (!entry) {
    throw new UserError(`Cannot open engine '${choice}': must be one of ${engineChoices(engines).join(", ")}`);
  }
  return await openOrRefuse(entry, options, (other) => `use --engine ${other}`, engines);
}

/**
 * Opens an engine: one by its name, or with `auto` the fastest that this machine has and that is not a software adapter. Close it
 * when the last group has been trained.
 *
 * ```ts ignore
 * const engine = await openEngine("auto");
 * const run = await trainCell(engine, gruCell, { n_layers: 1, state_size: 64, seed: 0 }, settings, corpus.train);
 * await engine.close();
 * ```
 *
 * @param name `auto`, or one of {@linkcode ENGINE_NAMES}
 * @param engines the engines that there are
 * @throws {UserError} if there is no such engine, or this machine has none
 */
export async function openEngine(
  name: "auto" | EngineName = AUTO,
  options: EngineOptions = {},
  engines: readonly EngineEntry[] = ENGINES,
): Promise<Engine> {
  if (name === AUTO) return await openFastest(studyEngines(engines), options, "name one");
  const entry = engines.find((entry) => entry.name === name);
  if (!entry) {
    const names = [AUTO, ...engines.map(({ name }) => name)];
    throw new UserError(`Cannot open engine '${name}': must be one of ${names.join(", ")}`);
  }
  return await openOrRefuse(entry, options, (other) => `open ${other}`, engines);
}

/** @param advice what else can be done, from the name of an engine that every machine has */
async function openOrRefuse(
  entry: EngineEntry,
  options: EngineOptions,
  advice: (other: string) => string,
  engines: readonly EngineEntry[],
): Promise<Engine> {
  const { engine, absence } = await openEntry(entry, options);
  if (engine) return engine;
  const other = engineOfEveryMachine(engines);
  throw new UserError(`Cannot open engine ${entry.name}: ${absence}${other ? `; ${advice(other.name)}` : ""}`);
}

/** Opens the fastest engine. A software adapter is right, and slow: it serves only on request. */
async function openFastest(entries: readonly StudyEngine[], options: EngineOptions, advice: string): Promise<Engine> {
  for (const entry of entries.toReversed()) {
    const engine = await entry.open(options);
    if (engine && !engine.software) return engine;
    await engine?.close();
  }
  throw new UserError(`Cannot choose an engine: this machine has at most software adapters; ${advice}`);
}
