/** Plans of runs for the GPU, checked without one, and schedules of groups. */
import assert from "node:assert/strict";
import type { EngineRun } from "../../../../train/engines/engine.ts";
import { openReferenceEngine } from "../../../../train/engines/reference.ts";
import type { Tiles } from "../../../../train/engines/webgpu/kernels/product_uses.ts";
import {
  buildSchedule,
  EpilogueRegistry,
  layoutOf,
  type LocatedRun,
  type Merging,
  planRun,
} from "../../../../train/engines/webgpu/kernels/schedule.ts";
import { offsetsOf, SMALL, textOf } from "../runs.ts";
import { overlaps, simulate } from "./arena.ts";

/** Steps that a plan is played for, and what they read. */
export const STEPS = 3;
export const TEXT = textOf(60, SMALL.vocabulary);

/** Plays the plan in both orders, which must not matter, and compares with the reference: sums may have another order. */
export async function checkPlan(run: EngineRun): Promise<void> {
  assert.deepEqual(overlaps(planRun(run.step)), []);
  for (const merging of ["template", "epilogue"] as const) {
    assert.ok(scheduleOf([run], merging).dispatches.every(({ workgroups }) => workgroups > 0));
  }
  const group = await (await openReferenceEngine()).open([run], TEXT);
  const offsets = offsetsOf(run, 0);
  group.beginPass(0, offsets);
  const expected = (await group.advance(STEPS))[0];
  const forward = simulate(run, TEXT, offsets, STEPS, "forward");
  const errors = forward.map((loss, i) => Math.abs(loss - expected[i]) / expected[i]);
  assert.ok(errors.every((error) => error <= 1e-12), `losses are off by ${errors}`);
  assert.deepEqual(simulate(run, TEXT, offsets, STEPS, "backward"), forward, "tasks of a level in reverse order");
}

/** The schedule of a group, whose runs lie one after the other. */
export function scheduleOf(runs: readonly EngineRun[], merging: Merging = "template", tiles?: Tiles) {
  let base = 0;
  const placed = runs.map(({ step }, slot): LocatedRun => {
    const run = { plan: planRun(step), slot, base };
    base += run.plan.memory.size;
    return run;
  });
  const layout = layoutOf({ slots: runs.length, batch: runs[0].step.sizes.batch, scalars: 2 });
  return { placed, layout, ...buildSchedule(placed, layout, new EpilogueRegistry(merging, tiles)) };
}
