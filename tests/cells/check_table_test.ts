import assert from "node:assert/strict";
import { checkTable } from "../../cells/check_table.ts";
import type {
  ChoiceFactor,
  Factor,
  FactorTable,
  IntegerFactor,
  NumberFactor,
  SwitchFactor,
} from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";

const INTEGER: IntegerFactor = {
  key: "heads",
  kind: "integer",
  label: "heads",
  about: "parts that the state is cut into",
  levels: [1, 8],
  default: 1,
  least: 1,
  most: 64,
};
const NUMBER: NumberFactor = { ...INTEGER, kind: "number", above: 0, most: 64 };
const CHOICE: ChoiceFactor = {
  key: "heads",
  label: "heads",
  about: "parts that the state is cut into",
  kind: "choice",
  levels: ["adam"],
  default: "adam",
  choices: [{ value: "adam" }, { value: "a,b" }],
};

const SWITCH: SwitchFactor = {
  ...INTEGER,
  kind: "switch",
  levels: [true],
  default: false,
  on: "it is",
  off: "it is not",
};

/** The built-in factors and these. */
function tableOf(...more: Factor[]): FactorTable {
  return { ...GATED, name: "mine", factors: [...GATED.factors, ...more] };
}

function without(property: "default" | "mark", key: string): FactorTable {
  const factors = tableOf(INTEGER).factors.map((factor) => {
    const entries = Object.entries(factor).filter(([name]) => factor.key !== key || name !== property);
    return Object.fromEntries(entries) as unknown as Factor;
  });
  return { ...GATED, name: "mine", factors };
}

Deno.test("checkTable() takes the built-in table, and more factors of each kind", () => {
  checkTable(GATED);
  checkTable(tableOf(INTEGER));
  checkTable(tableOf(NUMBER));
  checkTable(tableOf(CHOICE));
  // Choices with the same values, which go by their keys; and numbers that differ in their signs alone.
  checkTable(tableOf(CHOICE, { ...CHOICE, key: "other" }));
  checkTable(tableOf({ ...NUMBER, above: -10, levels: [-2, 2, 1e-7, 0.5] }));
  checkTable(tableOf(SWITCH, { ...SWITCH, key: "use_state_norm" }));
});

const WRONG: readonly [when: string, table: FactorTable, says: string][] = [
  ["a key is there twice", tableOf(INTEGER, NUMBER), "factor 'heads' is listed twice, must be listed once"],
  [
    "a key is no name of a column",
    tableOf({ ...INTEGER, key: "B ptt" }),
    "factor 'B ptt' must have a key of small letters, digits and _",
  ],
  [
    "a new factor has no default",
    without("default", "heads"),
    "factor 'heads' has no default: without one no earlier configuration could be read, so all but the original nine must have one",
  ],
  [
    "one of the original nine has a default",
    {
      ...GATED,
      name: "mine",
      factors: GATED.factors.map((factor) => factor.key === "n_layers" ? { ...factor, default: 1 } as Factor : factor),
    },
    "factor 'n_layers' has default 1: the original nine always stand in a configuration and its id, so they must have none",
  ],
  ["a factor has no level", tableOf({ ...INTEGER, levels: [] }), "factor 'heads' has no level, must have at least one"],
  [
    "a level is there twice",
    tableOf({ ...INTEGER, levels: [2, 2] }),
    "factor 'heads' has level 2 twice, must have it once",
  ],
  [
    "a level is out of bounds",
    tableOf({ ...INTEGER, levels: [1, 65] }),
    "factor 'heads' has level 65, must be a whole number of at least 1 and at most 64",
  ],
  [
    "a default is out of bounds",
    tableOf({ ...NUMBER, default: 0 }),
    "factor 'heads' has default 0, must be a number above 0 and at most 64",
  ],
  [
    "a default is no choice",
    tableOf({ ...CHOICE, default: "sgd" }),
    "factor 'heads' has default sgd, must be adam or a,b",
  ],
  [
    "a contrast is out of bounds",
    tableOf({ ...NUMBER, contrast: [1, NaN] }),
    "factor 'heads' has contrast NaN, must be a number above 0 and at most 64",
  ],
  [
    "two values differ only in what names of files leave out",
    tableOf({ ...CHOICE, choices: [...CHOICE.choices!, { value: "a-b" }] }),
    "value 'a,b' of 'heads' and value 'a-b' of 'heads' are both 'headsab' in names of files, must differ in letters, digits, _ or points",
  ],
  [
    "two choices of the cell have one value",
    tableOf({ ...CHOICE, ofCell: true, choices: [{ value: "adam" }, { value: "xh" }] }),
    "value 'x,h' of 'gate_inputs' and value 'xh' of 'heads' are both 'xh' in names of files, must differ in letters, digits, _ or points",
  ],
  [
    "the name of a value would be empty",
    tableOf({ ...CHOICE, ofCell: true, choices: [{ value: "adam" }, { value: "+" }] }),
    "factor 'heads' has value '+', must have a letter, a digit, _ or a point in each",
  ],
  [
    "two switches have one name",
    tableOf({ ...SWITCH, key: "use_norm" }, { ...SWITCH, key: "norm" }),
    "value 'true' of 'use_norm' and value 'true' of 'norm' are both 'norm' in names of files, must differ in letters, digits, _ or points",
  ],
  [
    "a switch has the name of one of the original seven",
    tableOf({ ...SWITCH, key: "forget" }),
    "value 'true' of 'use_forget_gate' and value 'true' of 'forget' are both 'forget' in names of files, must differ in letters, digits, _ or points",
  ],
  ["no factor is shown by shape", without("mark", "n_layers"), "no factor has the mark 'shape', one factor must"],
  [
    "two factors are shown by colour",
    tableOf({ ...INTEGER, mark: "colour" }),
    "state_size and heads have the mark 'colour', one factor must",
  ],
  [
    "two factors have one flag",
    tableOf({ ...INTEGER, flag: { name: "--layers", help: "" } }),
    "flag '--layers' is there twice, must be of one factor",
  ],
  [
    "a flag is none",
    tableOf({ ...INTEGER, flag: { name: "heads", help: "" } }),
    "factor 'heads' has flag 'heads', must be like --state-size",
  ],
  [
    "a flag takes choices with commas",
    tableOf({ ...CHOICE, flag: { name: "--heads", help: "" } }),
    "factor 'heads' has flag --heads and choice 'a,b', must have none with a comma",
  ],
];
for (const [when, table, says] of WRONG) {
  Deno.test(`checkTable() throws one clear line when ${when}`, () => {
    assert.throws(() => checkTable(table), { name: "UserError", message: `Cannot use table 'mine': ${says}` });
  });
}
