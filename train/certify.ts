/** `deno task certify`: runs a golden file on engines, and cases of other vocabularies, and prints how far each is from the numbers. */
import { fileURLToPath } from "node:url";
import { messageOf, UserError } from "../cells/errors.ts";
import { describeConfig, pickConfig } from "../cells/config.ts";
import type { Engine, EngineName } from "./engines/engine.ts";
import { ENGINE_NAMES } from "./engines/engine.ts";
import { openOnnxEngine } from "./engines/onnx/engine.ts";
import { openReferenceEngine } from "./engines/reference.ts";
import { openWebGpuEngine } from "./engines/webgpu/engine.ts";
import { type CaseErrors, certifyGroup, type GoldenFile, goldenFrom, parseGolden, TOLERANCES } from "./golden.ts";
import { EXIT, flag, runCommand, splitList } from "./terminal/command_line.ts";
import { openProgress } from "./terminal/progress.ts";
import { print } from "./terminal/output.ts";

const OPENERS: Readonly<Record<EngineName, () => Promise<Engine | undefined>>> = {
  reference: () => Promise.resolve(openReferenceEngine()),
  onnx: () => Promise.resolve(openOnnxEngine(undefined, { keepWorkers: true })),
  webgpu: openWebGpuEngine,
};

/** Cases per group: onnx has a worker for each, webgpu takes them into one schedule. */
const GROUP: Readonly<Record<EngineName, number>> = { reference: 1, onnx: 8, webgpu: 48 };

const flags = {
  golden: flag.text(
    "--golden <file>",
    "reference numbers",
    fileURLToPath(new URL("../tests/golden/gated_cells.json", import.meta.url)),
  ),
  engine: {
    usage: "--engine <list>",
    help: `engines to check (default: all that this machine has of ${ENGINE_NAMES.join(", ")})`,
    fallback: undefined as EngineName[] | undefined,
    parse: (text: string) =>
      splitList(text, ENGINE_NAMES.length).map((part): EngineName => {
        const name = ENGINE_NAMES.find((known) => known === part);
        if (!name) throw new Error(`'${part}' must be one of ${ENGINE_NAMES.join(", ")}`);
        return name;
      }),
  },
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

/** Cases with other vocabularies than the file's, and the reference engine's numbers, in float64. */
function otherVocabularies({ settings, cases }: GoldenFile): Promise<GoldenFile[]> {
  const reference = openReferenceEngine(), some = cases.filter((_, i) => i % WIDE.every === 0);
  return Promise.all(
    VOCABULARIES.map((vocab) => goldenFrom(reference, { ...settings, vocab, batch: WIDE.batch }, some)),
  );
}

/** Errors of all cases on one engine. */
async function certify(engine: Engine, { settings, cases }: GoldenFile): Promise<CaseErrors[]> {
  const bar = openProgress(cases.length, "cases");
  const errors: CaseErrors[] = [];
  try {
    for (let first = 0; first < cases.length; first += GROUP[engine.name]) {
      const group = cases.slice(first, first + GROUP[engine.name]);
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

/** @throws {UserError} if one that was asked for is not there */
async function openEngines(asked: readonly EngineName[] | undefined): Promise<Engine[]> {
  const engines: Engine[] = [];
  for (const name of asked ?? ENGINE_NAMES) {
    const engine = await OPENERS[name]();
    if (engine) engines.push(engine);
    else if (asked) throw new UserError(`Cannot certify ${name}: this machine has no WebGPU adapter`);
    else print(`${name.padEnd(9)}  skipped: this machine has no WebGPU adapter`);
  }
  return engines;
}

const worst = ({ losses, gradients, states }: CaseErrors) => Math.max(losses, gradients, states);

/** One line for an engine; whether it is within its tolerance. */
function summarise(engine: Engine, errors: readonly CaseErrors[], { settings, cases }: GoldenFile): boolean {
  const tolerance = TOLERANCES[engine.name];
  const most = (key: keyof CaseErrors) => errors.reduce((a, e) => Math.max(a, e[key]), 0).toExponential(1);
  const passed = errors.filter((e) => worst(e) <= tolerance).length;
  print(
    `${engine.name.padEnd(9)}  ${`${passed} of ${errors.length}`.padEnd(10)}  ${most("losses").padEnd(7)}  ` +
      `${most("gradients").padEnd(9)}  ${most("states").padEnd(7)}  ${
        tolerance.toExponential(0).padEnd(9)
      }  ${engine.adapter}`,
  );
  if (passed === errors.length) return true;
  const at = errors.reduce((a, e, i) => (worst(e) > worst(errors[a]) ? i : a), 0);
  const config = pickConfig({ ...cases[at], state_size: settings.state });
  print(`           worst: case ${at}, ${describeConfig(config)}: error ${worst(errors[at]).toExponential(2)}`);
  return false;
}

if (import.meta.main) {
  const description =
    "Compares engines with reference numbers, in several vocabularies. Exit code 1 if one is past its tolerance.";
  await runCommand({ name: "certify", description, flags }, async ({ golden: path, engine: asked }) => {
    const golden = await readGolden(path), engines = await openEngines(asked);
    try {
      let right = true;
      print("engine     cases       losses   gradients  states   tolerance  adapter");
      for (const engine of engines) right = summarise(engine, await certify(engine, golden), golden) && right;
      // The reference itself has nothing to be compared with there.
      const compared = engines.filter(({ name }) => name !== "reference");
      for (const other of compared.length ? await otherVocabularies(golden) : []) {
        print(`vocabulary ${other.settings.vocab}, numbers from the reference engine`);
        for (const engine of compared) right = summarise(engine, await certify(engine, other), other) && right;
      }
      return right ? EXIT.ok : EXIT.failed;
    } finally {
      for (const engine of engines) await engine.close();
    }
  });
}
