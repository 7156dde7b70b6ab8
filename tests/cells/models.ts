/** Values for whole models: weights, states and bytes of a training step, and the check of its gradients. */
import assert from "node:assert/strict";
import type { Parameter } from "../../cells/cell.ts";
import { sizeOf } from "../../cells/graph/tensor.ts";
import { gradientName, INPUTS, type TrainingStep } from "../../cells/language_model.ts";
import { assertClose, finiteDifferences, scattered, valueOf } from "./graph/finite_differences.ts";

/** Weights as large as a fresh model's, but the same each time. */
export function drawnWeights(parameters: readonly Parameter[]): Map<string, Float64Array> {
  return new Map(parameters.map(({ name, shape, fan_in }, n) => {
    const values = scattered(sizeOf(shape), n).map((x) => Math.fround(x / Math.sqrt(fan_in)));
    return [name, values];
  }));
}

/** Weights, bytes, and states that are not zero: what a step reads in the midst of a pass. */
export function feedsOf(step: TrainingStep): Map<string, ArrayLike<number>> {
  const { batch, vocabulary } = step.sizes, rows = step.bptt * batch;
  const feeds = new Map<string, ArrayLike<number>>(drawnWeights(step.parameters));
  step.states.forEach(({ name, shape }, i) => feeds.set(name, scattered(sizeOf(shape), 100 + i)));
  feeds.set(INPUTS.bytes, Array.from({ length: rows }, (_, b) => (3 * b + 1) % vocabulary));
  feeds.set(INPUTS.targets, Array.from({ length: rows }, (_, b) => (5 * b + 2) % vocabulary));
  return feeds;
}

/** Compares each `gradient.<weight>` of a step with finite differences of its loss; a frozen weight's must be zero. */
export function checkTrainingStep(step: TrainingStep): void {
  const { outputs } = step.graph;
  const feeds = feedsOf(step);
  for (const { name } of step.parameters) {
    const gradient = outputs.get(gradientName(name));
    assert.equal(gradient !== undefined, step.trained.includes(name), `gradient of '${name}'`);
    const differences = finiteDifferences(outputs.get("loss")!, feeds, name);
    assertClose(gradient ? valueOf(gradient, feeds) : differences.map(() => 0), differences, `gradient of '${name}'`);
  }
}
