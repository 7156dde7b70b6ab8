/** Gradients through several steps on the WebGPU engine: plans, dispatches, numbers, and groups whose runs go back by different numbers. */
import assert from "node:assert/strict";
import { catalogConfig, cellOf } from "../../../../cells/catalog/catalog.ts";
import { defineCell } from "../../../../cells/cell.ts";
import { gatedCell } from "../../../../cells/catalog/gated_cell.ts";
import { add, input, linear, makeNode, mul, tanh } from "../../../../cells/graph/builder.ts";
import { concat, slice } from "../../../../cells/graph/rows.ts";
import { buildGraph } from "../../../../cells/graph/graph.ts";
import { interpret } from "../../../../cells/graph/interpreter.ts";
import { isOp } from "../../../../cells/graph/tensor.ts";
import { buildTrainingStep } from "../../../../cells/language_model.ts";
import type { EngineRun } from "../../../../train/engines/engine.ts";
import { openReferenceEngine } from "../../../../train/engines/reference.ts";
import { WEBGPU_ENGINE } from "../../../../train/engines/webgpu/engine.ts";
import { MAX_TOKENS_PER_SUBMIT, type Merging, planRun } from "../../../../train/engines/webgpu/kernels/schedule.ts";
import { placeParts, splitProducts } from "../../../../train/engines/webgpu/plan/rewrite.ts";
import { certifyGroup } from "../../../../train/golden.ts";
import {
  allGatedConfigs,
  BPTT_GOLDEN,
  CATALOG_BPTT_GOLDEN,
  failures,
  gatedConfig,
} from "../../../cells/catalog/golden_cases.ts";
import {
  ADAM_TOLERANCE,
  CATALOG,
  differences,
  offsetsOf,
  runOf,
  SMALL,
  STEPS_BACK,
  textOf,
  train,
  trainInParts,
  trainWithReplacement,
  UNUSUAL,
} from "../runs.ts";
import { NEEDS_ADAPTER, opened, withEngine } from "./adapter.ts";
import { plantFault } from "./kernel_faults.ts";
import { checkPlan, scheduleOf } from "./plans.ts";

const BEST = gatedCell(gatedConfig({ use_input_gate: false, use_output_gate: false, use_old_state: false }));
const BEST_SIZES = { n_layers: 2, state_size: 256, vocabulary: 256, batch: 256 };
const ALL = gatedCell(gatedConfig({}));

/** A state that is an output, and a part of rows in the next step, behind rows that were put together. */
const returnedRowsCell = defineCell({
  name: "returned rows",
  states: ["h"],
  forward(layer, x, { h }) {
    const both = layer.linear("both_nn", [concat([x, h])]), { batch } = layer;
    const y = tanh(add(slice(both, 0, batch), slice(both, batch, batch)));
    return { output: y, states: { h: y } };
  },
});

/** Rows that start within a vector of four floats where the state's size is no multiple of four. */
const shiftedRowsCell = defineCell({
  name: "shifted rows",
  states: ["h"],
  forward(layer, x, { h }) {
    const n = layer.linear("state_nn", [x, h]), last = layer.batch - 1;
    const next = add(concat([tanh(slice(n, 1, last)), slice(h, 0, 1)]), mul(x, 0.5));
    return { output: next, states: { h: next } };
  },
});

for (const cell of [returnedRowsCell, shiftedRowsCell]) {
  Deno.test(`the WebGPU engine agrees with the reference when a cell has ${cell.name}`, NEEDS_ADAPTER, async () => {
    const engine = opened!;
    for (const state_size of [2, 5, 8]) {
      for (const bptt of [1, 3]) {
        const run = runOf(cell, { ...SMALL, state_size }, { bptt });
        await checkPlan(run);
        const [[actual], [expected]] = [
          await train(engine, [run], [4]),
          await train(await openReferenceEngine(), [run], [4]),
        ];
        const { losses, tensors } = differences(actual, expected);
        assert.ok(losses <= WEBGPU_ENGINE.tolerance, `losses are off by ${losses} with ${state_size} states`);
        assert.ok(tensors <= ADAM_TOLERANCE, `tensors are off by ${tensors} with ${state_size} states`);
      }
    }
  });
}

for (
  const [what, bptt, configs] of [
    ["all 96 switch settings", 2, allGatedConfigs()],
    ["some switch settings", 5, allGatedConfigs().filter((_, i) => i % 9 === 4)],
  ] as const
) {
  Deno.test(`planRun() gives sound levels and memory in ${what} when bptt is ${bptt}`, async () => {
    for (const config of configs) await checkPlan(runOf(gatedCell(config), SMALL, { withGradients: true, bptt }));
  });
}

for (const cell of [...CATALOG, ...UNUSUAL]) {
  Deno.test(`planRun() gives sound levels and memory when bptt is 3 and the cell is ${cell.name}`, async () => {
    await checkPlan(runOf(cell, SMALL, { bptt: 3 }));
    // Rows of one part are no whole vector there.
    await checkPlan(runOf(cell, { ...SMALL, state_size: 2, batch: 1 }, { bptt: 3 }));
  });
}

// What a step costs beside its products: whoever improves the schedule writes the new numbers down.
const DISPATCHES: readonly [bptt: number, expected: Record<Merging, number>][] = [
  [1, { template: 24, epilogue: 24 }],
  [4, { template: 43, epilogue: 73 }],
  [16, { template: 115, epilogue: 265 }],
];
for (const [bptt, expected] of DISPATCHES) {
  Deno.test(`buildSchedule() has ${expected.template} dispatches for the best configuration when bptt is ${bptt}`, () => {
    for (const merging of ["template", "epilogue"] as const) {
      const run = runOf(BEST, BEST_SIZES, { bptt });
      assert.equal(scheduleOf([run], merging).dispatches.length, expected[merging], merging);
      assert.equal(scheduleOf(new Array(8).fill(run), merging).dispatches.length, expected[merging], `8 by ${merging}`);
    }
  });
}

Deno.test("buildSchedule() has fewer than half of the dispatches per token when bptt is 16 and one step trains all weights", () => {
  const perToken = (bptt: number, config: Parameters<typeof gatedCell>[0]) =>
    scheduleOf([runOf(gatedCell(config), BEST_SIZES, { bptt })]).dispatches.length / bptt;
  for (const config of allGatedConfigs().filter(({ use_new_state }, i) => use_new_state && i % 12 === 0)) {
    const [one, sixteen] = [perToken(1, config), perToken(16, config)];
    assert.ok(sixteen < one / 2, `${JSON.stringify(config)}: ${sixteen} of ${one}`);
  }
});

Deno.test("buildSchedule() makes each weight's gradient and its update in one task, whatever bptt is", () => {
  const run = runOf(BEST, BEST_SIZES, { bptt: 16 }), { tasks: { tasks }, graph } = planRun(run.step);
  const updates = tasks.filter(({ heads: [head] }) => head && isOp(head, "linear_weight_gradient"));
  const weights = run.step.trained.filter((name) => name.endsWith(".weight") && name !== "input_embedding.weight");
  assert.equal(updates.length, weights.length);
  // A product for each step, or for each step but the last where nothing reads what it makes.
  assert.ok(updates.every(({ heads: { length } }) => length >= 15 && length <= 16));
  const written = new Set(updates.flatMap(({ writes }) => writes));
  for (const name of weights) assert.ok(written.has(graph.outputs.get(name)!), name);
});

Deno.test("planRun() takes memory for the numbers inside a step that grows with bptt, up to 64 steps of 3 layers with all gates", () => {
  const cell = gatedCell(gatedConfig({})), sizes = { n_layers: 3, state_size: 256, vocabulary: 256, batch: 256 };
  const mebibytes = (bptt: number) => {
    const { memory } = planRun(buildTrainingStep(cell, sizes, { bptt }));
    return Math.round(4 * (memory.size - memory.persistent) / 2 ** 20);
  };
  assert.deepEqual([1, 16, 64].map(mebibytes), [12, 240, 960]);
});

Deno.test("splitProducts() and placeParts() keep what a graph gives when parts have several places, or none of their own", () => {
  const [a, b] = ["a", "b"].map((name) => input(name, [2, 4]));
  const weight = input("w", [4, 4]), bias = input("bias", [4]);
  const [x, y] = [a, b].map((source) => tanh(linear([source], weight, bias)));
  const rows = concat([x, y, a]), others = concat([y, x, slice(rows, 1, 2)]);
  const graph = buildGraph({
    product: makeNode("linear_weight_gradient", [rows, others], {}),
    // Rows that are put together in two ways, and one that the graph returns.
    taken: tanh(slice(rows, 1, 3)),
    x,
    whole: tanh(others),
  });
  const feeds = new Map([...graph.inputs].map(([name, { shape }], i) => {
    const size = shape.reduce((all, n) => all * n, 1);
    return [name, Array.from({ length: size }, (_, at) => Math.sin(at + 3 * i))];
  }));
  const before = interpret(graph, feeds), after = placeParts(splitProducts(graph));
  for (const [name, values] of interpret(after, feeds)) {
    values.forEach((value, i) => assert.ok(Math.abs(value - before.get(name)![i]) <= 1e-14, `${name}[${i}]`));
  }
  const parts = after.nodes.filter((node) => isOp(node, "concat")).flatMap(({ inputs }) => inputs);
  assert.equal(new Set(parts).size, parts.length, "each part has one place");
  assert.ok(parts.every(({ op }) => op !== "input" && op !== "slice" && op !== "concat"));
  assert.ok(!parts.includes(after.outputs.get("x")!), "what the graph returns has its own place");
});

Deno.test(
  "the WebGPU engine gives PyTorch's numbers, gradients in full, when 64 golden cases go 4 steps back",
  NEEDS_ADAPTER,
  async () => {
    const engine = opened!;
    const chosen = BPTT_GOLDEN.cases.filter((_, i) => i % 3 === 1);
    assert.equal(chosen.length, 64);
    assert.ok(chosen.every(({ gradients_at_step_1 = {} }) => Object.keys(gradients_at_step_1).length === 2));
    const errors = await certifyGroup(engine, BPTT_GOLDEN.settings, chosen);
    assert.deepEqual(failures(chosen, errors, WEBGPU_ENGINE.tolerance), []);
  },
);

Deno.test(
  "the WebGPU engine gives PyTorch's numbers when all cells of the catalog but sLSTM go 4 steps back as one group",
  NEEDS_ADAPTER,
  async () => {
    const engine = opened!;
    const { settings, cases } = CATALOG_BPTT_GOLDEN;
    assert.deepEqual(failures(cases, await certifyGroup(engine, settings, cases), WEBGPU_ENGINE.tolerance), []);
  },
);

for (
  const [what, sound, faulty] of [
    ["rows of all tokens read the first one", "+ row / batch;", "+ 0u * row / batch;"],
    ["a mean loss leaves the last row out", "row < dispatch.x;", "row + 1u < dispatch.x;"],
  ]
) {
  Deno.test(`certifyGroup() notices a fault in a kernel when bptt is 4: ${what}`, NEEDS_ADAPTER, async () => {
    const chosen = BPTT_GOLDEN.cases.slice(0, 2), planted = plantFault({ sound, faulty });
    try {
      await withEngine({}, async (engine) => {
        const errors = await certifyGroup(engine, BPTT_GOLDEN.settings, chosen);
        assert.ok(errors.every(({ losses }) => losses > WEBGPU_ENGINE.tolerance));
      });
    } finally {
      planted.remove();
    }
    assert.ok(planted.shaders > 0, "no kernel has such a line");
  });
}

/** Runs of several cells and sizes that go back by different numbers of steps. */
function mixedRuns(): EngineRun[] {
  return [
    runOf(ALL, SMALL, { bptt: 4 }),
    runOf(ALL, { ...SMALL, state_size: 8 }),
    runOf(cellOf(catalogConfig("lstm", 1, 4)), { ...SMALL, n_layers: 1, state_size: 4 }, { bptt: 16 }),
    runOf(BEST, { ...SMALL, state_size: 8 }, { bptt: 4 }),
    runOf(BEST, SMALL, { bptt: 3 }),
  ];
}

Deno.test(
  "the WebGPU engine gives runs of different bptt the same bits in a group as alone",
  NEEDS_ADAPTER,
  async () => {
    const engine = opened!;
    const runs = mixedRuns(), together = await train(engine, runs, [3, 2]);
    const expected = await train(await openReferenceEngine(), runs, [3, 2]);
    for (const [i, run] of runs.entries()) {
      const [alone] = await train(engine, [run], [3, 2], i);
      assert.deepEqual(together[i], alone, `run ${i}`);
      assert.ok(differences(alone, expected[i]).losses <= WEBGPU_ENGINE.tolerance, `losses of run ${i}`);
    }
  },
);

Deno.test("advance() concerns the runs of one bptt alone when it is told which", NEEDS_ADAPTER, async () => {
  const engine = opened!;
  const runs = mixedRuns(), text = textOf(400, SMALL.vocabulary);
  const group = await engine.open(runs, text);
  try {
    runs.forEach((run, slot) => group.beginPass(slot, offsetsOf(run, slot)));
    const losses: number[][] = runs.map(() => []);
    // About as many tokens of each run, in an order of its own.
    for (const [count, bptt] of [[1, 16], [2, 4], [10, 1], [4, 3], [6, 1], [2, 4], [1, 3]]) {
      (await group.advance(count, bptt)).forEach((part, slot) => {
        assert.equal(part.length, runs[slot].step.bptt === bptt ? count : 0);
        losses[slot].push(...part);
      });
    }
    for (const [slot, run] of runs.entries()) {
      const [{ losses: alone, tensors }] = await train(engine, [run], [losses[slot].length], slot);
      assert.deepEqual(losses[slot], alone, `losses of run ${slot}`);
      assert.deepEqual(await group.read(slot), tensors, `tensors of run ${slot}`);
    }
  } finally {
    await group.close();
  }
});

Deno.test(
  "replace() gives a run of another bptt, and those that stay, the same bits as alone",
  NEEDS_ADAPTER,
  async () => {
    const engine = opened!;
    const [first, second, third, , fifth] = mixedRuns();
    for (const runs of [[first, second, third, fifth], [second, third, first, second]]) {
      const { together, alone } = await trainWithReplacement(engine, runs);
      assert.deepEqual(together, alone);
    }
  },
);

Deno.test(
  "a run of several submits has the same bits at once, in parts, and with the text in windows",
  NEEDS_ADAPTER,
  async () => {
    const engine = opened!;
    const run = runOf(BEST, { ...SMALL, vocabulary: 251 }, { bptt: 7 });
    // Fourteen steps of seven tokens fill a submit.
    const steps = 2 * Math.floor(MAX_TOKENS_PER_SUBMIT / 7) + 3;
    const whole = await trainInParts(engine, run, [steps]);
    assert.ok(whole.losses.every((loss) => loss > 0 && loss < 20));
    assert.deepEqual(await trainInParts(engine, run, [5, 15, steps - 20]), whole);
    await withEngine({ text: { whole: 64 } }, async (inWindows) => {
      assert.deepEqual(await trainInParts(inWindows, run, [steps]), whole);
    });
  },
);

Deno.test(
  "the WebGPU engine gives the same bits whatever makes a dispatch, and whatever tiles products have, when bptt is 5",
  NEEDS_ADAPTER,
  async () => {
    const runs = [
      runOf(ALL, { n_layers: 2, state_size: 36, batch: 10, vocabulary: 68 }, { bptt: 5 }),
      runOf(BEST, { n_layers: 1, state_size: 67, batch: 10, vocabulary: 68 }, { bptt: 5 }),
    ];
    const trained: unknown[] = [];
    for (const options of [{ merging: "template" }, { merging: "epilogue" }, { tiles: "small" }] as const) {
      await withEngine(options, async (engine) => void trained.push(await train(engine, runs, [2])));
    }
    assert.deepEqual(trained[1], trained[0]);
    assert.deepEqual(trained[2], trained[0]);
  },
);

for (const cell of STEPS_BACK) {
  Deno.test(
    `the WebGPU engine agrees with the reference when bptt is 4 and the cell is ${cell.name}`,
    NEEDS_ADAPTER,
    async () => {
      const engine = opened!;
      const runs = [runOf(cell, SMALL, { bptt: 4 }), runOf(cell, { ...SMALL, state_size: 9 }, { bptt: 3 })];
      const [actual, expected] = [
        await train(engine, runs, [4, 2]),
        await train(await openReferenceEngine(), runs, [4, 2]),
      ];
      for (const i of runs.keys()) {
        const { losses, tensors } = differences(actual[i], expected[i]);
        assert.ok(losses <= WEBGPU_ENGINE.tolerance, `losses are off by ${losses}`);
        assert.ok(tensors <= ADAM_TOLERANCE, `tensors are off by ${tensors}`);
      }
    },
  );
}
