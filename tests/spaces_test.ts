/**
 * Two more factors in the table, and nothing else: what was written before is read, ids stay, and the new factors are wherever factors are.
 * `tests/report/spaces_test.ts` shows the same of reports.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type CellConfig, configId, configIdIn, configIn, configSchemaOf, describeConfigIn } from "../cells/config.ts";
import { cellJson, cellKey, cellName } from "../cells/cell_name.ts";
import { catalogConfig, GATED_SPACE } from "../cells/catalog/catalog.ts";
import { BEST_CONFIG } from "../cells/known_configs.ts";
import { type Factor, type FactorTable, keysOf, shownFactors, variedFactors } from "../cells/factor.ts";
import { levelFlags, levelsIn } from "../experiments/flags.ts";
import { grid } from "../experiments/study/grid.ts";
import { initStudy } from "../experiments/study/init_study.ts";
import { refine } from "../experiments/study/refine.ts";
import { resultFieldsOf, resultSchemaOf } from "../experiments/study/result.ts";
import { listSchemaOf } from "../experiments/study/schema.ts";
import { exampleSelection, parseSelection } from "../experiments/study/selection.ts";
import { parseGolden } from "../train/golden.ts";
import { EXTENDED } from "./extended_table.ts";
import { syntheticResults } from "./report/synthetic_results.ts";

/** A configuration of the extended table: more keys than the type of the built-in one says. */
const DECAYED = { ...BEST_CONFIG, use_layer_norm: true, weight_decay: 0.01 };

Deno.test("a study's list that was written with the built-in table is read with more factors, ids and all", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await initStudy({ dir, experiment: "01" });
    const written = JSON.parse(await Deno.readTextFile(join(dir, "rnn_configs.json")));
    const read = listSchemaOf(EXTENDED).parse(written);
    assert.equal(read.length, 432);
    assert.deepEqual(read, written);
    for (const entry of read) assert.equal(configIdIn(EXTENDED, configIn(entry, EXTENDED)), entry.id);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("results that were written with the built-in table are read with more factors", () => {
  const written = JSON.parse(JSON.stringify(syntheticResults({ steps: 100 })));
  const schema = resultSchemaOf(EXTENDED);
  for (const result of written) assert.deepEqual(schema.parse(result), result);
});

Deno.test("the golden file's configurations are read with more factors, and keep their ids", async () => {
  const file = new URL("golden/gated_cells.json", import.meta.url);
  const { cases, settings } = parseGolden(await Deno.readTextFile(file), "gated_cells.json");
  const schema = configSchemaOf(EXTENDED);
  for (const golden of cases) {
    const config = configIn({ ...golden, state_size: settings.state }, EXTENDED);
    assert.deepEqual(schema.parse(config), config);
    assert.equal(configIdIn(EXTENDED, config), configId(config));
  }
});

Deno.test("the values of defaults are no part of an id, others are", () => {
  const id = configId(BEST_CONFIG);
  const withDefaults = { ...BEST_CONFIG, use_layer_norm: false, weight_decay: 0.001 };
  assert.equal(configIdIn(EXTENDED, withDefaults), id);
  assert.equal(cellKey(withDefaults, EXTENDED), cellKey(BEST_CONFIG).replace("gated", "extended"));
  const others = [{ use_layer_norm: true }, { weight_decay: 0.01 }, { use_layer_norm: true, weight_decay: 0.01 }];
  const ids = others.map((more) => configIdIn(EXTENDED, { ...BEST_CONFIG, ...more }));
  assert.equal(new Set([id, ...ids]).size, 4);
  assert.equal(cellKey(DECAYED, EXTENDED), "extended-24578-weight_decay0.01");
  assert.equal(cellName(DECAYED, EXTENDED), "forget-state-new-residual-layer_norm-weight_decay0.01");
});

Deno.test("grid() lists the new factors' levels: 432 times two times two, the 432 among them", () => {
  const configs = grid({}, EXTENDED), ids = new Set(configs.map((config) => configIdIn(EXTENDED, config)));
  assert.equal(configs.length, 432 * 2 * 2);
  assert.equal(ids.size, configs.length);
  assert.ok(grid().every((config) => ids.has(configId(config))));
  const schema = configSchemaOf(EXTENDED);
  for (const config of configs) assert.deepEqual(schema.parse(config), config);
  assert.ok(configs.some((config) => configIdIn(EXTENDED, config) === configIdIn(EXTENDED, DECAYED)));
});

Deno.test("grid() refuses more combinations than fit into memory, before it forms them", () => {
  const many = (step: number) => Array.from({ length: 32 }, (_, i) => step * (i + 1));
  const levels = { n_layers: many(1), state_size: many(1), weight_decay: many(0.01) };
  assert.throws(() => grid(levels, EXTENDED), {
    name: "UserError",
    message: "Cannot list 8388608 combinations of levels: must be at most 1048576 in one call",
  });
});

Deno.test("a list with new factors is read with them, and refused without", () => {
  const list = grid({}, EXTENDED).map((config) => ({ ...config, id: configIdIn(EXTENDED, config) }));
  assert.deepEqual(listSchemaOf(EXTENDED).parse(list), list);
  assert.match(listSchemaOf(GATED_SPACE).safeParse(list).error!.message, /Unrecognized key.*weight_decay/);
});

Deno.test("--only selects by the new factors, defaults filled in", () => {
  const isNormed = parseSelection("use_layer_norm=true,weight_decay=0.01", EXTENDED);
  assert.ok(isNormed(DECAYED) && !isNormed(BEST_CONFIG));
  assert.ok(parseSelection("weight_decay=1e-3,use_layer_norm=false", EXTENDED)(BEST_CONFIG));
  assert.throws(() => parseSelection("weight_decay=2", EXTENDED), {
    message: "weight_decay is 2, must be a number above 0 and at most 1",
  });
  assert.throws(() => parseSelection("weight_decay=0.01"), /names no key/);
  assert.equal(exampleSelection(EXTENDED), "n_layers=2,use_layer_norm=true");
  assert.ok(parseSelection(exampleSelection(EXTENDED), EXTENDED)(DECAYED));
});

Deno.test("init has a flag for the new number, and lists what it is given", () => {
  const flags = levelFlags(EXTENDED);
  assert.deepEqual(Object.keys(flags), ["levels of weight_decay", "levels of state_size", "levels of n_layers"]);
  assert.equal(flags["levels of weight_decay"].help, "weight decays to list (default: the study's, else 0.001,0.01)");
  const parsed = flags["levels of weight_decay"].parse!("0.1, 0.2");
  const given = { "levels of weight_decay": parsed, "levels of n_layers": [1], "levels of state_size": [64] };
  assert.equal(grid(levelsIn(given), EXTENDED).length, 96 * 2 * 2);
});

Deno.test("describeConfigIn() says what is new, and nothing of defaults", () => {
  assert.equal(
    describeConfigIn(EXTENDED, BEST_CONFIG),
    "2 layers × 256, forget gate + state gate + new state + residual",
  );
  assert.equal(
    describeConfigIn(EXTENDED, DECAYED),
    "2 layers × 256, forget gate + state gate + new state + residual + layer norm, weight decay 0.01",
  );
});

Deno.test("refine() enlarges a configuration and keeps its new factors", () => {
  const refined = refine([DECAYED], EXTENDED);
  assert.equal(refined.length, 4);
  assert.ok(refined.every(({ config }) => parseSelection("use_layer_norm=true,weight_decay=0.01", EXTENDED)(config)));
});

Deno.test("resultFieldsOf() refuses a factor with the name of another key of results", () => {
  const factors = EXTENDED.factors.map((factor) => factor.key === "weight_decay" ? { ...factor, key: "seed" } : factor);
  assert.throws(() => resultFieldsOf({ ...EXTENDED, factors }), {
    name: "UserError",
    message: "Cannot use table 'extended': factor 'seed' must have another key, results already have this one",
  });
});

/** Keys of the factors with a default that some configurations show, and of those that they vary. */
function shownAndVaried(configs: readonly CellConfig[], table: FactorTable = EXTENDED): [string[], string[]] {
  const keys = (factors: readonly Factor[]) => keysOf(factors.filter((factor) => factor.default !== undefined));
  return [keys(shownFactors(table, configs)), keys(variedFactors(table, configs))];
}

Deno.test("shownFactors() shows what all configurations set to one other value, variedFactors() only what has several", () => {
  const one = { weight_decay: 0.01 }, both = ["weight_decay"];
  assert.deepEqual(shownAndVaried([BEST_CONFIG, BEST_CONFIG]), [[], []]);
  assert.deepEqual(shownAndVaried([{ ...BEST_CONFIG, ...one }, { ...BEST_CONFIG, ...one }]), [both, []]);
  assert.deepEqual(shownAndVaried([BEST_CONFIG, { ...BEST_CONFIG, ...one }]), [both, both]);
});

Deno.test("shownFactors() leaves out what is the own cell's alone where no configuration has that cell", () => {
  const [gru, lstm] = ["gru", "lstm"].map((cell) => catalogConfig(cell, 1, 8));
  const decayed = { ...gru, use_layer_norm: true, gate_inputs: "x,h" } as CellConfig;
  assert.deepEqual(keysOf(shownFactors(EXTENDED, [gru, decayed])), ["n_layers", "state_size", "cell"]);
  assert.deepEqual(keysOf(variedFactors(EXTENDED, [gru, decayed])), ["n_layers", "state_size"]);
  assert.deepEqual(keysOf(variedFactors(EXTENDED, [gru, lstm])), ["n_layers", "state_size", "cell"]);
  // With one gated cell the switches are there, and what other cells say of its own factors counts for nothing.
  assert.deepEqual(shownAndVaried([BEST_CONFIG, decayed]), [["cell"], ["cell"]]);
  assert.equal(shownFactors(EXTENDED, [BEST_CONFIG, decayed]).length, 10);
});

Deno.test("cellJson() tells cells apart whose names in files are the same, and not what says nothing of a cell", () => {
  const named = (cell: string) => ({ ...BEST_CONFIG, cell });
  assert.equal(cellKey(named("g-ru"), EXTENDED), cellKey(named("gru"), EXTENDED));
  assert.notEqual(cellJson(named("g-ru"), EXTENDED), cellJson(named("gru"), EXTENDED));
  assert.equal(cellJson({ ...named("gru"), use_residual: false, n_layers: 3 }), cellJson(named("gru")));
  const configs = grid({ n_layers: [1], state_size: [256] }, EXTENDED);
  assert.equal(new Set(configs.map((config) => cellJson(config, EXTENDED))).size, configs.length);
  assert.equal(new Set(configs.map((config) => cellKey(config, EXTENDED))).size, configs.length);
});

Deno.test("describeConfigIn() and cellName() have no empty part when a table has no switches", () => {
  const factors = EXTENDED.factors.filter(({ kind }) => kind !== "switch");
  const table: FactorTable = { ...EXTENDED, name: "my own", factors };
  assert.equal(describeConfigIn(table, BEST_CONFIG), "2 layers × 256, my own");
  assert.equal(describeConfigIn(table, DECAYED), "2 layers × 256, weight decay 0.01");
  assert.deepEqual([cellName(BEST_CONFIG, table), cellKey(BEST_CONFIG, table)], ["myown", "myown"]);
  assert.equal(cellName(DECAYED, table), "weight_decay0.01");
});
