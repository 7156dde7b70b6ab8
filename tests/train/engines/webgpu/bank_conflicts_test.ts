/** Workgroup memory of the products: no two lanes meet in a bank. Reasoned for a warp of 32 lanes; nothing here needs an adapter. */
import assert from "node:assert/strict";
import { BEST_CONFIG, SMALL_CONFIG } from "../../../../cells/known_configs.ts";
import { gatedCell } from "../../../../cells/catalog/gated_cell.ts";
import type { CellConfig } from "../../../../cells/config.ts";
import { runOf } from "../runs.ts";
import { kernelsOfGroup } from "./group_kernels.ts";
import { slotsOf, tileAccesses, VECTOR_BYTES } from "./bank_conflicts.ts";

const lanes = (vector: (lane: number) => number) =>
  Array.from({ length: 32 }, (_, lane) => VECTOR_BYTES * vector(lane));

Deno.test("slotsOf() counts phases of eight lanes, and more when lanes of a phase meet in a bank", () => {
  assert.equal(slotsOf("load", lanes((lane) => lane)), 4);
  assert.equal(slotsOf("load", lanes((lane) => 2 * lane)), 8, "every other vector: two lanes in each bank");
  assert.equal(slotsOf("load", lanes((lane) => 8 * lane)), 32, "all lanes in four banks");
  assert.equal(slotsOf("store", lanes((lane) => 16 * (lane % 4) + (lane >> 2))), 16, "stores of a transposed block");
});

Deno.test("slotsOf() counts half the phases of a load when lanes want the same in pairs", () => {
  assert.equal(slotsOf("load", lanes(() => 5)), 2);
  assert.equal(slotsOf("load", lanes((lane) => lane >> 1)), 2);
  assert.equal(slotsOf("load", lanes((lane) => (lane & 1) | ((lane >> 2) << 1))), 2);
  assert.equal(slotsOf("load", lanes((lane) => lane >> 2)), 2);
  assert.equal(slotsOf("load", lanes((lane) => lane % 8)), 4, "the same vectors, but not in pairs");
  assert.equal(slotsOf("store", lanes((lane) => lane >> 1)), 4);
});

function productOf(config: CellConfig, tile: string) {
  const { n_layers, state_size } = config;
  const run = runOf(gatedCell(config), { n_layers, state_size, vocabulary: 256, batch: 256 });
  const kernels = kernelsOfGroup([run.step], "template", "large");
  return kernels.find(({ template: { key } }) => key.startsWith(`product ${tile}x`))!.template.source();
}

const MODES = { "forward (NT)": 0, "input gradient (NN)": 1, "weight gradient (TN)": 2 };

/**
 * Slots of the memory pipe, which the four schedulers of a multiprocessor share, for 256 in which they all do fused multiplications: those
 * of `tiles`, and four for each vector that a warp fetches from the arena.
 */
function slotsFor256(source: ReturnType<typeof productOf>, mode: number): number {
  const fusedPerInvocation = 4 * source.body.match(/= fma\(/g)!.length;
  const warps = [0, 1].map((warp) => tileAccesses(source, mode, warp));
  const slots = warps.flatMap(({ loads, stores }) => [...loads, ...stores, ...stores.map(() => 4)]);
  return 256 * slots.reduce((a, b) => a + b) / (warps.length * fusedPerInvocation / 4);
}

for (const [name, mode] of Object.entries(MODES)) {
  Deno.test(`the product's memory pipe has 192 slots for 256 of arithmetic in tiles of 64 × 64, 384 in tiles of 32 × 32: ${name}`, () => {
    for (const [config, tile, slots] of [[BEST_CONFIG, "64", 192], [SMALL_CONFIG, "32", 384]] as const) {
      const source = productOf(config, tile);
      for (const warp of [0, 1]) {
        const { loads, stores } = tileAccesses(source, mode, warp);
        assert.deepEqual([new Set(loads), new Set(stores), stores.length], [new Set([2]), new Set([4]), 4]);
      }
      assert.equal(slotsFor256(source, mode), slots);
    }
  });
}

Deno.test("tileAccesses() notices when a tile is not swizzled, and when lanes are not paired", () => {
  const { declarations, body } = productOf(BEST_CONFIG, "64");
  const flat = body.replaceAll(/(tx|ty) \^ \d+u/g, "$1").replace(/ \^ \(\d+u \* step_quad\)/, "");
  assert.deepEqual(new Set(tileAccesses({ declarations, body: flat }, MODES["forward (NT)"], 0).stores), new Set([8]));
  const unpaired = body.replace(/let tx = [^;]+;/, "let tx = local & 7u;").replace(
    /let ty = [^;]+;/,
    "let ty = local / 8u;",
  );
  assert.notEqual(unpaired, body);
  assert.deepEqual(new Set(tileAccesses({ declarations, body: unpaired }, 0, 0).loads), new Set([2, 4]));
});
