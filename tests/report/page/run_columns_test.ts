import assert from "node:assert/strict";
import { GATED } from "../../../cells/factors.ts";
import { columnsFor } from "../../../report/page/run_columns.ts";
import { mergeSeeds } from "../../../report/data/merged.ts";
import { tableOf } from "../../../report/data/rows.ts";
import { dynamicsOf, measuredConfigurations, measuredResults } from "../measured_results.ts";
import { syntheticResults } from "../synthetic_results.ts";
import { validated } from "../validated_results.ts";

const results = validated([0, 1].flatMap((seed) => syntheticResults({ layers: [1, 2], state_sizes: [256], seed })));
const rows = mergeSeeds(tableOf(results).rows);
const usual = (columns: ReturnType<typeof columnsFor>) =>
  columns.filter(({ isExtra }) => !isExtra).map(({ key }) => key);

Deno.test("columnsFor() has losses and scores right behind the sizes, then the switches", () => {
  assert.deepEqual(
    usual(columnsFor(rows, GATED)).slice(0, 14),
    [
      "rank",
      "id",
      "seeds",
      "n_layers",
      "state_size",
      "min_loss",
      "test_bits_per_byte",
      "validation_bits_per_byte",
      ...GATED.factors.filter(({ kind }) => kind === "switch").map(({ key }) => key),
    ].slice(0, 14),
  );
});

Deno.test("columnsFor() shows dynamics, cost and engine where a person asks for them", () => {
  const measured = measuredConfigurations(measuredResults(), (result) => dynamicsOf(result));
  const columns = columnsFor(measured, GATED), extra = columns.filter(({ isExtra }) => isExtra).map(({ key }) => key);
  for (const key of ["steps_done", "train_seconds", "engine", "lyapunov_largest", "forgetting_time"]) {
    assert.ok(extra.includes(key), `${key} among ${extra}`);
  }
});

Deno.test("columnsFor() has a key for each column, also where a space calls its factor as a column is called", () => {
  const rank = { ...GATED.factors.find(({ key }) => key === "use_residual")!, key: "rank" };
  const table = { ...GATED, factors: [rank, ...GATED.factors] };
  const keys = columnsFor(rows.map((row) => ({ ...row, config: { ...row.config, rank: true } })), table)
    .map(({ key }) => key);
  assert.equal(new Set(keys).size, keys.length);
  assert.ok(keys.includes("rank") && keys.includes("rank-2"), keys.join());
});
