import assert from "node:assert/strict";
import { type CellConfig, configId } from "../../../cells/config.ts";
import { GATED } from "../../../cells/factors.ts";
import { mergeSeeds } from "../../../report/data/merged.ts";
import { type RunRow, tableOf } from "../../../report/data/rows.ts";
import type { PromotionAudit } from "../../../report/statistics/promotion_audit.ts";
import { effectsOf } from "../../../report/statistics/effects.ts";
import { stepsBackAnswers } from "../../../report/statistics/steps_back.ts";
import { bestWords, headline } from "../../../report/tables/headline.ts";
import { randomStream } from "../../../train/corpus/random.ts";
import { type StepsBackPlan, stepsBackResults } from "../steps_back_results.ts";
import { plantedRows } from "../planted_rows.ts";

/** Rows of 96 configurations of one size with a little noise; `loss` in nats per byte. */
function rowsOf(loss: (config: CellConfig, seed: number) => number, seeds: number, width = 0.004): RunRow[] {
  const noise = randomStream(0, "headline");
  return plantedRows((config, seed) => 2 + loss(config, seed) + width * noise.uniform(), seeds)
    .filter(({ config: { state_size, n_layers } }) => state_size === 256 && n_layers === 1);
}

function headlineOf(rows: readonly RunRow[]): string {
  return headline({ rows: mergeSeeds(rows), effects: effectsOf(rows), study: { dir: "my study" } });
}

const gatesOf = ({ use_input_gate, use_forget_gate, use_output_gate, use_state_gate }: CellConfig) => ({
  use_input_gate,
  use_forget_gate,
  use_output_gate,
  use_state_gate,
});
const residual = ({ use_residual }: CellConfig) => use_residual ? -0.1 : 0;
const CONDITIONS =
  "trained on tinyshakespeare, 1 layer, state size 256, 100 steps, batch size 256, learning rate 0.001, optimizer adam";

Deno.test("headline() says what was found, how large, how sure and under which conditions, then what is best", () => {
  assert.match(
    headlineOf(rowsOf(residual, 3)),
    RegExp(
      "^The largest effect is that of the residual: with it on, the test score is lower by 0\\.14\\d bits per byte " +
        "\\(95 % interval −0\\.14\\d to −0\\.14\\d, corrected p < 0\\.001, 48 pairs of configurations × 3 seeds\\); " +
        `${
          RegExp.escape(CONDITIONS)
        }\\. Of 96 configurations, 1 layer × 256, .* has the lowest training loss, 1\\.9\\d\\d ± 0\\.00\\d nats per byte `,
    ),
  );
});

Deno.test("headline() warns where the best is not below what a network without memory can reach", () => {
  const withGain = (gain_over_order_1: number) =>
    headlineOf(rowsOf(residual, 3).map((row) => ({ ...row, gain_over_order_1 })));
  const warning = /, which is no better than the n-gram baseline of order 1, the level of a network without memory/;
  assert.match(withGain(-0.01), warning);
  assert.doesNotMatch(withGain(0.01), warning);
  assert.doesNotMatch(headlineOf(rowsOf(residual, 3)), warning);
});

Deno.test("headline() speaks of one seed's runs, without interval and p, where there is one", () => {
  const text = headlineOf(rowsOf(residual, 1));
  assert.match(
    text,
    /^In this one seed's runs the largest difference is that of the residual: with it on, the test score is lower by 0\.14\d bits per byte \(48 pairs of configurations, one seed\); one seed does not generalize \('deno task init --dir "my study" --seeds 3', then train, adds seeds\); trained on /,
  );
  assert.doesNotMatch(text, /interval|corrected|clear|significant/);
});

Deno.test("headline() of an experiment that was chosen names no effect: whether it was chosen well comes first, where that is known", () => {
  const rows = rowsOf(residual, 3),
    of02 = { rows: mergeSeeds(rows), effects: effectsOf(rows), experiment: "02" as const };
  const study = { dir: "my study" }, point = { name: "aaaaaaaa", label: "a label", control: false };
  const spread = { mean: 2, deviation: undefined, least: 2, most: 2, count: 1 };
  const promoted = { ...point, short: spread, long: spread }, control = { ...promoted, control: true };
  const audit: PromotionAudit = {
    reads: "byte",
    bytes_per_token: 1,
    criterion: "validation_bits_per_byte",
    isValidated: true,
    every: { short: 50, long: 50 },
    unmeasured: 0,
    steps: { short: 999, long: 1998 },
    points: [promoted, control],
    promoted: { population: 1, trained: 1 },
    rest: { population: 20, trained: 1 },
    controls: { listed: 1, failed: 0 },
    tau: undefined,
    interval: undefined,
    regret: { value: 0, promoted, control, better: 0, most: 19 },
  };
  const alone = headline({ ...of02, study });
  assert.match(alone, /^Of 96 configurations, /);
  assert.match(
    headline({ ...of02, study, promotion: audit }),
    /^Regret of the top 10 %: none found\. .* Of 96 configurations, /,
  );
  assert.equal(headline({ ...of02, study, promotion: { ...audit, regret: undefined } }), alone);
});

Deno.test("headline() names no largest difference where nothing differs", () => {
  for (const seeds of [1, 3]) {
    assert.match(
      headlineOf(rowsOf(() => 0, seeds, 0)),
      /^In these runs no switch changes the test score at all; trained on tinyshakespeare, /,
    );
  }
});

Deno.test("headline() calls an effect the largest only where no other difference is larger", () => {
  // The new state's mean is larger and depends on chance: one pair, whose interval nobody knows.
  const rows = rowsOf((config) => residual(config) + (config.use_new_state ? -0.5 : 0), 3).filter(({ config }) =>
    config.use_new_state || (config.use_residual && !Object.values(gatesOf(config)).includes(true))
  );
  assert.match(headlineOf(rows), /^The largest significant effect is that of the residual: /);
});

Deno.test("headline() claims no effect that turns where nothing is known of how sure that is", () => {
  // All but one pair of the residual have one seed; it has none of its own, as other switches have.
  const turning = (config: CellConfig) => (config.use_forget_gate ? -0.08 : 0.03) * Number(config.use_residual);
  const rows = rowsOf(turning, 3, 0.05).filter(({ config, seed }) => !config.use_residual || seed === 0);
  const text = headlineOf(rows);
  assert.match(
    text,
    /^No switch has a significant effect on the test score; the largest difference is that of the residual: /,
  );
  assert.match(text, /; in this seed's runs it changes sign with the forget gate/);
});

Deno.test("headline() states no effect alone whose sign changes, clear on average or not", () => {
  // The residual does nothing on average.
  const turning = (on: number, off: number) => (config: CellConfig) =>
    (config.use_forget_gate ? (config.use_residual ? on : off) : 0) + (config.use_residual ? (off - on) / 2 : 0);
  assert.match(
    headlineOf(rowsOf(turning(-0.08, 0.02), 3)),
    /^The largest effect is that of the forget gate: with it on, .*\); it changes sign with the residual: \+0\.02\d with it off, −0\.11\d with it on \(change .*\); trained on /,
  );
  assert.match(
    headlineOf(rowsOf(turning(-0.05, 0.05), 3)),
    /^No switch has a significant effect on the test score on average, but the effect of the (forget gate|residual) depends on another factor: .*; it changes sign with the (residual|forget gate): \+0\.07\d with it off, −0\.07\d with it on \(change /,
  );
});

Deno.test("headline() names the largest difference and its interval where no effect is clear", () => {
  assert.match(
    headlineOf(rowsOf(() => 0, 3)),
    /^No switch has a significant effect on the test score; the largest difference is that of the [a-z ]+: with it on, the test score is (lower|higher) by 0\.0\d+ bits per byte \(95 % interval \S+ to \S+, corrected p [01]\.\d{3}, \d+ pairs of configurations × 3 seeds\); trained on /,
  );
});

Deno.test("a claimed difference that three decimals would show as nothing has two significant digits", () => {
  const tiny = rowsOf(({ use_residual }) => use_residual ? -0.0002 : 0, 3, 1e-5);
  assert.match(
    headlineOf(tiny),
    /^The largest effect is that of the residual: .* lower by 0\.00029 bits per byte \(95 % interval −0\.00029 to −0\.0002\d,/,
  );
});

Deno.test("the conditions are those of the pairs that the sentence is of", () => {
  // One configuration was also trained at another rate: no pair is of that.
  const rows = rowsOf(residual, 3), config = { ...rows[0].config, learning_rate: 0.003 };
  const text = headlineOf([...rows, { ...rows[0], config, id: configId(config) }]);
  assert.match(text, RegExp(`; ${RegExp.escape(CONDITIONS)}\\.`));
});

Deno.test("headline() says what is best alone where nothing can be compared", () => {
  const [row] = rowsOf(residual, 1);
  assert.match(headlineOf([row]), /^The only configuration with a finished run is .*: its training loss fell to /);
});

Deno.test("bestWords() names the score that the best was chosen by", () => {
  const rows = rowsOf(residual, 2).map((row, i) => ({ ...row, validation_bits_per_byte: 3 + i }));
  const [first] = rows;
  assert.match(
    bestWords(mergeSeeds(rows)),
    /^Of 96 configurations, .* has the lowest score on the validation split, \d+\.\d{3} ± \S+ bits per byte \(mean ± standard deviation of 2 seeds\); its test score is /,
  );
  assert.match(
    bestWords(mergeSeeds([first])),
    /^The only configuration with a finished run is .*: its score on the validation split is 3\.000 bits per byte, and its test score is /,
  );
});

/** Three configurations of which one has the forget gate on: with it the score is higher by so much at each number of steps back. */
function forgetGateAt(gains: Readonly<Record<number, number>>, seeds: readonly number[]): RunRow[] {
  return tableOf(stepsBackResults({ cells: [], seeds })).rows.map((row) => {
    const score = 2 + (row.config.use_forget_gate ? gains[row.config.bptt ?? 1] : 0);
    return { ...row, test_bits_per_byte: score, validation_bits_per_byte: score };
  });
}

Deno.test("headline() says where a sign changes with the steps back, also between the fewest and the most of them", () => {
  const ends = headlineOf(forgetGateAt({ 1: -0.25, 4: -0.125, 16: 0.25 }, [0]));
  assert.match(
    ends,
    /; in this seed's runs it changes sign with the number of steps back: −0\.250 at 1 step back, −0\.125 at 4 steps back, \+0\.250 at 16 steps back; /,
  );
  const between = headlineOf(forgetGateAt({ 1: -0.5, 4: 0.125, 16: -0.5 }, [0]));
  assert.match(
    between,
    /; its sign changes with the number of steps back: −0\.500 bits per byte at 1 step back, \+0\.125 at 4 steps back, −0\.500 at 16 steps back; /,
  );
  assert.doesNotMatch(headlineOf(forgetGateAt({ 1: -0.25, 4: -0.25, 16: -0.25 }, [0])), /turns/);
});

Deno.test("headline() tells what more steps back change before in what their runs are equal", () => {
  const { rows } = tableOf(stepsBackResults()), merged = mergeSeeds(rows);
  const data = { rows: merged, effects: effectsOf(rows), study: { dir: "my study" } };
  const stepsBack = stepsBackAnswers(merged, GATED), alone = headline(data);
  const levels = [{ label: "order 1", value: 0.5, order: 1 }];
  const told = headline({ ...data, stepsBack, levels });
  assert.match(
    told,
    / At equal bytes read, the test score is lower by 0\.375 .*\. Runs with 1, 4 and 16 steps back are not below .* them\. Runs with 1, 4 and 16 steps back have read the same /,
  );
  assert.doesNotMatch(alone, /At equal bytes read/);
});

Deno.test("headline() says in what runs are equal that go back by several numbers of steps, and nothing of it else", () => {
  const said = (plan: StepsBackPlan) => headlineOf(tableOf(stepsBackResults(plan)).rows);
  const last = (text: string) => text.slice(text.lastIndexOf("Runs with"));
  assert.equal(
    last(said({})),
    "Runs with 1, 4 and 16 steps back have read the same number of bytes, with fewer updates at more steps back.",
  );
  assert.equal(
    last(said({ budget: "updates" })),
    "Runs with 1, 4 and 16 steps back have made the same number of updates, and read more bytes at more steps back.",
  );
  const longer = tableOf(stepsBackResults()).rows.map((row) =>
    row.config.bptt === 16 ? { ...row, steps_done: 3 * row.steps_done } : row
  );
  assert.match(headlineOf(longer), / have read different numbers of bytes and made different numbers of updates\.$/);
  assert.doesNotMatch(said({ levels: [16] }), /Runs with/);
  assert.match(said({}), /10,989 steps, .*, 1, 4 and 16 steps back\. Of 9 /);
  assert.match(said({ levels: [16] }), /682 steps, .*, 16 steps back\. Of 3 /);
});
