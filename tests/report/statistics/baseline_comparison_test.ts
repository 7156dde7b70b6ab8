import assert from "node:assert/strict";
import type { RunResult } from "../../../experiments/study/result.ts";
import { GATED } from "../../../cells/factors.ts";
import { type MergedRow, mergeSeeds } from "../../../report/data/merged.ts";
import { tableOf } from "../../../report/data/rows.ts";
import {
  bestTrained,
  compareBaselines,
  compareBaselinesByCondition,
  pairedBySeed,
} from "../../../report/statistics/baseline_comparison.ts";
import { againstWords } from "../../../report/tables/baseline_words.ts";
import { stepsBackResults } from "../steps_back_results.ts";
import { validated } from "../validated_results.ts";
import { atRate, baselineResults, comparedResults, gatedResults, otherResults, ranked } from "../compared_results.ts";

const rowsOf = (results: readonly RunResult[]): MergedRow[] => mergeSeeds(tableOf(results).rows);
const compare = (results: readonly RunResult[]) => compareBaselines(rowsOf(results), GATED);
const gated = gatedResults(), best = ranked(gated)[0], ofBest = gated.filter(({ id }) => id === best);

/** The best gated configuration's scores with so much more in each seed, as another cell's. */
function beside(cell: string, more: readonly number[], changes: Partial<RunResult> = {}): RunResult[] {
  return otherResults(cell, { loss: 9, seeds: more.map((_, seed) => seed) }).map((result, seed) => ({
    ...result,
    test_bits_per_byte: ofBest[seed].test_bits_per_byte! + more[seed],
    ...changes,
  }));
}

function near(actual: number | undefined, expected: number): void {
  assert.ok(actual !== undefined && Math.abs(actual - expected) < 1e-6, `${actual}, must be ${expected}`);
}

Deno.test("compareBaselines() finds a planted difference seed by seed, with the interval by hand, whatever seeds share", () => {
  const { equal, tuned } = compare([...gated, ...beside("gru", [0.01, 0.02, 0.03])])!;
  const [{ difference, interval, seeds, name, sameSettings }] = equal!.comparisons;
  assert.deepEqual([equal!.best.id, equal!.of, equal!.cell, equal!.measure], [best, 48, "gated", "test_bits_per_byte"]);
  assert.deepEqual([name, seeds, sameSettings, equal!.trained, tuned], ["GRU", [0, 1, 2], true, "", undefined]);
  near(difference, -0.02);
  // s = 0.01, t(0.975, 2) = 4.302653.
  near(interval!.low, -0.02 - 0.02484138);
  near(interval!.high, -0.02 + 0.02484138);
});

Deno.test("compareBaselines() takes the seeds that both have, and gives no interval for one", () => {
  const two = compare([...gated, ...beside("gru", [0.01, 0.05])])!.equal!.comparisons[0];
  assert.deepEqual(two.seeds, [0, 1]);
  near(two.difference, -0.03);
  const one = compare([...gated, ...beside("gru", [0.01])])!.equal!.comparisons[0];
  assert.deepEqual([one.seeds, one.interval], [[0], undefined]);
  near(one.difference, -0.01);
  const apart = otherResults("gru", { loss: 1.5, seeds: [7, 8] });
  const none = compare([...gated, ...apart, ...beside("lstm", [0])])!.equal!.comparisons.find(({ name }) =>
    name === "GRU"
  )!;
  assert.deepEqual([none.seeds, none.difference, none.interval], [[], undefined, undefined]);
});

Deno.test("compareBaselines() chooses by the validation score, compares by the test score, and says both", () => {
  const ids = ranked(gated), chosen = ids[7], grus = beside("gru", [0.01, 0.02, 0.03]);
  // Neither the lowest training loss nor the lowest test score: the eighth of both.
  const runs = validated([...gated, ...grus], ({ id, test_bits_per_byte }) => id === chosen ? 1 : test_bits_per_byte);
  const rows = rowsOf(runs), { equal } = compareBaselines(rows, GATED)!;
  assert.deepEqual([equal!.best.id, equal!.criterion, equal!.measure], [
    chosen,
    "validation_bits_per_byte",
    "test_bits_per_byte",
  ]);
  const own = rows.find(({ id }) => id === chosen)!, gru = rows.find(({ id }) => id === grus[0].id)!;
  near(equal!.comparisons[0].difference, own.test_bits_per_byte!.mean - gru.test_bits_per_byte!.mean);
  const words = againstWords(equal!, GATED).join("\n");
  assert.match(
    words,
    /^The best of 48 gated configurations, by the lowest score on the validation split, is .*scores on the test split/,
  );
  assert.match(words, /slightly overestimated \(selection\)/);
  const older = runs.map((run) =>
    run.id === ids[3] && !run.seed ? { ...run, validation_bits_per_byte: undefined } : run
  );
  const { best: lowest, criterion } = compare(older)!.equal!;
  assert.deepEqual([lowest.id, criterion], [best, "min loss"], "one that is scored lacks it");
});

Deno.test("compareBaselines() compares nothing that was logged at other steps", () => {
  const oftener = beside("gru", [0.01, 0.02, 0.03], { log_every: 10 });
  const { comparisons: [{ sameSettings, difference }] } = compare([...gated, ...oftener])!.equal!;
  assert.deepEqual([sameSettings, difference], [false, undefined]);
});

Deno.test("compareBaselines() compares nothing that was trained otherwise, and losses where nothing is scored", () => {
  const longer = beside("gru", [0.01, 0.02, 0.03], { steps_done: 99_950 });
  const [{ sameSettings, difference }] = compare([...gated, ...longer])!.equal!.comparisons;
  assert.deepEqual([sameSettings, difference], [false, undefined]);
  const unscored = [...gated, ...otherResults("gru", { loss: 1.6 })].map(
    ({ test_bits_per_byte: _bits, ...rest }) => rest as RunResult,
  );
  const { measure, best: winner, comparisons } = compare(unscored)!.equal!;
  assert.equal(measure, "min_loss");
  near(comparisons[0].difference, winner.min_loss.mean - (1.6 + (0.004 - 0.002) / 3));
});

Deno.test("compareBaselines() is undefined without another cell, and compares cells with each other without the table's own", () => {
  assert.equal(compare(gated), undefined);
  assert.equal(compare(otherResults("gru", { loss: 1.5 })), undefined);
  const { equal } = compare([...otherResults("lstm", { loss: 1.5 }), ...otherResults("gru", { loss: 1.4 })])!;
  assert.deepEqual([equal!.cell, equal!.of, equal!.comparisons.map(({ name }) => name)], ["GRU", 1, ["LSTM"]]);
});

Deno.test("compareBaselines() compares at the rate of most gated ones, and each at its own best", () => {
  const { equal, tuned } = compare(comparedResults())!;
  const rates = (rows: readonly MergedRow[]) => rows.map(({ config }) => config.learning_rate ?? 0.001);
  assert.equal(equal!.trained, "learning rate 0.001");
  assert.deepEqual(rates([equal!.best, ...equal!.comparisons.map(({ baseline }) => baseline)]), Array(4).fill(0.001));
  assert.equal(equal!.best.id, best);
  assert.equal(tuned!.trained, "");
  assert.deepEqual(rates([tuned!.best]), [0.003]);
  const rateOf = new Map(tuned!.comparisons.map(({ name, baseline }) => [name, rates([baseline])[0]]));
  assert.deepEqual(rateOf, new Map([["GRU", 0.003], ["LSTM", 0.003], ["minGRU", 0.001]]));
  // Another rate of a configuration is no other configuration.
  assert.deepEqual([equal!.of, tuned!.of], [48, 48]);
});

Deno.test("compareBaselines() takes the usual rate where several are as frequent", () => {
  const { equal } = compare(baselineResults())!;
  assert.equal(equal!.trained, "learning rate 0.001");
});

Deno.test("compareBaselines() has no comparison at equal training where no baseline is trained so", () => {
  const { equal, tuned } = compare([...gated, ...otherResults("gru", { rate: 0.003, loss: 1.5 })])!;
  assert.equal(equal, undefined);
  assert.deepEqual(tuned!.comparisons.map(({ name }) => name), ["GRU"]);
});

Deno.test("bestTrained() keeps one row of each configuration: where its loss is lowest", () => {
  const one = gated.filter(({ id }) => id === best);
  const rows = rowsOf([
    ...one,
    ...one.map((run) => atRate(run, 0.003, -0.1)),
    ...one.map((run) => atRate(run, 0.01, 0.1)),
  ]);
  const kept = [...bestTrained(rows, GATED)].map(([{ config }, ways]) => [config.learning_rate, ways]);
  assert.deepEqual(kept, [[0.003, 3]]);
});

Deno.test("pairedBySeed() is the same with its sign turned when both change places", () => {
  const [one, two] = rowsOf([...ofBest, ...beside("gru", [0.01, 0.02, 0.05])]);
  const there = pairedBySeed(one, two, "test_bits_per_byte"), back = pairedBySeed(two, one, "test_bits_per_byte");
  near(there.difference, -back.difference!);
  near(there.interval!.low, -back.interval!.high);
});

Deno.test("compareBaselines() compares once where the usual rate is best for all", () => {
  const worse = ofBest.map((run) => atRate(run, 0.003, 0.5));
  const { equal, tuned, isTunedSame } = compare([...gated, ...worse, ...otherResults("gru", { loss: 1.5 })])!;
  assert.deepEqual([equal!.trained, tuned, isTunedSame], ["learning rate 0.001", undefined, true]);
  assert.equal(compare([...gated, ...otherResults("gru", { loss: 1.5 })])!.isTunedSame, false);
});

Deno.test("compareBaselinesByCondition() answers for each number of steps back by itself, the usual one first, where both are there", () => {
  const rowsOf = (results: readonly RunResult[]) => mergeSeeds(tableOf(results).rows);
  const results = stepsBackResults({ cells: ["gru"] });
  const answers = compareBaselinesByCondition(rowsOf(results), GATED);
  assert.deepEqual(answers.map(({ equal }) => equal!.trained), ["1 step back", "4 steps back", "16 steps back"]);
  for (const { equal, tuned } of answers) {
    assert.equal(tuned, undefined, "none is chosen as each one's best");
    assert.equal(new Set([equal!.best, equal!.comparisons[0].baseline].map(({ config }) => config.bptt)).size, 1);
  }
  // Of a number of steps back that baselines alone have, nothing is said.
  const alone = results.filter(({ bptt, cell }) => bptt !== 4 || cell === "gru");
  const trained = compareBaselinesByCondition(rowsOf(alone), GATED).map(({ equal }) => equal!.trained);
  assert.deepEqual(trained, ["1 step back", "16 steps back"]);
  const [plain, ...more] = compareBaselinesByCondition(rowsOf(comparedResults()), GATED);
  assert.deepEqual([plain, more], [compareBaselines(rowsOf(comparedResults()), GATED), []]);
});
