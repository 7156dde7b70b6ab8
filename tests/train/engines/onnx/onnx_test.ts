/** The ONNX engine and its models on ONNX Runtime; without the permissions it needs, each test is counted as ignored. */
import assert from "node:assert/strict";
import { gatedCell } from "../../../../cells/catalog/gated_cell.ts";
import { vanillaCell } from "../../../../cells/catalog/catalog.ts";
import { interpret } from "../../../../cells/graph/interpreter.ts";
import { evaluationModel } from "../../../../cells/language_model.ts";
import { ONNX_ENGINE, openOnnxEngine } from "../../../../train/engines/onnx/engine.ts";
import { exportOnnx, NEXT } from "../../../../train/engines/onnx/export.ts";
import { openReferenceEngine } from "../../../../train/engines/reference.ts";
import { certifyGroup, type GoldenFile, goldenFrom } from "../../../../train/golden.ts";
import {
  BPTT_GOLDEN,
  CATALOG_BPTT_GOLDEN,
  CATALOG_GOLDEN,
  failures,
  gatedConfig,
  GOLDEN,
} from "../../../cells/catalog/golden_cases.ts";
import { drawnWeights } from "../../../cells/models.ts";
import { testGroups } from "../group_tests.ts";
import { recordWorkers } from "../workers.ts";
import { ADAM_TOLERANCE, CATALOG, differences, runOf, SMALL, textOf, train, UNUSUAL } from "../runs.ts";
import { engineOfFile, NEEDS_ONNX } from "./onnx_tests.ts";

const engine = await engineOfFile();
const { settings, cases } = GOLDEN;

/** Every run has a worker of its own: so many start side by side. */
const GROUP = 12;

const GOLDEN_FILES: readonly (readonly [what: string, golden: GoldenFile])[] = [
  ["in all 288 golden cases", GOLDEN],
  ["for each cell of the catalog", CATALOG_GOLDEN],
  ["in 48 golden cases that go 4 steps back", {
    ...BPTT_GOLDEN,
    cases: BPTT_GOLDEN.cases.filter((_, i) => i % 4 === 2),
  }],
  ["for each cell of the catalog but sLSTM, which float32 misses, that goes 4 steps back", CATALOG_BPTT_GOLDEN],
];
for (const [what, { settings, cases }] of GOLDEN_FILES) {
  Deno.test(`the ONNX engine gives PyTorch's numbers ${what}`, NEEDS_ONNX, async () => {
    for (let first = 0; first < cases.length; first += GROUP) {
      const chosen = cases.slice(first, first + GROUP);
      const errors = await certifyGroup(engine, settings, chosen);
      assert.deepEqual(failures(chosen, errors, ONNX_ENGINE.tolerance), []);
    }
  });
}

Deno.test("certifyGroup() notices when a golden loss is wrong", NEEDS_ONNX, async () => {
  const chosen = structuredClone(cases.slice(0, 2));
  chosen[1].losses[11] *= 1.0005;
  const errors = await certifyGroup(engine, settings, chosen);
  assert.equal(failures(chosen, errors, ONNX_ENGINE.tolerance).length, 1);
});

for (const cell of [...CATALOG, ...UNUSUAL]) {
  Deno.test(
    `the ONNX engine agrees with the reference over 12 steps when the cell is ${cell.name}`,
    NEEDS_ONNX,
    async () => {
      const run = runOf(cell, SMALL, { withGradients: true });
      const [actual] = await train(engine, [run], [7, 5]);
      const [expected] = await train(await openReferenceEngine(), [run], [7, 5]);
      const { losses, tensors } = differences(actual, expected);
      assert.ok(losses <= ONNX_ENGINE.tolerance, `losses are off by ${losses}`);
      assert.ok(tensors <= ADAM_TOLERANCE, `tensors are off by ${tensors}`);
    },
  );
}

Deno.test("the ONNX engine gives the reference's numbers when tokens have 16 bits", NEEDS_ONNX, async () => {
  for (const vocab of [258, 1024]) {
    const golden = await goldenFrom(await openReferenceEngine(), { ...settings, vocab, batch: 64 }, [
      cases[0],
      cases[130],
    ]);
    const errors = await certifyGroup(engine, golden.settings, golden.cases);
    assert.deepEqual(failures(golden.cases, errors, ONNX_ENGINE.tolerance), [], `vocabulary ${vocab}`);
  }
});

Deno.test("the ONNX engine leaves frozen weights as drawn and gives them no gradient", NEEDS_ONNX, async () => {
  const run = runOf(gatedCell(gatedConfig({ use_new_state: false })), SMALL, { withGradients: true });
  const [{ tensors }] = await train(engine, [run], [3]);
  const { parameters, trained } = run.step;
  assert.ok(!trained.includes("layers.1.forget_gate_nn.weight") && trained.includes("layers.1.output_nn.weight"));
  for (const { name } of parameters) {
    const same = run.tensors.get(name)!.every((value, i) => value === tensors.get(name)![i]);
    assert.equal(same, !trained.includes(name), name);
    assert.equal(tensors.has(`gradient.${name}`), trained.includes(name), name);
  }
});

Deno.test("the ONNX engine gives each run the same bits in a group as alone, and again", NEEDS_ONNX, async () => {
  const runs = [runOf(vanillaCell), runOf(gatedCell(gatedConfig({})), { ...SMALL, n_layers: 1, state_size: 20 })];
  const together = await train(engine, runs, [4, 3]);
  assert.deepEqual(await train(engine, runs, [4, 3]), together);
  for (const [i, run] of runs.entries()) assert.deepEqual(await train(engine, [run], [4, 3], i), [together[i]]);
});

testGroups({
  name: "onnx",
  engine,
  options: NEEDS_ONNX,
  replacements: () => [
    [SMALL, { ...SMALL, state_size: 3 }, { ...SMALL, n_layers: 1 }, { ...SMALL, state_size: 4 }]
      .map((size) => runOf(gatedCell(gatedConfig({})), size)),
  ],
});

Deno.test("advance() rejects when a row runs over the end of the text", NEEDS_ONNX, async () => {
  const run = runOf(vanillaCell);
  const group = await engine.open([run], textOf(10, SMALL.vocabulary));
  group.beginPass(0, Uint32Array.of(0, 1, 2));
  await group.advance(7);
  await assert.rejects(group.advance(1));
  await group.close();
});

Deno.test("close() lets the steps that are queued end when a group is busy", NEEDS_ONNX, async () => {
  const group = await engine.open([runOf(vanillaCell)], textOf(5000, SMALL.vocabulary));
  group.beginPass(0, Uint32Array.of(0, 1, 2));
  const waiting = group.advance(200);
  await group.close();
  assert.equal((await waiting)[0].length, 200);
  await assert.rejects(group.advance(1), /Cannot advance: the group was closed/);
});

Deno.test("a group rejects, and closes, when its worker has died", NEEDS_ONNX, async () => {
  using workers = recordWorkers();
  const group = await (await openOnnxEngine(2)).open([runOf(vanillaCell)], textOf(5000, SMALL.vocabulary));
  group.beginPass(0, Uint32Array.of(0, 1, 2));
  await group.advance(1);
  // No request, and no number to reply under: it throws outside the worker's handler, and that ends the worker.
  workers.started[0].postMessage(null);
  await assert.rejects(group.advance(1), /ONNX worker stopped/);
  await assert.rejects(group.advance(1), /ONNX worker was closed/);
  await assert.rejects(group.read(0), /ONNX worker was closed/);
  await group.close();
});

Deno.test(
  "an exported model with an open batch gives the reference's logits for 1 and for 5 rows",
  NEEDS_ONNX,
  async () => {
    const ort = await import("../../../../train/engines/onnx/runtime.ts");
    const { openSession } = await import("../../../../train/engines/onnx/session.ts");
    for (const cell of [gatedCell(gatedConfig({})), ...CATALOG, ...UNUSUAL]) {
      const { graph, parameters } = evaluationModel(cell, SMALL);
      const weights = drawnWeights(parameters);
      const session = await openSession(exportOnnx(graph, { weights, openBatch: true }), 1);
      for (const batch of [1, 5]) {
        const { graph: reference, states } = evaluationModel(cell, { ...SMALL, batch });
        const bytes = Array.from({ length: batch }, (_, row) => (3 * row + 2) % SMALL.vocabulary);
        // States as the cell itself makes them: an sLSTM's normaliser, say, is never near 0, where a quotient is exact to no digit.
        const zeros = states.map(({ name, shape: [rows, size] }): [string, Float64Array] => [
          name,
          new Float64Array(rows * size),
        ]);
        const after = interpret(
          reference,
          new Map<string, ArrayLike<number>>([...weights, ...zeros, ["bytes", bytes]]),
        );
        const carried = states.map(({ name }): [string, Float64Array] => [name, Float64Array.from(after.get(name)!)]);
        const results = await session.run({
          bytes: new ort.Tensor("int64", BigInt64Array.from(bytes.map(BigInt)), [batch]),
          ...Object.fromEntries(
            carried.map((
              [name, values],
            ) => [name, new ort.Tensor("float32", Float32Array.from(values), [batch, SMALL.state_size])]),
          ),
        });
        const feeds = new Map<string, ArrayLike<number>>([...weights, ...carried, ["bytes", bytes]]);
        for (const [name, expected] of interpret(reference, feeds)) {
          const actual = results[reference.inputs.has(name) ? name + NEXT : name].data as Float32Array;
          assert.equal(actual.length, expected.length, `${cell.name}: ${name}`);
          const error = Math.max(...expected.map((value, i) => Math.abs(actual[i] - value)));
          assert.ok(error <= 1e-5, `${cell.name}: ${name} is off by ${error}`);
        }
      }
      await session.release();
    }
  },
);
