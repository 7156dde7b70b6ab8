/** Gradients that go back through several steps, on ONNX Runtime; without the permissions it needs, each test is counted as ignored. */
import assert from "node:assert/strict";
import { gatedCell } from "../../../../cells/catalog/gated_cell.ts";
import { add, input, mul, sum, tanh } from "../../../../cells/graph/builder.ts";
import { concat, slice } from "../../../../cells/graph/rows.ts";
import { gradients } from "../../../../cells/graph/gradient.ts";
import { buildGraph, type Graph } from "../../../../cells/graph/graph.ts";
import { interpret } from "../../../../cells/graph/interpreter.ts";
import { sizeOf, type Tensor } from "../../../../cells/graph/tensor.ts";
import { BEST_CONFIG } from "../../../../cells/known_configs.ts";
import { buildTrainingStep } from "../../../../cells/language_model.ts";
import { ONNX_ENGINE, openOnnxEngine } from "../../../../train/engines/onnx/engine.ts";
import { exportOnnx } from "../../../../train/engines/onnx/export.ts";
import { planStep } from "../../../../train/engines/onnx/plan.ts";
import { decodeModel } from "../../../../train/engines/onnx/proto.ts";
import { workingBytes } from "../../../../train/engines/onnx/working_bytes.ts";
import { openReferenceEngine } from "../../../../train/engines/reference.ts";
import { ADAM_TOLERANCE, differences, offsetsOf, runOf, SMALL, STEPS_BACK, textOf, train } from "../runs.ts";
import { engineOfFile, NEEDS_ONNX } from "./onnx_tests.ts";

const engine = await engineOfFile();
const reference = await openReferenceEngine();

/** Rows that are taken apart and put together, in ways that no cell does: what is made of `x`, of whatever rank. */
const ROWS: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  "a slice": (x) => slice(x, 2, 3),
  "one row": (x) => slice(x, 5, 1),
  "a slice of a slice": (x) => slice(slice(x, 1, 4), 1, 2),
  "slices in another order": (x) => concat([slice(x, 3, 3), slice(x, 0, 3)]),
  "a slice twice": (x) => concat([slice(x, 0, 2), tanh(slice(x, 0, 2)), slice(x, 4, 2)]),
  "a slice over a border": (x) => slice(concat([tanh(x), x]), 4, 5),
  "rows of rows": (x) =>
    concat([concat([slice(x, 0, 1), tanh(slice(x, 1, 2))]), concat([x, mul(slice(x, 3, 3), 0.5)])]),
  "apart, changed and together": (x) => concat([0, 1, 2].map((t) => mul(tanh(slice(x, 2 * t, 2)), t + 1))),
};

/** What is made of 6 rows, and the gradient of a scalar that depends on each number of it in another way. */
function rowsGraph(shape: readonly number[], make: (x: Tensor) => Tensor): Graph {
  const x = input("x", shape), y = make(x), weights = input("weights", y.shape);
  const total = (value: Tensor): Tensor => value.shape.length ? total(sum(value)) : value;
  const [gradient] = gradients(total(mul(weights, add(y, mul(y, y)))), [x]);
  return buildGraph({ y: add(y, 1), gradient: gradient! });
}

for (const [what, make] of Object.entries(ROWS)) {
  for (const shape of [[6], [6, 4]]) {
    Deno.test(
      `exportOnnx() gives the interpreter's numbers for ${what} of rank ${shape.length}`,
      NEEDS_ONNX,
      async () => {
        const ort = await import("../../../../train/engines/onnx/runtime.ts");
        const { openSession } = await import("../../../../train/engines/onnx/session.ts");
        const graph = rowsGraph(shape, make);
        const feeds = new Map([...graph.inputs].map(([name, { shape }], n) => [
          name,
          new Float32Array(sizeOf(shape)).map((_, i) => Math.sin(1.3 * i + n)),
        ]));
        const session = await openSession(exportOnnx(graph), 1);
        const results = await session.run(Object.fromEntries(
          [...feeds].map(([name, values]) => [
            name,
            new ort.Tensor("float32", values, graph.inputs.get(name)!.shape),
          ]),
        ));
        for (const [name, expected] of interpret(graph, feeds)) {
          const { data, dims } = results[name] as { data: Float32Array; dims: readonly number[] };
          assert.deepEqual([...dims], [...graph.outputs.get(name)!.shape], name);
          for (const [i, value] of expected.entries()) {
            assert.ok(Math.abs(data[i] - value) <= 1e-5, `${name}[${i}]: ${data[i]} against ${value}`);
          }
        }
        await session.release();
      },
    );
  }
}

for (const cell of STEPS_BACK) {
  Deno.test(
    `the ONNX engine agrees with the reference with 2, 5 and 16 steps back when the cell is ${cell.name}`,
    NEEDS_ONNX,
    async () => {
      const runs = [2, 5, 16].map((bptt) => runOf(cell, SMALL, { withGradients: true, bptt }));
      const found = await train(engine, runs, [4, 3]), expected = await train(reference, runs, [4, 3]);
      for (const [i, { step: { bptt } }] of runs.entries()) {
        const { losses, tensors } = differences(found[i], expected[i]);
        assert.ok(losses <= ONNX_ENGINE.tolerance, `${bptt} steps back: losses are off by ${losses}`);
        assert.ok(tensors <= ADAM_TOLERANCE, `${bptt} steps back: tensors are off by ${tensors}`);
      }
    },
  );
}

Deno.test(
  "the ONNX engine gives runs with 1 and with 5 steps back the same bits in a group as alone, and again",
  NEEDS_ONNX,
  async () => {
    const runs = [1, 5, 5].map((bptt) => runOf(gatedCell(BEST_CONFIG), SMALL, { bptt }));
    const together = await train(engine, runs, [4, 3]);
    assert.deepEqual(await train(engine, runs, [4, 3]), together);
    for (const [i, run] of runs.entries()) assert.deepEqual(await train(engine, [run], [4, 3], i), [together[i]]);
  },
);

Deno.test("the ONNX engine trains three layers with 64 steps back, as the reference does", NEEDS_ONNX, async () => {
  const run = runOf(gatedCell(BEST_CONFIG), { ...SMALL, n_layers: 3 }, { bptt: 64 });
  const [actual] = await train(engine, [run], [1]);
  const [expected] = await train(reference, [run], [1]);
  const { losses, tensors } = differences(actual, expected);
  assert.ok(losses <= ONNX_ENGINE.tolerance, `losses are off by ${losses}`);
  assert.ok(tensors <= ADAM_TOLERANCE, `tensors are off by ${tensors}`);
});

const SIZES = { n_layers: 2, state_size: 256, vocabulary: 256, batch: 256 };
const bestStep = (bptt: number, sizes = SIZES) => buildTrainingStep(gatedCell(BEST_CONFIG), sizes, { bptt });

Deno.test("the training model of the best configuration with 16 steps back has 107 operations a byte, and updates once", () => {
  const plan = planStep(bestStep(16).graph), once = planStep(bestStep(1).graph);
  const { node } = decodeModel(plan.model).graph;
  const count = (...ops: string[]) => node.filter(({ op_type }) => ops.includes(op_type)).length;
  assert.deepEqual(
    {
      gemm: count("Gemm"),
      elementwise: count("Add", "Sub", "Mul"),
      sliced: count("Slice"),
      joined: count("Concat"),
      all: node.length,
    },
    // Two slices of each token: of what is embedded, and of the gradient of all logits.
    { gemm: 561, elementwise: 926, sliced: 32, joined: 54, all: 1719 },
  );
  assert.equal(count("Split", "Transpose", "OneHot", "ReduceSum", "Sqrt", "Div"), 0);
  // What comes after the model: one update of each weight, and one scatter of the embedding's gradient.
  assert.deepEqual(plan.calls.map(({ name }) => name), once.calls.map(({ name }) => name));
});

Deno.test("a training model grows by the same number of operations and operands with each further step back", () => {
  const of = (bptt: number) => {
    const { graph } = bestStep(bptt, { ...SIZES, n_layers: 3, state_size: 4, batch: 3 });
    const { node } = decodeModel(planStep(graph).model).graph;
    const operands = (nodes: readonly { readonly [K in "inputs"]: readonly unknown[] }[]) =>
      nodes.reduce((total, { inputs }) => total + inputs.length, 0);
    return [
      graph.nodes.length,
      operands(graph.nodes),
      node.length,
      operands(node.map(({ input }) => ({ inputs: input }))),
    ];
  };
  const [at16, at32, at48] = [16, 32, 48].map(of);
  const growth = (less: readonly number[], more: readonly number[]) => more.map((count, i) => count - less[i]);
  assert.deepEqual(growth(at32, at48), growth(at16, at32));
});

Deno.test("workingBytes() counts what is alive at once, without what is given and what is returned", () => {
  const x = input("x", [5]), a = tanh(x), b = tanh(a), c = tanh(b);
  // a, b and their sum; the sum, b and c; the sum, c and its tangent. Their sum in turn is what is returned.
  assert.equal(workingBytes(buildGraph({ y: add(add(a, b), tanh(c)) })), 3 * 5 * 4);
  assert.equal(workingBytes(buildGraph({ y: a })), 0);
});

Deno.test("footprint() grows with the steps back, by no more than the tensors of a step", () => {
  const [one, two, three] = [1, 17, 33].map((bptt) => engine.footprint(bestStep(bptt)));
  const matrix = 4 * SIZES.batch * SIZES.state_size;
  // Per byte: 12 matrices of each layer, and those of the embedding, the logits and their gradients.
  for (const growth of [two - one, three - two]) {
    assert.ok(growth > 16 * 20 * matrix && growth < 16 * 32 * matrix, `${growth / 16 / matrix} matrices a step`);
  }
});

Deno.test("open() refuses a run that needs more memory than there is, in one line", NEEDS_ONNX, async () => {
  const run = runOf(gatedCell(BEST_CONFIG), SMALL, { bptt: 16 }), text = textOf(100, SMALL.vocabulary);
  const bytes = engine.footprint(run.step);
  const small = await openOnnxEngine(1, { memory: bytes - 1 });
  await assert.rejects(small.open([run], text), {
    name: "UserError",
    message: /^Cannot train a run on engine onnx: with 16 steps back it needs 1 MiB, must be at most 0 MiB$/,
  });
  const enough = await openOnnxEngine(1, { memory: bytes });
  const group = await enough.open([run], text);
  group.beginPass(0, offsetsOf(run, 0));
  assert.equal((await group.advance(1))[0].length, 1);
  assert.equal(await group.replace(0, runOf(gatedCell(BEST_CONFIG), SMALL)), true);
  await assert.rejects(
    group.replace(0, runOf(gatedCell(BEST_CONFIG), SMALL, { bptt: 32 })),
    /with 32 steps back it needs/,
  );
  await group.close();
});
