/** The reference engine as an engine: passes, going on, results. Its numbers are checked where the cells are. */
import assert from "node:assert/strict";
import { lstmCell } from "../../../cells/catalog/catalog.ts";
import { initialTensors } from "../../../train/engines/engine.ts";
import { openReferenceEngine } from "../../../train/engines/reference.ts";
import { offsetsOf, runOf, SMALL, textOf, train, trainInParts, trainWithReplacement } from "./runs.ts";

const engine = await openReferenceEngine();

Deno.test("beginPass() starts from zero states when states were carried before", async () => {
  const run = { ...runOf(lstmCell), learningRate: 0 };
  const [{ losses }] = await train(engine, [run], [4, 4]);
  // Without updates nothing but the states differs from step to step, so two passes over one text are one.
  assert.deepEqual(losses.slice(4), losses.slice(0, 4));
  assert.equal(new Set(losses).size, 4);
});

Deno.test("beginPass() keeps states and reads on in the text when it goes on within a pass", async () => {
  const run = runOf(lstmCell);
  const [whole] = await train(engine, [run], [9]);
  for (const reopen of [true, false]) {
    assert.deepEqual(await trainInParts(engine, run, [4, 3, 2], { reopen }), whole);
  }
  const { losses } = await trainInParts(engine, run, [4, 5], { reopen: false, positions: [0, 0] });
  assert.notDeepEqual(losses, whole.losses, "a pass that begins anew is another");
});

Deno.test("advance() throws when steps after a later position run over the end of the text", async () => {
  const run = runOf(lstmCell);
  const group = await engine.open([run], textOf(20, SMALL.vocabulary));
  group.beginPass(0, Uint32Array.of(0, 3, 6), 11);
  await group.advance(2);
  assert.throws(() => group.advance(1), {
    name: "RangeError",
    message: "Cannot advance by 1 steps: they read up to token 20, the text has 20",
  });
});

Deno.test("advance() reads on in the text and carries states when it is called again", async () => {
  const run = runOf(lstmCell);
  const [{ losses }] = await train(engine, [run], [6]);
  const group = await engine.open([run], textOf(60, SMALL.vocabulary));
  group.beginPass(0, offsetsOf(run, 0));
  const [first] = await group.advance(2), [rest] = await group.advance(4);
  assert.deepEqual([...first, ...rest], losses);
});

Deno.test("a run goes on with the same numbers when its tensors are read and opened again", async () => {
  const run = runOf(lstmCell);
  const [whole] = await train(engine, [run], [5, 6]);
  const [half] = await train(engine, [run], [5]);
  const [rest] = await train(engine, [{ ...run, tensors: half.tensors, stepsDone: 5 }], [6]);
  assert.deepEqual([...half.losses, ...rest.losses], whole.losses);
  assert.deepEqual(rest.tensors, whole.tensors);
});

Deno.test("runs of a group do not touch each other when they share a text", async () => {
  const runs = [runOf(lstmCell), runOf(lstmCell, { ...SMALL, state_size: 3 })];
  const together = await train(engine, runs, [4]);
  for (const [i, run] of runs.entries()) assert.deepEqual(await train(engine, [run], [4], i), [together[i]]);
});

Deno.test("replace() changes no number of the run that comes, nor of those that stay", async () => {
  const sizes = [SMALL, { ...SMALL, state_size: 3 }, { ...SMALL, n_layers: 1 }, { ...SMALL, state_size: 4 }];
  const { together, alone } = await trainWithReplacement(engine, sizes.map((size) => runOf(lstmCell, size)));
  assert.deepEqual(together, alone);
});

Deno.test("advance() throws when no pass of a run has begun", async () => {
  const run = runOf(lstmCell), group = await engine.open([run, run], textOf(60, SMALL.vocabulary));
  group.beginPass(0, offsetsOf(run, 0));
  assert.throws(() => group.advance(2), {
    name: "RangeError",
    message: "Cannot advance by 2 steps: no sequence of the run has begun",
  });
});

Deno.test("beginPass() throws when rows are missing, or the slot is empty", async () => {
  const run = runOf(lstmCell), group = await engine.open([run], textOf(60, SMALL.vocabulary));
  assert.throws(() => group.beginPass(0, Uint32Array.of(1, 2)), {
    name: "RangeError",
    message: "Cannot begin a sequence: got offsets for 2 rows, must be 3",
  });
  await group.replace(0);
  assert.throws(() => group.beginPass(0, offsetsOf(run, 0)), {
    name: "RangeError",
    message: "Cannot reach run 0: its slot is empty, or the group has only 1 slots",
  });
});

Deno.test("initialTensors() gives zeros when a moment or a state is absent", () => {
  const run = runOf(lstmCell);
  const tensors = initialTensors(run);
  for (const [name, values] of tensors) {
    assert.equal(values.some((x) => x !== 0), run.tensors.has(name), name);
  }
  assert.ok(tensors.has("exp_avg.layers.0.state_nn.weight") && tensors.has("layers.1.c"));
  assert.ok(!tensors.has("bytes") && !tensors.has("loss"));
});

Deno.test("initialTensors() throws when a tensor has another size than the model's", () => {
  const run = runOf(lstmCell);
  const tensors = new Map(run.tensors).set("output_embedding.bias", new Float32Array(3));
  assert.throws(() => initialTensors({ ...run, tensors }), {
    name: "RangeError",
    message: "Cannot open a run: 'output_embedding.bias' has 3 elements, must have 7",
  });
});
