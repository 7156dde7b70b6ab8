import assert from "node:assert/strict";
import { catalogConfig } from "../../../cells/catalog/catalog.ts";
import { defineCell } from "../../../cells/cell.ts";
import { defineSpace } from "../../../cells/define_space.ts";
import type { CellConfig } from "../../../cells/config.ts";
import * as ops from "../../../cells/graph/builder.ts";
import type { RunResult } from "../../../experiments/study/result.ts";
import type { StudyRuns } from "../../../report/data/other_studies.ts";
import { namesOf } from "../../../report/read_other_studies.ts";
import { compareStudies, type StudyComparison } from "../../../report/statistics/study_comparison.ts";
import { effectsOf } from "../../../report/statistics/effects.ts";
import { fateOf, studyQuestions } from "../../../report/tables/study_words.ts";
import { randomStream } from "../../../train/corpus/random.ts";
import { madeStudy, SMALL } from "../other_studies.ts";

/** Chance of a run: what its seed has in common with all runs, and its own. */
const noise = (stream: string) => (seed: number, index: number) =>
  0.02 * (randomStream(seed, stream).uniform() + randomStream(seed, `${stream}/${index}`).uniform() - 1);

/** A score from effects of the switches that are on, and chance. */
function scoreOf(effects: Partial<Record<keyof CellConfig, number>>, stream: string) {
  const chance = noise(stream);
  return (config: CellConfig, seed: number, index: number) =>
    2 + Object.entries(effects).reduce((sum, [key, effect]) =>
      sum + (config[key as keyof CellConfig] ? effect : 0), 0) +
    chance(seed, index);
}

const EFFECTS = { use_state_gate: -0.1, use_new_state: -0.3, use_old_state: -0.05, use_forget_gate: -0.08 };
const here = madeStudy({ name: "one", score: scoreOf(EFFECTS, "here") });

function compare(there: StudyRuns, one: StudyRuns = here): StudyComparison {
  return compareStudies(one, [there], "01")[0];
}

const namesIn = ({ differences }: StudyComparison) => differences.map((one) => [one.what, one.here, one.there]);
const effectIn = ({ effects }: StudyComparison, key: string) => effects.find(({ factor }) => factor.key === key)!;
const questionsOf = (comparison: StudyComparison) =>
  studyQuestions([comparison], effectsOf(comparison.here.rows, comparison.here.space));
const linesOf = (comparison: StudyComparison) => questionsOf(comparison).flatMap(({ lines }) => lines);

function near(actual: number | undefined, expected: number, by: number, what: string): void {
  assert.ok(actual !== undefined && Math.abs(actual - expected) < by, `${what}: ${actual}, must be ${expected}`);
}

Deno.test("compareStudies() gives zeros, with intervals of no width, and τ-b 1 when a study is compared with itself", () => {
  const self = compare(here);
  for (
    const mean of [
      self.means.test_bits_per_byte,
      self.means.min_loss,
      ...self.effects.map(({ change }) => change),
    ]
  ) {
    assert.deepEqual([mean.difference, mean.interval, mean.p], [0, { low: 0, high: 0 }, 1]);
    assert.ok(mean.by_seed.every(({ difference }) => difference === 0));
  }
  assert.deepEqual([self.own.length, self.ranking?.tau, self.ranking?.best.place], [48, 1, 1]);
  assert.deepEqual([self.differences, self.barriers, self.effects.length], [[], [], 6]);
  assert.ok(self.effects.every(({ here, there }) => here.difference === there.difference));
  assert.ok(
    linesOf(self).includes(
      "Study one differs in no recorded setting; 48 of 48 configurations here and 48 there are in both studies",
    ),
  );
});

Deno.test("compareStudies() recovers the planted offset of another text, and compares no training losses with it", () => {
  const score = scoreOf(EFFECTS, "there"), more = { corpus_sha1: "1".repeat(40), dataset: "other text" };
  const found = compare(madeStudy({ score: (...run) => score(...run) + 0.7, more }));
  const { test_bits_per_byte: test, min_loss } = found.means;
  near(test.difference, 0.7, 0.01, "offset");
  assert.ok(test.interval!.low < 0.7 && test.interval!.high > 0.7 && test.p_holm! < 0.001);
  assert.deepEqual([test.pairs, test.seeds, test.lower, min_loss.pairs], [48, [0, 1, 2], 0, 0]);
  assert.deepEqual(namesIn(found), [["corpus", "tinyshakespeare", "other text"]]);
  const lines = linesOf(found);
  assert.ok(lines.includes("Lowest training losses are not compared: the studies read different texts"));
  assert.ok(lines.some((line) => line.startsWith("Since the texts differ")));
});

Deno.test("compareStudies() names a corpus of the same name by its check sum when the text has been changed", () => {
  const found = compare(madeStudy({ score: () => 2, more: { corpus_sha1: "1".repeat(40) } }));
  assert.deepEqual(namesIn(found), [["corpus", "tinyshakespeare (00000000)", "tinyshakespeare (11111111)"]]);
});

Deno.test("compareStudies() finds an effect that turns, with both intervals clear, and words name it first", () => {
  const found = compare(
    madeStudy({ score: scoreOf({ ...EFFECTS, use_state_gate: 0.1, use_old_state: -0.2 }, "there") }),
  );
  const gate = effectIn(found, "use_state_gate");
  near(gate.here.difference, -0.1, 0.01, "here");
  near(gate.there.difference, 0.1, 0.01, "there");
  near(gate.change.difference, 0.2, 0.02, "change");
  assert.deepEqual([gate.turns, gate.p_holm! < 0.05], [true, true]);
  const fates = Object.fromEntries(found.effects.map((effect) => [effect.factor.key, fateOf(effect)]));
  assert.deepEqual(fates, {
    use_input_gate: "unclear",
    use_forget_gate: "holds",
    use_output_gate: "unclear",
    use_state_gate: "turns",
    use_new_state: "holds",
    use_old_state: "changes",
  });
  const [first, second] = questionsOf(found)[1].lines;
  assert.match(
    first,
    /^The effect of state gate changes sign: on − off is −0\.\d+ \(95 % interval [^)]+\) here and \+0\.\d+ /,
  );
  assert.match(second, /^The effect of old state differs: /);
});

Deno.test("words say with which factor an effect changes sign in this study where it differs in another", () => {
  const turning = (sign: number) => (config: CellConfig, seed: number, index: number) =>
    2 + (config.use_state_gate ? config.use_old_state ? sign * 0.1 : sign * -0.06 : 0) +
    noise("turning")(seed, index) / 10;
  const found = compare(madeStudy({ score: turning(-1) }), madeStudy({ name: "this study", score: turning(1) }));
  const [first] = questionsOf(found)[1].lines;
  // Off 0 and on 0.16, so 0.08 on average.
  assert.match(
    first,
    /^The effect of old state changes sign: on − off is \+0\.080 .*; within this study, it depends on the state gate: .*, \+0\.160 with it on/,
  );
});

Deno.test("compareStudies() leaves pairs out whose added weights are never trained, and says how many", () => {
  // Only where the output reads the new state is the state gate trained.
  const score = (config: CellConfig) => 2 + (config.use_state_gate && !config.use_new_state ? 0.5 : 0);
  const gate = effectIn(compare(madeStudy({ score }), madeStudy({ score: () => 2 })), "use_state_gate");
  assert.deepEqual([gate.there.difference, gate.change.difference, gate.inactive], [0, 0, 8]);
  assert.equal(gate.change.pairs, 16);
});

Deno.test("compareStudies() pairs studies that differ in a rate throughout, and names it", () => {
  const configs = SMALL.map((config): CellConfig => ({ ...config, learning_rate: 0.003 }));
  const found = compare(madeStudy({ configs, score: scoreOf(EFFECTS, "rate") }));
  assert.deepEqual(namesIn(found), [["learning rate", "0.001", "0.003"]]);
  assert.deepEqual([found.own.length, found.effects.length], [48, 6]);
});

Deno.test("compareStudies() pairs equal rates alone when one of both studies has several", () => {
  const configs = SMALL.flatMap((config): CellConfig[] => [config, { ...config, learning_rate: 0.003 }]);
  const found = compare(madeStudy({ configs, score: () => 2 }));
  assert.deepEqual([found.differences, found.own.length, found.counts.there], [[], 48, 96]);
});

Deno.test("compareStudies() pairs baselines with each other, and they are no part of the means", () => {
  const gru = catalogConfig("gru", 1, 32), lstm = catalogConfig("lstm", 1, 32);
  const one = madeStudy({ configs: [...SMALL, gru], score: () => 2 });
  const rate = (config: CellConfig): CellConfig => ({ ...config, learning_rate: 0.003 });
  const two = madeStudy({
    configs: [...SMALL, gru, lstm].map(rate),
    score: ({ cell }, seed) => cell === "gru" ? 3 + 0.1 * seed : 2,
  });
  const found = compare(two, one);
  assert.deepEqual([found.means.test_bits_per_byte.difference, found.own.length], [0, 48]);
  assert.deepEqual(found.compared_baselines.map(({ label, mean }) => [label, mean.pairs]), [["GRU, 1 layer × 32", 1]]);
  const [{ mean }] = found.compared_baselines;
  near(mean.difference, 1.1, 1e-9, "GRU");
  // t(0.975, 2) · 0.1 / √3
  near(mean.seed_interval!.high - mean.difference!, 4.302653 * 0.1 / Math.sqrt(3), 1e-5, "interval");
  assert.ok(
    linesOf(found).some((line) =>
      /^Baselines in both \(not in these means\), .*GRU, 1 layer × 32: \+1\.100 \(95 % interval .*t over 3 seeds\)$/
        .test(line)
    ),
  );
});

Deno.test("compareStudies() gives no interval and no p when the studies have one seed in common", () => {
  const found = compare(madeStudy({ seeds: [2, 3], score: scoreOf({ ...EFFECTS, use_state_gate: 0.1 }, "there") }));
  const { interval, p, p_holm, seeds } = found.means.test_bits_per_byte;
  assert.deepEqual([interval, p, p_holm, seeds], [undefined, undefined, undefined, [2]]);
  assert.ok(found.effects.every(({ here, turns, p_holm }) => !here.interval && !turns && p_holm === undefined));
  assert.match(
    questionsOf(found)[1].lines[0],
    /^With one seed there is no interval, .*; signs agree for \d of 6 switches$/,
  );
});

Deno.test("compareStudies() corrects p over the studies that it compares", () => {
  const there = madeStudy({ score: scoreOf({ use_new_state: -0.301 }, "near") });
  const [alone] = compareStudies(here, [there], "01");
  const [first, second] = compareStudies(here, [there, madeStudy({ score: () => 9 })], "01");
  assert.equal(alone.means.test_bits_per_byte.p_holm, alone.means.test_bits_per_byte.p);
  assert.deepEqual(
    [first, second].map(({ means }) => means.test_bits_per_byte.p_holm),
    [first.means.test_bits_per_byte.p!, Math.min(1, 2 * second.means.test_bits_per_byte.p!)],
  );
});

Deno.test("compareStudies() compares training losses of runs that are not scored, logged and trained alike alone", () => {
  const unscored: Partial<RunResult> = { test_bits_per_byte: undefined };
  const study = (more: Partial<RunResult> = {}) => madeStudy({ score: () => 2, more: { ...unscored, ...more } });
  const found = compare(study({ "min loss": 1.5 }), madeStudy({ score: () => 2, more: { "min loss": 1.25 } }));
  assert.deepEqual([found.measure, found.means.min_loss.difference], ["min_loss", 0.25]);
  const changes: [Partial<RunResult>, RegExp][] = [
    [{ log_every: 100 }, /logged at different steps/],
    [{ steps_done: 2000 }, /trained for different numbers of steps/],
    [{ tokens: "bpe:512" }, /read different tokens/],
  ];
  for (const [more, why] of changes) {
    assert.throws(() => compare(study(more)), (error: Error) => {
      assert.match(
        error.message,
        /^Cannot compare study .+ with \/studies\/other: runs that both have are not scored in both/,
      );
      assert.match(error.message, why);
      assert.match(error.message, /score them with 'deno task evaluate --dir \/studies\/other'$/);
      return error.name === "UserError";
    });
  }
});

Deno.test("compareStudies() says what each study has when they have nothing in common", () => {
  const wide = (sizes: number[]) => sizes.flatMap((state_size) => SMALL.map((config) => ({ ...config, state_size })));
  const one = madeStudy({ name: "a", configs: wide([8, 16]), score: () => 2 });
  const two = madeStudy({ name: "b", configs: wide([32, 64]), score: () => 2 });
  assert.throws(() => compare(two, one), {
    name: "UserError",
    message: "Cannot compare study /studies/a with /studies/b: they have no configuration in common; " +
      "state size is 8, 16 in the first and 32, 64 in the second",
  });
  assert.throws(() => compare(madeStudy({ name: "b", seeds: [7], score: () => 2 }), here), {
    name: "UserError",
    message: "Cannot compare study /studies/one with /studies/b: they have 48 configurations but no seed in common; " +
      "the first has runs of seed 0, 1, 2, the second of 7",
  });
  const [base] = SMALL,
    with_ = (use_forget_gate: boolean, use_input_gate: boolean) => ({ ...base, use_forget_gate, use_input_gate });
  const alike = madeStudy({ name: "a", configs: [with_(false, false), with_(true, true)], score: () => 2 });
  assert.throws(
    () => compare(madeStudy({ name: "b", configs: [with_(false, true), with_(true, false)], score: () => 2 }), alike),
    /common; the first has 2 configurations, which vary input gate, forget gate, as 1 layer × 32, .*; the second has 2 configurations, which vary /,
  );
});

/** A space whose cell has one switch and one number of its own. */
function ownSpace(name: string) {
  return defineSpace({
    name,
    factors: [{
      key: "use_mix",
      kind: "switch",
      label: "mix",
      about: "whether it mixes",
      on: "it mixes",
      off: "it does not mix",
    }],
    cell: ({ use_mix }) =>
      defineCell({
        name,
        states: ["h"],
        forward: (layer, x, { h }) => {
          const n = ops.tanh(layer.linear("state_nn", [x, h]));
          const output = use_mix ? ops.mul(n, ops.sigmoid(layer.linear("mix_nn", [x]))) : n;
          return { output, states: { h: n } };
        },
      }),
  });
}

Deno.test("compareStudies() pairs studies of spaces of one's own by keys and values, and names another version of the code", () => {
  const configs = [false, true].flatMap((use_mix) =>
    [8, 16].map((state_size) => ({ n_layers: 1, state_size, ...(use_mix ? { use_mix } : {}) }) as unknown as CellConfig)
  );
  const study = (name: string, sha: string, effect: number) =>
    madeStudy({
      name: sha,
      space: ownSpace(name),
      configs,
      score: (config, seed) => 2 + 0.01 * seed + ("use_mix" in config ? effect : 0),
      more: { space: name, space_sha256: sha.repeat(64) },
    });
  const same = compare(study("mixed", "b", 0.2), study("mixed", "a", -0.2));
  assert.deepEqual(namesIn(same), [["code of the space", "mixed (aaaaaaaa)", "mixed (bbbbbbbb)"]]);
  assert.deepEqual(same.effects.map(({ factor, turns }) => [factor.key, turns]), [["use_mix", true]]);
  // Another name is another cell.
  const other = compare(study("blended", "b", 0), study("mixed", "a", 0));
  assert.deepEqual(namesIn(other).at(-1), ["cell", "mixed", "blended"]);
  assert.equal(other.own.length, 4);
});

Deno.test("namesOf() takes as much of a path as tells studies apart", () => {
  assert.deepEqual(namesOf(["/a/study", "/b/other"]), ["study", "other"]);
  assert.deepEqual(namesOf(["/a/study", "/b/study", "/b/my_study"]), ["a/study", "b/study", "my_study"]);
});

Deno.test("compareStudies() compares no test scores of different parts of the split, but the training losses beside", () => {
  const part = { ...here, rows: here.rows.map((row) => ({ ...row, test_bytes_asked: 5000 })) };
  const { measure, means, differences } = compare(part);
  assert.equal(measure, "min_loss");
  assert.equal(means.test_bits_per_byte.pairs, 0);
  assert.ok(means.min_loss.pairs > 0);
  assert.deepEqual(
    differences.filter(({ what }) => what.includes("part")).map(({ what, here, there }) => [what, here, there]),
    [["scored part of the test split", "all", "5000"]],
  );
  assert.equal(compare({ ...part, name: "two" }, part).measure, "test_bits_per_byte");
});
