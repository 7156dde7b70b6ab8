import assert from "node:assert/strict";
import { type CellConfig, configId } from "../../../cells/config.ts";
import { GATED } from "../../../cells/factors.ts";
import type { RunResult } from "../../../experiments/study/result.ts";
import { mergeSeeds } from "../../../report/data/merged.ts";
import { tableOf } from "../../../report/data/rows.ts";
import { variedTraining } from "../../../report/data/training_factors.ts";
import { contrastsIn, matchedBlocks } from "../../../report/statistics/matched.ts";
import { bestTrained } from "../../../report/statistics/baseline_comparison.ts";
import { trainingRankings } from "../../../report/statistics/training_rankings.ts";
import { rankingCells, rankingHeading, rankingWords } from "../../../report/tables/ranking_words.ts";
import { validated } from "../validated_results.ts";
import { atRate, comparedResults, gatedResults, otherResults, ranked } from "../compared_results.ts";
import { extendedResults, NUMBER } from "../extended_results.ts";
import { stepsBackResults } from "../steps_back_results.ts";
import { EXTENDED } from "../../extended_table.ts";

const gated = gatedResults([0, 1]), ids = ranked(gated);

/** The `n` best with these losses at the usual rate, and those at another one, one run for each seed. */
function planted(usual: readonly number[], other: readonly number[], rate = 0.003): RunResult[] {
  const at = (result: RunResult, loss: number) => ({ ...result, "min loss": loss });
  return usual.flatMap((loss, i) =>
    gated.filter(({ id }) => id === ids[i]).flatMap((run) => [at(run, loss), at(atRate(run, rate, 0), other[i])])
  );
}

const rankings = (results: readonly RunResult[]) => trainingRankings(mergeSeeds(tableOf(results).rows), GATED);

Deno.test("trainingRankings() gives τ-b by hand, how many, and whether the best is the same", () => {
  // Of the six pairs of four, one is exchanged: (5 − 1) / 6.
  const [{ factor, levels, pairs: [pair], trained }] = rankings(planted([1, 2, 3, 4], [1, 2, 4, 3]));
  assert.deepEqual([factor.label, levels], ["learning rate", [0.001, 0.003]]);
  assert.ok(Math.abs(pair.tau! - 4 / 6) < 1e-12);
  assert.deepEqual([pair.both, pair.either, pair.best!.same], [4, 4, true]);
  assert.equal(trained.length, 4);
  const [{ pairs: [turned] }] = rankings(planted([1, 2, 3], [3, 2, 1]));
  assert.deepEqual([turned.tau, turned.best!.same], [-1, false]);
  assert.deepEqual([turned.best!.from.id, turned.best!.to.config.learning_rate], [ids[0], 0.003]);
});

Deno.test("trainingRankings() compares means over common seeds alone", () => {
  const all = planted([1, 2], [1, 2]);
  // A seed at one rate alone, which would turn the order.
  const more = { ...all[0], seed: 5, "min loss": 50 };
  const [{ pairs: [pair] }] = rankings([...all, more]);
  assert.equal(pair.tau, 1);
  const apart = planted([1, 2], [1, 2]).map((run): RunResult =>
    run.learning_rate ? { ...run, seed: run.seed + 9 } : run
  );
  const [{ pairs: [none] }] = rankings(apart);
  assert.deepEqual([none.both, none.either, none.best, none.tau], [0, 2, undefined, undefined]);
});

Deno.test("trainingRankings() names each one's best value, and where that is the end of those tried", () => {
  const [first] = planted([1], [2]).slice(0, 1);
  const rows = [[0.0003, 3], [0.003, 0.5], [0.01, 4]].map(([rate, loss]) => ({
    ...atRate(first, rate, 0),
    "min loss": loss,
  }));
  const [{ trained: [middle] }] = rankings([first, ...rows]);
  assert.deepEqual([middle.best, middle.edge], [0.003, undefined]);
  const [{ trained: [end] }] = rankings([first, ...rows.slice(0, 2)]);
  assert.deepEqual([end.best, end.edge], [0.003, "highest"]);
});

Deno.test("trainingRankings() takes the validation score where each scored run has it, and says so", () => {
  // The training losses say the reverse: 4 − loss has its lowest at the third configuration, and at the first one of the other rate.
  const runs = validated(planted([1, 2, 3], [3.5, 2.5, 1.5]), (run) => 4 - run["min loss"]!),
    [ranking] = rankings(runs);
  const { criterion, pairs: [pair], trained } = ranking;
  assert.deepEqual([criterion, pair.tau, pair.both], ["validation_bits_per_byte", -1, 3]);
  assert.deepEqual([pair.best!.from.id, pair.best!.to.min_loss.mean], [ids[2], 3.5]);
  const rateOf = new Map(trained.map(({ rows, best }) => [rows.get(0.001)!.id, best]));
  assert.deepEqual(ids.slice(0, 3).map((id) => rateOf.get(id)), [0.003, 0.003, 0.001]);
  const words = rankingWords(ranking, GATED).join("\n");
  assert.match(
    words,
    /τ-b compares the orders by the lowest score on the validation split, .*\nBest learning rate by the lowest score on/,
  );
  assert.match(rankingCells(ranking, GATED).headings[0], /^validation, bits per byte, by learning rate$/);
  const [lacking] = rankings(runs.map((run, i) => i ? run : { ...run, validation_bits_per_byte: undefined }));
  assert.deepEqual([lacking.criterion, lacking.pairs[0].best!.from.id], ["min loss", ids[0]]);
});

Deno.test("trainingRankings() and bestTrained() choose a rate over the seeds that were trained at all of them", () => {
  const [one, two] = planted([1], [1.25]);
  // A lucky seed that the other rate lacks must not decide.
  const lucky = { ...two, seed: 5, "min loss": 0.125 };
  const all = [one, { ...one, seed: 1 }, two, { ...two, seed: 1 }, lucky];
  const rows = mergeSeeds(tableOf(all).rows);
  assert.equal(rows[0].config.learning_rate, 0.003, "its own mean is lower");
  const [{ trained: [{ best }] }] = trainingRankings(rows, GATED);
  assert.equal(best, 0.001);
  assert.deepEqual([...bestTrained(rows, GATED).keys()].map(({ config }) => config.learning_rate), [undefined]);
});

Deno.test("trainingRankings() has baselines in its table, and in no τ", () => {
  const gru = [0.001, 0.003].flatMap((rate, i) => otherResults("gru", { rate, loss: i ? 0.1 : 9, seeds: [0, 1] }));
  const [alone] = rankings(planted([1, 2, 3], [1, 2, 3])),
    [both] = rankings([...planted([1, 2, 3], [1, 2, 3]), ...gru]);
  assert.deepEqual(
    both.pairs.map(({ tau, both, either }) => [tau, both, either]),
    alone.pairs.map((one) => [
      one.tau,
      one.both,
      one.either,
    ]),
  );
  assert.deepEqual(both.trained.map(({ isBaseline }) => isBaseline), [true, false, false, false]);
});

Deno.test("training factors are those that are neither of the cell nor a size, whatever they are called", () => {
  const optimized = gated.filter(({ id }) => ids.slice(0, 3).includes(id)).map((run) => {
    const config = { ...run, optimizer: "sgd" } as RunResult & { optimizer: string };
    const keys = Object.fromEntries(
      GATED.factors.flatMap(({ key }) => config[key] === undefined ? [] : [[key, config[key]]]),
    );
    return { ...config, id: configId(keys as unknown as CellConfig), "min loss": run["min loss"]! + 1 };
  });
  const found = rankings([...gated, ...optimized]);
  assert.deepEqual(found.map(rankingHeading), ["Does the ranking hold at another optimizer?"]);
  // Names have no end beyond which there may be a better one.
  assert.ok(found[0].trained.every(({ edge }) => edge === undefined));
  const rows = mergeSeeds(tableOf(extendedResults(), EXTENDED).rows);
  assert.deepEqual(variedTraining(EXTENDED, rows).map(({ key }) => key), [NUMBER.key]);
});

Deno.test("rankingWords() says how many, how far one exchange moves τ, which is best, and claims nothing of one", () => {
  const [ranking] = rankings(planted([1, 2, 3, 4, 5], [1.5, 2.5, 3.5, 5.6, 5.5]));
  const words = rankingWords(ranking, GATED).join("\n");
  assert.match(
    words,
    /^learning rate 0\.001 and 0\.003: 5 gated configurations trained at both, Kendall's τ-b 0\.80 \(/,
  );
  assert.match(words, /swapping two neighbours changes it by 0\.20\); the best one is the same, [0-9a-f]{8}\n/);
  assert.match(words, /Best learning rate by the lowest training loss: 0\.001 for 5 of 5 /);
  const [single] = rankings(planted([1], [2]));
  const text = rankingWords(single, GATED).join("\n");
  assert.match(text, /1 gated configuration trained at both, too few for a ranking/);
  assert.doesNotMatch(text, /τ-b/);
});

Deno.test("no pair and no matched set of four mixes rates", () => {
  const rows = tableOf(comparedResults()).rows, compared = contrastsIn(GATED, rows);
  const blocks = compared.flatMap((one, i) => [
    ...matchedBlocks(rows, [one]),
    ...compared.slice(i + 1).flatMap((two) => matchedBlocks(rows, [one, two])),
  ]);
  assert.ok(blocks.length > 200, `${blocks.length}`);
  for (const { seeds } of blocks) {
    for (const { runs } of seeds) assert.equal(new Set(runs.map(({ config }) => config.learning_rate)).size, 1);
  }
  assert.ok(new Set(blocks.map(({ seeds: [{ runs: [{ config }] }] }) => config.learning_rate)).size === 3);
});

Deno.test("trainingRankings() compares orders under numbers of steps back, whatever updates these made", () => {
  const results = stepsBackResults({ cells: [] });
  const [ranking, ...more] = rankings(results);
  assert.deepEqual([ranking.factor.key, ranking.levels, more], ["bptt", [1, 4, 16], []]);
  assert.deepEqual(ranking.pairs.map(({ both, tau, best }) => [both, tau, best!.same]), [
    [3, 1, true],
    [3, 1, true],
    [3, 1, true],
  ]);
  // With 16 steps back the order is the reverse.
  const turned = results.map((result): RunResult =>
    result.bptt === 16 ? { ...result, validation_bits_per_byte: 9 - result.validation_bits_per_byte! } : result
  );
  assert.deepEqual(rankings(turned)[0].pairs.map(({ tau }) => tau), [1, -1, -1]);
  assert.equal(rankingHeading(ranking), "Does the ranking hold at another number of steps back?");
  assert.match(rankingWords(ranking, GATED)[0], /^1 step back and 4: 3 gated configurations trained at both, /);
  assert.deepEqual(rankingCells(ranking, GATED).headings.slice(1), ["1", "4", "16"]);
});
