/** What a second Vulkan driver can show: another compiler of the kernels, and other rounding. Run by second_driver_test.ts. */
import assert from "node:assert/strict";
import { cellOf } from "../../../../cells/catalog/catalog.ts";
import type { EngineRun } from "../../../../train/engines/engine.ts";
import { WEBGPU_ENGINE } from "../../../../train/engines/webgpu/engine.ts";
import { certifyGroup, goldenConfig, type GoldenFile, goldenText } from "../../../../train/golden.ts";
import { CATALOG_GOLDEN, failures, GOLDEN } from "../../../cells/catalog/golden_cases.ts";
import { runOf, train } from "../runs.ts";
import { NEEDS_ADAPTER, unlikeRuns, withEngine } from "./adapter.ts";

/** A driver may take seconds to compile a kernel: some cases of each file. */
const SOME = [{ golden: GOLDEN, every: 24 }, { golden: CATALOG_GOLDEN, every: 7 }];

/** The runs of some golden cases, as certifyGroup() has them. */
function runsOf({ settings, cases }: Pick<GoldenFile, "settings" | "cases">): EngineRun[] {
  const { state: state_size, vocab: vocabulary, batch } = settings;
  return cases.map((golden) => {
    const sizes = { n_layers: golden.n_layers, state_size, vocabulary, batch };
    return runOf(cellOf(goldenConfig(settings, golden)), sizes, { withGradients: true });
  });
}

Deno.test("a second driver gives PyTorch's numbers", NEEDS_ADAPTER, async () => {
  const files = SOME.map(({ golden: { settings, cases }, every }) => {
    return { settings, cases: cases.filter((_, i) => i % every === 5) };
  });
  await withEngine({ merging: "template" }, async (engine) => {
    // The kernels of all cases are compiled once, and serve the groups of both files.
    await (await engine.open(files.flatMap(runsOf), goldenText(files[0].settings).text)).close();
    for (const { settings, cases } of files) {
      assert.ok(cases.length > 1);
      assert.deepEqual(failures(cases, await certifyGroup(engine, settings, cases), WEBGPU_ENGINE.tolerance), []);
    }
  });
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
