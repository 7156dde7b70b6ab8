import assert from "node:assert/strict";
import { GATED } from "../../../cells/factors.ts";
import { mergeSeeds } from "../../../report/data/merged.ts";
import {
  amountRead,
  commonMultiple,
  equalRuns,
  lastCommonPoint,
  longRuns,
  stepsBack,
  withoutStart,
} from "../../../report/data/reading.ts";
import { tableOf } from "../../../report/data/rows.ts";
import { type StepsBackAnswers, stepsBackAnswers } from "../../../report/statistics/steps_back.ts";
import type { RunResult } from "../../../experiments/study/result.ts";
import { meanInterval } from "../../../report/statistics/student_t.ts";
import {
  BASELINE_GAIN,
  GAIN,
  LOSS_GAIN,
  RISE,
  type StepsBackPlan,
  stepsBackResults,
  trainedAt,
  updatesOf,
  withoutCommonPoint,
} from "../steps_back_results.ts";

const answersOf = (results: readonly RunResult[]) => stepsBackAnswers(mergeSeeds(tableOf(results).rows), GATED);
const answersTo = (plan?: StepsBackPlan) => answersOf(stepsBackResults(plan))!;

/** Curves have seven digits in a report: of two losses the difference is as sure as the sixth behind the point. */
const CURVE = 3e-6;

function near(found: number | undefined, wanted: number, what = "", within = 1e-9): void {
  assert.ok(Math.abs(found! - wanted) < within, `${what}: ${found} instead of ${wanted}`);
}

/** Each change of all configurations as it stands in the answer. */
function changesAt(answers: StepsBackAnswers, basis: "bytes" | "updates") {
  return answers.at[basis].changes.map(({ from, to, change }) => ({ from, to, ...change }));
}

Deno.test("stepsBackAnswers() compares scores at equal bytes read and losses at equal updates when runs have read alike", () => {
  const answers = answersTo(), { bytes, updates } = answers.at;
  assert.deepEqual([bytes.quantity, bytes.point, bytes.left_out], ["score", undefined, []]);
  // Of the planted runs the one with 16 steps back has the fewest updates, 682, logged every 50.
  assert.deepEqual([updates.quantity, updates.point, updates.left_out], ["loss", 650, []]);
  assert.deepEqual(bytes.extents.map(({ k, updates, read }) => [k, ...updates, ...read]), [
    [1, 10_989, 10_989, 10_989 * 256, 10_989 * 256],
    [4, 2739, 2739, 2739 * 4 * 256, 2739 * 4 * 256],
    [16, 682, 682, 682 * 16 * 256, 682 * 16 * 256],
  ]);
  for (const basis of ["bytes", "updates"] as const) {
    const changes = changesAt(answers, basis);
    assert.deepEqual(changes.map(({ from, to, pairs, seeds }) => [from, to, pairs, seeds.length]), [
      [1, 4, 3, 3],
      [1, 16, 3, 3],
      [4, 16, 3, 3],
    ]);
    const gain = basis === "bytes" ? GAIN : LOSS_GAIN;
    for (const { from, to, difference } of changes) near(difference, gain[from] - gain[to], `${basis} ${from} ${to}`);
  }
  near(bytes.changes[0].validation?.difference, -GAIN[4]);
  assert.equal(updates.changes[0].validation, undefined, "losses have no validation score beside them");
});

Deno.test("stepsBackAnswers() compares scores at equal updates and losses at equal bytes read when runs have made as many updates", () => {
  const answers = answersTo({ budget: "updates" }), { bytes, updates } = answers.at;
  assert.deepEqual([updates.quantity, updates.point], ["score", undefined]);
  assert.deepEqual(updates.extents.map(({ updates: [least] }) => least), [10_989, 10_209, 10_044]);
  // Each row of the run with one step back has read 10,989 bytes; all have logged at each 16 · 50.
  assert.deepEqual([bytes.quantity, bytes.point], ["loss", 10_400]);
  for (const { from, to, difference } of changesAt(answers, "updates")) near(difference, GAIN[from] - GAIN[to]);
  for (const { from, to, difference } of changesAt(answers, "bytes")) {
    // The losses are those of other updates, and the planted ones rise with each.
    near(difference, LOSS_GAIN[from] - LOSS_GAIN[to] + RISE * (10_400 / to - 10_400 / from), `${from} ${to}`, CURVE);
  }
});

Deno.test("stepsBackAnswers() takes losses at two points that differ when no run has a score", () => {
  const { at } = answersTo({ isScored: false });
  assert.deepEqual([at.bytes.quantity, at.bytes.point, at.updates.quantity, at.updates.point], [
    "loss",
    10_400,
    "loss",
    650,
  ]);
  const [bytes, updates] = [at.bytes, at.updates].map(({ changes }) => changes[1].change.difference!);
  near(bytes - updates, RISE * (10_400 / 16 - 10_400), "", CURVE);
});

Deno.test("stepsBackAnswers() compares early losses without the start of their smoothing, which weighs otherwise at equal bytes", () => {
  // After 50 updates the start has a weight of 7.7 %, and after the 800 of one step back that read as much none.
  const early = stepsBackResults({ levels: [1, 16], isScored: false }).map((result): RunResult =>
    result.bptt === 16 ? { ...result, steps_done: 50, loss: result.loss!.slice(0, 1) } : result
  );
  const { bytes, updates } = answersOf(early)!.at;
  assert.deepEqual([bytes.point, updates.point], [800, 50]);
  near(bytes.changes[0].change.difference, -LOSS_GAIN[16] + RISE * (50 - 800), "", CURVE);
  near(updates.changes[0].change.difference, -LOSS_GAIN[16], "", CURVE);
});

Deno.test("stepsBackAnswers() has intervals over pairs and seeds, of one configuration over seeds, and none with one seed", () => {
  const results = stepsBackResults().map((result): RunResult => {
    // What two seeds differ by is not part of what is planted in all runs of a seed.
    const more = result.bptt === 16 ? [0, 0.01, -0.01][result.seed] : 0;
    return { ...result, test_bits_per_byte: result.test_bits_per_byte! + more };
  });
  const answers = answersOf(results)!, change = answers.at.bytes.changes[1];
  near(change.change.difference, -GAIN[16]);
  const wanted = meanInterval([0, 0.01, -0.01].map((more) => more - GAIN[16]))!;
  assert.ok(change.change.interval!.low < -GAIN[16] && change.change.interval!.high > -GAIN[16]);
  const single = answers.chosen[0].at.bytes.changes[1].change;
  assert.equal(single.interval, undefined);
  near(single.seed_interval?.low, wanted.low);
  near(single.seed_interval?.high, wanted.high);
  const one = answersTo({ seeds: [1] });
  for (const { change } of [...one.at.bytes.changes, ...one.chosen.flatMap(({ at }) => at.updates.changes)]) {
    assert.deepEqual([change.interval, change.seed_interval, change.p, change.seeds], [
      undefined,
      undefined,
      undefined,
      [1],
    ]);
    assert.ok(change.difference! < 0);
  }
});

Deno.test("stepsBackAnswers() shows the best configurations, then each baseline with its own gain, which is in no mean", () => {
  const answers = answersTo({ gated: 4 }), { chosen } = answers;
  assert.equal(answers.of, 4);
  assert.deepEqual(chosen.map(({ isBaseline }) => isBaseline), [false, false, false, false, true, true]);
  assert.deepEqual(chosen.slice(4).map(({ cell }) => cell).sort(), ["GRU", "LSTM"]);
  assert.ok(chosen.every(({ label }) => !label.includes("back")), "k is no part of what is compared");
  for (const { cell, at: { bytes: { points, changes } } } of chosen.slice(4)) {
    near(changes[1].change.difference, -GAIN[16] * BASELINE_GAIN[cell.toLowerCase()], cell);
    assert.deepEqual(points.map(({ k, seeds }) => [k, seeds.length]), [[1, 3], [4, 3], [16, 3]]);
    near(points[0].mean - points[1].mean, GAIN[4] * BASELINE_GAIN[cell.toLowerCase()]);
  }
});

Deno.test("stepsBackAnswers() leaves runs out that have read more than others, and pairs seeds that both have", () => {
  const results = stepsBackResults();
  const longer = results.map((result): RunResult =>
    result.seed === 2 && result.bptt === undefined ? { ...result, steps_done: 2 * result.steps_done! } : result
  );
  const { bytes } = answersOf(longer)!.at;
  assert.deepEqual(bytes.left_out, [{ k: 1, reason: "more", runs: 5, of: 15 }]);
  assert.deepEqual(bytes.changes.map(({ change }) => change.seeds), [[0, 1], [0, 1], [0, 1, 2]]);
});

Deno.test("stepsBackAnswers() says for which reason runs with which steps back are left out", () => {
  const results = stepsBackResults({ budget: "updates", cells: [] }).map((result): RunResult => {
    if (result.bptt === 16) return { ...result, steps_done: 5000 };
    return result.seed ? result : { ...result, test_bits_per_byte: undefined, test_loss: undefined };
  });
  const { updates } = answersOf(results)!.at;
  assert.deepEqual([updates.quantity, updates.levels], ["score", [1, 4]]);
  assert.deepEqual(updates.left_out, [
    { k: 1, reason: "no score", runs: 3, of: 9 },
    { k: 4, reason: "no score", runs: 3, of: 9 },
    { k: 16, reason: "less", runs: 9, of: 9 },
  ]);
});

/** Runs that have made the first updates alone, and have no score. */
function shortened(result: RunResult, updates: number): RunResult {
  const loss = result.loss!.slice(0, updates / result.log_every!);
  return { ...result, steps_done: updates, loss, test_bits_per_byte: undefined, test_loss: undefined };
}

Deno.test("stepsBackAnswers() compares losses late when one run of a study that is being extended is short, and leaves that out", () => {
  const results = stepsBackResults({ isScored: false });
  const one = results.map((result, i) => i === 0 ? shortened(result, 100) : result);
  const { bytes, updates } = answersOf(one)!.at;
  const short = [{ k: 1, reason: "short", runs: 1, of: 15 }];
  assert.deepEqual([results[0].bptt, results[0].seed], [undefined, 0]);
  assert.deepEqual([updates.point, updates.left_out, bytes.point, bytes.left_out], [650, short, 10_400, short]);
  for (const { from, to, difference, incomplete } of changesAt(answersOf(one)!, "updates").slice(0, 2)) {
    near(difference, LOSS_GAIN[from] - LOSS_GAIN[to]);
    // Of three configurations one lacks the seed with one step back: the largest part without gaps has them all, or all seeds.
    assert.ok(incomplete <= 1);
  }
});

Deno.test("stepsBackAnswers() compares all runs when the long ones have no pair", () => {
  const results = stepsBackResults({ levels: [1, 16], isScored: false, seeds: [0, 1, 2], cells: [], gated: 1 });
  // With one step back seeds 0 and 1 are long, with 16 seed 2 alone is there.
  const apart = results.filter(({ bptt, seed }) => bptt === undefined || seed === 2)
    .map((result) => result.bptt === undefined && result.seed === 2 ? shortened(result, 100) : result);
  const { updates } = answersOf(apart)!.at;
  assert.deepEqual([updates.point, updates.left_out, updates.changes.map(({ change }) => change.seeds)], [100, [], [[
    2,
  ]]]);
});

Deno.test("longRuns() has the runs that are as long as most with their steps back, and longer ones; of halves the long one", () => {
  const { rows } = tableOf(stepsBackResults({ levels: [1, 16], seeds: [0, 1, 2, 3], cells: [], gated: 1 }));
  const seedsOf = (lengths: readonly number[]) => {
    const given = rows.map((row) => stepsBack(row) === 1 ? { ...row, steps_done: lengths[row.seed] } : row);
    const found = longRuns(given);
    assert.equal(found.filter((row) => stepsBack(row) === 16).length, 4, "each number of steps back by itself");
    return found.filter((row) => stepsBack(row) === 1).map(({ seed }) => seed).sort();
  };
  assert.deepEqual(seedsOf([1000, 1000, 1000, 1000]), [0, 1, 2, 3]);
  assert.deepEqual(seedsOf([100, 1000, 1000, 1000]), [1, 2, 3]);
  assert.deepEqual(seedsOf([1000, 1000, 1000, 9000]), [0, 1, 2, 3]);
  assert.deepEqual(seedsOf([1000, 1000, 9000, 9000]), [2, 3]);
});

Deno.test("stepsBackAnswers() compares nothing when runs have neither an end nor a logged loss in common", () => {
  const short = withoutCommonPoint(stepsBackResults({ levels: [1, 16] }));
  const { bytes, updates } = answersOf(short)!.at;
  // Each row has read 400 bytes, and the others have logged for the first time after 800.
  assert.deepEqual([bytes.quantity, bytes.changes, updates.quantity, updates.point], [undefined, [], "loss", 400]);
});

Deno.test("stepsBackAnswers() is undefined when no configuration has several numbers of steps back", () => {
  assert.equal(answersOf(stepsBackResults({ levels: [1] })), undefined);
  assert.equal(answersOf(stepsBackResults({ levels: [4] })), undefined);
});

Deno.test("equalRuns() takes amounts within a tenth, of most numbers of steps back", () => {
  const rows = tableOf(stepsBackResults({ seeds: [0], cells: [], gated: 1 })).rows;
  assert.equal(equalRuns(rows, "bytes").length, 3);
  assert.equal(equalRuns(rows, "updates").length, 1);
  assert.deepEqual(rows.map(amountRead).sort((a, b) => a - b), [682 * 16, 10_956, 10_989].map((each) => 256 * each));
  assert.equal(updatesOf(4, "tokens") * 4, 10_956);
});

Deno.test("lastCommonPoint() is the last that all have logged, in bytes of each row or in updates", () => {
  const rows = tableOf(stepsBackResults({ seeds: [0], cells: [], gated: 1 })).rows;
  assert.equal(lastCommonPoint(rows, "bytes"), 10_400);
  assert.equal(lastCommonPoint(rows, "updates"), 650);
  assert.deepEqual([commonMultiple([4, 6]), commonMultiple([50]), commonMultiple([3, 5, 7])], [12, 50, 105]);
});

Deno.test("withoutStart() gives the weighted mean of the losses, whatever the smoothing started from", () => {
  let smoothed = 3;
  const losses = [4, 1, 2.5, 2], weights = losses.map((_, i) => 0.05 * 0.95 ** (losses.length - 1 - i));
  for (const loss of losses) smoothed = 0.95 * smoothed + 0.05 * loss;
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  near(withoutStart(smoothed, losses.length), sum(losses.map((loss, i) => loss * weights[i])) / sum(weights));
});

/** With one step back the smallest of three rates is best, with 16 the middle one, by validation; by the test score others would be. */
function atThreeRates(results: readonly RunResult[]): RunResult[] {
  return [
    ...results,
    ...trainedAt(results, { learning_rate: 0.003 }, {
      validation: { 1: 0.5, 16: -0.25 },
      test: { 1: -0.5, 16: 0.125 },
    }),
    ...trainedAt(results, { learning_rate: 0.01 }, { validation: { 1: 1, 16: 0.125 }, test: { 1: 1, 16: -2 } }),
  ];
}

Deno.test("stepsBackAnswers() compares each configuration at its own best learning rate with each number of steps back", () => {
  const results = stepsBackResults({ levels: [1, 16], cells: [] });
  const { at, tuned, tuned_factors } = answersOf(atThreeRates(results))!;
  assert.deepEqual([tuned_factors, tuned!.tuned_factors.map(({ key }) => key)], [[], ["learning_rate"]]);
  near(at.bytes.changes[0].change.difference, -GAIN[16] + (0.625 - 3) / 3, "at the same rate");
  near(tuned!.at.bytes.changes[0].change.difference, -GAIN[16] + 0.125, "each at its own best rate");
  assert.deepEqual([at.bytes.changes[0].change.pairs, tuned!.at.bytes.changes[0].change.pairs], [9, 3]);
  assert.deepEqual(
    tuned!.settings.map(({ row, tried, quantities }) =>
      [row.config.learning_rate ?? 0.001, tried.length, ...quantities.map(({ isAtEdge }) => isAtEdge)].join()
    ).sort(),
    ["0.001,3,true", "0.001,3,true", "0.001,3,true", "0.003,3,false", "0.003,3,false", "0.003,3,false"],
  );
  assert.ok(tuned!.chosen.every(({ label }) => !label.includes("learning rate")));
  assert.equal(tuned!.chosen.length, 3);
});

Deno.test("stepsBackAnswers() counts no configuration as at its best that was trained at one setting with some number of steps back", () => {
  const results = stepsBackResults({ levels: [1, 16], cells: [] }), [{ id }] = results;
  assert.equal(answersOf(results)!.tuned, undefined);
  assert.equal(answersOf(trainedAt(results, { learning_rate: 0.003 }))!.tuned, undefined);
  const larger = trainedAt(results, { learning_rate: 0.003 }, { validation: { 16: -1 } });
  // A second rate with 16 steps back alone would give these an advantage.
  assert.equal(answersOf([...results, ...larger.filter(({ bptt }) => bptt === 16)])!.tuned, undefined);
  // Of three configurations one is tuned, with both.
  const first = results.findIndex((result) => result.id === id);
  const wanted = [...results.keys()].filter((i) => Math.floor(i / 6) === Math.floor(first / 6));
  const one = answersOf([...results, ...wanted.map((i) => larger[i])])!.tuned!;
  assert.deepEqual([one.of, one.chosen.length, one.at.bytes.changes[0].change.pairs], [1, 1, 1]);
});

Deno.test("stepsBackAnswers() chooses a setting over the seeds that all settings have, and from those that have a score", () => {
  const results = stepsBackResults({ levels: [1, 16], cells: [], seeds: [0, 1] });
  // Seed 1 is the lowest of all, and the larger rate has no such seed.
  const easy = results.map((result): RunResult =>
    result.seed === 1 ? { ...result, test_bits_per_byte: 1, validation_bits_per_byte: 1 } : result
  );
  const larger = trainedAt(results, { learning_rate: 0.003 }, { validation: { 16: -0.125 } });
  const chosen = (all: readonly RunResult[]) =>
    answersOf(all)!.tuned!.settings.filter(({ row }) => row.config.bptt === 16)
      .map(({ row, tried }) => [row.config.learning_rate, tried.length].join());
  const seed0 = larger.filter(({ seed }) => seed === 0);
  assert.deepEqual(chosen([...easy, ...seed0]), ["0.003,2", "0.003,2", "0.003,2"]);
  // What has no score yet is no setting that was tried.
  const unscored = trainedAt(results, { learning_rate: 0.01 }).map((result): RunResult => ({
    ...result,
    test_bits_per_byte: undefined,
    validation_bits_per_byte: undefined,
  }));
  assert.deepEqual(chosen([...easy, ...seed0, ...unscored]), ["0.003,2", "0.003,2", "0.003,2"]);
  // Without a seed in common nobody knows which is best.
  const seed2 = larger.map((result) => ({ ...result, seed: 2 }));
  assert.equal(answersOf([...easy, ...seed2])!.tuned, undefined);
});

Deno.test("stepsBackAnswers() takes the edge of rates among those of the same optimizer", () => {
  const results = stepsBackResults({ levels: [1, 16], cells: [], gated: 1 });
  const all = [
    ...results,
    ...trainedAt(results, { learning_rate: 0.003 }, { validation: { 1: -0.5, 16: -0.5 } }),
    ...trainedAt(results, { optimizer: "sgd", learning_rate: 0.01 }, { validation: { 1: 1, 16: 1 } }),
    ...trainedAt(results, { optimizer: "sgd", learning_rate: 0.03 }, { validation: { 1: 1, 16: 1 } }),
  ];
  const { tuned_factors, settings } = answersOf(all)!.tuned!;
  assert.deepEqual(tuned_factors.map(({ key }) => key).sort(), ["learning_rate", "optimizer"]);
  const found = settings.map(({ row, tried, quantities }) => [
    row.config.learning_rate,
    tried.length,
    ...quantities.map(({ factor, isAtEdge }) => [factor.key, isAtEdge]),
  ]);
  assert.deepEqual(found, [[0.003, 4, ["learning_rate", true]], [0.003, 4, ["learning_rate", true]]]);
});
