/** What a second Vulkan driver can show: another compiler of the kernels, and other rounding. Run by second_driver_test.ts. */
import assert from "node:assert/strict";
import { WEBGPU_ENGINE } from "../../../../train/engines/webgpu/engine.ts";
import { certifyGroup } from "../../../../train/golden.ts";
import { CATALOG_GOLDEN, failures, GOLDEN } from "../../../cells/catalog/golden_cases.ts";
import { train } from "../runs.ts";
import { NEEDS_ADAPTER, unlikeRuns, withEngine } from "./adapter.ts";

/** A driver may take seconds to compile a kernel: some cases of each file. */
const SOME = [{ golden: GOLDEN, every: 24 }, { golden: CATALOG_GOLDEN, every: 7 }];

Deno.test("a second driver gives PyTorch's numbers", NEEDS_ADAPTER, async () => {
  for (const { golden: { settings, cases }, every } of SOME) {
    const chosen = cases.filter((_, i) => i % every === 5);
    assert.ok(chosen.length > 1);
    await withEngine({ merging: "template" }, async (engine) => {
      assert.deepEqual(failures(chosen, await certifyGroup(engine, settings, chosen), WEBGPU_ENGINE.tolerance), []);
    });
  }
});

Deno.test(
  "a second driver gives a run the same bits in the kernels of a group as in its own",
  NEEDS_ADAPTER,
  async () => {
    // With other gates and inputs; no size is a multiple of a tile.
    const runs = [0, 6].map((i) => unlikeRuns()[i]);
    await withEngine({ merging: "template" }, async (inGroup) => {
      const together = await train(inGroup, runs, [3, 2]);
      assert.notDeepEqual(together[0].losses, together[1].losses, "runs must differ");
      await withEngine({ merging: "epilogue" }, async (alone) => {
        assert.deepEqual((await train(alone, [runs[1]], [3, 2], 1))[0], together[1]);
      });
    });
  },
);
