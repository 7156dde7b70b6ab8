/** The flags of `init` that follow from a table of factors. */
import assert from "node:assert/strict";
import type { Factor, FactorTable } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import { levelFlags, levelsIn } from "../../experiments/flags.ts";
import { grid } from "../../experiments/study/grid.ts";
import { flagsInWords, smallestSizes } from "../../experiments/study/levels.ts";
import { ORIGINAL } from "../original_table.ts";

const words = { key: "extra", label: "extra", about: "something more" };
const flag = { name: "--extra", help: "extras to list", note: "few" };

function tableOf(factor: Factor): FactorTable {
  return { ...GATED, factors: [...GATED.factors, factor] };
}

const KINDS: readonly [factor: Factor, given: string, levels: unknown, wrong: string, says: string][] = [
  [
    { ...words, flag, kind: "switch", levels: [false, true], default: false, on: "it is", off: "it is not" },
    "true, false",
    [true, false],
    "on",
    "must be true or false",
  ],
  [
    { ...words, flag, kind: "choice", levels: ["adam"], default: "adam", choices: [{ value: "adam" }, { value: "1" }] },
    "1,adam",
    ["1", "adam"],
    "sgd",
    "must be adam or 1",
  ],
  [{ ...words, flag, kind: "choice", levels: ["a"], default: "a" }, "b", ["b"], "7", "must be a name"],
  [
    { ...words, flag, kind: "integer", levels: [1], default: 1, least: 1, most: 9 },
    "9,2",
    [9, 2],
    "10",
    "must be a whole number of at least 1 and at most 9",
  ],
  [
    { ...words, flag, kind: "number", levels: [0.1], default: 0.1, above: 0, most: 1 },
    "1e-3,.5",
    [0.001, 0.5],
    "0x1",
    "must be a number above 0 and at most 1",
  ],
];
for (const [factor, given, levels, wrong, says] of KINDS) {
  const one = factor.kind === "choice" && !factor.choices ? "name" : factor.kind;
  Deno.test(`levelFlags() reads and refuses a list for a ${one}`, () => {
    const table = tableOf(factor), { "levels of extra": made } = levelFlags(table);
    assert.equal(made.usage, "--extra <list>");
    assert.equal(made.help, `extras to list (default: the study's, else ${factor.levels.join(",")}); few`);
    assert.equal(made.fallback, undefined);
    const read = made.parse!(given);
    assert.deepEqual(read, levels);
    assert.deepEqual(levelsIn({ "levels of extra": read }).extra, levels);
    assert.throws(() => made.parse!(wrong), { message: says });
    assert.throws(() => made.parse!(`${given},${given}`), /must name .* once/);
    assert.throws(() => made.parse!(Array(33).fill(0).join()), { message: "must have at most 32 values" });
  });
}

Deno.test("levelFlags() and flagsInWords() name the factor that changes fastest first", () => {
  assert.deepEqual(Object.keys(levelFlags(ORIGINAL)), ["levels of state_size", "levels of n_layers"]);
  assert.equal(flagsInWords("disjunction", "help", ORIGINAL), "--state-size or --layers");
  assert.equal(flagsInWords("conjunction", "help", ORIGINAL), "--state-size and --layers");
  assert.equal(flagsInWords("disjunction", "table", ORIGINAL), "--layers or --state-size");
});

Deno.test("levelFlags() refuses one number written in two ways", () => {
  assert.throws(() => levelFlags()["levels of n_layers"].parse!("2,02"), { message: "must name 2 once" });
});

Deno.test("smallestSizes() is one layer of 32 states, of which a grid lists 48 configurations", () => {
  assert.deepEqual(smallestSizes(), { n_layers: [1], state_size: [32] });
  assert.equal(grid(smallestSizes()).length, 48);
});
