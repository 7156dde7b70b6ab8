/** The WebGPU engine's plan: levels, memory, dispatches. Nothing here needs an adapter. */
import assert from "node:assert/strict";
import type { CellConfig } from "../../cells/config.ts";
import { gatedCell } from "../../cells/gated_cell.ts";
import type { ModelSizes } from "../../cells/language_model.ts";
import type { EngineRun } from "../../train/engines/engine.ts";
import { openReferenceEngine } from "../../train/engines/reference.ts";
import { copyKernel, elementwiseKernel } from "../../train/engines/webgpu/elementwise.ts";
import { operationKernel } from "../../train/engines/webgpu/operations.ts";
import { buildSchedule, locator, planRun } from "../../train/engines/webgpu/schedule.ts";
import { allGatedConfigs, gatedConfig } from "../cells/golden_cases.ts";
import { overlaps, simulate } from "./arena.ts";
import { CATALOG, offsetsOf, runOf, SMALL, textOf, UNUSUAL } from "./runs.ts";

const STEPS = 3;
const TEXT = textOf(60, SMALL.vocabulary);

function gatedRun(config: CellConfig, sizes: Partial<ModelSizes> = {}): EngineRun {
  return runOf(gatedCell(config), { ...SMALL, ...sizes }, { withGradients: true });
}

/** The best configuration of the original study, as it is trained. */
const BEST = gatedRun(gatedConfig({ use_input_gate: false, use_output_gate: false, use_old_state: false }), {
  n_layers: 2,
  state_size: 256,
  vocabulary: 256,
  batch: 256,
});

/** Plays the plan in both orders; the arithmetic is the reference's own, so every loss must be the same number. */
async function checkPlan(run: EngineRun): Promise<void> {
  assert.deepEqual(overlaps(planRun(run), run), []);
  const group = await openReferenceEngine().open([run], TEXT);
  const offsets = offsetsOf(run, 0);
  group.beginPass(0, offsets);
  const expected = [...(await group.advance(STEPS))[0]];
  assert.deepEqual(simulate(run, TEXT, offsets, STEPS, "forward"), expected, "tasks of a level in order");
  assert.deepEqual(simulate(run, TEXT, offsets, STEPS, "backward"), expected, "tasks of a level in reverse order");
}

for (const n_layers of [1, 2]) {
  Deno.test(`planRun() gives sound levels and memory in all 96 switch settings when n_layers is ${n_layers}`, async () => {
    for (const config of allGatedConfigs()) await checkPlan(gatedRun(config, { n_layers }));
  });
}

Deno.test("planRun() lets no living tensors overlap in all 96 switch settings when n_layers is 3", () => {
  for (const config of allGatedConfigs()) {
    const run = gatedRun(config, { n_layers: 3 });
    assert.deepEqual(overlaps(planRun(run), run), []);
  }
});

for (const cell of [...CATALOG, ...UNUSUAL]) {
  Deno.test(`planRun() gives sound levels and memory when the cell is ${cell.name}`, () => checkPlan(runOf(cell)));
}

Deno.test("overlaps() and simulate() notice when a plan puts two living tensors in one place", () => {
  const run = gatedRun(gatedConfig({}));
  const plan = planRun(run);
  const offsets = new Map(plan.memory.offsets);
  const transient = [...offsets].filter(([, offset]) => offset >= plan.memory.persistent);
  // A product's result lies where its own operand is.
  const [product] = transient.find(([{ op, inputs }]) =>
    op === "linear" && offsets.get(inputs[0])! >= plan.memory.persistent
  )!;
  offsets.set(product, offsets.get(product.inputs[0])!);
  const wrong = { ...plan, memory: { ...plan.memory, offsets } };
  assert.notDeepEqual(overlaps(wrong, run), []);
  const rows = offsetsOf(run, 0);
  assert.notDeepEqual(
    simulate(run, TEXT, rows, STEPS, "forward", wrong),
    simulate(run, TEXT, rows, STEPS, "forward"),
  );
});

Deno.test("simulate() notices when a task stands at the level of its reader", () => {
  const run = gatedRun(gatedConfig({}));
  const plan = planRun(run);
  const reader = plan.tasks.tasks.find(({ type, level }) => type === "operation" && level > 6)!;
  const tasks = plan.tasks.tasks.map((task) => task === reader ? { ...task, level: task.level - 1 } : task);
  const wrong = { ...plan, tasks: { ...plan.tasks, tasks } };
  const rows = offsetsOf(run, 0);
  const right = simulate(run, TEXT, rows, STEPS, "forward");
  const orders = (["forward", "backward"] as const).map((order) => simulate(run, TEXT, rows, STEPS, order, wrong));
  assert.ok(orders.some((losses) => losses.join() !== right.join()), "neither order showed it");
});

Deno.test("planMemory() reuses memory when a tensor's last reader is done", () => {
  const { tasks, memory } = planRun(BEST);
  const written = tasks.tasks.flatMap(({ writes }) => writes).filter((tensor) =>
    memory.offsets.get(tensor)! >= memory.persistent
  );
  const alone = written.reduce((total, { shape }) => total + shape.reduce((a, b) => a * b, 1), 0);
  const shared = memory.size - memory.persistent;
  assert.ok(shared < 0.6 * alone, `${shared} floats for tensors that have ${alone} in all`);
});

Deno.test("buildSchedule() has 78 dispatches in 40 levels when it trains the best configuration", () => {
  const { dispatches, runs: [{ tasks }] } = buildSchedule([BEST]);
  // A lost fusion, or a kernel that splits, shows here; whoever improves the schedule writes the new numbers down.
  assert.deepEqual({ dispatches: dispatches.length, levels: tasks.levels }, { dispatches: 78, levels: 40 });
});

Deno.test("buildSchedule() has as many dispatches for 8 copies of a run as for one, each 8 times as large", () => {
  const one = buildSchedule([BEST]), eight = buildSchedule(new Array(8).fill(BEST));
  assert.deepEqual(
    eight.dispatches.map(({ level, kernel, workgroups }) => [level, kernel.key, workgroups]),
    one.dispatches.map(({ level, kernel, workgroups }) => [level, kernel.key, 8 * workgroups]),
  );
  assert.equal(eight.arenaSize, 8 * one.arenaSize);
});

Deno.test("buildSchedule() has one dispatch at most per kernel and level when configurations differ", () => {
  const runs = allGatedConfigs().filter((_, i) => i % 5 === 0).map((config, i) =>
    gatedRun(config, { n_layers: 1 + i % 3, state_size: 3 + i })
  );
  const { dispatches } = buildSchedule(runs);
  const keys = dispatches.map(({ level, kernel }) => `${level} ${kernel.key}`);
  assert.equal(new Set(keys).size, keys.length);
  const levels = dispatches.map(({ level }) => level);
  assert.deepEqual(levels, levels.toSorted((a, b) => a - b), "dispatches stand in the order of their levels");
});

Deno.test("buildSchedule() gives each run a part of the arena of its own when runs differ in size", () => {
  const runs = [3, 8, 1].map((state_size) => gatedRun(gatedConfig({}), { state_size }));
  const { runs: placed, arenaSize } = buildSchedule(runs);
  let end = 0;
  for (const { base, memory } of placed) {
    assert.ok(base >= end, `a run starts at ${base}, the one before ends at ${end}`);
    end = base + memory.size;
  }
  assert.ok(arenaSize >= end);
});

Deno.test("buildSchedule() gives every workgroup of every instance an entry in the tables", () => {
  const { dispatches, tables } = buildSchedule([2, 40].map((state_size) => gatedRun(gatedConfig({}), { state_size })));
  for (const { first, workgroups } of dispatches) {
    const groups = new Map<number, number[]>();
    for (let entry = first; entry < first + 2 * workgroups; entry += 2) {
      groups.set(tables[entry], [...(groups.get(tables[entry]) ?? []), tables[entry + 1]]);
    }
    assert.ok(groups.size > 0 && groups.size <= 2 * 40);
    for (const numbers of groups.values()) assert.deepEqual(numbers, numbers.map((_, i) => i));
  }
});

Deno.test("kernels with one key have one source in all 96 switch settings", () => {
  const sources = new Map<string, string>();
  const runs = [
    ...allGatedConfigs().map((config, i) => gatedRun(config, { state_size: 3 + i % 7 })),
    ...[...CATALOG, ...UNUSUAL].map((cell) => runOf(cell)),
  ];
  for (const place of buildSchedule(runs).runs) {
    const locate = locator(place);
    for (const task of place.tasks.tasks) {
      const { kernel } = task.type === "operation"
        ? operationKernel(task.nodes[0], locate)
        : task.type === "copy"
        ? copyKernel(task, locate)
        : elementwiseKernel(task, locate);
      const source = kernel.source();
      assert.equal(sources.get(kernel.key) ?? source, source, kernel.key);
      sources.set(kernel.key, source);
    }
  }
  // Different keys with one source would only be dispatches too many.
  assert.equal(new Set(sources.values()).size, sources.size);
});
