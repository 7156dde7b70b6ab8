/** `deno task certify`: runs a golden file on engines, and cases of other vocabularies, and prints how far each is from the numbers. */
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { messageOf, UserError } from "../cells/errors.ts";
import { describeConfig } from "../cells/config.ts";
import { maxOf } from "../cells/extremes.ts";
import type { Engine, EngineEntry, OrdinaryEngineEntry } from "./engines/engine.ts";
import { REFERENCE_ENGINE } from "./engines/reference.ts";
import { ENGINES, openEntry } from "./engines/registry.ts";
import { type CaseErrors, certifyGroup, goldenConfig, type GoldenFile, goldenFrom, parseGolden } from "./golden.ts";
import { runCommand } from "./terminal/command_line.ts";
import { EXIT, type Flag, flag, splitList } from "./terminal/flag.ts";
import { openProgress } from "./terminal/progress.ts";
import { print } from "./terminal/output.ts";

/** The engine whose numbers the others are compared with where no golden file has any. */
const ORACLE: OrdinaryEngineEntry = REFERENCE_ENGINE;

/** An engine that is to be checked, and what the registry says of it. */
export interface Checked {
  readonly entry: EngineEntry;
  readonly engine: Engine;
}

/** The engines to check, by name; without the flag, all that this machine has. */
export function engineListFlag(engines: readonly EngineEntry[] = ENGINES): Flag<EngineEntry[] | undefined> {
  const known = engines.map(({ name }) => name).join(", ");
  return {
    usage: "--engine <list>",
    help: `engines to check (default: those of ${known} that this machine has)`,
    fallback: undefined,
    parse: (text) =>
      splitList(text, engines.length).map((part) => {
        const entry = engines.find(({ name }) => name === part);
        if (!entry) throw new Error(`'${part}' must be one of ${known}`);
        return entry;
      }),
  };
}

/** The golden files of this project. */
const GOLDEN_FILES: readonly string[] = ["gated_cells.json", "catalog_cells.json", "bptt.json", "catalog_bptt.json"]
  .map((name) => fileURLToPath(new URL(`../tests/golden/${name}`, import.meta.url)));

/** What the command line takes. */
export const flags = {
  golden: flag.text(
    "--golden <file>",
    "file of reference numbers (default: the gated cell, the catalog, and gradients through several steps)",
    undefined,
  ),
  engine: engineListFlag(),
};

async function readGolden(path: string): Promise<GoldenFile> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    throw new UserError(
      `Cannot read golden file ${path}: ${
        error instanceof Deno.errors.NotFound ? "it does not exist" : messageOf(error)
      }`,
    );
  }
  return parseGolden(text, path);
}

/** Vocabularies beside the golden file's: one off a vector's size, and one with many more tokens than a byte has values. */
const VOCABULARIES = [258, 1024];
/** A batch whose rows read tokens from all over such a vocabulary; and which cases of the file are taken. */
const WIDE = { batch: 64, every: 48 } as const;

/** Cases with other vocabularies than the file's, and the oracle's numbers, in float64. */
async function otherVocabularies(
  { settings, cases }: GoldenFile,
  entry: OrdinaryEngineEntry,
): Promise<GoldenFile[]> {
  const oracle = await entry.open(), some = cases.filter((_, i) => i % WIDE.every === 0);
  try {
    return await Promise.all(
      VOCABULARIES.map((vocab) => goldenFrom(oracle, { ...settings, vocab, batch: WIDE.batch }, some)),
    );
  } finally {
    await oracle.close();
  }
}

/** Errors of all cases on one engine. */
async function certify({ engine, entry }: Checked, { settings, cases }: GoldenFile): Promise<CaseErrors[]> {
  const bar = openProgress(cases.length, "cases");
  const errors: CaseErrors[] = [];
  try {
    for (let first = 0; first < cases.length; first += entry.casesPerGroup) {
      const group = cases.slice(first, first + entry.casesPerGroup);
      const tell = (done: number, total: number) =>
        bar.update(errors.length, `${engine.name}, compiling kernels, ${done} of ${total}`);
      errors.push(...await certifyGroup(engine, settings, group, tell));
      bar.update(errors.length, engine.name);
    }
  } finally {
    bar.stop();
  }
  return errors;
}

/**
 * Opens engines to check. The caller closes them; where this throws, it has closed those that it had opened.
 *
 * @param asked absent: all of `engines` that this machine has
 * @throws {UserError} if one that was asked for is not there
 */
export async function openEngines(
  asked: readonly EngineEntry[] | undefined,
  engines: readonly EngineEntry[] = ENGINES,
): Promise<Checked[]> {
  const opened: Checked[] = [];
  try {
    for (const entry of asked ?? engines) {
      const { engine, absence } = await openEntry(entry, { keepWorkers: true });
      if (engine) opened.push({ entry, engine });
      else if (asked) throw new UserError(`Cannot certify ${entry.name}: ${absence}`);
      else print(`${inColumn(entry.name)}  skipped: ${absence}`);
    }
  } catch (error) {
    await closeEngines(opened);
    throw error;
  }
  return opened;
}

/** Closes engines that were opened to be checked. */
async function closeEngines(opened: readonly Checked[]): Promise<void> {
  for (const { engine } of opened) await engine.close();
}

const NAME_WIDTH = maxOf(ENGINES.map(({ name }) => name.length));
const inColumn = (name: string) => name.padEnd(NAME_WIDTH);

const worst = ({ losses, gradients, states }: CaseErrors) => Math.max(losses, gradients, states);

/** One line for an engine; whether it is within its tolerance. */
function summarise(
  { engine, entry: { tolerance } }: Checked,
  errors: readonly CaseErrors[],
  { settings, cases }: GoldenFile,
): boolean {
  const most = (key: keyof CaseErrors) => errors.reduce((a, e) => Math.max(a, e[key]), 0).toExponential(1);
  const passed = errors.filter((e) => worst(e) <= tolerance).length;
  print(
    `${inColumn(engine.name)}  ${`${passed} of ${errors.length}`.padEnd(10)}  ${most("losses").padEnd(7)}  ` +
      `${most("gradients").padEnd(9)}  ${most("states").padEnd(7)}  ${
        tolerance.toExponential(0).padEnd(9)
      }  ${engine.adapter}`,
  );
  if (passed === errors.length) return true;
  const at = errors.reduce((a, e, i) => (worst(e) > worst(errors[a]) ? i : a), 0);
  const config = goldenConfig(settings, cases[at]);
  print(`${inColumn("")}  worst: case ${at}, ${describeConfig(config)}: error ${worst(errors[at]).toExponential(2)}`);
  return false;
}

/**
 * Checks engines in the file's vocabulary and in others, and prints a line for each.
 *
 * @param oracle gives the numbers of other vocabularies
 * @returns whether all are within their tolerances
 */
export async function compare(
  checked: readonly Checked[],
  golden: GoldenFile,
  oracle: OrdinaryEngineEntry = ORACLE,
): Promise<boolean> {
  let right = true;
  print(`${inColumn("engine")}  cases       losses   gradients  states   tolerance  adapter`);
  for (const one of checked) right = summarise(one, await certify(one, golden), golden) && right;
  // The oracle itself has nothing to be compared with there.
  const compared = checked.filter(({ entry }) => entry.name !== oracle.name);
  for (const other of compared.length ? await otherVocabularies(golden, oracle) : []) {
    print(`vocabulary ${other.settings.vocab}, numbers from the ${oracle.name} engine`);
    for (const one of compared) right = summarise(one, await certify(one, other), other) && right;
  }
  return right;
}

if (import.meta.main) {
  const description =
    "Compares engines with reference numbers at several vocabulary sizes. The exit code is 1 if an error exceeds its tolerance.";
  await runCommand({ name: "certify", description, flags }, async ({ golden: path, engine: asked }) => {
    const files = new Map<string, GoldenFile>();
    for (const file of path === undefined ? GOLDEN_FILES : [path]) files.set(file, await readGolden(file));
    const checked = await openEngines(asked);
    let right = true;
    try {
      for (const [file, golden] of files) {
        print(basename(file));
        right = await compare(checked, golden) && right;
      }
      return right ? EXIT.ok : EXIT.failed;
    } finally {
      await closeEngines(checked);
    }
  });
}
