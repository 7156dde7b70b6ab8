/** An array that grows with a study is not spread over a call's arguments: they lie on the stack, which a long study exhausts. */
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { extentOf, maxOf, minOf } from "../../../cells/extremes.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const FOLDERS = ["cells", "train", "experiments", "report"];

/** Calls that take any number of arguments, and are given lists for that. */
const TAKES_MANY =
  /(?:Math\.(?:min|max|hypot)|\.(?:push|unshift|splice|concat|apply)|String\.from(?:CharCode|CodePoint)|(?:Array|\w+Array)\.of)\($/;

/**
 * Whose lists do not grow with a study, and why: none is longer than a graph, a command line or a golden file makes it.
 * Outside `train/` nothing needs to be excused: `cells/extremes.ts` walks, and a loop pushes.
 */
const BOUNDED: Readonly<Record<string, string>> = {
  "train/certify.ts": "engines times cases of a golden file",
  "train/corpora.ts": "the named corpora",
  "train/engines/webgpu/kernels/kernel.ts": "kernels of a graph",
  "train/engines/webgpu/plan/tasks.ts": "nodes of a graph",
  "train/training/trainer.ts": "runs of a group",
};

/** Lines of a source that spread something over the arguments of such a call; a call may take several lines. */
function spreadsIn(source: string): string[] {
  return [...source.matchAll(/\.\.\.(?=[\w([])/g)].flatMap(({ index }) => {
    // Back to the bracket that holds the spread: a list or an object within the call is no matter.
    let depth = 0, at = index - 1;
    for (; at >= 0 && depth >= 0; at--) depth += ")]}".includes(source[at]) ? 1 : "([{".includes(source[at]) ? -1 : 0;
    const line = source.slice(0, index).split("\n").length;
    return TAKES_MANY.test(source.slice(0, at + 2)) ? [`${line}: ${source.split("\n")[line - 1].trim()}`] : [];
  });
}

function* sources(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(join(ROOT, folder))) {
    const path = join(folder, name);
    if (isDirectory) yield* sources(path);
    else if (name.endsWith(".ts")) yield relative(ROOT, join(ROOT, path));
  }
}

Deno.test("no source spreads a list over a call that takes any number of arguments", () => {
  const paths = FOLDERS.flatMap((folder) => [...sources(folder)]);
  assert.ok(paths.length > 150, `only ${paths.length} sources were found`);
  const found = paths.filter((path) => !(path in BOUNDED)).flatMap((path) =>
    spreadsIn(Deno.readTextFileSync(join(ROOT, path))).map((line) => `${path}:${line}`)
  );
  assert.deepEqual(found, []);
});

Deno.test("the check of spreads finds one in each such call, and none in lists, objects and parameters", () => {
  const bad = [
    "Math.min(...values)",
    "Math.max(0, ...values.map((value) => f(value)))",
    "list.push(...more)",
    "list.push(\n  first,\n  ...more,\n)",
    "list.splice(0, list.length, ...kept.reverse())",
    "String.fromCharCode(...codes)",
    "Uint8Array.of(...bytes, 32)",
  ];
  for (const source of bad) assert.equal(spreadsIn(source).length, 1, source);
  const good = [
    "const all = [...values]",
    "list.push([...values].length, { ...rest })",
    "Math.max(f({ ...rest }), [...values].length)",
    "function f(...values: number[]) {}",
    "maxOf(values, ...rest)",
  ];
  for (const source of good) assert.deepEqual(spreadsIn(source), [], source);
});

Deno.test("minOf(), maxOf() and extentOf() say what Math says, and walk lists of any length", () => {
  for (const values of [[], [3], [2, -1, 5], [1, NaN, 0], [-Infinity, 0]]) {
    assert.equal(minOf(values), Math.min(...values));
    assert.equal(maxOf(values), Math.max(...values));
    assert.deepEqual(extentOf(values), [Math.min(...values), Math.max(...values)]);
  }
  assert.deepEqual([minOf([4, 6], 3), maxOf([4, 6], 8)], [3, 8]);
  const long = Float64Array.from({ length: 1_000_000 }, (_, i) => i);
  assert.deepEqual([minOf(long), maxOf(long), extentOf(long)], [0, 999_999, [0, 999_999]]);
});
