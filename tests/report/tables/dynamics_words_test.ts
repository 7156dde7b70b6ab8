import assert from "node:assert/strict";
import { GATED_SPACE } from "../../../cells/catalog/catalog.ts";
import type { CellConfig } from "../../../cells/config.ts";
import type { Experiment } from "../../../experiments/study/experiment.ts";
import { mergeSeeds } from "../../../report/data/merged.ts";
import type { RunRow } from "../../../report/data/rows.ts";
import { dynamicsAnswers } from "../../../report/statistics/dynamics_effects.ts";
import { dynamicsQuestions, memoryHeadline, memorySentences } from "../../../report/tables/dynamics_words.ts";
import { bestRunsTable } from "../../../report/tables/tables.ts";
import { randomStream } from "../../../train/corpus/random.ts";
import { measuredRows } from "../measured_rows.ts";

/** Rows of which λ₁ is this, with a little noise of each run, and byte recall as told. */
function rowsOf(largest: (config: CellConfig) => number, seeds = 3, recall: (config: CellConfig) => number = () => 4) {
  const noise = randomStream(11, "words on dynamics"), error = () => 0.004 * (noise.uniform() - 0.5);
  return measuredRows((config) => ({ largest: largest(config) + error(), recall: recall(config) + error() }), seeds);
}

const sentencesOf = (rows: readonly RunRow[]) => memorySentences(dynamicsAnswers(rows, GATED_SPACE)!);
const questionsOf = (rows: readonly RunRow[], experiment?: Experiment) =>
  dynamicsQuestions(dynamicsAnswers(rows, GATED_SPACE)!, mergeSeeds(rows), GATED_SPACE, experiment);

Deno.test("memorySentences() says what lengthens memory and what shortens it, how much and how sure", () => {
  const [longer, shorter, ...more] = sentencesOf(
    rowsOf(({ use_forget_gate, use_state_gate }) => -0.2 + (use_state_gate ? 0.1 : 0) - (use_forget_gate ? 0.05 : 0)),
  );
  assert.match(
    longer,
    /^The state gate lengthens memory: with it on, the largest Lyapunov exponent λ₁ is higher by 0\.\d{3} nats per byte \(95 % interval \+0\.\d{3} to \+0\.\d{3}, corrected p (< )?0\.0\d\d, 16 pairs of configurations × 3 seeds\); the forgetting time −1\/λ₁ at the mean λ₁ is \d\.\d instead of 4\.\d bytes\.$/,
  );
  assert.match(shorter, /^The forget gate shortens memory: with it on, .* is lower by 0\.0[45]\d nats per byte \(/);
  assert.deepEqual(more, []);
});

Deno.test("memorySentences() says in the same sentence where the effect changes sign", () => {
  const [sentence] = sentencesOf(
    rowsOf(({ use_state_gate, n_layers }) => -0.3 + (use_state_gate ? n_layers === 1 ? 0.15 : -0.05 : 0)),
  );
  assert.match(
    sentence,
    /; it changes sign with the number of layers: \+0\.1\d\d at 1 layer, −0\.0\d\d at 2 layers \(change −0\.\d{3}, /,
  );
});

Deno.test("memorySentences() calls nothing an effect with one seed, and nothing clear that is not", () => {
  const gate = ({ use_state_gate }: CellConfig) => -0.2 + (use_state_gate ? 0.1 : 0);
  const [one] = sentencesOf(rowsOf(gate, 1));
  assert.match(one, /^In this one seed's runs the largest difference in memory is that of the state gate: /);
  assert.match(one, /\(16 pairs of configurations, one seed\)/);
  assert.doesNotMatch(one, /interval|lengthens/);
  const [none, ...more] = sentencesOf(rowsOf(() => -0.2));
  assert.match(
    none,
    /^No switch has a significant effect on how fast states forget; the largest difference is that of /,
  );
  assert.deepEqual(more, []);
});

Deno.test("memorySentences() calls nothing a longer memory, and names no forgetting time, where a mean exponent is not below zero", () => {
  const [sentence] = sentencesOf(rowsOf(({ use_state_gate }) => use_state_gate ? 0.1 : -0.2));
  assert.match(sentence, /^The state gate raises λ₁: with it on, .* is higher by 0\.\d{3} nats/);
  assert.match(
    sentence,
    /\), 0\.\d{3} instead of −0\.\d{3} on average; where λ₁ is not below zero, .* is not memory of the text\.$/,
  );
  assert.doesNotMatch(sentence, /forgetting time|lengthens/);
});

Deno.test("memorySentences() has nothing to say where no two measured runs differ in one switch alone", () => {
  const [first] = rowsOf(() => -0.2);
  assert.deepEqual(sentencesOf([first]), []);
  assert.match(questionsOf([first]).map(({ lines }) => lines.join("\n")).join("\n"), /no two measured runs differ/);
});

Deno.test("dynamicsQuestions() says whether byte recall agrees, what λ₁ of a stack is, and how many never forget", () => {
  const [memory, changes] = questionsOf(rowsOf(
    ({ use_state_gate, use_residual }) => (use_residual ? -0.15 : 0.05) + (use_state_gate ? 0.1 : 0),
    3,
    ({ use_state_gate }) => use_state_gate ? 3 : 4,
  ));
  const text = memory.lines.join("\n");
  assert.equal(memory.heading, "Which switch lengthens memory?");
  assert.match(text, /Byte recall changes in the other direction with the state gate: −1\.\d{3} bits \(95 % interval /);
  assert.match(text, /In 72 of 144 runs λ₁ is at or above zero/);
  assert.match(text, /λ₁ of several layers is their maximum, which grows with the number of layers/);
  assert.match(text, /Measured on 8 streams of 4,096 bytes of the test split/);
  assert.match(
    changes.lines.join("\n"),
    /Byte recall: the largest significant effect is that of the state gate: with it on, the state encodes less/,
  );
  const line = changes.cells!.lines.find(([name]) => name === "state gate")!;
  assert.match(line[changes.cells!.headings.indexOf("recall, bits")], /^−1\.\d{3} \*$/);
});

Deno.test("dynamicsQuestions() says what a correlation does not show, and has means by the values of each switch", () => {
  const rows = rowsOf(({ use_state_gate }) => -0.2 + (use_state_gate ? 0.1 : 0))
    .map((row) => ({ ...row, test_bits_per_byte: 3 + row.dynamics!.lyapunov!.largest.value! }));
  const [, , correlation, levels] = questionsOf(rows);
  assert.match(
    correlation.lines[0],
    /^Largest Lyapunov exponent and test score, 48 gated configurations, within 2 groups of equal sizes and training: Kendall's τ-b 1\.00 \(95 % interval .*\): where differences between states last longer, bits per byte are more$/,
  );
  assert.match(correlation.lines.at(-1)!, /A rank correlation on one corpus/);
  const lines = new Map(levels.cells!.lines.map(([name, ...cells]) => [name, cells]));
  assert.equal(lines.get("gated, all")![0], "48");
  assert.match(lines.get("state gate on")![1], /^−0\.10\d ± 0\.00\d$/);
  assert.match(lines.get("state gate off")![1], /^−0\.(20|19)\d ± 0\.00\d$/);
  assert.ok(!lines.has("state size 256"), "what has one value is no level");
});

Deno.test("dynamicsQuestions() gives no interval and claims no relation of one seed", () => {
  const noise = randomStream(17, "one seed");
  const rows = rowsOf(() => -0.2 - 0.1 * noise.uniform(), 1)
    .map((row) => ({ ...row, test_bits_per_byte: 3 + row.dynamics!.lyapunov!.largest.value! }));
  const [, changes, correlation] = questionsOf(rows);
  assert.match(correlation.lines[0], /: Kendall's τ-b 1\.00; one seed is too few for an interval$/);
  assert.match(changes.lines[0], /^Largest Lyapunov exponent: neither an interval nor p is available$/);
  assert.doesNotMatch(changes.lines.at(-1)!, /corrected p|seeds/);
});

Deno.test("dynamicsQuestions() says where only a part was measured, and where configurations were chosen for their score", () => {
  const rows = rowsOf(() => -0.2), some = rows.map((row, i) => i % 3 ? row : { ...row, dynamics: undefined });
  const part = "96 of 144 finished runs are measured; if these are the best ";
  const chosen = "These configurations were chosen for their score: ";
  for (const [found, says] of [[questionsOf(some), part], [questionsOf(rows, "02"), chosen]] as const) {
    for (const { heading, lines } of found.slice(0, 2)) assert.ok(lines.at(-1)!.startsWith(says), heading);
  }
  const headlines = [some, rows].map((rows) => memoryHeadline(dynamicsAnswers(rows, GATED_SPACE)!));
  assert.equal(headlines[0].at(-1), "Dynamics are measured for 96 of 144 runs.");
  assert.equal(headlines[1].length, 1);
  for (const { lines } of questionsOf(rows)) assert.ok(!lines.some((line) => /chosen|nothing is known/.test(line)));
});

Deno.test("dynamicsQuestions() says why nothing can be said of memory where all states forget within one step", () => {
  const rows = measuredRows(() => ({ largest: null }), 2), [memory] = questionsOf(rows);
  assert.equal(memory.heading, "Which switch lengthens memory?");
  assert.deepEqual(memory.lines, ["Cannot be answered: all 96 runs forget within one step (λ₁ is −∞)"]);
});

Deno.test("dynamicsQuestions() marks a mean in the table that depends on another factor", () => {
  const [, changes] = questionsOf(
    rowsOf(({ use_state_gate, n_layers }) => -0.3 + (use_state_gate ? n_layers === 1 ? 0.15 : -0.05 : 0)),
  );
  const at = changes.cells!.headings.indexOf("λ₁, nats/byte"),
    cell = (of: string) => changes.cells!.lines.find(([name]) => name === of)![at];
  assert.match(cell("state gate"), / †$/);
  assert.match(
    changes.lines.at(-1)!,
    /† a mean that depends on another factor, or changes sign with it: do not state it alone$/,
  );
});

Deno.test("memoryHeadline() says where byte recall changes in the other direction", () => {
  const headline = (recall: number) =>
    memoryHeadline(
      dynamicsAnswers(
        rowsOf(
          ({ use_state_gate }) => -0.2 + (use_state_gate ? 0.1 : 0),
          3,
          ({ use_state_gate }) => use_state_gate ? recall : 4,
        ),
        GATED_SPACE,
      )!,
    );
  const [, against] = headline(3);
  assert.match(against, /^Byte recall changes in the other direction with the state gate: −1\.\d{3} bits \(.*\)\.$/);
  assert.equal(headline(5).length, 1);
});

Deno.test("bestRunsTable() has λ₁, forgetting time and recall where they were measured, and no such column elsewhere", () => {
  const rows = rowsOf(() => -0.1), text = bestRunsTable(mergeSeeds(rows));
  const [heading, first] = text.split("\n");
  assert.match(heading, /λ₁ +forgetting +recall$/);
  assert.match(first, /−0\.\d{3} ± 0\.00\d +(9\.\d|10\.\d) ± 0\.\d +7\.\d\d ± 0\.0\d$/);
  assert.match(text, /\nλ₁ in nats\/byte; forgetting in bytes; recall in bits\n/);
  assert.doesNotMatch(bestRunsTable(mergeSeeds(rows.map(({ dynamics: _, ...row }) => row))), /λ₁/);
});
