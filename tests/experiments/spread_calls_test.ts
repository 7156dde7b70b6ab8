/**
 * A list that is spread into a call lies on the stack: with about 120,000 elements the call fails ("Maximum call stack size exceeded"). So
 * lists that grow with a text, a model or a study are gone through instead.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { join } from "node:path";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const STAGES = ["cells", "train", "experiments"];

/** Calls that take any number of arguments. */
const VARIADIC = /(?:Math\.(?:min|max|hypot)|\.(?:push|unshift|splice|concat|apply|of)|\.fromC(?:harCode|odePoint))\(/g;

/** Calls with a spread list, and why it stays short. */
const SHORT: Readonly<Record<string, string>> = {
  "cells/graph/graph.ts .push(": "what one operation reads",
  "cells/graph/sketch.ts Math.max(": "lines of one box",
  "cells/language_model.ts .push(": "states of one layer",
  "train/certify.ts .push(": "cases of one group",
  "train/corpora.ts Math.max(": "the known corpora",
  "train/engines/webgpu/kernel.ts Math.max(": "chains of one kernel",
  "train/engines/webgpu/tasks.ts .push(": "products of one task",
  "train/engines/webgpu/tasks.ts Math.max(": "tasks that read one tensor",
  "train/trainer.ts .push(": "one run or none",
  "experiments/bench/bench.ts Math.max(": "rows of a table on the terminal",
};

/** Calls in a source that spread a list among their arguments: `.push(`. */
function spreadCalls(source: string): string[] {
  return [...source.matchAll(VARIADIC)].filter(({ 0: call, index }) => {
    let depth = 0;
    for (let at = index + call.length; at < source.length && depth >= 0; at++) {
      if (depth === 0 && source.startsWith("...", at)) return true;
      if ("([{".includes(source[at])) depth++;
      else if (")]}".includes(source[at])) depth--;
    }
    return false;
  }).map(([call]) => call);
}

function* sources(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(join(ROOT, folder))) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* sources(path);
    else if (name.endsWith(".ts")) yield path;
  }
}

Deno.test("no list that may be long is spread into a call", () => {
  const paths = STAGES.flatMap((stage) => [...sources(stage)]);
  assert.ok(paths.length > 100, `only ${paths.length} modules were found`);
  const found = paths.flatMap((path) =>
    spreadCalls(Deno.readTextFileSync(join(ROOT, path))).map((call) => `${path} ${call}`)
  );
  assert.deepEqual([...new Set(found)].sort(), Object.keys(SHORT).sort());
});

Deno.test("the check of spread calls finds them, and leaves lists and objects that are made of others alone", () => {
  assert.deepEqual(spreadCalls("Math.max(0, ...list.map((x) => f(x)))"), ["Math.max("]);
  assert.deepEqual(spreadCalls("a.push(...b); String.fromCharCode(...bytes)"), [".push(", ".fromCharCode("]);
  assert.deepEqual(spreadCalls("a.push([...b], { ...c }); f(...d); Math.max(g([...e]))"), []);
});
