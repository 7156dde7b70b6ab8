/** The WebGPU engine's plan: levels, memory, dispatches. Nothing here needs an adapter. */
import assert from "node:assert/strict";
import type { CellConfig } from "../../../../cells/config.ts";
import { gatedCell } from "../../../../cells/catalog/gated_cell.ts";
import { add, input, makeNode, mul } from "../../../../cells/graph/builder.ts";
import { buildGraph } from "../../../../cells/graph/graph.ts";
import { interpret } from "../../../../cells/graph/interpreter.ts";
import { sizeOf, type Tensor } from "../../../../cells/graph/tensor.ts";
import type { ModelSizes } from "../../../../cells/language_model.ts";
import type { EngineRun } from "../../../../train/engines/engine.ts";
import { kernelKey, shader } from "../../../../train/engines/webgpu/kernels/kernel.ts";
import type { Tiles } from "../../../../train/engines/webgpu/kernels/product_uses.ts";
import { gatherProducts, isProduct } from "../../../../train/engines/webgpu/plan/rewrite.ts";
import {
  buildSchedule,
  type Dispatch,
  EpilogueRegistry,
  kernelsOf,
  layoutOf,
  type Merging,
  planRun,
} from "../../../../train/engines/webgpu/kernels/schedule.ts";
import { toTasks } from "../../../../train/engines/webgpu/plan/tasks.ts";
import { allGatedConfigs, gatedConfig } from "../../../cells/catalog/golden_cases.ts";
import { overlaps, simulate } from "./arena.ts";
import { checkPlan, scheduleOf, STEPS, TEXT } from "./plans.ts";
import { CATALOG, offsetsOf, runOf, SMALL, UNUSUAL } from "../runs.ts";

function gatedRun(config: CellConfig, sizes: Partial<ModelSizes> = {}): EngineRun {
  return runOf(gatedCell(config), { ...SMALL, ...sizes }, { withGradients: true });
}

/** The best configuration of the original study: with its gradients, and as it is trained. */
const BEST_CONFIG = gatedConfig({ use_input_gate: false, use_output_gate: false, use_old_state: false });
const BEST_SIZES = { n_layers: 2, state_size: 256, vocabulary: 256, batch: 256 };
const BEST = gatedRun(BEST_CONFIG, BEST_SIZES);
const BEST_AS_TRAINED = runOf(gatedCell(BEST_CONFIG), BEST_SIZES);

for (const n_layers of [1, 2]) {
  Deno.test(`planRun() gives sound levels and memory in all 96 switch settings when n_layers is ${n_layers}`, async () => {
    for (const config of allGatedConfigs()) await checkPlan(gatedRun(config, { n_layers }));
  });
}

Deno.test("planRun() lets no living tensors overlap in all 96 switch settings when n_layers is 3", () => {
  for (const config of allGatedConfigs()) {
    const run = gatedRun(config, { n_layers: 3 });
    assert.deepEqual(overlaps(planRun(run.step)), []);
  }
});

for (const cell of [...CATALOG, ...UNUSUAL]) {
  Deno.test(`planRun() gives sound levels and memory when the cell is ${cell.name}`, () => checkPlan(runOf(cell)));
}

Deno.test("overlaps() and simulate() notice when a plan puts two living tensors in one location", () => {
  const run = gatedRun(gatedConfig({}));
  const plan = planRun(run.step);
  const offsets = new Map(plan.memory.offsets);
  const transient = [...offsets].filter(([, offset]) => offset >= plan.memory.persistent);
  // A product's result lies where its own operand is.
  const [product] = transient.find(([{ op, inputs }]) =>
    op === "linear" && offsets.get(inputs[0])! >= plan.memory.persistent
  )!;
  offsets.set(product, offsets.get(product.inputs[0])!);
  const wrong = { ...plan, memory: { ...plan.memory, offsets } };
  assert.notDeepEqual(overlaps(wrong), []);
  const rows = offsetsOf(run, 0);
  assert.notDeepEqual(
    simulate(run, TEXT, rows, STEPS, "forward", wrong),
    simulate(run, TEXT, rows, STEPS, "forward"),
  );
});

Deno.test("simulate() notices when a task stands at the level of its reader", () => {
  const run = gatedRun(gatedConfig({}));
  const plan = planRun(run.step);
  const reader = plan.tasks.tasks.find(({ heads, level }) => heads.length && level > 6)!;
  const tasks = plan.tasks.tasks.map((task) => task === reader ? { ...task, level: task.level - 1 } : task);
  const wrong = { ...plan, tasks: { ...plan.tasks, tasks } };
  const rows = offsetsOf(run, 0);
  const right = simulate(run, TEXT, rows, STEPS, "forward");
  const orders = (["forward", "backward"] as const).map((order) => simulate(run, TEXT, rows, STEPS, order, wrong));
  assert.ok(orders.some((losses) => losses.join() !== right.join()), "neither order showed it");
});

Deno.test("planMemory() reuses memory when a tensor's last reader is done", () => {
  const { tasks, memory } = planRun(BEST_AS_TRAINED.step);
  const written = tasks.tasks.flatMap(({ writes }) => writes).filter((tensor) =>
    memory.offsets.get(tensor)! >= memory.persistent
  );
  const alone = written.reduce((total, { shape }) => total + sizeOf(shape), 0);
  // In tensors of [256, 256]: 32 are written, and 20 locations hold them.
  assert.deepEqual([alone, memory.size - memory.persistent].map((floats) => floats / 256 ** 2), [32, 20]);
});

/** The configurations that a sweep's first group of 64 has: all switch settings, 3 layers of 256. */
const MIXED = allGatedConfigs().slice(0, 64).map((config) =>
  runOf(gatedCell(config), { n_layers: 3, state_size: 256, vocabulary: 256, batch: 256 })
);

// A lost fusion, or a kernel that splits, shows here; whoever improves the schedule writes the new numbers down.
const DISPATCHES: readonly [
  what: string,
  runs: readonly EngineRun[],
  expected: Record<Merging, number>,
  levels: number,
][] = [
  ["one run of the best configuration", [BEST_AS_TRAINED], { template: 24, epilogue: 24 }, 22],
  ["a group of 64 of it", new Array(64).fill(BEST_AS_TRAINED), { template: 24, epilogue: 24 }, 22],
  ["a group of 64 different configurations", MIXED, { template: 46, epilogue: 219 }, 42],
];
for (const [what, runs, expected, levels] of DISPATCHES) {
  for (const merging of ["template", "epilogue"] as const) {
    Deno.test(`buildSchedule() has ${expected[merging]} dispatches per step for ${what} when they merge by ${merging}`, () => {
      const { dispatches } = scheduleOf(runs, merging);
      assert.deepEqual([dispatches.length, new Set(dispatches.map(({ level }) => level)).size], [
        expected[merging],
        levels,
      ]);
    });
  }
}

Deno.test("buildSchedule() has small tiles where few runs stand side by side, large ones for weight gradients, and no dispatch more", () => {
  const productsOf = (slots: number, tiles: Tiles) => {
    const { dispatches } = scheduleOf(new Array(slots).fill(BEST_AS_TRAINED), "template", tiles);
    const isProduct = ({ kernel }: Dispatch) => kernel.template.key.startsWith("product");
    const products = dispatches.filter(isProduct).map(({ kernel: { template: { key } }, workgroups }) =>
      `${key.split(" ")[1]} ${workgroups / slots}`
    );
    return { dispatches: dispatches.length, first: products[0], last: products.at(-1) };
  };
  assert.deepEqual(productsOf(1, "by fill"), { dispatches: 24, first: "32x32 64", last: "64x64 336" });
  assert.deepEqual(productsOf(15, "by fill"), { dispatches: 24, first: "32x32 64", last: "64x64 336" });
  assert.deepEqual(productsOf(16, "by fill"), { dispatches: 24, first: "64x64 16", last: "64x64 336" });
  assert.deepEqual(productsOf(64, "small"), { dispatches: 24, first: "32x32 64", last: "32x32 1344" });
  assert.deepEqual(productsOf(1, "large"), { dispatches: 24, first: "64x64 16", last: "64x64 336" });
});

Deno.test("planRun() takes at most 64 MiB when three layers of 256 states have all gates", () => {
  const config = gatedConfig({});
  const run = runOf(gatedCell(config), { n_layers: 3, state_size: 256, vocabulary: 256, batch: 256 });
  const bytes = 4 * planRun(run.step).memory.size;
  assert.ok(bytes <= 64 * 2 ** 20, `it takes ${bytes} bytes`);
});

Deno.test("planRun() has no work for weights that get no gradient when new state is off", () => {
  const run = gatedRun(gatedConfig({ use_new_state: false }));
  const { tasks: { tasks } } = planRun(run.step);
  const gradients = tasks.flatMap(({ heads }) => heads).filter(({ op }) => op === "linear_weight_gradient");
  const products = run.step.trained.filter((name) => name.endsWith(".weight") && name !== "input_embedding.weight");
  assert.equal(gradients.length, products.length);
  const frozen = run.step.parameters.filter(({ name }) => !run.step.trained.includes(name));
  assert.ok(frozen.length > 0);
  for (const { name } of frozen) assert.ok(!run.step.graph.outputs.has(name), `${name} is written`);
});

Deno.test("buildSchedule() has each dispatch 8 times as large for 8 copies of a run as for one", () => {
  const one = scheduleOf([BEST]), eight = scheduleOf(new Array(8).fill(BEST));
  assert.deepEqual(
    eight.dispatches.map(({ level, kernel, workgroups }) => [level, kernelKey(kernel), workgroups]),
    one.dispatches.map(({ level, kernel, workgroups }) => [level, kernelKey(kernel), 8 * workgroups]),
  );
});

for (const merging of ["template", "epilogue"] as const) {
  Deno.test(`buildSchedule() has one dispatch at most per level and ${merging} when configurations differ`, () => {
    const runs = allGatedConfigs().filter((_, i) => i % 5 === 0).map((config, i) =>
      gatedRun(config, { n_layers: 1 + i % 3, state_size: 3 + i })
    );
    const { dispatches } = scheduleOf(runs, merging);
    const keys = dispatches.map(({ level, kernel }) =>
      `${level} ${merging === "template" ? kernel.template.key : kernelKey(kernel)}`
    );
    assert.equal(new Set(keys).size, keys.length);
    const levels = dispatches.map(({ level }) => level);
    assert.deepEqual(levels, levels.toSorted((a, b) => a - b), "dispatches stand in the order of their levels");
  });
}

Deno.test("buildSchedule() has the losses of all runs in one dispatch when their depths differ", () => {
  const { dispatches } = scheduleOf([1, 2, 3].map((n_layers) => gatedRun(gatedConfig({}), { n_layers })));
  const ofTemplate = (name: string) =>
    dispatches.filter(({ kernel: { template } }) => template.key.startsWith(name)).length;
  assert.deepEqual(["softmax", "sum", "embedding_weight_gradient"].map(ofTemplate), [1, 1, 1]);
});

Deno.test("buildSchedule() gives every workgroup of every instance an entry in the tables, long sums first", () => {
  const { dispatches, tables } = scheduleOf([2, 40].map((state_size) => gatedRun(gatedConfig({}), { state_size })));
  for (const { first, workgroups, kernel } of dispatches) {
    const groups = new Map<number, number[]>();
    for (let entry = first; entry < first + 2 * workgroups; entry += 2) {
      groups.set(tables[entry], [...(groups.get(tables[entry]) ?? []), tables[entry + 1]]);
    }
    assert.ok(groups.size > 0);
    for (const numbers of groups.values()) assert.deepEqual(numbers, numbers.map((_, i) => i));
    if (!kernel.template.key.startsWith("product")) continue;
    const tilesOfSum = [...groups.keys()].map((instance) => tables[instance + 6]);
    assert.deepEqual(tilesOfSum, tilesOfSum.toSorted((a, b) => b - a));
  }
});

Deno.test("EpilogueRegistry keeps an epilogue's tag when other runs bring more epilogues", () => {
  const registry = new EpilogueRegistry("template");
  const layout = layoutOf({ slots: 1, batch: SMALL.batch, scalars: 2 });
  const one = (run: EngineRun) => buildSchedule([{ plan: planRun(run.step), slot: 0, base: 0 }], layout, registry);
  const plain = gatedRun(gatedConfig({ use_forget_gate: false, use_output_gate: false }));
  const before = one(plain).tables;
  const epilogues = kernelsOf(one(gatedRun(gatedConfig({})))).flatMap((kernel) => kernel.epilogues).length;
  const after = one(plain);
  assert.deepEqual(after.tables, before);
  assert.ok(kernelsOf(after).flatMap((kernel) => kernel.epilogues).length <= epilogues);
});

Deno.test("kernels with one key have one source in all 96 switch settings", () => {
  const sources = new Map<string, string>();
  const runs = [
    ...allGatedConfigs().map((config, i) => gatedRun(config, { state_size: 3 + i % 7 })),
    ...[...CATALOG, ...UNUSUAL].map((cell) => runOf(cell)),
  ];
  for (const run of runs) {
    for (const kernel of kernelsOf(scheduleOf([run], "epilogue"))) {
      const source = shader(kernel), key = kernelKey(kernel);
      assert.equal(sources.get(key) ?? source, source, key);
      sources.set(key, source);
    }
  }
  // Different keys with one source would only be dispatches too many.
  assert.equal(new Set(sources.values()).size, sources.size);
});

Deno.test("gatherProducts() adds the products of a sum up first when other terms stand between them", () => {
  const [x, y] = ["x", "y"].map((name) => input(name, [4, 3]));
  const [v, w] = ["v", "w"].map((name) => input(name, [3, 3]));
  const product = (dy: Tensor, weight: Tensor) =>
    makeNode("linear_input_gradient", [dy, weight], { offset: 0, width: 3 });
  const sum = add(add(add(product(x, v), mul(x, y)), product(y, w)), 1);
  const before = buildGraph({ sum });
  const after = gatherProducts(before);
  const order = new Map(after.nodes.map((node, i) => [node, i]));
  for (const node of after.nodes) for (const source of node.inputs) assert.ok(order.get(source)! < order.get(node)!);
  const [joined] = after.nodes.filter(({ op, inputs }) => op === "add" && inputs.every((term) => isProduct(term)));
  assert.ok(joined, "no sum has both products");
  const feeds = new Map(["x", "y", "v", "w"].map((name, i) => {
    const size = i < 2 ? 12 : 9;
    return [name, Array.from({ length: size }, (_, at) => Math.sin(at + i))];
  }));
  const [old, now] = [before, after].map((graph) => interpret(graph, feeds).get("sum")!);
  now.forEach((value, i) => assert.ok(Math.abs(value - old[i]) <= 1e-14, `element ${i}: ${value}, was ${old[i]}`));
  assert.equal(toTasks(after, new Set()).tasks.length, 1);
});
