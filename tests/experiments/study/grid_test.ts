import assert from "node:assert/strict";
import { type CellConfig, configId } from "../../../cells/config.ts";
import { MAX_STATE_SIZE } from "../../../cells/factors.ts";
import { EXTENDED } from "../../extended_table.ts";
import { checkListLength, grid, MOST_CONFIGS } from "../../../experiments/study/grid.ts";
import type { Levels, TableLevels } from "../../../experiments/study/levels.ts";
import { promotedCount, refine } from "../../../experiments/study/refine.ts";
import { ORIGINAL_SWITCHES } from "../../original_table.ts";

const KNOWN_ID = "d6f462b530a3b970e6a57056b30537147ecf94812810e96fce5e30deefe5e4b1";

Deno.test("grid() lists 432 configurations with 432 ids, the known best among them", () => {
  const ids = grid().map(configId);
  assert.equal(ids.length, 432);
  assert.equal(new Set(ids).size, 432);
  assert.ok(ids.includes(KNOWN_ID));
});

Deno.test("grid() has 144 small configurations, all with a residual, and 288 of 256 states", () => {
  const all = grid();
  const small = all.filter(({ state_size }) => state_size === 32);
  assert.equal(small.length, 144);
  assert.ok(small.every(({ use_residual }) => use_residual));
  assert.equal(all.filter(({ state_size }) => state_size === 256).length, 288);
});

Deno.test("grid() takes other sizes and layers, and counts a repeated one once", () => {
  assert.equal(grid({ n_layers: [1], state_size: [32] }).length, 48);
  assert.equal(grid({ n_layers: [1, 1, 4], state_size: [64, 64] }).length, 2 * 96);
});

Deno.test("grid() tries every small size with a residual alone, and every larger one with all settings", () => {
  const counts = [1, 8, 31, 32, 33, 64, 255, 256, 257].map((
    size,
  ) => [size, grid({ n_layers: [1], state_size: [size] }).length]);
  assert.deepEqual(counts, [[1, 48], [8, 48], [31, 48], [32, 48], [33, 96], [64, 96], [255, 96], [256, 96], [257, 96]]);
  assert.ok(grid({ n_layers: [1, 2], state_size: [1, 16, 32] }).every(({ use_residual }) => use_residual));
});

Deno.test("grid() refuses a list that is too long before it makes one", () => {
  const sizes = Array.from({ length: MAX_STATE_SIZE }, (_, i) => i + 1);
  assert.throws(() => grid({ n_layers: [1], state_size: sizes }), {
    name: "UserError",
    message: "Cannot list 16384 state sizes: must be at most 32 in one call",
  });
  assert.throws(() => checkListLength("extend a list", MOST_CONFIGS + 1), {
    name: "UserError",
    message: "Cannot extend a list: these are 100001 configurations, must be at most 100000",
  });
});

Deno.test("grid() leaves out what does not depend on the past", () => {
  const settings = grid({ n_layers: [1], state_size: [256] });
  assert.equal(settings.length, 96);
  assert.ok(settings.every((s) => s.use_new_state || s.use_old_state));
  for (const { key } of ORIGINAL_SWITCHES) {
    assert.ok(settings.some((s) => s[key]) && settings.some((s) => !s[key]), key);
  }
});

const config = (n_layers: number, state_size: number, rest: Partial<CellConfig> = {}): CellConfig => (
  { ...grid({ n_layers: [n_layers], state_size: [state_size] })[0], use_residual: true, ...rest }
);
const sizes = (configs: readonly CellConfig[]) =>
  refine(configs).map(({ config: { n_layers, state_size } }) => `${n_layers}×${state_size}`).sort();

Deno.test("refine() takes the best tenth: as it is or at 256, at 512, and with 3 layers at both", () => {
  assert.deepEqual(sizes([config(2, 256)]), ["2×256", "2×512", "3×256", "3×512"]);
  assert.deepEqual(sizes([config(1, 32)]), ["1×256", "1×512", "3×256", "3×512"]);
  assert.deepEqual(sizes([config(3, 256)]), ["3×256", "3×512"]);
  assert.deepEqual(sizes([config(3, 32)]), ["3×256", "3×512"]);
  for (const small of [1, 8, 31]) assert.deepEqual(sizes([config(3, small)]), ["3×256", "3×512"]);
  assert.deepEqual(sizes([config(3, 33)]), ["3×33", "3×512"]);
});

Deno.test("refine() keeps what a configuration is trained with: rate, optimizer and steps back", () => {
  const training = { learning_rate: 3e-3, optimizer: "sgd", bptt: 16 } as const;
  const refined = refine([{ ...config(1, 32), ...training }]).map(({ config }) => config);
  assert.equal(refined.length, 4);
  for (const { learning_rate, optimizer, bptt } of refined) {
    assert.deepEqual({ learning_rate, optimizer, bptt }, training);
  }
});

Deno.test("refine() merges what two origins lead to, and names the better one", () => {
  const best = config(3, 256), second = config(1, 256);
  const refined = refine([best, second, ...Array.from({ length: 10 }, (_, i) => config(1, 300 + i))]);
  assert.equal(refined.length, 4);
  const shared = refined.find(({ config: { n_layers, state_size } }) => n_layers === 3 && state_size === 512);
  assert.equal(shared?.oldId, configId(best));
});

Deno.test("promotedCount() is a tenth, rounded up", () => {
  assert.deepEqual([1, 10, 11, 70, 432].map(promotedCount), [1, 1, 2, 7, 44]);
});

Deno.test("refine() uses the best tenth, all of it and nothing else", () => {
  const ranked = grid();
  const origins = new Set(refine(ranked).map(({ oldId }) => oldId));
  const best = new Set(ranked.slice(0, 44).map(configId));
  assert.ok([...origins].every((id) => best.has(id)));
  const reached = new Set(refine(ranked).map(({ config: c }) => configId(c)));
  for (const origin of ranked.slice(0, 44)) assert.ok(reached.has(configId({ ...origin, state_size: 512 })));
});

Deno.test("grid() takes levels of the built-in factors by their types, of another table's factors by any key", () => {
  const levels: Levels = { n_layers: [1], state_size: [256], gate_inputs: ["x,h"], use_residual: [true] };
  assert.ok(grid(levels).every((one) => one.gate_inputs === "x,h" && one.use_residual));
  // @ts-expect-error -- a number is not a switch
  assert.throws(() => grid({ use_residual: [1] }), { name: "UserError" });
  // @ts-expect-error -- a choice names its values
  assert.throws(() => grid({ gate_inputs: ["x"] }), { name: "UserError" });
  const own: TableLevels = { ...levels, weight_decay: [0.1] };
  assert.ok(grid(own, EXTENDED).every(({ weight_decay }) => weight_decay === 0.1));
});
