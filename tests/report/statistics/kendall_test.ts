import assert from "node:assert/strict";
import { bcaIntervalOf } from "../../../report/statistics/bootstrap.ts";
import { mostInPopulation } from "../../../report/statistics/finite_population.ts";
import { kendallTauB, type Stratum } from "../../../report/statistics/kendall.ts";
import { randomStream } from "../../../train/corpus/random.ts";
import { exponential } from "../planted_rows.ts";

type Pair = [number, number];
const all = (values: Pair[]): Stratum[] => [{ population: values.length, values }];
const close = (is: number | undefined, must: number, tolerance = 1e-12) =>
  assert.ok(Math.abs(is! - must) <= tolerance, `${is}, must be ${must}`);

Deno.test("kendallTauB() agrees with pairs counted by hand when there are no ties", () => {
  assert.equal(kendallTauB(all([[1, 1], [2, 2], [3, 3]])), 1);
  assert.equal(kendallTauB(all([[1, 3], [2, 2], [3, 1]])), -1);
  // Of six pairs, only the second and the third are in the other order: (5 − 1) / 6.
  close(kendallTauB(all([[1, 1], [2, 3], [3, 2], [4, 4]])), 4 / 6);
});

Deno.test("kendallTauB() agrees with pairs counted by hand when there are ties, and is undefined when all are", () => {
  // Pairs: 12 tie in x; 13 and 23 agree, 14 and 24 agree, 34 ties in y. 4 / √(5 · 5).
  close(kendallTauB(all([[1, 1], [1, 2], [2, 3], [3, 3]])), 4 / 5);
  // 12 ties in x; 13 ties in y; 23 disagrees: −1 / √(2 · 2).
  close(kendallTauB(all([[1, 1], [1, 2], [2, 1]])), -1 / 2);
  // 12 ties in x alone, 13 and 23 agree: 2 / √(2 · 3).
  close(kendallTauB(all([[1, 1], [1, 2], [2, 3]])), 2 / Math.sqrt(6));
  assert.equal(kendallTauB(all([[1, 1], [1, 2]])), undefined);
  assert.equal(kendallTauB(all([[1, 1]])), undefined);
});

Deno.test("kendallTauB() lets pairs of a stratum count for all that it stands for", () => {
  // Promoted: one pair, in the other order. Rest: two of ten, in order; all four pairs between are in order.
  const strata: Stratum[] = [
    { population: 2, values: [[1, 2], [2, 1]] },
    { population: 10, values: [[3, 3], [4, 4]] },
  ];
  // 1 pair at −1, 2·10 pairs and 10·9/2 pairs at 1, of 66.
  close(kendallTauB(strata), (20 + 45 - 1) / 66);
  // A resample that has one of the rest twice knows no pair within the rest.
  close(kendallTauB(strata, [[1, 1], [2, 0]]), (20 - 1) / 21);
});

Deno.test("kendallTauB() is right on average when the best are all there and the rest is sampled, where a plain one is not", () => {
  const stream = randomStream(1, "audit"), population = 100, best = 10, sample = 8, draws = 2000;
  const values = Array.from({ length: population }, (_, i): Pair => [i, i + 80 * stream.uniform()]);
  const truth = kendallTauB(all(values))!;
  let weighted = 0, plain = 0, squares = 0;
  for (let draw = 0; draw < draws; draw++) {
    const rest = values.slice(best);
    for (let i = 0; i < sample; i++) {
      const other = stream.integer(i, rest.length - 1);
      [rest[i], rest[other]] = [rest[other], rest[i]];
    }
    const drawn = rest.slice(0, sample), promoted = values.slice(0, best);
    const tau = kendallTauB([{ population: best, values: promoted }, {
      population: population - best,
      values: drawn,
    }])!;
    weighted += tau / draws;
    squares += (tau - truth) ** 2 / draws;
    plain += kendallTauB(all([...promoted, ...drawn]))! / draws;
  }
  const error = 3 * Math.sqrt(squares / draws);
  console.log(`    τ ${truth.toFixed(3)}: weighted ${weighted.toFixed(3)}, plain ${plain.toFixed(3)}`);
  close(weighted, truth, error);
  assert.ok(Math.abs(plain - truth) > 3 * error, `${plain} against ${truth}`);
});

Deno.test("bcaIntervalOf() draws within each stratum, and gives no width when a statistic does not vary", () => {
  const seen = new Set<string>();
  const { low, high } = bcaIntervalOf([3, 1], ([three, one]) => {
    seen.add(`${three.reduce((sum, count) => sum + count)} ${one[0]}`);
    return 7;
  }, { name: "test", resamples: 50 });
  // Whole, and with one of the first left out.
  assert.deepEqual([...seen].sort(), ["2 1", "3 1"]);
  assert.deepEqual([low, high], [7, 7]);
});

Deno.test("bcaIntervalOf() covers τ in 95 % of simulated studies, or more, when eight controls are drawn", () => {
  const stream = randomStream(2, "studies"), studies = 200;
  let covered = 0;
  for (let study = 0; study < studies; study++) {
    const values = Array.from({ length: 100 }, (_, i): Pair => [i, i + 40 * exponential(stream)]);
    const rest = values.slice(10);
    for (let i = 0; i < 8; i++) {
      const other = stream.integer(i, rest.length - 1);
      [rest[i], rest[other]] = [rest[other], rest[i]];
    }
    const strata = [{ population: 10, values: values.slice(0, 10) }, { population: 90, values: rest.slice(0, 8) }];
    const tau = (counts?: readonly (readonly number[])[]) => kendallTauB(strata, counts) ?? 0;
    const { low, high } = bcaIntervalOf([10, 8], tau, { name: `study/${study}`, resamples: 499 });
    const truth = kendallTauB(all(values))!;
    if (low <= truth && truth <= high) covered++;
  }
  console.log(`    coverage ${(100 * covered / studies).toFixed(1)} % of ${studies} studies`);
  assert.ok(covered / studies > 0.91, `${covered}`);
});

Deno.test("mostInPopulation() agrees with chances worked out by hand", () => {
  // None of 1 of 2: with one, the chance to miss it is a half; with both there is none.
  assert.equal(mostInPopulation(2, 1, 0), 1);
  // All drawn: what is found is what there is.
  assert.deepEqual([mostInPopulation(9, 9, 0), mostInPopulation(9, 9, 4)], [0, 4]);
  // None of 8 of 43: (43 − m choose 8) / (43 choose 8) is 0.0544 at 12 and 0.0404 at 13, by exact fractions.
  assert.equal(mostInPopulation(43, 8, 0), 12);
  assert.equal(mostInPopulation(10, 4, 4), 10);
});

Deno.test("mostInPopulation() holds the truth in at least 95 % of draws, and not by much more", () => {
  const population = 60, sample = 8, stream = randomStream(1, "hypergeometric");
  for (const having of [6, 20, 40]) {
    let held = 0;
    for (let draw = 0; draw < 4000; draw++) {
      let left = having, found = 0;
      for (let i = 0; i < sample; i++) {
        if (stream.uniform() * (population - i) < left) {
          left--;
          found++;
        }
      }
      if (mostInPopulation(population, sample, found) >= having) held++;
    }
    assert.ok(held / 4000 > 0.94, `${held} of 4000 at ${having}`);
  }
  assert.ok(mostInPopulation(388, 8, 0) < 388 * (1 - 0.05 ** (1 / 8)), "no worse than with replacement");
});
