import assert from "node:assert/strict";
import { GATED } from "../../../cells/factors.ts";
import { type MergedRow, mergeSeeds } from "../../../report/data/merged.ts";
import { tableOf } from "../../../report/data/rows.ts";
import { differencesOf, onePairOf } from "../../../report/tables/differences.ts";
import { comparedResults } from "../compared_results.ts";
import { syntheticResults } from "../synthetic_results.ts";

const results = [0, 1].flatMap((seed) => syntheticResults({ seed, steps: 1000 }));
const rows = mergeSeeds(tableOf(results).rows);

/** The configuration of two layers with 256 states and all switches on but for these. */
function rowWith(
  changes: Readonly<Record<string, boolean | number>> = {},
  among: readonly MergedRow[] = rows,
): MergedRow {
  const switches = GATED.factors.filter(({ kind }) => kind === "switch").map(({ key }) => [key, true]);
  const wanted = { ...Object.fromEntries(switches), n_layers: 2, state_size: 256, ...changes };
  return among.find(({ config }) =>
    Object.entries(wanted).every(([key, value]) => (config as Record<string, unknown>)[key] === value)
  )!;
}

Deno.test("differencesOf() names what some differ in, with a value for each, and what they have in common", () => {
  const compared = [rowWith(), rowWith({ use_forget_gate: false }), rowWith({ use_forget_gate: false, n_layers: 1 })];
  const { different, common } = differencesOf(compared, GATED);
  assert.deepEqual(different, [
    { label: "layers", values: ["2", "2", "1"] },
    { label: "forget gate", values: ["on", "off", "off"] },
  ]);
  assert.deepEqual(common, [
    "state size 256",
    "input gate on",
    "output gate on",
    "state gate on",
    "new state on",
    "old state on",
    "residual on",
    "tinyshakespeare",
    "bytes",
    "1,000 steps",
    "batch size 256",
    "pass length 1000",
    "seeds 0 and 1",
    "by synthetic",
  ]);
  assert.deepEqual(differencesOf([rowWith(), rowWith()], GATED).different, []);
});

Deno.test("differencesOf() names other ways of training: steps, seeds, texts", () => {
  const others = mergeSeeds(tableOf(syntheticResults({ steps: 500, dataset: "another" })).rows);
  const { different, common } = differencesOf([rowWith(), rowWith({}, others)], GATED);
  assert.deepEqual(different, [
    { label: "corpus", values: ["tinyshakespeare (00000000)", "another (00000000)"] },
    { label: "steps", values: ["1000", "500"] },
    { label: "seeds", values: ["0 and 1", "0"] },
  ]);
  assert.ok(common.includes("2 layers") && !common.some((phrase) => phrase.includes("steps")), common.join());
});

Deno.test("differencesOf() says of a switch nothing where another cell has none", () => {
  const all = mergeSeeds(tableOf(comparedResults()).rows), own = all.find(({ config }) => GATED.isOwnCell(config))!;
  const other = all.find(({ config }) => !GATED.isOwnCell(config))!;
  const { different } = differencesOf([own, other], GATED),
    of = (label: string) => different.find((one) => one.label === label)?.values;
  assert.equal(of("cell")?.[0], "gated");
  assert.equal(of("new state")?.[1], "–");
  assert.equal(onePairOf([own, other], GATED), undefined);
});

Deno.test("onePairOf() is of two that differ in one factor and are trained alike, from its first value to its second", () => {
  const on = rowWith(), off = rowWith({ use_forget_gate: false });
  for (const compared of [[on, off], [off, on]]) {
    const pair = onePairOf(compared, GATED)!;
    assert.deepEqual([pair.factor.key, pair.from, pair.to], ["use_forget_gate", false, true]);
    assert.deepEqual(pair.rows, [off, on]);
  }
  const longer = mergeSeeds(tableOf(syntheticResults({ steps: 2000 })).rows);
  for (
    const compared of [
      [on],
      [on, on],
      [on, rowWith({ use_forget_gate: false, use_input_gate: false })],
      [on, off, rowWith({ use_input_gate: false })],
      [on, rowWith({ use_forget_gate: false }, longer)],
    ]
  ) {
    assert.equal(onePairOf(compared, GATED), undefined);
  }
});
