/**
 * Every file of a study is damaged in 300 ways, drawn from a seed: a command says one line or does what is right; it never shows a stack,
 * hangs, dies, or touches what is not its own.
 */
import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SEED_VARIABLE, testSeed } from "./draws.ts";
import type { Failure } from "./fuzz.ts";
import { FUZZED, type FuzzedRuns, makeFuzzedStudy, MODEL } from "./fuzz_study.ts";

const VARIANTS = 300;

/** The damage that is drawn: another seed draws other damage. */
const SEED = testSeed(1);
console.log(`  damage of ${SEED_VARIABLE}=${SEED}`);

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SCRIPT = fileURLToPath(new URL("fuzz.ts", import.meta.url));

/** How lines on standard error begin that the commands write; a stack, a panic or a line of a library does not. */
const OUR_LINE = /^(train|init|evaluate|export): /;

/** Variants of one file, in a process of their own; says what must not be. */
async function fuzz(study: string, name: string, runs: FuzzedRuns, first: number, last: number): Promise<string[]> {
  const permissions = ["--allow-env", "--allow-read", "--allow-write", "--allow-ffi", "--allow-sys"];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      ...permissions,
      SCRIPT,
      study,
      name,
      JSON.stringify(runs),
      ...[first, last, SEED].map(String),
    ],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const lines = new TextDecoder().decode(stdout).trim().split("\n").flatMap((line) => line ? [JSON.parse(line)] : []);
  const stacks = new TextDecoder().decode(stderr).split("\n").filter((line) => line && !OUR_LINE.test(line));
  const failures = lines.filter((line): line is Failure => "variant" in line).map(({ variant, how, command, what }) =>
    `variant ${variant} (${how}), ${command}: ${what}`
  );
  const isWhole = code === 0 && lines.at(-1)?.done === name;
  return [
    ...failures,
    ...stacks,
    ...(isWhole ? [] : [`the process ended with exit code ${code}: ${stacks.join("; ")}`]),
  ];
}

Deno.test("a model that is taken apart and put together again undamaged is the same", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const study = join(dir, "study"), { damaged } = await makeFuzzedStudy(study);
    const bytes = await Deno.readFile(join(study, "models_01_all", `${damaged}.onnx`));
    assert.deepEqual(MODEL.write(MODEL.read(bytes), JSON.stringify, bytes), bytes);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("a damaged file gives one line, or is right, whatever command meets it", async (t) => {
  const dir = await Deno.makeTempDir({ prefix: "cellspace_fuzz_" });
  try {
    const study = join(dir, "study"), runs = await makeFuzzedStudy(study);
    const found = FUZZED.map(() => Promise.withResolvers<string[]>());
    // Two files at a time, for two cores: each process is warm for all variants of its file.
    const next = FUZZED.entries();
    const fuzzRest = async () => {
      for (const [i, { name }] of next) {
        const copy = join(dir, name);
        cpSync(study, copy, { recursive: true });
        found[i].resolve(await fuzz(copy, name, runs, 0, VARIANTS - 1));
      }
    };
    const all = Promise.all([fuzzRest(), fuzzRest()]);
    for (const [i, { name }] of FUZZED.entries()) {
      await t.step(`${VARIANTS} variants of ${name}`, async () => {
        assert.deepEqual(await Promise.race([found[i].promise, all.then(() => found[i].promise)]), []);
      });
    }
    await all;
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
