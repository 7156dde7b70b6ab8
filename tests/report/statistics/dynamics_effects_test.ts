import assert from "node:assert/strict";
import { GATED_SPACE } from "../../../cells/catalog/catalog.ts";
import type { CellConfig } from "../../../cells/config.ts";
import { LARGEST_EXPONENT } from "../../../experiments/study/dynamics_metrics.ts";
import type { RunDynamics } from "../../../experiments/study/dynamics_file.ts";
import type { RunRow } from "../../../report/data/rows.ts";
import { dynamicsAnswers, type DynamicsEffect, memoryEffects } from "../../../report/statistics/dynamics_effects.ts";
import { randomStream } from "../../../train/corpus/random.ts";
import { measuredRows } from "../measured_rows.ts";

const answersOf = (rows: readonly RunRow[]) => dynamicsAnswers(rows, GATED_SPACE)!;

function effectOf(effects: readonly DynamicsEffect[] | undefined, key: string): DynamicsEffect {
  return effects!.find(({ factor }) => factor.key === key)!;
}

/** λ₁ that the forget gate raises by 0.05, with an error of each run and one that all runs of a seed have in common. */
function planted(seeds: number): RunRow[] {
  const noise = randomStream(3, "planted dynamics"), common = [0, 0.004, -0.003];
  return measuredRows(({ use_forget_gate }, seed) => ({
    largest: -0.3 + (use_forget_gate ? 0.05 : 0) + common[seed] + 0.02 * noise.uniform(),
    recall: 4,
  }), seeds);
}

Deno.test("dynamicsAnswers() finds a planted effect on λ₁ with its sign, within its interval, and no other", () => {
  const answers = answersOf(planted(3)), effects = memoryEffects(answers);
  const { difference, interval, p_holm, pairs, seeds, means } = effectOf(effects, "use_forget_gate");
  assert.ok(interval!.low < 0.05 && 0.05 < interval!.high && interval!.low > 0.03, JSON.stringify(interval));
  assert.ok(p_holm! < 0.05);
  // 24 settings at 1 and 2 layers: those with the new state, by which the forget gate's weights are trained, in pairs.
  assert.deepEqual([pairs, seeds], [16, [0, 1, 2]]);
  assert.ok(Math.abs(means![1] - means![0] - difference!) < 1e-12);
  assert.ok(Math.abs(means![0] + 0.29) < 0.01 && Math.abs(means![1] + 0.24) < 0.01, `${means}`);
  for (const { factor, p_holm, pairs } of effects!) {
    if (factor.key !== "use_forget_gate" && pairs) assert.ok(p_holm! > 0.05, factor.key);
  }
});

Deno.test("dynamicsAnswers() gives no interval and no p with one seed", () => {
  const { difference, interval, p, p_holm, pairs } = effectOf(memoryEffects(answersOf(planted(1))), "use_forget_gate");
  assert.ok(pairs === 16 && Math.abs(difference! - 0.05) < 0.01);
  assert.deepEqual([interval, p, p_holm], [undefined, undefined, undefined]);
});

Deno.test("dynamicsAnswers() is of measured runs alone, and undefined where there is none", () => {
  const rows = planted(2), without = ({ dynamics: _, ...row }: RunRow): RunRow => row;
  assert.equal(dynamicsAnswers(rows.map(without), GATED_SPACE), undefined);
  const half = rows.map((row) => row.config.n_layers === 1 ? row : without(row)), answers = answersOf(half);
  assert.deepEqual([answers.measured, answers.finished], [rows.length / 2, rows.length]);
  assert.equal(effectOf(memoryEffects(answers), "use_forget_gate").pairs, 8);
});

Deno.test("dynamicsAnswers() has no effects on what was not measured", () => {
  const rows = planted(2).map((row) => withoutMeasures(row, ["lyapunov", "gates"]));
  const answers = answersOf(rows);
  assert.equal(memoryEffects(answers), undefined);
  assert.deepEqual(answers.effects.map(({ metric }) => metric.measure), [
    "echo_state",
    "byte_recall",
    "fixed_points",
    "fixed_points",
    "participation_ratio",
    "truncation_gap",
  ]);
});

function withoutMeasures(row: RunRow, measures: readonly string[]): RunRow {
  const kept = Object.entries(row.dynamics!).filter(([key]) => !measures.includes(key));
  return { ...row, dynamics: Object.fromEntries(kept) as RunDynamics };
}

Deno.test("dynamicsAnswers() counts runs that forget at once or never, and leaves the first out of numbers on λ₁", () => {
  const rows = measuredRows(({ use_residual, use_old_state, use_new_state }) => {
    const isFirst = use_new_state && !use_old_state;
    return { largest: isFirst && use_residual ? null : isFirst ? 0.1 : -0.2 };
  }, 1);
  const { vanishing, unforgetting, effects } = answersOf(rows);
  // 4 settings of the two gates at two numbers of layers each.
  assert.deepEqual([vanishing, unforgetting], [8, 8]);
  const residual = effectOf(effects.find(({ metric }) => metric === LARGEST_EXPONENT)?.effects, "use_residual");
  assert.deepEqual([residual.pairs, residual.difference], [16, 0]);
});

Deno.test("dynamicsAnswers() correlates within equal sizes, where sizes would turn the sign", () => {
  const noise = randomStream(5, "correlated dynamics");
  const rows = measuredRows(({ n_layers }) => ({ largest: -0.5 + 0.2 * n_layers + 0.1 * noise.uniform() }), 2)
    .map((row) => {
      const { largest } = row.dynamics!.lyapunov!, within = largest.value! + 0.5 - 0.2 * row.config.n_layers;
      return { ...row, test_bits_per_byte: 2 + row.config.n_layers - within };
    });
  const [{ metric, tau, interval, configurations, groups }] = answersOf(rows).correlations;
  assert.equal(metric, LARGEST_EXPONENT);
  // In each group the order is exactly the other way round; over all, layers would make it alike.
  assert.deepEqual([tau, groups, configurations], [-1, 2, 48]);
  assert.deepEqual(interval, { low: -1, high: -1 });
});

Deno.test("dynamicsAnswers() finds no correlation where there is none, and gives no interval of few or of one seed", () => {
  const noise = randomStream(7, "no correlation");
  const rows = measuredRows(() => ({ largest: -noise.uniform() }), 2)
    .map((row) => ({ ...row, test_bits_per_byte: 2 + noise.uniform() }));
  const [{ interval }] = answersOf(rows).correlations;
  assert.ok(interval!.low < 0 && interval!.high > 0, JSON.stringify(interval));
  const [few] = answersOf(rows.slice(0, 8)).correlations;
  assert.equal(few.interval, undefined);
  const [one] = answersOf(rows.filter(({ seed }) => seed === 0)).correlations;
  assert.deepEqual([one.interval, one.configurations, one.seeds], [undefined, 48, 1]);
});

Deno.test("dynamicsAnswers() does not depend on the order of rows", () => {
  const rows = planted(2);
  assert.deepEqual(answersOf(rows.toReversed()), answersOf(rows));
});

Deno.test("dynamicsAnswers() says at which other value an effect changes sign", () => {
  const sign = ({ n_layers }: CellConfig) => n_layers === 1 ? 1 : -1, noise = randomStream(9, "turning dynamics");
  const rows = measuredRows((config) => ({
    largest: -0.3 + (config.use_forget_gate ? 0.05 * sign(config) : 0) + 0.01 * noise.uniform(),
  }), 3);
  const { dependences } = effectOf(memoryEffects(answersOf(rows)), "use_forget_gate");
  const { at, change } = dependences.find(({ factor }) => factor.key === "n_layers")!;
  assert.deepEqual(at.map(({ effect }) => Math.sign(effect.difference!)), [1, -1]);
  assert.ok(change.p_holm! < 0.05);
});
