/** Numbers of the WebGPU engine: PyTorch's, the reference's, and the same bits in a group as alone. */
import assert from "node:assert/strict";
import { gatedCell } from "../../../../cells/catalog/gated_cell.ts";
import { openReferenceEngine } from "../../../../train/engines/reference.ts";
import { WEBGPU_ENGINE } from "../../../../train/engines/webgpu/engine.ts";
import { certifyGroup, type GoldenCase, goldenFrom } from "../../../../train/golden.ts";
import { CATALOG_GOLDEN, failures, gatedConfig, GOLDEN } from "../../../cells/catalog/golden_cases.ts";
import { ADAM_TOLERANCE, CATALOG, differences, runOf, textOf, train, UNUSUAL } from "../runs.ts";
import { NEEDS_ADAPTER, opened, unlikeRuns, withEngine } from "./adapter.ts";
import { KERNEL_FAULTS, plantFault } from "./kernel_faults.ts";

const { settings, cases } = GOLDEN;

Deno.test(
  "the WebGPU engine gives PyTorch's numbers when all 288 golden cases are one group",
  NEEDS_ADAPTER,
  async () => {
    const engine = opened!;
    const errors = await certifyGroup(engine, settings, cases);
    assert.deepEqual(failures(cases, errors, WEBGPU_ENGINE.tolerance), []);
  },
);

Deno.test(
  "the WebGPU engine gives PyTorch's numbers when all cells of the catalog are one group",
  NEEDS_ADAPTER,
  async () => {
    const engine = opened!;
    const { settings, cases } = CATALOG_GOLDEN;
    const errors = await certifyGroup(engine, settings, cases);
    assert.deepEqual(failures(cases, errors, WEBGPU_ENGINE.tolerance), []);
  },
);

Deno.test("the WebGPU engine gives the reference's numbers when tokens have 16 bits", NEEDS_ADAPTER, async () => {
  const engine = opened!;
  for (const vocab of [258, 1024]) {
    const golden = await goldenFrom(await openReferenceEngine(), { ...settings, vocab, batch: 64 }, [
      cases[0],
      cases[130],
    ]);
    const errors = await certifyGroup(engine, golden.settings, golden.cases);
    assert.deepEqual(failures(golden.cases, errors, WEBGPU_ENGINE.tolerance), [], `vocabulary ${vocab}`);
  }
});

/** Faults to plant into one golden case, each well above the tolerance and small enough to be overlooked. */
const FAULTS: readonly [
  what: keyof Awaited<ReturnType<typeof certifyGroup>>[0],
  plant: (golden: GoldenCase) => void,
][] = [
  ["losses", (golden) => golden.losses[7] *= 1.0005],
  ["gradients", (golden) => golden.grads_at_step_1["layers.0.output_nn.weight"]![1] *= 1.0005],
  ["gradients", (golden) => golden.grads_at_step_1["layers.0.state_nn.bias"] = null],
  ["states", (golden) => golden.final_state[0][5] += 0.0003],
];
for (const [i, [what, plant]] of FAULTS.entries()) {
  Deno.test(
    `certifyGroup() notices when one number of the golden ${what} is wrong (${i + 1})`,
    NEEDS_ADAPTER,
    async () => {
      const engine = opened!;
      const chosen = structuredClone(
        cases.filter(({ n_layers, use_new_state }) => n_layers === 1 && use_new_state).slice(0, 3),
      );
      plant(chosen[1]);
      const errors = await certifyGroup(engine, settings, chosen);
      assert.ok(!(errors[1][what] <= WEBGPU_ENGINE.tolerance), `${what} are off by ${errors[1][what]} only`);
      assert.equal(failures(chosen, errors, WEBGPU_ENGINE.tolerance).length, 1);
    },
  );
}

Deno.test(
  "the WebGPU engine gives each of eight unlike runs the same bits in a group as alone",
  NEEDS_ADAPTER,
  async () => {
    const engine = opened!;
    const runs = unlikeRuns();
    const together = await train(engine, runs, [3, 2]);
    assert.equal(new Set(together.map(({ losses }) => losses.join())).size, 8, "runs must differ");
    for (const [i, run] of runs.entries()) {
      const [alone] = await train(engine, [run], [3, 2], i);
      assert.deepEqual(alone.losses, together[i].losses, `losses of run ${i}`);
      assert.deepEqual(alone.tensors, together[i].tensors, `tensors of run ${i}`);
    }
  },
);

Deno.test(
  "the WebGPU engine agrees with the reference when eight unlike runs are one group",
  NEEDS_ADAPTER,
  async () => {
    const engine = opened!;
    const actual = await train(engine, unlikeRuns(), [3]);
    const expected = await train(await openReferenceEngine(), unlikeRuns(), [3]);
    expected.forEach((reference, i) => {
      const { losses } = differences(actual[i], reference);
      assert.ok(losses <= WEBGPU_ENGINE.tolerance, `losses of run ${i} are off by ${losses}`);
    });
  },
);

Deno.test(
  "the WebGPU engine agrees with the reference when no size is a multiple of a tile",
  NEEDS_ADAPTER,
  async () => {
    const engine = opened!;
    const cell = gatedCell(gatedConfig({ use_input_gate: false, use_forget_gate: false, use_old_state: false }));
    // Vectors of one float and of four, both widths of tiles, more and less than a tile along each axis.
    for (
      const sizes of [
        { n_layers: 1, state_size: 20, batch: 9, vocabulary: 257 },
        { n_layers: 2, state_size: 36, batch: 10, vocabulary: 268 },
        { n_layers: 1, state_size: 100, batch: 72, vocabulary: 68 },
        { n_layers: 1, state_size: 67, batch: 65, vocabulary: 66 },
      ]
    ) {
      const run = runOf(cell, sizes, { withGradients: true });
      const [[actual], [expected]] = [
        await train(engine, [run], [2]),
        await train(await openReferenceEngine(), [run], [2]),
      ];
      const { losses, tensors } = differences(actual, expected);
      assert.ok(losses <= WEBGPU_ENGINE.tolerance, `losses are off by ${losses} with ${JSON.stringify(sizes)}`);
      assert.ok(tensors <= ADAM_TOLERANCE, `tensors are off by ${tensors} with ${JSON.stringify(sizes)}`);
    }
  },
);

Deno.test(
  "the WebGPU engine gives the same bits whether dispatches merge by epilogue or by template",
  NEEDS_ADAPTER,
  async () => {
    const runs = unlikeRuns();
    await withEngine({ merging: "template" }, async (byTemplate) => {
      await withEngine({ merging: "epilogue" }, async (byEpilogue) => {
        const expected = await train(byEpilogue, runs, [3, 2]);
        assert.deepEqual(await train(byTemplate, runs, [3, 2]), expected);
        // By now the kernels hold the epilogues of all runs; alone, a run is given the same ones.
        const [alone] = await train(byTemplate, [runs[3]], [3, 2], 3);
        assert.deepEqual(alone, expected[3]);
      });
    });
  },
);

Deno.test("the WebGPU engine gives the same bits whatever tiles products have", NEEDS_ADAPTER, async () => {
  const cell = gatedCell(gatedConfig({}));
  // More than a small tile along each axis; sums that end in the first and in the second half of their last part; vectors of four and of one.
  const runs = [
    { n_layers: 1, state_size: 100, batch: 72, vocabulary: 68 },
    { n_layers: 1, state_size: 67, batch: 41, vocabulary: 66 },
  ].map((sizes) => runOf(cell, sizes));
  const trained = new Map<string, unknown>();
  const kernels = new Map<string, string>();
  for (const tiles of ["large", "small", "by fill"] as const) {
    await withEngine({ tiles }, async (engine) => {
      trained.set(tiles, [await train(engine, [runs[0]], [3]), await train(engine, [runs[1]], [3])]);
      const group = await engine.open([runs[0]], textOf(500, 68));
      const keys = group.schedule.dispatches.map(({ kernel }) => kernel.template.key);
      kernels.set(tiles, ["64x64", "32x32"].filter((tile) => keys.some((key) => key.includes(tile))).join());
      await group.close();
    });
  }
  assert.deepEqual(Object.fromEntries(kernels), { large: "64x64", small: "32x32", "by fill": "64x64,32x32" });
  assert.deepEqual(trained.get("small"), trained.get("large"));
  assert.deepEqual(trained.get("by fill"), trained.get("large"));
});

Deno.test("the WebGPU engine gives PyTorch's numbers when dispatches merge by template", NEEDS_ADAPTER, async () => {
  const chosen = cases.filter((_, i) => i % 12 === 5);
  await withEngine({ merging: "template" }, async (engine) => {
    assert.deepEqual(failures(chosen, await certifyGroup(engine, settings, chosen), WEBGPU_ENGINE.tolerance), []);
  });
});

for (const [name, { sound, faulty }] of Object.entries(KERNEL_FAULTS)) {
  Deno.test(`certifyGroup() notices a fault in a kernel: ${name}`, NEEDS_ADAPTER, async () => {
    const chosen = cases.filter((_, i) => i % 96 === 40);
    const planted = plantFault({ sound, faulty });
    try {
      await withEngine({}, async (engine) => {
        const errors = await certifyGroup(engine, settings, chosen);
        assert.ok(failures(chosen, errors, WEBGPU_ENGINE.tolerance).length > 0, "nobody noticed");
      });
    } finally {
      planted.remove();
    }
    assert.ok(planted.shaders > 0, "no kernel has such a line");
  });
}

Deno.test("the WebGPU engine gives the same bits when a training is repeated", NEEDS_ADAPTER, async () => {
  const engine = opened!;
  const runs = unlikeRuns().slice(0, 3);
  const first = await train(engine, runs, [4, 4]);
  assert.deepEqual(await train(engine, runs, [4, 4]), first);
});

for (const cell of [...CATALOG, ...UNUSUAL]) {
  Deno.test(
    `the WebGPU engine agrees with the reference over 12 steps when the cell is ${cell.name}`,
    NEEDS_ADAPTER,
    async () => {
      const engine = opened!;
      const runs = [runOf(cell), runOf(cell, { n_layers: 1, state_size: 9, vocabulary: 7, batch: 6 })];
      for (const run of runs) {
        const [actual] = await train(engine, [run], [7, 5]);
        const [expected] = await train(await openReferenceEngine(), [run], [7, 5]);
        const { losses, tensors } = differences(actual, expected);
        assert.ok(losses <= WEBGPU_ENGINE.tolerance, `losses are off by ${losses}`);
        assert.ok(tensors <= ADAM_TOLERANCE, `tensors are off by ${tensors}`);
      }
    },
  );
}
