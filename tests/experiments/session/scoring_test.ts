import assert from "node:assert/strict";
import type { Queue } from "../../../experiments/queue/queue.ts";
import { readClaims } from "../../../experiments/queue/sqlite_queue.ts";
import { type EvaluateOptions, evaluateStudy } from "../../../experiments/session/scoring.ts";
import { SCORE_KEYS } from "../../../experiments/study/metrics.ts";
import type { Sample } from "../../../experiments/study/result.ts";
import { readBaselines } from "../../../experiments/study/ngram_baselines.ts";
import { studyCorpus, studyText } from "../../../experiments/study/text.ts";
import { trainStudy } from "../../../experiments/session/training.ts";
import { sharesOf } from "../../../experiments/study/shard.ts";
import { runCosts } from "../../../experiments/study/run_cost.ts";
import { evaluateModel } from "../../../train/scoring/evaluate.ts";
import { claimKey, openStudyQueue } from "../../../experiments/queue/study_queue.ts";
import { LoadedModel } from "../../../train/scoring/model.ts";
import { sampleText } from "../../../train/scoring/sample_text.ts";
import { queueWith, takeOver } from "../queue/queues.ts";
import { copiesOfSmallStudy, editJson, reseal, type SmallStudy, TRAINED } from "../small_study.ts";

const copyStudy = copiesOfSmallStudy();

/** Runs a test on a study whose runs are trained and have no scores; `scores` are those that they should get. */
function onUnscored(name: string, test: (study: SmallStudy, scores: readonly number[]) => Promise<void>): void {
  Deno.test(name, async () => {
    const small = await copyStudy();
    const runs = small.runs.slice(0, TRAINED);
    const scores = await Promise.all(runs.map((_, i) => scoreOf(small, i)));
    for (const i of runs.keys()) editJson(small.result(i), (result) => forgetScore(result));
    await test(small, scores.map((score) => score!));
  });
}

function forgetScore(result: Record<string, unknown>): void {
  for (const key of [...SCORE_KEYS, "sample", "memory", "scored_on", "test_bytes_asked"]) delete result[key];
}

async function sampleOf({ study, runs }: SmallStudy, run: number): Promise<Sample | undefined> {
  return (await study.readResult("01", runs[run].key))!.sample;
}

async function scoreOf({ study, runs }: SmallStudy, run: number): Promise<number | undefined> {
  return (await study.readResult("01", runs[run].key))!.test_loss;
}

function allScores(small: SmallStudy): Promise<(number | undefined)[]> {
  return Promise.all(Array.from({ length: TRAINED }, (_, i) => scoreOf(small, i)));
}

/** Scores what has no score; returns what came of it, the keys that were scored, and what was said of the others. */
async function evaluate(
  { dir }: SmallStudy,
  { queue, again = false, testBytes }: { queue?: Queue; again?: boolean; testBytes?: number } = {},
) {
  const keys: string[] = [], problems: string[] = [];
  const options: EvaluateOptions = {
    dir,
    experiment: "01",
    again,
    testBytes,
    onScore: (_done, _total, key) => void keys.push(key),
    onProblem: (problem) => void problems.push(problem),
  };
  return { summary: await evaluateStudy(options, { queue }), keys, problems };
}

onUnscored("evaluateStudy() scores each run once in sum when two do it at once", async (small, scores) => {
  const both = await Promise.all([evaluate(small), evaluate(small)]);
  const keys = small.runs.slice(0, TRAINED).map(({ key }) => key);
  assert.deepEqual(both.flatMap(({ keys }) => keys).sort(), keys.sort());
  assert.equal(both[0].summary.scored + both[1].summary.scored, TRAINED);
  assert.deepEqual(both.map(({ problems }) => problems), [[], []]);
  assert.deepEqual(await allScores(small), scores);
  assert.deepEqual(readClaims(small.queue), [], "nobody keeps a claim");
});

onUnscored("evaluateStudy() leaves the score of a run that another has scored before it was claimed", async (small) => {
  const own = { test_loss: 7, test_bits_per_byte: 10, test_bytes: 5, test_streams: 1, test_warm_up: 0 };
  const others = small.runs[1].key;
  const { queue } = await openStudyQueue(small.study);
  const late = queueWith(queue, {
    claim(key) {
      if (key.endsWith(others)) editJson(small.result(1), (result) => Object.assign(result, own));
      return queue.claim(key);
    },
  });
  const { summary, keys, problems } = await evaluate(small, { queue: late });
  await queue.close();
  assert.deepEqual([summary.scored, summary.problems, problems], [TRAINED - 1, 0, []]);
  assert.ok(!keys.includes(others));
  assert.equal(await scoreOf(small, 1), own.test_loss);
  assert.deepEqual(readClaims(small.queue), []);
});

for (const again of [false, true]) {
  const what = again ? "neither model nor score of a run that it scores again" : "no score of a run";
  onUnscored(`evaluateStudy() keeps ${what} when the claim is lost meanwhile`, async (small, scores) => {
    const lost = small.runs[2].key;
    const { queue } = await openStudyQueue(small.study);
    const robbed = queueWith(queue, {
      whileHeld(key, action) {
        if (key.endsWith(lost)) takeOver(small.study, lost);
        return queue.whileHeld(key, action);
      },
    });
    const before = small.files();
    const { summary, keys, problems } = await evaluate(small, { queue: robbed, again });
    await queue.close();
    assert.deepEqual([summary.scored, summary.others, summary.problems, problems], [TRAINED - 1, 1, 0, []]);
    assert.ok(!keys.includes(lost));
    const after = small.files();
    for (const path of [small.result(2), small.model(2)]) assert.equal(after.get(path), before.get(path), path);
    assert.deepEqual(await allScores(small), [...scores.slice(0, 2), undefined]);
    assert.deepEqual(readClaims(small.queue).map(({ owner }) => owner), ["another"], "it is not released either");
  });
}

onUnscored(
  "evaluateStudy() keeps what the run's model writes from the test split's own words, each time the same",
  async (small) => {
    await evaluate(small);
    const { text, prompt, ...options } = (await sampleOf(small, 0))!;
    assert.deepEqual(options, { bytes: 200, temperature: 0.8, seed: 0 });
    const { test } = await studyCorpus(small.study);
    assert.ok(new TextDecoder().decode(test).includes(prompt) && prompt.length >= 64, prompt);

    const loaded = await LoadedModel.open(Deno.readFileSync(small.model(0)));
    const drawn = await sampleText(loaded, { prompt: new TextEncoder().encode(prompt), ...options });
    await loaded.close();
    assert.equal(text, new TextDecoder().decode(drawn));
    // A model that has learnt next to nothing draws bytes that are no text.
    assert.ok(text.includes("\ufffd"), text);

    const before = small.files();
    await evaluate(small, { again: true });
    for (let run = 0; run < TRAINED; run++) {
      assert.equal(small.files().get(small.result(run)), before.get(small.result(run)), `run ${run}`);
    }
  },
);

onUnscored(
  "evaluateStudy() leaves a scored run without a sample as it is, unless asked to score again",
  async (small) => {
    await evaluate(small);
    const [first, second] = await Promise.all([0, 1].map((run) => sampleOf(small, run)));
    assert.equal(first!.prompt, second!.prompt);
    assert.notEqual(first!.text, second!.text);
    editJson(small.result(0), (result) => delete result.sample);
    const { summary } = await evaluate(small);
    assert.deepEqual([summary.scored, summary.had, summary.unreadable], [0, TRAINED, []]);
    assert.equal(await sampleOf(small, 0), undefined);
    await evaluate(small, { again: true });
    assert.deepEqual(await sampleOf(small, 0), first);
  },
);

Deno.test("a run is scored on the whole of a short validation split, beside its test score", async () => {
  const small = await copyStudy(), text = await studyText(small.study);
  const result = (await small.study.readResult("01", small.runs[0].key))!;
  const model = Deno.readFileSync(small.model(0));
  const { bits_per_byte } = await evaluateModel(model, text.validation);
  assert.deepEqual([result.validation_bits_per_byte, result.validation_bytes], [bits_per_byte, 299]);
  assert.equal(result.test_bits_per_byte, (await evaluateModel(model, text.test)).bits_per_byte);
  assert.notEqual(result.validation_bits_per_byte, result.test_bits_per_byte);
});

Deno.test("evaluateStudy() leaves scores of an earlier version, says how many lack the validation split, and adds it if asked to score again", async () => {
  const small = await copyStudy(), whole = small.files();
  for (let run = 0; run < TRAINED; run++) {
    editJson(small.result(run), (result) => {
      delete result.validation_bits_per_byte;
      delete result.validation_bytes;
    });
  }
  const before = small.files(), { summary } = await evaluate(small);
  assert.deepEqual([summary.scored, summary.had, summary.unvalidated], [0, TRAINED, TRAINED]);
  assert.deepEqual(small.files(), before);
  const again = await evaluate(small, { again: true });
  assert.deepEqual([again.summary.scored, again.summary.unvalidated], [TRAINED, 0]);
  for (let run = 0; run < TRAINED; run++) {
    assert.equal(small.files().get(small.result(run)), whole.get(small.result(run)), `run ${run}`);
  }
});

Deno.test("evaluateStudy() gives scored runs what the baselines say of them: an order of context, and a distance from order 1", async () => {
  const small = await copyStudy(), whole = small.files();
  const [{ order }, { nats }] = (await readBaselines(small.study))!;
  assert.equal(order, 0);
  const { gain_over_order_1, test_bits_per_byte } = (await small.study.readResult("01", small.runs[0].key))!;
  assert.equal(gain_over_order_1, nats / Math.LN2 - test_bits_per_byte!);
  editJson(small.result(0), (result) => delete result.gain_over_order_1);
  editJson(small.result(1), (result) => delete result.context_order);
  editJson(small.result(2), (result) => result.gain_over_order_1 += 0.5);
  const { summary } = await evaluate(small);
  assert.deepEqual([summary.scored, summary.placed], [0, TRAINED]);
  for (let run = 0; run < TRAINED; run++) {
    assert.equal(small.files().get(small.result(run)), whole.get(small.result(run)), `run ${run}`);
  }
});

Deno.test("evaluateStudy() takes no run from another share to place its score", async () => {
  const small = await copyStudy(), { study, runs } = small, [own, other] = runs;
  for (const run of [0, 1]) editJson(small.result(run), (result) => delete result.gain_over_order_1);
  const open = (index: number) => openStudyQueue(study, { share: { experiment: "01", shard: { index, count: 2 } } });
  const [{ queue }, { queue: training }] = [await open(1), await open(2)];
  assert.ok(await training.claim(claimKey("01", other.key)));
  const options = { dir: small.dir, experiment: "01", again: false, skip: new Set([other.key]) } as const;
  const { placed } = await evaluateStudy(options, { queue });
  assert.equal(placed, 1);
  assert.ok(await training.whileHeld(claimKey("01", other.key), () => {}), "it trains on");
  assert.notEqual((await study.readResult("01", own.key))!.gain_over_order_1, undefined);
  for (const each of [queue, training]) await each.close();
});

/** Gives the first run's checkpoint other weights, as a person does who has trained on elsewhere. */
function changeWeights(small: SmallStudy): void {
  reseal(small.checkpoint(0), (_, tensors) => {
    const { values } = tensors.get("output_embedding.weight")!;
    values.forEach((value, i) => values[i] = 3 * value);
  });
}

/** The first run's model, and the score that stands beside it. */
const pairOf = async (small: SmallStudy) => ({
  model: small.files().get(small.model(0)),
  score: await scoreOf(small, 0),
});

Deno.test("evaluateStudy() leaves a model with its own score or none, wherever it is cut short while it replaces both", async () => {
  const whole = await copyStudy(), old = await pairOf(whole);
  changeWeights(whole);
  await evaluate(whole, { again: true });
  const fresh = await pairOf(whole);
  assert.notEqual(fresh.model, old.model);
  assert.ok(fresh.score !== undefined && fresh.score !== old.score);

  const seen = new Set<string>();
  for (let cut = 0, isCut = true; isCut; cut++) {
    const small = await copyStudy(), key = small.runs[0].key;
    changeWeights(small);
    const { queue } = await openStudyQueue(small.study);
    let calls = 0;
    const stopped = queueWith(queue, {
      whileHeld: (held, action) =>
        held.endsWith(key) && calls++ === cut ? Promise.reject(new Error("killed")) : queue.whileHeld(held, action),
    });
    const { problems } = await evaluate(small, { queue: stopped, again: true });
    await queue.close();
    isCut = problems.length > 0;
    assert.deepEqual(problems, isCut ? ["killed"] : []);

    const { model, score } = await pairOf(small), mine = [old, fresh].find((pair) => pair.model === model);
    assert.ok(
      mine && (score === undefined || score === mine.score),
      `cut ${cut}: ${score} stands beside another model`,
    );
    seen.add(`${mine === old ? "old" : "new"} ${score === undefined ? "unscored" : "scored"}`);
    // The next call makes it good.
    await evaluate(small);
    assert.deepEqual(await pairOf(small), mine);
  }
  assert.deepEqual([...seen], ["old scored", "old unscored", "new unscored", "new scored"]);
});

Deno.test("evaluateStudy() keeps model and score, when the model that is made anew has no finite loss", async () => {
  const small = await copyStudy(), before = small.files();
  reseal(small.checkpoint(0), (_, tensors) => tensors.forEach(({ values }) => values.fill(1e30)));
  const { summary, problems } = await evaluate(small, { again: true });
  assert.equal(summary.scored, TRAINED - 1);
  assert.match(
    problems.join("\n"),
    /^Cannot score .*: .*must be finite; move it away to keep the present model$/,
  );
  for (const path of [small.model(0), small.result(0)]) assert.equal(small.files().get(path), before.get(path), path);
});

onUnscored(
  "evaluateStudy() with testBytes scores the beginning of the test split, says so, and compares it with no baseline",
  async (small, scores) => {
    const asked = 200, { summary, problems } = await evaluate(small, { testBytes: asked });
    assert.deepEqual([summary.scored, problems], [TRAINED, []]);
    const read = async () => (await small.study.readResult("01", small.runs[0].key))!;
    const part = await read(), test = (await studyText(small.study)).test.subarray(0, asked);
    assert.deepEqual([part.scored_on, part.test_bytes_asked, part.test_bytes], ["cpu", asked, asked - 1]);
    const { model } = await small.study.readModel("01", small.runs[0].key);
    assert.equal(part.test_loss, (await evaluateModel(model, test)).nats);
    assert.deepEqual([part.context_order, part.gain_over_order_1], [undefined, undefined]);
    // Nor do they come with the next call, which takes it for scored.
    assert.deepEqual([(await evaluate(small)).summary.placed, (await read()).gain_over_order_1], [0, undefined]);
    assert.equal((await evaluate(small, { again: true, testBytes: 1e9 })).summary.scored, TRAINED);
    const whole = await read();
    assert.deepEqual([whole.test_loss, whole.test_bytes_asked], [scores[0], undefined]);
    assert.equal(whole.validation_bits_per_byte, part.validation_bits_per_byte);
    assert.notEqual(whole.gain_over_order_1, undefined);
  },
);

onUnscored(
  "train --shard scores what its own share was left with, and takes no run of another share over",
  async (small, scores) => {
    const { study, runs, dir } = small, count = 2;
    const index = 1 + sharesOf(runs, count, runCosts(study, "01")).findIndex((share) => share.includes(runs[0]));
    const own = sharesOf(runs, count, runCosts(study, "01"))[index - 1];
    await trainStudy({ dir, experiment: "01", engine: "onnx", limit: 1, shard: { index, count } });
    const isOwn = scores.map((_, run) => own.includes(runs[run]));
    assert.deepEqual(
      await Promise.all(scores.map((_, run) => scoreOf(small, run))),
      scores.map((score, run) => isOwn[run] ? score : undefined),
    );
    assert.ok(isOwn.includes(false), "all are in one share: the test shows nothing");
  },
);
