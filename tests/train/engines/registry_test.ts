/** One registry of engines: whoever offers, opens, checks or describes them reads it, and a further engine needs no other change. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { join, relative } from "node:path";
import { UserError } from "../../../cells/errors.ts";
import { engineFlags } from "../../../experiments/train.ts";
import { compare, engineListFlag, openEngines } from "../../../train/certify.ts";
import type { DeviceEngineEntry, Engine, EngineEntry, EngineOptions } from "../../../train/engines/engine.ts";
import { ONNX_ENGINE } from "../../../train/engines/onnx/engine.ts";
import { openReferenceEngine, REFERENCE_ENGINE } from "../../../train/engines/reference.ts";
import {
  describeAuto,
  describeParallel,
  ENGINE_NAMES,
  type EngineChoice,
  engineChoices,
  type EngineName,
  engineOfEveryMachine,
  ENGINES,
  openEngine,
  openEntry,
  openStudyEngine,
  studyEngines,
} from "../../../train/engines/registry.ts";
import { WEBGPU_ENGINE } from "../../../train/engines/webgpu/engine.ts";
import { GOLDEN } from "../../cells/catalog/golden_cases.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** The engines that the texts below are of, whatever the registry has beside them. */
const THREE = [REFERENCE_ENGINE, ONNX_ENGINE, WEBGPU_ENGINE] as const;

/** A fourth engine: the arithmetic of the reference, under another name. */
const NPU = {
  name: "npu",
  capabilities: { trainsOnCpu: false, isolatedRuns: false },
  tolerance: 1e-3,
  casesPerGroup: 2,
  study: { parallel: "queues", defaultParallel: "three", chosenOn: "a tensor card" },
  absence: "this machine has no tensor card",
  open: (): Promise<Engine | undefined> => openNpu(),
} as const satisfies EngineEntry;

async function openNpu(changes: Partial<Engine> = {}): Promise<Engine> {
  const { capabilities } = NPU;
  return { ...await openReferenceEngine(), name: NPU.name, capabilities, adapter: "a card", ...changes };
}

const FOUR = [...THREE, NPU] as const;

/** The same engines, but for how the fourth opens. */
const withNpu = (open: DeviceEngineEntry["open"]): readonly EngineEntry[] => [...THREE, { ...NPU, open }];

/** What standard output is given until it is disposed of. */
function recordOutput(): Disposable & { readonly lines: string[] } {
  const { writeSync } = Deno.stdout, lines: string[] = [];
  Deno.stdout.writeSync = (bytes) => {
    lines.push(...new TextDecoder().decode(bytes).trimEnd().split("\n"));
    return bytes.length;
  };
  return { lines, [Symbol.dispose]: () => void (Deno.stdout.writeSync = writeSync) };
}

Deno.test("each engine opens under its entry's name, with its capabilities, and says how many runs it takes", async () => {
  const layouts = { one_group: { groups: 1, runsPerGroup: 5 }, a_group_each: { groups: 5, runsPerGroup: 1 } };
  const parallel: Readonly<Record<EngineName, (engine: Engine) => number>> = {
    reference: () => 1,
    onnx: () => navigator.hardwareConcurrency,
    webgpu: ({ software }) => software ? 8 : Infinity,
  };
  for (const entry of ENGINES) {
    const { engine, absence } = await openEntry(entry, { keepWorkers: true });
    if (!engine) {
      console.log(`skipped: ${entry.name} does not open: ${absence}`);
      continue;
    }
    try {
      assert.equal(engine.name, entry.name);
      assert.equal(engine.capabilities, entry.capabilities);
      assert.equal(engine.defaultParallel, parallel[entry.name](engine));
      const layout = entry.capabilities.isolatedRuns ? layouts.a_group_each : layouts.one_group;
      assert.deepEqual(engine.layout(5), layout, entry.name);
    } finally {
      await engine.close();
    }
  }
});

Deno.test("open() of each engine rejects a group of no runs", async () => {
  for (const entry of ENGINES) {
    const { engine } = await openEntry(entry);
    if (!engine) continue;
    await assert.rejects(engine.open([], new Uint8Array(10)), {
      name: "RangeError",
      message: "Cannot open a group: it has no run, must have at least one",
    }, entry.name);
    await engine.close();
  }
});

Deno.test("ENGINES has the tolerances of docs/engines.md, and trains studies on all but the reference", () => {
  assert.deepEqual(ENGINES.filter((entry) => (THREE as readonly EngineEntry[]).includes(entry)), THREE);
  const tolerances = THREE.map(({ name, tolerance }) => [name, tolerance]);
  assert.deepEqual(tolerances, [["reference", 1e-10], ["onnx", 1e-4], ["webgpu", 1e-4]]);
  assert.deepEqual(studyEngines(THREE).map(({ name }) => name), ["onnx", "webgpu"]);
  assert.deepEqual(engineChoices(THREE), ["auto", "webgpu", "onnx"]);
  assert.equal(engineOfEveryMachine()?.name, "onnx");
  assert.equal(describeAuto(), "webgpu on a real GPU, else onnx");
  const { chosenOn: _, ...everywhere } = NPU.study;
  assert.equal(describeAuto([{ ...NPU, study: everywhere }, ...THREE]), describeAuto(), "auto never comes to it");
});

Deno.test("train offers a fourth engine, and its help says what it is", () => {
  const choices: EngineChoice<typeof FOUR[number]>[] = engineChoices(FOUR);
  assert.deepEqual(choices, ["auto", "npu", "webgpu", "onnx"]);
  const { engine, parallel } = engineFlags(FOUR);
  assert.equal(engine.parse!("npu"), "npu");
  assert.throws(() => engine.parse!("tpu"), { message: "must be one of auto, npu, webgpu, onnx" });
  assert.throws(() => engineFlags(THREE).engine.parse!("npu"), { message: "must be one of auto, webgpu, onnx" });
  assert.match(engine.help, /auto is npu on a tensor card, else webgpu on a real GPU, else onnx/);
  assert.match(
    parallel.help,
    /workers on onnx, runs of a group on webgpu, queues on npu \(default: cores; .*; three\)/,
  );
  assert.equal(parallel.help, `runs at a time: ${describeParallel(FOUR)}`);
});

Deno.test("openStudyEngine() opens a fourth engine by name, and says why it is not there", async () => {
  assert.equal((await openStudyEngine("npu", FOUR)).name, "npu");
  await assert.rejects(openStudyEngine("npu", withNpu(() => Promise.resolve(undefined))), {
    message: "Cannot open engine npu: this machine has no tensor card; use --engine onnx",
  });
  await assert.rejects(
    openStudyEngine("npu", [NPU].map((entry) => ({ ...entry, open: () => Promise.resolve(undefined) }))),
    {
      message: "Cannot open engine npu: this machine has no tensor card",
    },
  );
  for (const name of ["tpu", "reference"]) {
    await assert.rejects(openStudyEngine(name, FOUR), (error) => {
      assert.ok(error instanceof UserError);
      assert.equal(error.message, `Cannot open engine '${name}': must be one of auto, npu, webgpu, onnx`);
      return true;
    });
  }
});

Deno.test("openStudyEngine() with auto takes the fastest engine that is there, and closes a software adapter", async () => {
  assert.equal((await openStudyEngine("auto", FOUR)).name, "npu");
  let closed = 0;
  const close = () => Promise.resolve(void closed++);
  const onnx = ENGINES.filter(({ name }) => name === "onnx");
  const software = { ...NPU, open: () => openNpu({ software: true, close }) };
  const absent = { ...NPU, open: () => Promise.resolve(undefined) };
  for (const entry of [software, absent]) {
    const engine = await openStudyEngine("auto", [...onnx, entry]);
    assert.equal(engine.name, "onnx");
    await engine.close();
  }
  assert.equal(closed, 1);
  await assert.rejects(openStudyEngine("auto", [software, absent]), {
    message: "Cannot choose an engine: this machine has at most software adapters; name one with --engine",
  });
});

Deno.test("openEngine() opens for a program what it names, hands its options on, and speaks of no flags", async () => {
  let given: EngineOptions | undefined;
  const npu = { ...NPU, open: (options?: EngineOptions) => openNpu({}).finally(() => given = options) };
  const open = (name: string, engines: readonly EngineEntry[] = [...THREE, npu]) =>
    openEngine(name as EngineName, { cores: 3 }, engines);
  assert.equal((await open("auto")).name, "npu");
  assert.equal((await open("npu")).name, "npu");
  assert.deepEqual(given, { cores: 3 });
  assert.equal((await open("reference")).name, "reference");
  const refusal = (message: string) => ({ name: "UserError", message });
  const absent = { ...NPU, open: () => Promise.resolve(undefined) };
  await assert.rejects(
    open("tpu"),
    refusal("Cannot open engine 'tpu': must be one of auto, reference, onnx, webgpu, npu"),
  );
  await assert.rejects(
    open("npu", [...THREE, absent]),
    refusal("Cannot open engine npu: this machine has no tensor card; open onnx"),
  );
  await assert.rejects(
    open("auto", [absent]),
    refusal("Cannot choose an engine: this machine has at most software adapters; name one"),
  );
});

Deno.test("certify checks a fourth engine by its own tolerance, in groups of its own size", async () => {
  const { help, parse } = engineListFlag(FOUR);
  assert.match(help, /of reference, onnx, webgpu, npu that this machine has\)$/);
  const asked = parse!("npu");
  assert.deepEqual(asked, [NPU]);
  assert.throws(() => engineListFlag(THREE).parse!("npu"), { message: "'npu' must be one of reference, onnx, webgpu" });
  const golden = structuredClone({ ...GOLDEN, cases: GOLDEN.cases.slice(0, 3) });
  // A mistake in the last loss: 1e-5 of it, within this engine's tolerance alone.
  golden.cases[0].losses[11] *= 1 + 1e-5;
  const groups: number[] = [];
  const open: Engine["open"] = async (runs, ...rest) => {
    groups.push(runs.length);
    return (await openReferenceEngine()).open(runs, ...rest);
  };
  const engine = await openNpu({ open });
  using output = recordOutput();
  assert.equal(await compare([{ entry: NPU, engine }], golden), true);
  assert.deepEqual(groups.slice(0, 2), [2, 1]);
  assert.match(output.lines[1], /^npu +3 of 3 .* 1e-3 +a card$/);
  assert.equal(await compare([{ entry: { ...NPU, tolerance: 1e-6 }, engine }], golden), false);
});

Deno.test("certify says why a fourth engine is not there: an error where it was asked for, else a line", async () => {
  const absent = { ...NPU, open: () => Promise.resolve(undefined) };
  await assert.rejects(openEngines([absent]), { message: "Cannot certify npu: this machine has no tensor card" });
  using output = recordOutput();
  assert.deepEqual(await openEngines(undefined, [absent]), []);
  assert.deepEqual(output.lines, ["npu        skipped: this machine has no tensor card"]);
});

Deno.test("certify closes the engines that it has opened when a later one is absent or does not open", async () => {
  let closed = 0;
  const npu = { ...NPU, open: () => openNpu({ close: () => Promise.resolve(void closed++) }) };
  const broken = new Error("the driver is broken");
  await assert.rejects(openEngines([npu, npu, { ...NPU, open: () => Promise.resolve(undefined) }]), UserError);
  assert.equal(closed, 2);
  await assert.rejects(openEngines([npu, { ...NPU, open: () => Promise.reject(broken) }]), (error) => error === broken);
  assert.equal(closed, 3);
});

Deno.test("certify closes the engine that it compares others with", async () => {
  let closed = 0;
  const close = () => Promise.resolve(void closed++);
  const oracle = { ...REFERENCE_ENGINE, open: async () => ({ ...await openReferenceEngine(), close }) };
  using _output = recordOutput();
  await compare([{ entry: NPU, engine: await openNpu() }], { ...GOLDEN, cases: GOLDEN.cases.slice(0, 1) }, oracle);
  assert.equal(closed, 1);
});

/** Where an engine's name may stand in code outside `train/engines/`, and why. */
const ALLOWED: Readonly<Record<string, string>> = {
  "experiments/bench/peers/peers.ts": "a peer library's name for its backend",
  "experiments/bench/peers/tfjs.ts": "a peer library's name for its backend",
  "train/scoring/evaluation_workers.ts": "ONNX Runtime's name for a provider, which scores",
  "train/scoring/providers.ts": "ONNX Runtime's name for a provider, which scores",
  "train/scoring/score_on.ts": "ONNX Runtime's name for a provider, which scores",
};

/** Lines of code that name an engine: as a literal, or in advice. */
function enginesNamed(source: string, names: readonly string[]): string[] {
  const named = new RegExp(`(["'\`])(${names.join("|")})\\1|--engine (${names.join("|")})\\b`);
  return source.replaceAll(/\/\*\*[^]*?\*\//g, "").split("\n").filter((line) =>
    named.test(line.replace(/(^|\s)\/\/ .*/, ""))
  );
}

function* sources(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(join(ROOT, folder))) {
    const path = join(folder, name);
    if (isDirectory) yield* sources(path);
    else if (/\.m?[jt]s$/.test(name)) yield relative(ROOT, join(ROOT, path));
  }
}

Deno.test("no code outside train/engines/ knows an engine by name", () => {
  const paths = ["cells", "train", "experiments", "report"].flatMap((folder) => [...sources(folder)]);
  const naming = [...paths, "mod.ts", "task.ts"]
    .filter((path) => !path.startsWith("train/engines/"))
    .filter((path) => enginesNamed(Deno.readTextFileSync(join(ROOT, path)), ENGINE_NAMES).length > 0);
  assert.deepEqual(naming.sort(), Object.keys(ALLOWED));
});

Deno.test("the check of names finds a comparison, a case and advice, and nothing in comments and longer strings", () => {
  const bad = ['if (name === "webgpu")', "case 'onnx':", "x = `reference`", "`far slower than --engine onnx`"];
  for (const source of bad) assert.equal(enginesNamed(source, ENGINE_NAMES).length, 1, source);
  const good = [
    '/** `"webgpu"` */',
    'a = 1; // "onnx"',
    '"./onnx/engine.ts"',
    '"webgpu, ceilings"',
    "--engine onnxish",
  ];
  for (const source of good) assert.deepEqual(enginesNamed(source, ENGINE_NAMES), [], source);
});
