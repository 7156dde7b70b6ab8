import { catalogConfig, GATED_SPACE, knownFieldsOf } from "../../cells/catalog/catalog.ts";
import assert from "node:assert/strict";
import * as z from "zod";
import {
  type ChoiceFactor,
  type Configuration,
  type Factor,
  factorOf,
  type FactorTable,
  valueOf,
} from "../../cells/factor.ts";
import {
  canonicalJson,
  canonicalJsonIn,
  type CellConfig,
  configId,
  describeCellIn,
  describeConfig,
  parseConfig,
  pickConfig,
} from "../../cells/config.ts";
import { GATED, ORIGINAL_KEYS } from "../../cells/factors.ts";
import { cellKey } from "../../cells/cell_name.ts";
import { BEST_CONFIG as BEST } from "../../cells/known_configs.ts";
import { allGatedConfigs, gatedConfig } from "./catalog/golden_cases.ts";
import { ORIGINAL_SWITCHES } from "../original_table.ts";

/** Of the original study's best configuration. */
const BEST_ID = "d6f462b530a3b970e6a57056b30537147ecf94812810e96fce5e30deefe5e4b1";

Deno.test("canonicalJson() prints like Python's json.dumps when keys are sorted", () => {
  assert.equal(
    canonicalJson(BEST),
    '{"n_layers": 2, "state_size": 256, "use_forget_gate": true, "use_input_gate": false, "use_new_state": true, ' +
      '"use_old_state": false, "use_output_gate": false, "use_residual": true, "use_state_gate": true}',
  );
});

Deno.test("canonicalJsonIn() prints numbers and text of other factors like Python's json.dumps", () => {
  const number: Factor = {
    key: "rate",
    kind: "number",
    label: "rate",
    about: "a rate",
    levels: [1],
    default: 1,
    above: 0,
    most: 1e300,
  };
  const table = { ...GATED, factors: [...GATED.factors, number] };
  // What Python 3 prints for each.
  const printed = {
    1e-4: "0.0001",
    1.2e-4: "0.00012",
    1e-5: "1e-05",
    1.5e-7: "1.5e-07",
    1e-10: "1e-10",
    3: "3",
    1e21: "1e+21",
  };
  for (const [rate, text] of Object.entries(printed)) {
    assert.ok(canonicalJsonIn(table, { ...BEST, rate: Number(rate) }).includes(`"rate": ${text}, `), text);
  }
  const cell = 'größe \x7f \u2028 😀 "a\\';
  assert.ok(
    canonicalJson({ ...BEST, cell }).includes(String.raw`"cell": "gr\u00f6\u00dfe \u007f \u2028 \ud83d\ude00 \"a\\", `),
  );
});

Deno.test("configId() gives the known id when given the original study's best configuration", () => {
  assert.equal(configId(BEST), BEST_ID);
});

Deno.test("ORIGINAL_KEYS are those of every id, so no factor may come without a default", () => {
  assert.deepEqual(ORIGINAL_KEYS.toSorted(), Object.keys(JSON.parse(canonicalJson(BEST))));
});

Deno.test("configId() does not depend on the order of keys", () => {
  const reversed = Object.fromEntries(Object.entries(BEST).reverse());
  assert.equal(configId(parseConfig(reversed)), BEST_ID);
});

Deno.test("configId() ignores an optional key when it has its default", () => {
  assert.equal(configId({ ...BEST, gate_inputs: "x,h,n", cell: "gated" }), BEST_ID);
  assert.equal(configId({ ...BEST, gate_inputs: undefined }), BEST_ID);
});

Deno.test("configId() counts an optional key when it differs from its default", () => {
  const ids = [
    BEST,
    { ...BEST, gate_inputs: "x,h" as const },
    { ...BEST, cell: "gru" },
    { ...BEST, cell: "lstm" },
  ].map(configId);
  assert.equal(new Set(ids).size, 4);
  assert.match(canonicalJson({ ...BEST, gate_inputs: "x,h" }), /^{"gate_inputs": "x,h", "n_layers": 2, /);
});

Deno.test("configId() counts a learning rate and an optimizer that are not the usual ones, as Python prints them", () => {
  assert.equal(configId({ ...BEST, learning_rate: 0.001, optimizer: "adam" }), BEST_ID);
  const printed: readonly [rate: number, text: string, name: string][] = [
    [3e-4, "0.0003", "learning_rate0.0003"],
    [1e-5, "1e-05", "learning_rate0.00001"],
    [2.5e-7, "2.5e-07", "learning_rate2.5e-7"],
    [10, "10", "learning_rate10"],
  ];
  for (const [learning_rate, text, name] of printed) {
    const config = parseConfig({ ...BEST, learning_rate });
    assert.ok(canonicalJson(config).startsWith(`{"learning_rate": ${text}, "n_layers": 2, `), text);
    assert.ok(cellKey(config).endsWith(name), cellKey(config));
  }
  const sgd = { ...BEST, optimizer: "sgd", learning_rate: 0.03 } as const;
  assert.match(canonicalJson(sgd), /^{"learning_rate": 0.03, "n_layers": 2, "optimizer": "sgd", /);
  assert.equal(describeConfig(sgd).split("residual, ")[1], "learning rate 0.03, SGD with momentum");
  // Another cell has them too: they are not part of the gated one.
  assert.equal(describeCellIn(GATED, { ...sgd, cell: "gru" }), "gru, learning rate 0.03, SGD with momentum");
});

/** The built-in table with a choice of the cell and one of training, the latter before the factor that names the cell. */
const TRAINED: FactorTable = (() => {
  const choice = (key: string, ofCell?: true): ChoiceFactor => ({
    key,
    kind: "choice",
    label: key,
    about: key,
    levels: ["usual"],
    default: "usual",
    choices: [{ value: "usual" }, { value: "other", phrase: `other ${key}` }],
    ofCell,
  });
  return { ...GATED, factors: [choice("schedule"), ...GATED.factors, choice("activation", true)] };
})();

Deno.test("describeCellIn() and cellKey() begin with another cell's name, and leave out what is the table's own cell's", () => {
  const other = { schedule: "other", activation: "other", gate_inputs: "x,h" } as const;
  const cases: readonly [config: CellConfig, table: FactorTable, text: string, key: string][] = [
    [{ ...BEST, cell: "gru", gate_inputs: "x,h" }, GATED, "gru", "gru"],
    [{ ...BEST, cell: "gru", ...other } as CellConfig, TRAINED, "gru, other schedule", "gru-scheduleother"],
    [
      { ...BEST, ...other } as CellConfig,
      TRAINED,
      "forget gate + state gate + new state + residual, other schedule, gates read x,h, other activation",
      "gated-2457-scheduleother-xh-other",
    ],
    [
      { ...BEST, gate_inputs: "x,h" },
      GATED,
      "forget gate + state gate + new state + residual, gates read x,h",
      "gated-2457-xh",
    ],
  ];
  for (const [config, table, text, key] of cases) {
    assert.equal(describeCellIn(table, config), text);
    assert.equal(cellKey(config, table), key);
  }
});

Deno.test("valueOf() throws when a configuration that was never checked lacks a factor without a default", () => {
  assert.throws(() => valueOf(factorOf(GATED, "n_layers"), {}), {
    name: "TypeError",
    message: "Cannot read 'n_layers' of a configuration: it has none, and the factor has no default",
  });
  assert.equal(valueOf(factorOf(GATED, "gate_inputs"), {}), "x,h,n");
});

Deno.test("knownFieldsOf() has a cell where the table has one, of the catalog alone", () => {
  const factors = GATED.factors.filter(({ key }) => key !== "cell");
  const fields = z.strictObject(knownFieldsOf(GATED_SPACE)),
    without = z.strictObject(knownFieldsOf({ ...GATED_SPACE, factors }));
  const isTaken = (schema: z.ZodType, config: Configuration) => schema.safeParse(config).success;
  assert.deepEqual([BEST, { ...BEST, cell: "gru" }, { ...BEST, cell: "x" }].map((c) => isTaken(fields, c)), [
    true,
    true,
    false,
  ]);
  assert.deepEqual([BEST, { ...BEST, cell: "gru" }].map((c) => isTaken(without, c)), [true, false]);
});

Deno.test("configId() gives 96 different ids when all switch settings are tried", () => {
  assert.equal(new Set(allGatedConfigs().map(configId)).size, 96);
});

Deno.test("GATED.valid refuses 32 of the 128 settings when all are tried", () => {
  const settings = Array.from(
    { length: 128 },
    (_, bits) => gatedConfig(Object.fromEntries(ORIGINAL_SWITCHES.map(({ key }, i) => [key, (bits >> i) % 2 === 1]))),
  );
  const refused = settings.filter((setting) => !GATED.valid.holds(setting));
  assert.equal(refused.length, 32);
  assert.ok(refused.every(({ use_new_state, use_old_state }) => !use_new_state && !use_old_state));
});

Deno.test("catalogConfig() passes parseConfig() when the cell is in the catalog", () => {
  const config = parseConfig(catalogConfig("gru", 2, 32));
  assert.deepEqual([config.cell, config.n_layers, config.state_size], ["gru", 2, 32]);
  // Defaults are not written, those of further switches neither.
  assert.deepEqual(Object.keys(config).sort(), [...ORIGINAL_KEYS, "cell"].sort());
});

Deno.test("pickConfig() leaves other keys out when an entry holds more", () => {
  const entry = { ...BEST, id: BEST_ID, loss: [3, 2], "min loss": 2, gate_inputs: undefined };
  assert.deepEqual(pickConfig(entry), BEST);
});

const { n_layers: _, ...withoutLayers } = BEST;
const WRONG: readonly [when: string, value: unknown, says: string][] = [
  ["there is no layer", { ...BEST, n_layers: 0 }, "'n_layers': Too small: expected number to be >=1"],
  ["layers are absurdly many", { ...BEST, n_layers: 65 }, "'n_layers': Too big: expected number to be <=64"],
  ["the state size is no whole number", { ...BEST, state_size: 1.5 }, "'state_size': expected int, received number"],
  ["the state size is a text", { ...BEST, state_size: "32" }, "'state_size': expected number, received string"],
  ["a switch is a number", { ...BEST, use_residual: 1 }, "'use_residual': expected boolean, received number"],
  ["a key is missing", withoutLayers, "'n_layers': expected number, received undefined"],
  ["a key is unknown", { ...BEST, use_reset_gate: true }, 'Unrecognized key: "use_reset_gate"'],
  [
    "gates are to read something unknown",
    { ...BEST, gate_inputs: "h" },
    `'gate_inputs': Invalid option: expected one of "x,h,n"|"x,h"`,
  ],
  ["the cell has no name", { ...BEST, cell: "" }, "'cell': Too small: expected string to have >=1 characters"],
  ["it is null", null, "expected object, received null"],
  [
    "the output reads no state",
    { ...BEST, use_new_state: false },
    "needs use_new_state or use_old_state: without either the output does not depend on the past",
  ],
  [
    "two keys are wrong",
    { ...BEST, use_residual: "yes", n_layers: "2" },
    "'use_residual': expected boolean, received string; 'n_layers': expected number, received string",
  ],
];
for (const [when, value, says] of WRONG) {
  Deno.test(`parseConfig() throws one clear line when ${when}`, () => {
    assert.throws(() => parseConfig(value, "rnn_configs.json, entry 3"), {
      name: "UserError",
      message: `Cannot read rnn_configs.json, entry 3: ${says}`,
    });
  });
}

for (
  const [what, value, line] of [
    ["of 0", 0, "Too small: expected number to be >0"],
    ["above 10", 10.5, "Too big: expected number to be <=10"],
    ["in words", "fast", "expected number, received string"],
  ]
) {
  Deno.test(`parseConfig() throws one clear line when the learning rate is ${what}`, () => {
    assert.throws(() => parseConfig({ ...BEST, learning_rate: value }), {
      name: "UserError",
      message: `Cannot read a configuration: 'learning_rate': ${line}`,
    });
  });
}

Deno.test("describeConfig() names layers, size and switches when given the best configuration", () => {
  assert.equal(describeConfig(BEST), "2 layers × 256, forget gate + state gate + new state + residual");
  const other = gatedConfig({ use_output_gate: false, use_input_gate: false, gate_inputs: "x,h" });
  assert.equal(
    describeConfig(other),
    "1 layer × 4, forget gate + state gate + new state + old state + residual, gates read x,h",
  );
});
