/** What a group of the WebGPU engine does: passes, steps, reading, and runs that come and go. */
import assert from "node:assert/strict";
import { gatedCell } from "../../../../cells/catalog/gated_cell.ts";
import { vanillaCell } from "../../../../cells/catalog/catalog.ts";
import { buildTrainingStep } from "../../../../cells/language_model.ts";
import { openReferenceEngine } from "../../../../train/engines/reference.ts";
import { MAX_TOKENS_PER_SUBMIT } from "../../../../train/engines/webgpu/kernels/schedule.ts";
import { gatedConfig } from "../../../cells/catalog/golden_cases.ts";
import { testGroups } from "../group_tests.ts";
import { offsetsOf, runOf, SMALL, textOf, train } from "../runs.ts";
import { NEEDS_ADAPTER, opened, unlikeRuns } from "./adapter.ts";

Deno.test(
  "advance() gives the same losses when its steps fill several submits or come one by one",
  NEEDS_ADAPTER,
  async () => {
    const engine = opened!;
    const steps = 2 * MAX_TOKENS_PER_SUBMIT + 7;
    const run = runOf(vanillaCell);
    const [atOnce] = await train(engine, [run], [steps]);
    assert.equal(atOnce.losses.length, steps);
    const group = await engine.open([run], textOf(steps + 20, SMALL.vocabulary));
    group.beginPass(0, offsetsOf(run, 0));
    const parts: number[] = [];
    for (const count of [1, MAX_TOKENS_PER_SUBMIT, MAX_TOKENS_PER_SUBMIT + 6]) {
      parts.push(...(await group.advance(count))[0]);
    }
    await group.close();
    assert.deepEqual(parts, atOnce.losses);
  },
);

testGroups({
  name: "webgpu",
  engine: opened,
  options: NEEDS_ADAPTER,
  // Larger and smaller than the one whose slot it takes, and of another shape.
  replacements: () =>
    [[1, 3], [3, 1], [2, 0]].map(([leaves, comes]) => {
      const all = unlikeRuns();
      return [all[4], all[leaves], all[6], all[comes]];
    }),
});

Deno.test(
  "replace() leaves nothing of a run whose pass had begun and that never did a step",
  NEEDS_ADAPTER,
  async () => {
    const engine = opened!;
    const [first, second, next] = unlikeRuns();
    const group = await engine.open([first, second], textOf(200, first.step.sizes.vocabulary));
    try {
      group.beginPass(0, offsetsOf(first, 0));
      assert.equal(await group.replace(0, next), true);
      for (const slot of [0, 1]) group.beginPass(slot, offsetsOf([next, second][slot], slot));
      const losses = await group.advance(2);
      for (const [slot, run] of [next, second].entries()) {
        assert.deepEqual([...losses[slot]], (await train(engine, [run], [2], slot))[0].losses);
      }
    } finally {
      await group.close();
    }
  },
);

Deno.test(
  "replace() says no, and empties the slot, when the next run does not fit into the memory",
  NEEDS_ADAPTER,
  async () => {
    const engine = opened!;
    const small = runOf(vanillaCell);
    const step = buildTrainingStep(vanillaCell, { n_layers: 1, state_size: 4096, vocabulary: 7, batch: 16 });
    const copies = Math.floor(engine.memory / engine.footprint(step)) + 1;
    // As much as several of them: nothing is allocated, since replace() refuses first.
    const large = buildTrainingStep(vanillaCell, { n_layers: copies, state_size: 4096, vocabulary: 7, batch: 16 });
    const group = await engine.open([small, small], textOf(100, SMALL.vocabulary));
    group.beginPass(1, offsetsOf(small, 1));
    assert.equal(await group.replace(0, { ...small, step: large, tensors: new Map() }), false);
    const [empty, losses] = await group.advance(3);
    assert.deepEqual([empty.length, [...losses]], [0, (await train(engine, [small], [3], 1))[0].losses]);
    await group.close();
  },
);

Deno.test("read() gives carried and frozen tensors and results when new state is off", NEEDS_ADAPTER, async () => {
  const engine = opened!;
  const run = runOf(gatedCell(gatedConfig({ use_new_state: false })), SMALL, { withGradients: true });
  const [{ tensors }] = await train(engine, [run], [3]);
  const [reference] = await train(await openReferenceEngine(), [run], [3]);
  assert.deepEqual([...tensors.keys()].sort(), [...reference.tensors.keys()].sort());
  const frozen = run.step.parameters.map(({ name }) => name).filter((name) => !run.step.trained.includes(name));
  assert.ok(frozen.includes("layers.0.state_nn.weight"));
  for (const name of frozen) {
    assert.deepEqual([...tensors.get(name)!], [...run.tensors.get(name)!], name);
    assert.equal(tensors.get(`gradient.${name}`), undefined, name);
  }
});

Deno.test("profileStep() gives a time for each dispatch, and does a step as any other", NEEDS_ADAPTER, async () => {
  const engine = opened!;
  const run = runOf(vanillaCell), text = textOf(100, SMALL.vocabulary);
  const group = await engine.open([run], text);
  try {
    assert.ok(group.hasClock, "the adapter has no timestamps");
    group.beginPass(0, offsetsOf(run, 0));
    const times = await group.profileStep();
    assert.equal(times.length, group.schedule.dispatches.length);
    assert.ok(times.every((time) => time >= 0) && times.some((time) => time > 0), times.join());
    const [{ losses }] = await train(engine, [run], [2]);
    assert.equal((await group.advance(1))[0][0], losses[1]);
  } finally {
    await group.close();
  }
});
