import assert from "node:assert/strict";
import { type CellConfig, configId } from "../../../cells/config.ts";
import type { RunRow } from "../../../report/data/rows.ts";
import { effectsOf } from "../../../report/statistics/effects.ts";
import type { Question } from "../../../report/tables/questions.ts";
import { effectQuestions } from "../../../report/tables/training_effect_words.ts";
import { randomStream } from "../../../train/corpus/random.ts";
import { RATE } from "../compared_results.ts";
import { plantedRows } from "../planted_rows.ts";

const RATES = [0.0003, 0.001] as const, USUAL = 0.001;

/** 96 configurations of one size at each of the rates, with a little noise; `loss` in nats per byte. */
function rowsAt(
  loss: (config: CellConfig, rate: number) => number,
  seeds: number,
  rates: readonly number[] = RATES,
): RunRow[] {
  const noise = randomStream(0, "rates");
  return rates.flatMap((rate) =>
    plantedRows((config) => 2 + loss(config, rate) + 0.004 * noise.uniform(), seeds)
      .filter(({ config: { state_size, n_layers } }) => state_size === 256 && n_layers === 1)
      .map((row) => {
        const config = rate === USUAL ? row.config : { ...row.config, [RATE.key]: rate };
        return { ...row, config, id: configId(config), validation_bits_per_byte: row.min_loss / Math.LN2 };
      })
  );
}

/** With the output gate a third of the rate is right: at the usual one it looks harmful. */
function needsThird(config: CellConfig, rate: number): number {
  return config.use_output_gate ? (rate === USUAL ? 0.08 : -0.03) : rate === USUAL ? 0 : 0.05;
}

function questionOf(rows: readonly RunRow[]): Question {
  const [question, ...more] = effectQuestions(effectsOf(rows));
  assert.deepEqual(more, []);
  return question;
}

Deno.test("a switch that needs a third of the rate is named first, with its effect at each rate and at each one's best", () => {
  const { heading, lines, cells } = questionOf(rowsAt(needsThird, 3));
  assert.equal(heading, "Do the effects hold at another learning rate?");
  assert.match(
    lines[0],
    /^The sign changes with the learning rate: output gate −0\.11\d bits per byte at 0\.0003 \(95 % interval −0\.1\d+ to −0\.1\d+\), \+0\.11\d at 0\.001 \(95 % interval .*\), −0\.04\d with each configuration at its best \(95 % interval /,
  );
  assert.deepEqual(lines.slice(1), [
    "Each at its best: 96 configurations that were trained at the same several values, each at the learning rate with the lowest score on the " +
    "validation split, a mean over the seeds that it has at all of them",
    "Both configurations of a pair have the same learning rate: of all pairs, 256 at 0.0003, 256 at 0.001; other means of this report take all of these together",
  ]);
  assert.deepEqual(cells!.headings, [
    "on − off, bits per byte, by switch",
    "learning rate 0.0003",
    "learning rate 0.001",
    "each at its best",
  ]);
  const gate = cells!.lines.find(([label]) => label === "output gate")!;
  assert.match(gate[1], /^−0\.11\d \(−0\.1\d+ to −0\.1\d+; 48 × 3\)$/);
  assert.match(gate[3], /^−0\.04\d \(/);
});

Deno.test("with one seed the warning is of that seed's runs, and the table has no interval", () => {
  const { lines, cells } = questionOf(rowsAt(needsThird, 1));
  const warning = lines.find((line) => line.includes("output gate"))!;
  assert.match(
    warning,
    /^In this one seed's runs the sign changes with the learning rate: output gate −0\.11\d bits per byte at 0\.0003, \+0\.11\d at 0\.001, −0\.04\d with each/,
  );
  assert.doesNotMatch(JSON.stringify({ lines, cells }), /interval| to [+−]/);
});

Deno.test("it is said that no sign changes where none does, and to which rate most pairs belong", () => {
  const rows = rowsAt((config) => config.use_residual ? -0.1 : 0, 2);
  const some = rows.filter(({ config }) => config.learning_rate === undefined || !config.use_input_gate);
  const { lines } = questionOf(some);
  assert.equal(
    lines[0],
    "No effect on the test score is significantly below zero at one learning rate and significantly above zero at another",
  );
  assert.match(
    lines.at(-1)!,
    /: of all pairs, 112 at 0\.0003, 256 at 0\.001; other means of this report take all of these together, so they are mostly those at 0\.001$/,
  );
});

Deno.test("nothing is claimed where pairs have one rate alone, and nothing is asked where the study has one", () => {
  const rows = rowsAt(needsThird, 2), [first] = rows;
  const alone = questionOf([first, ...rows.filter(({ config }) => config.learning_rate === undefined)]);
  assert.equal(alone.lines[0], "Cannot be answered: no effect has pairs at two values");
  assert.equal(alone.cells, undefined);
  assert.deepEqual(effectQuestions(effectsOf(rowsAt(needsThird, 2, [USUAL]))), []);
});

Deno.test("with steps back each number is compared separately: no column and no sentence has a best one", () => {
  const rows = [1, 4].flatMap((bptt) =>
    rowsAt((config) => config.use_output_gate ? (bptt === 1 ? 0.08 : -0.03) : 0, 3, [USUAL]).map((row) => {
      const config = bptt === 1 ? row.config : { ...row.config, bptt };
      return { ...row, config, id: configId(config), steps_done: row.steps_done / bptt };
    })
  );
  const { heading, lines, cells } = questionOf(rows);
  assert.equal(heading, "Do the effects hold at another number of steps back?");
  assert.match(
    lines[0],
    /^The sign changes with the number of steps back: output gate \+0\.11\d bits per byte at 1 step back \(.*\), −0\.04\d at 4 steps back \([^,]*\)$/,
  );
  assert.equal(
    lines[1],
    "Each number of steps back is compared separately: none is chosen as a configuration's best, since their training times differ",
  );
  assert.match(lines[2], /have the same number of steps back: of all pairs, 256 at 1 step back, 304 at 4 steps back;/);
  assert.deepEqual(cells!.headings.slice(1), ["1 step back", "4 steps back"]);
});
