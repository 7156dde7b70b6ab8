import assert from "node:assert/strict";
import { GATED } from "../../../cells/factors.ts";
import type { RunResult } from "../../../experiments/study/result.ts";
import { mergeSeeds } from "../../../report/data/merged.ts";
import { tableOf } from "../../../report/data/rows.ts";
import { stepsBackAnswers } from "../../../report/statistics/steps_back.ts";
import { comparisonsOf, questionsOf, questionsText } from "../../../report/tables/questions.ts";
import { stepsBackQuestions, stepsBackSentences } from "../../../report/tables/steps_back_words.ts";
import { stepsBackResults, trainedAt, withoutCommonPoint } from "../steps_back_results.ts";

const rowsOf = (results: readonly RunResult[]) => mergeSeeds(tableOf(results).rows);
const asked = (results: readonly RunResult[]) => stepsBackQuestions(stepsBackAnswers(rowsOf(results), GATED)!);

Deno.test("stepsBackQuestions() says in what runs are equal, in what they are not, and what is compared for it", () => {
  const [bytes, updates] = asked(stepsBackResults());
  assert.equal(bytes.heading, "What is the effect of more steps back at equal bytes read?");
  assert.equal(updates.heading, "What is the effect of more steps back at equal updates?");
  assert.equal(
    bytes.lines[0],
    "Each of these runs has read 2,793,472 to 2,813,184 bytes, so final scores are compared; the runs have made 10,989 updates with " +
      "1 step back, 2,739 updates with 4 steps back and 682 updates with 16 steps back",
  );
  assert.equal(
    updates.lines[0],
    "No finished runs have made the same number of updates, so smoothed training losses are compared after 650 updates, the last that all runs have " +
      "logged (6 % of the updates with 1 step back, 24 % of those with 4 steps back and 95 % of those with 16 steps back); by then each sequence has read 650 bytes with 1 step back, 2,600 bytes with 4 steps back and 10,400 bytes with 16 steps back",
  );
  const [swapped, atUpdates] = asked(stepsBackResults({ budget: "updates" }));
  assert.match(
    swapped.lines[0],
    /^No finished runs have read the same amount, .* where each sequence has read 10,400 bytes, /,
  );
  assert.match(
    swapped.lines[0],
    / all runs have logged \(95 % of the bytes with 1 step back, 25 % of those with 4 steps back and 6 % of those with 16 steps back\): after /,
  );
  assert.match(swapped.lines[0], /after 10,400 updates with 1 step back, .* and 650 updates with 16 steps back$/);
  assert.match(atUpdates.lines[0], /^Each of these runs has made 10,044 to 10,989 updates, so final scores /);
});

Deno.test("stepsBackQuestions() has a sentence for each number of steps back that can be repeated, and one on baselines", () => {
  const [{ lines }, updates] = asked(stepsBackResults({ cells: ["gru", "lstm"] }));
  assert.equal(
    lines[2],
    "16 steps back instead of 1, at equal bytes read: the test score is lower by 0.375 bits per byte (95 % interval −0.375 to −0.375; " +
      "3 pairs of configurations with 3 seeds)",
  );
  assert.match(
    lines[3],
    /^Single configurations: the best, 2 layers × 256, state gate \+ new state, −0\.250 bits per byte from 1 to 4 \(95 % interval over seeds [^()]*\) and −0\.375 from 1 to 16 \([^()]*\); GRU −0\.500 from 1 to 4 \([^()]*\) and −0\.750 from 1 to 16 \([^()]*\); LSTM −0\.125 from/,
  );
  assert.match(
    updates.lines[2],
    /^16 steps back instead of 1, at equal updates: the smoothed training loss is lower by 0\.188 nats per byte/,
  );
});

Deno.test("stepsBackQuestions() says what the smoothing does where losses are compared, and nothing of it where scores are", () => {
  const [bytes, updates] = asked(stepsBackResults());
  const about = (lines: readonly string[]) => lines.filter((line) => line.startsWith("The smoothing's start"));
  assert.deepEqual(about(bytes.lines), []);
  assert.match(
    about(updates.lines)[0],
    /19 updates on average, that is 19 bytes of each sequence with 1 step back and 304 with 16 steps back: at equal updates/,
  );
  const [swapped] = asked(stepsBackResults({ budget: "updates" }));
  assert.match(
    about(swapped.lines)[0],
    /: while losses fall, this lag makes the loss with more steps back look higher$/,
  );
});

Deno.test("stepsBackQuestions() has a line in its table for each change of all, of the best ones and of baselines", () => {
  const [{ cells }, { cells: ofLosses }] = asked(stepsBackResults({ gated: 2 }));
  assert.deepEqual(cells!.headings, [
    "test score, bits per byte",
    "steps back",
    "from → to",
    "difference",
    "95 % interval",
    "pairs × seeds",
    "validation, difference",
  ]);
  assert.deepEqual(cells!.lines.slice(0, 4).map((line) => line.slice(0, 4)), [
    ["all 2", "1 → 4", "–", "−0.250"],
    ["all 2", "1 → 16", "–", "−0.375"],
    ["all 2", "4 → 16", "–", "−0.125"],
    ["2 layers × 256, state gate + new state", "1 → 4", "2.501 → 2.251", "−0.250"],
  ]);
  assert.equal(cells!.lines.length, 3 * (1 + 2 + 2));
  assert.equal(ofLosses!.headings.includes("validation, difference"), false);
});

Deno.test("stepsBackQuestions() has no interval with one seed, and says so", () => {
  for (const { lines, cells } of asked(stepsBackResults({ seeds: [0] }))) {
    assert.match(lines[1], /\(one seed: no interval; 3 pairs of configurations with 1 seed\)$/);
    assert.doesNotMatch(JSON.stringify({ lines, cells: cells!.lines }), /95 % interval| to [+−]/);
  }
});

Deno.test("stepsBackQuestions() counts what is left out, and claims nothing where runs have no point in common", () => {
  const results = stepsBackResults({ levels: [1, 16] });
  const short = withoutCommonPoint(results);
  const [bytes] = asked(short);
  assert.match(bytes.lines[0], /^Cannot be answered: /);
  assert.equal(bytes.cells, undefined);
  const longer = results.map((result, i): RunResult => i ? result : { ...result, steps_done: 30_000 });
  assert.match(
    asked(longer)[0].lines.at(-1)!,
    /^Left out: 1 of 15 runs with 1 step back, which has more than 10 % more bytes than those compared$/,
  );
});

Deno.test("stepsBackQuestions() says why runs are left out where losses are compared, and how early those of other lengths have reached the point", () => {
  const results = stepsBackResults({ isScored: false, seeds: [0, 1, 2, 3] });
  const short = results.map((result, i): RunResult =>
    i ? result : { ...result, steps_done: 100, loss: result.loss!.slice(0, 2) }
  );
  const { lines } = asked(short)[1];
  assert.match(
    lines.at(-1)!,
    /^Left out: 1 of 20 runs with 1 step back, which has fewer updates than most with as many steps back$/,
  );
  assert.match(lines[1], /; 3 pairs of configurations with 3 seeds\)$/);
  const longer = results.map((result, i): RunResult => i ? result : { ...result, steps_done: 2 * result.steps_done! });
  assert.match(asked(longer)[1].lines[0], /\(3 to 6 % of the updates with 1 step back, 24 % of those with 4 /);
  const long = results.map((result): RunResult =>
    result.bptt === undefined ? { ...result, steps_done: 1_000_000 } : result
  );
  assert.match(asked(long)[1].lines[0], /\(under 1 % of the updates with 1 step back, 24 % of those with 4 /);
});

Deno.test("stepsBackQuestions() names the steps back that are left out for being unequal, apart from runs without a score", () => {
  const results = stepsBackResults({ budget: "updates" }).map((result): RunResult => {
    if (result.bptt === 16) return { ...result, steps_done: 5000 };
    return result.seed ? result : { ...result, test_bits_per_byte: undefined, test_loss: undefined };
  });
  assert.deepEqual(asked(results)[1].lines.slice(-2), [
    "Left out: 5 of 15 runs with 1 step back and 5 of 15 runs with 4 steps back, which have no test score",
    "Left out: all 15 runs with 16 steps back, which have more than 10 % fewer updates than those compared",
  ]);
});

/** The baseline of order 1 at so many bits per byte of which a token has so many. */
const order1 = (bits: number, bytesPerToken = 1) => [
  { label: "order 1", value: bits * Math.LN2 * bytesPerToken, order: 1 },
];

Deno.test("stepsBackQuestions() warns where no configuration with some steps back is below the n-gram baseline of order 1", () => {
  const inverted = stepsBackResults({ cells: [] }).map((result): RunResult =>
    result.bptt === 16 ? { ...result, test_bits_per_byte: 4 + result.seed / 8 } : result
  );
  const warned = (results: readonly RunResult[], levels?: Parameters<typeof stepsBackQuestions>[1]) =>
    stepsBackQuestions(stepsBackAnswers(rowsOf(results), GATED)!, levels).map(({ lines }) =>
      lines.filter((line) => /order 1/.test(line))
    );
  const one =
    "Runs with 16 steps back are not below the n-gram baseline of order 1: 682 updates are too few to judge them";
  // Means over seeds are 4.125; all others are below 3.
  assert.deepEqual(warned(inverted, order1(4.125)), [[one], []]);
  assert.deepEqual(warned(inverted, order1(4.126)), [[], []], "a configuration that is below is enough");
  assert.deepEqual(warned(inverted), [[], []], "no levels");
  assert.deepEqual(warned(inverted, [{ label: "order 2", value: 0, order: 2 }]), [[], []]);
  assert.match(
    warned(inverted, order1(1))[0][0],
    /^Runs with 1, 4 and 16 steps back are .*: 10,989, 2,739 and 682 updates are too few /,
  );
  const swapped = warned(stepsBackResults({ budget: "updates" }), order1(1));
  assert.deepEqual(swapped.map(({ length }) => length), [0, 1], "where scores are compared");
  const tokens = inverted.map((result): RunResult => ({
    ...result,
    tokens: "512 BPE tokens",
    bytes_per_token: 2,
  } as RunResult));
  const [{ bytes_per_token }] = rowsOf(tokens);
  assert.deepEqual(warned(tokens, order1(4.125, bytes_per_token)), [[one], []]);
  assert.deepEqual(warned(tokens, order1(4.126, bytes_per_token)), [[], []]);
});

Deno.test("stepsBackSentences() tells the answer of scores, from the fewest to the best and to the most, and the same once", () => {
  const told = (results: readonly RunResult[], levels = order1(9)) =>
    stepsBackSentences(stepsBackAnswers(rowsOf(results), GATED)!, levels);
  assert.deepEqual(told(stepsBackResults()), [
    "At equal bytes read, the test score is lower by 0.375 bits per byte with 16 steps back than with 1 (95 % interval −0.375 to −0.375).",
  ]);
  const turned = stepsBackResults({ seeds: [0] }).map((result): RunResult =>
    result.bptt === 16 ? { ...result, test_bits_per_byte: result.test_bits_per_byte! + 0.5 } : result
  );
  assert.deepEqual(told(turned), [
    "At equal bytes read, the test score is lower by 0.250 bits per byte with 4 steps back than with 1 (one seed: no interval), " +
    "and higher by 0.125 with 16 (one seed: no interval).",
  ]);
  assert.match(
    told(stepsBackResults({ budget: "updates" }))[0],
    /^At equal updates, the test score is lower by 0\.375 /,
  );
  assert.match(
    told(stepsBackResults({ isScored: false }))[0],
    /^At equal bytes read, after 10,400 bytes of each sequence \(95 % of those with 1 step back\), the smoothed training loss is lower by /,
  );
  assert.match(
    told(stepsBackResults({ cells: ["gru"] }).filter(({ cell, bptt }) => cell === "gru" || bptt === undefined))[0],
    /, the test score of GRU, 2 layers × 200 is lower by 0\.750 bits per byte with 16 steps back than with 1 \(95 % interval over seeds /,
  );
  assert.match(told(stepsBackResults(), order1(1))[1], /^Runs with 1, 4 and 16 steps back are not below .* them\.$/);
});

Deno.test("stepsBackQuestions() counts pairs that lack a seed by themselves", () => {
  const results = stepsBackResults({ gated: 2, cells: [] });
  // The first configuration has one seed with 16 steps back, the second all three.
  const [{ id }] = results.filter(({ bptt }) => bptt === 16);
  const [{ lines }] = asked(results.filter((result) => result.id !== id || result.seed === 0));
  assert.match(lines[1], /; 2 pairs of configurations with 3 seeds\)$/);
  assert.match(
    lines[2],
    /; 1 pair of configurations with 3 seeds; 1 pair lacks one of the seeds and is left out\)$/,
  );
});

Deno.test("stepsBackQuestions() speaks of tokens where models read tokens", () => {
  const [tokens] = asked(stepsBackResults().map((result): RunResult => ({ ...result, tokens: "512 BPE tokens" })));
  assert.equal(tokens.heading, "What is the effect of more steps back at equal tokens read?");
  assert.match(tokens.lines[0], /^Each of these runs has read 2,793,472 to 2,813,184 tokens/);
});

Deno.test("questionsOf() compares with baselines under each number of steps back, and has no best number of them", () => {
  const rows = rowsOf(stepsBackResults()), questions = questionsOf(comparisonsOf(rows, GATED), GATED);
  assert.deepEqual(questions.map(({ heading }) => heading), [
    "Is the best gated cell better than the baselines?",
    "Is the best gated cell better than the baselines, with 4 steps back?",
    "Is the best gated cell better than the baselines, with 16 steps back?",
    "Does the ranking hold at another number of steps back?",
  ]);
  const leads = questions.slice(0, 3).map(({ lines: [lead] }) => / at (\d+ steps? back), by/.exec(lead)?.[1]);
  assert.deepEqual(leads, ["1 step back", "4 steps back", "16 steps back"]);
  // Planted: with one step back the GRU is 0.0625 better, with 16 by as much more as it gains more.
  const ofGru = questions.slice(0, 3).map(({ lines }) =>
    /better|worse, (\S+) bits/.exec(lines.find((one) => /^GRU/.test(one))!)?.[1]
  );
  assert.deepEqual(ofGru, ["+0.063", "+0.313", "+0.438"]);
  const text = questionsText(questions);
  assert.doesNotMatch(text, /Best steps back|Best number of|each at its own best/);
});

/** With one step back the smaller rate is better, with 16 the larger one. */
function atTwoRates(): RunResult[] {
  const results = stepsBackResults({ levels: [1, 16], cells: [], gated: 2 });
  return [...results, ...trainedAt(results, { learning_rate: 0.003 }, { validation: { 1: 0.5, 16: -0.25 } })];
}

Deno.test("stepsBackQuestions() asks again with each at its own best learning rate, behind the question at the same one", () => {
  const questions = asked(atTwoRates()), [, tuned] = questions;
  assert.deepEqual(questions.map(({ heading, picture }) => [heading, picture]), [
    ["What is the effect of more steps back at equal bytes read?", undefined],
    ["What is the effect of more steps back at equal bytes read, each at its own best learning rate?", undefined],
    ["What is the effect of more steps back at equal updates?", "_steps_back"],
  ]);
  assert.match(
    tuned.lines[1],
    /^16 steps back instead of 1, at equal bytes read, each at its own best learning rate: the test score is lower by 0\.625 bits per byte \(/,
  );
  assert.deepEqual(tuned.lines.slice(2, 4), [
    "Each is the best of the settings that it was trained at, by the lowest score on the validation split, a mean over the seeds that all of them have; " +
    "settings tried: 2 with 1 step back and 2 with 16 steps back; configurations with one setting alone are left out",
    "At the lowest or the highest value tried, so that a better one may lie beyond: " +
    "2 of 2 with 1 step back (learning rate) and 2 of 2 with 16 steps back (learning rate)",
  ]);
  assert.match(
    tuned.lines.at(-1)!,
    /^Differences are more − fewer steps back, each at its own best learning rate, paired/,
  );
  const { headings, lines } = tuned.cells!;
  assert.deepEqual(headings.slice(1), [
    "steps back",
    "learning rate",
    "from → to",
    "difference",
    "95 % interval",
    "pairs × seeds",
  ]);
  assert.deepEqual(lines.map((line) => line.slice(0, 5)), [
    ["all 2", "1 → 16", "–", "–", "−0.625"],
    ["2 layers × 256, state gate + new state", "1 → 16", "0.001 → 0.003", "2.501 → 1.876", "−0.625"],
    ["2 layers × 256, forget gate + state gate + new state", "1 → 16", "0.001 → 0.003", "2.563 → 1.938", "−0.625"],
  ]);
});

Deno.test("stepsBackSentences() says what both comparisons have found, and of training losses nothing at own best rates", () => {
  const sentences = (results: readonly RunResult[]) =>
    stepsBackSentences(stepsBackAnswers(rowsOf(results), GATED)!).map((one) => one.replace(/ \(.*/, ""));
  assert.deepEqual(sentences(atTwoRates()), [
    "At equal bytes read, the test score is lower by 0.750 bits per byte with 16 steps back than with 1",
    "At equal bytes read, each at its own best learning rate, the test score is lower by 0.625 bits per byte with 16 steps back than with 1",
  ]);
  const unscored = atTwoRates().map((result): RunResult => ({ ...result, test_bits_per_byte: undefined }));
  assert.equal(sentences(unscored).length, 1);
});

Deno.test("stepsBackQuestions() has the picture behind the question that it shows, which is at the same settings", () => {
  const results = stepsBackResults({ levels: [1, 16], cells: [], budget: "updates" });
  const larger = trainedAt(results, { learning_rate: 0.003 }, { validation: { 16: -1 } });
  assert.deepEqual(asked([...results, ...larger]).map(({ heading, picture }) => [heading, picture]), [
    ["What is the effect of more steps back at equal bytes read?", undefined],
    ["What is the effect of more steps back at equal updates?", "_steps_back"],
    ["What is the effect of more steps back at equal updates, each at its own best learning rate?", undefined],
  ]);
});

Deno.test("stepsBackSentences() calls runs too short only where none at any setting is long enough", () => {
  const levels = [{ label: "order 1", order: 1, value: 2.55 * Math.LN2 }];
  const results = stepsBackResults({ levels: [1, 16], cells: [], gated: 1 }).map((result): RunResult => ({
    ...result,
    test_bits_per_byte: result.test_bits_per_byte! + (result.bptt ? 1 : 0),
  }));
  const short = (all: readonly RunResult[]) =>
    stepsBackSentences(stepsBackAnswers(rowsOf(all), GATED)!, levels).filter((one) => one.startsWith("Runs with 16"));
  assert.equal(short(results).length, 1);
  const larger = trainedAt(results, { learning_rate: 0.003 }, { validation: { 16: -1 } });
  assert.equal(short([...results, ...larger]).length, 0);
});
