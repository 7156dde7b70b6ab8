/** `deno task certify`: runs a golden file on engines, and prints how far each is from it. */
import { fileURLToPath } from "node:url";
import { messageOf, UserError } from "../cells/errors.ts";
import { describeConfig, pickConfig } from "../cells/config.ts";
import type { Engine, EngineName } from "./engines/engine.ts";
import { ENGINE_NAMES } from "./engines/engine.ts";
import { openOnnxEngine } from "./engines/onnx/engine.ts";
import { openReferenceEngine } from "./engines/reference.ts";
import { openWebGpuEngine } from "./engines/webgpu/engine.ts";
import { type CaseErrors, certifyGroup, type GoldenFile, parseGolden, TOLERANCES } from "./golden.ts";
import { EXIT, flag, runCommand } from "./terminal/command_line.ts";
import { openProgress } from "./terminal/progress.ts";

const OPENERS: Readonly<Record<EngineName, () => Promise<Engine | undefined>>> = {
  reference: () => Promise.resolve(openReferenceEngine()),
  onnx: () => Promise.resolve(openOnnxEngine()),
  webgpu: openWebGpuEngine,
};

/** Cases per group: onnx starts a worker for each, webgpu takes them into one schedule. */
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
      text.split(",").map((part): EngineName => {
        const name = ENGINE_NAMES.find((known) => known === part.trim());
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

const worst = ({ losses, gradients, states }: CaseErrors) => Math.max(losses, gradients, states);

/** One line for an engine; whether it is within its tolerance. */
function summarise(engine: Engine, errors: readonly CaseErrors[], { settings, cases }: GoldenFile): boolean {
  const tolerance = TOLERANCES[engine.name];
  const most = (key: keyof CaseErrors) => errors.reduce((a, e) => Math.max(a, e[key]), 0).toExponential(1);
  const passed = errors.filter((e) => worst(e) <= tolerance).length;
  console.log(
    `${engine.name.padEnd(9)}  ${`${passed} of ${errors.length}`.padEnd(10)}  ${most("losses").padEnd(7)}  ` +
      `${most("gradients").padEnd(9)}  ${most("states").padEnd(7)}  ${
        tolerance.toExponential(0).padEnd(9)
      }  ${engine.adapter}`,
  );
  if (passed === errors.length) return true;
  const at = errors.reduce((a, e, i) => (worst(e) > worst(errors[a]) ? i : a), 0);
  const config = pickConfig({ ...cases[at], state_size: settings.state });
  console.log(`           worst: case ${at}, ${describeConfig(config)}: error ${worst(errors[at]).toExponential(2)}`);
  return false;
}

if (import.meta.main) {
  const description = "Compares engines with reference numbers. Exit code 1 if one is past its tolerance.";
  await runCommand({ name: "certify", description, flags }, async ({ golden: path, engine: asked }) => {
    const golden = await readGolden(path);
    console.log("engine     cases       losses   gradients  states   tolerance  adapter");
    let right = true;
    for (const name of asked ?? ENGINE_NAMES) {
      const engine = await OPENERS[name]();
      if (!engine) {
        if (asked) throw new UserError(`Cannot certify ${name}: this machine has no WebGPU adapter`);
        console.log(`${name.padEnd(9)}  skipped: this machine has no WebGPU adapter`);
        continue;
      }
      try {
        right = summarise(engine, await certify(engine, golden), golden) && right;
      } finally {
        await engine.close();
      }
    }
    return right ? EXIT.ok : EXIT.failed;
  });
}
