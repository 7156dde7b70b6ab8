import assert from "node:assert/strict";
import { type CellConfig, configId } from "../../../cells/config.ts";
import { factorOf } from "../../../cells/factor.ts";
import { GATED } from "../../../cells/factors.ts";
import type { RunResult } from "../../../experiments/study/result.ts";
import { type MergedRow, mergeSeeds } from "../../../report/data/merged.ts";
import { tableOf } from "../../../report/data/rows.ts";
import { groupByFactor, groupings, lossRange, padded } from "../../../report/statistics/means.ts";
import { fitSwarms, swarm } from "../../../report/figures/swarm.ts";
import { syntheticResults } from "../synthetic_results.ts";
import { ORIGINAL_SWITCHES } from "../../original_table.ts";

const [template] = syntheticResults({ layers: [1], state_sizes: [256] });
const PLAIN: CellConfig = {
  use_input_gate: false,
  use_forget_gate: false,
  use_output_gate: false,
  use_state_gate: false,
  use_new_state: true,
  use_old_state: false,
  use_residual: false,
  n_layers: 1,
  state_size: 256,
};

/** A run with changes to the plain configuration and a curve that ends at its lowest loss. */
function run(changes: Partial<CellConfig>, least: number, more: Partial<RunResult> = {}): RunResult {
  const config = { ...PLAIN, ...changes };
  return { ...template, ...config, id: configId(config), loss: [3, least], "min loss": least, ...more } as RunResult;
}

function groupBy(rows: MergedRow[], key: string) {
  return groupByFactor(rows, factorOf(GATED, key));
}

function rowsOf(...results: RunResult[]): MergedRow[] {
  return mergeSeeds(tableOf(results).rows);
}

Deno.test("groupByFactor() gives hand-computed means when both groups have runs", () => {
  const rows = rowsOf(run({}, 2), run({ n_layers: 2 }, 1.5), run({ use_forget_gate: true }, 1.25));
  const { factor, groups } = groupBy(rows, "use_forget_gate");
  assert.equal(factor.label, "forget gate");
  assert.deepEqual(groups.map(({ name, mean, rows }) => [name, mean, rows.length]), [["off", 1.75, 2], [
    "on",
    1.25,
    1,
  ]]);
});

Deno.test("groupByFactor() counts controls, and leaves them out of means, when there are some", () => {
  const rows = rowsOf(run({}, 2), run({ n_layers: 2 }, 1.5), run({ use_forget_gate: true }, 9, { control: true }));
  const { groups } = groupBy(rows, "use_forget_gate");
  assert.deepEqual(groups.map(({ mean, rows }) => [mean, rows.length]), [[1.75, 2], [undefined, 1]]);
});

Deno.test("groupByFactor() keeps an empty group without a mean when all runs have one value", () => {
  const { groups } = groupBy(rowsOf(run({}, 2)), "use_residual");
  assert.deepEqual(groups.map(({ name, mean, rows }) => [name, mean, rows.length]), [["off", 2, 1], [
    "on",
    undefined,
    0,
  ]]);
});

Deno.test("groupByFactor() sorts its groups by size when values differ in length", () => {
  const rows = rowsOf(
    run({ state_size: 1024 }, 1),
    run({ state_size: 32 }, 2),
    run({ state_size: 32, n_layers: 2 }, 1.5),
  );
  const { groups } = groupBy(rows, "state_size");
  assert.deepEqual(groups.map(({ name, mean }) => [name, mean]), [["32", 1.75], ["1024", 1]]);
});

Deno.test("groupings() lists every switch, then layers and state size", () => {
  const labels = groupings(rowsOf(run({}, 2))).map(({ factor }) => factor.label);
  assert.deepEqual(labels, [...ORIGINAL_SWITCHES.map(({ label }) => label), "layers", "state size"]);
});

Deno.test("lossRange() leaves out the steep start and counts what reaches above when curves begin high", () => {
  const loss = [5, ...Array.from({ length: 40 }, (_, i) => 3 - i / 40)];
  const [row] = rowsOf(run({}, Math.min(...loss), { loss }));
  // 3 % of 41 values, rounded up, are 2: what is left begins with 3 - 1/40.
  assert.deepEqual(lossRange([row]), { low: 3 - 39 / 40, high: 3 - 1 / 40, cut: 1 });
});

Deno.test("lossRange() is not stretched by one diverging run when the others lie close together", () => {
  const calm = Array.from({ length: 9 }, (_, i) => run({ n_layers: i + 1 }, 2, { loss: Array(100).fill(2) }));
  const wild = run({ n_layers: 10 }, 2, { loss: [...Array(99).fill(2), 1000] });
  assert.deepEqual(lossRange(rowsOf(...calm, wild)), { low: 2, high: 2, cut: 1 });
});

Deno.test("lossRange() keeps the value when a curve has only one", () => {
  assert.deepEqual(lossRange(rowsOf(run({}, 2.5, { loss: [2.5] }))), { low: 2.5, high: 2.5, cut: 0 });
});

Deno.test("swarm() covers no dot with another when many share one height", () => {
  const ys = Array.from({ length: 60 }, (_, i) => (i * 7) % 13);
  const xs = swarm(ys, 2);
  for (let i = 0; i < ys.length; i++) {
    for (let k = 0; k < i; k++) assert.ok(Math.hypot(xs[i] - xs[k], ys[i] - ys[k]) > 4 - 1e-6, `dots ${k} and ${i}`);
  }
});

Deno.test("fitSwarms() stays within its reach when even tiny dots are too many", () => {
  const { radius, positions } = fitSwarms([Array(200).fill(0), [1, 5]], 4, 20);
  assert.ok(radius >= 1.3);
  assert.ok(positions.flat().every((x) => Math.abs(x) + radius <= 20 + 1e-9));
});

Deno.test("lossRange() takes curves with more values than a call may have arguments", () => {
  const long = Array.from({ length: 200_000 }, (_, i) => 3 - i / 200_000);
  const rows = rowsOf(run({}, long.at(-1)!, { loss: long }), run({ use_residual: true }, long.at(-1)!, { loss: long }));
  assert.deepEqual(lossRange(rows), { low: long.at(-1)!, high: long[6000], cut: 2 });
});

Deno.test("padded() widens an axis, but not below 0 where no loss is", () => {
  assert.deepEqual(padded([1, 2], 0.25), [0.75, 2.25]);
  assert.deepEqual(padded([0.00002, 0.001], 0.01), [0, 0.011]);
  assert.deepEqual(padded([0, 0], 0.5), [0, 0.5]);
  assert.deepEqual(padded([-0.5, 1], 0.5), [-1, 1.5]);
});
