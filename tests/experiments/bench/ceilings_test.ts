/** What an adapter can do at most is measured on whatever adapter is there: the numbers say nothing here, but that all of it runs. */
import assert from "node:assert/strict";
import { measureCeilings } from "../../../experiments/bench/ceilings.ts";
import { NEEDS_ADAPTER, opened } from "../../train/engines/webgpu/adapter.ts";

Deno.test(
  "measureCeilings() measures arithmetic, a copy and our product when there is an adapter",
  NEEDS_ADAPTER,
  async () => {
    const engine = opened!;
    const { adapter, fma_gflop_per_second, copy_gb_per_second, product_gflop_per_second } = (await measureCeilings())!;
    assert.equal(adapter, engine.adapter);
    for (const measured of [fma_gflop_per_second, copy_gb_per_second, product_gflop_per_second]) {
      assert.ok(measured > 0 && measured < Infinity, `${measured}`);
    }
  },
);
