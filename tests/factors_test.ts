/**
 * Later stages read the table of factors and name none of its keys: so another factor, or another table, needs no change in them.
 * Keys that are words of other things too are named in {@linkcode WORDS}.
 */
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import { join } from "node:path";
import { type Factor, keysOf } from "../cells/factor.ts";
import { FACTORS } from "../cells/factors.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const STAGES = ["experiments", "report"];

/** What may name keys, and why. */
const ALLOWED: ReadonlyMap<string, string> = new Map([
  ["experiments/bench/peers/jax_js.ts", "builds the network itself, from its sizes"],
  ["experiments/bench/peers/tfjs.ts", "builds the network itself, from its sizes"],
  ["experiments/bench/steps_back.ts", "builds the steps that it measures"],
  ["experiments/session/dynamics_words.ts", "reads a truncation gap, which is of one k after the other"],
  ["experiments/study/dynamics_metrics.ts", "reads a truncation gap"],
  ["experiments/study/dynamics_file.ts", "has the schema of a truncation gap"],
  ["report/export/dynamics_rows.ts", "reads a truncation gap"],
  ["report/figures/dynamics/truncation.ts", "reads a truncation gap"],
]);

/** Keys that code may name, and what they are there beside factors. */
const WORDS: ReadonlyMap<string, string> = new Map([["cell", "a cell of the model, of a table, of a map"]]);

/** Keys that code must not name: all others, be they one word or several. */
function checkedKeys(factors: readonly Factor[]): string[] {
  return keysOf(factors).filter((key) => !WORDS.has(key));
}

/** Keys of a table in a module's code; comments may give examples. */
function keysIn(source: string, factors: readonly Factor[] = FACTORS): string[] {
  const code = source.replaceAll(/\/\*[^]*?\*\//g, "").replaceAll(/(^|\s)\/\/ .*/gm, "");
  return checkedKeys(factors).filter((key) => RegExp(`\\b${key}\\b`).test(code));
}

/** The scripts of the page. */
const BUNDLES = "report/page/bundles";

function modulesIn(folder: string): string[] {
  return [...Deno.readDirSync(join(ROOT, folder))].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    // What is made of modules that are looked at themselves.
    if (path === BUNDLES) return [];
    return isDirectory ? modulesIn(path) : /\.m?[tj]s$/.test(name) ? [path] : [];
  });
}

Deno.test("no module of experiments or report names a factor's key", () => {
  const modules = STAGES.flatMap(modulesIn);
  assert.ok(modules.length > 80, `only ${modules.length} modules were found`);
  const naming = modules.flatMap((path) => {
    const keys = keysIn(Deno.readTextFileSync(join(ROOT, path)));
    return keys.length ? [{ path, keys }] : [];
  });
  assert.deepEqual(naming.filter(({ path }) => !ALLOWED.has(path)), []);
  // What is allowed and not used would hide what comes later.
  assert.deepEqual(
    naming.map(({ path }) => path).filter((path) => ALLOWED.has(path)).sort(),
    [...ALLOWED.keys()].sort(),
  );
});

Deno.test("the check of keys finds one in code and in a string, and none in a comment or in another word", () => {
  assert.deepEqual(keysIn("const { n_layers } = config;"), ["n_layers"]);
  assert.deepEqual(keysIn('const text = "gate_inputs, use_residual";').sort(), ["gate_inputs", "use_residual"]);
  const another: Factor = { ...FACTORS[7], key: "dropout" };
  assert.deepEqual(keysIn("const { dropout, cell } = config;", [...FACTORS, another]), ["dropout"]);
  assert.deepEqual(checkedKeys(FACTORS).length, FACTORS.length - WORDS.size);
  assert.deepEqual(keysIn("/** `n_layers=2` */\nlet a; // state_size\nconst my_state_sizes = 1;"), []);
});
