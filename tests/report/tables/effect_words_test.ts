import assert from "node:assert/strict";
import type { CellConfig } from "../../../cells/config.ts";
import { type Effects, effectsOf } from "../../../report/statistics/effects.ts";
import { effectCells, effectTables, formatInterval, regressionCells } from "../../../report/tables/effect_tables.ts";
import { effectText, effectWords, regressionWords, seedWords } from "../../../report/tables/effect_words.ts";
import { formatP } from "../../../report/tables/format.ts";
import { ANY_STUDY } from "../../../train/terminal/advice.ts";
import { randomStream } from "../../../train/corpus/random.ts";
import { ORIGINAL_SWITCHES } from "../../original_table.ts";
import { plantedRows } from "../planted_rows.ts";

const isOfOneSize = ({ state_size, n_layers }: CellConfig) => state_size === 256 && n_layers === 1;

/** Effects of 96 configurations of one size with a little noise; `loss` in nats per byte. */
function study(
  loss: (config: CellConfig, seed: number) => number,
  seeds: number,
  keep: (config: CellConfig, seed: number) => boolean = isOfOneSize,
): Effects {
  const noise = randomStream(0, "words");
  const rows = plantedRows((config, seed) => 2 + loss(config, seed) + 0.004 * noise.uniform(), seeds);
  return effectsOf(rows.filter(({ config, seed }) => keep(config, seed)));
}

/** State gate −0.1, input gate +0.05, nothing else. */
const plain = (config: CellConfig) => (config.use_state_gate ? -0.1 : 0) + (config.use_input_gate ? 0.05 : 0);
const one = study(plain, 1), three = study(plain, 3);
const small = study(plain, 1, ({ state_size, n_layers }) => state_size === 32 && n_layers === 1);
const linesOf = (effects: Effects) => effectWords(effects, ANY_STUDY).factors;
const lineOf = (effects: Effects, label: string) => linesOf(effects).find((line) => line.startsWith(label))!;
const NUMBER = "[+−]0\\.\\d{3,5}";

Deno.test("effectWords() names the largest clear switch first, by the test score, with interval, p, pairs and seeds", () => {
  const { lead, factors } = effectWords(three, ANY_STUDY);
  assert.match(
    lead,
    /^Over 3 seeds, 2 of 7 switches that can be compared have a significant effect on the test score \(corrected p at most 0\.05\): state gate, input gate\.$/,
  );
  assert.match(
    factors[0],
    new RegExp(
      `^state gate: lower with it on, −0\\.14\\d bits per byte \\(95 % interval ${NUMBER} to ${NUMBER}, ` +
        `corrected p < 0\\.001, 32 pairs × 3 seeds, lower in 32 of 32\\)$`,
    ),
  );
  assert.match(lineOf(three, "input gate:"), /^input gate: higher with it on, \+0\.07\d bits per byte/);
  assert.equal(factors.filter((line) => line.includes(": no significant difference")).length, 5);
});

Deno.test("effectWords() says why nothing can be told of runs that differ in a gate alone, and where that is never trained", () => {
  const lead = (keep: (config: CellConfig) => boolean) => effectWords(study(plain, 2, keep), ANY_STUDY).lead;
  const isPlain = (config: CellConfig) =>
    isOfOneSize(config) && config.use_old_state && config.use_residual && !config.use_new_state &&
    !config.use_input_gate && !config.use_forget_gate && !config.use_output_gate;
  const cannot = "Cannot tell which switches matter: no two finished runs differ in only one switch";
  assert.equal(lead(isPlain), `${cannot} with all added weights trained.`);
  assert.equal(lead((config) => isPlain(config) && config.use_state_gate), `${cannot}.`);
});

Deno.test("effectWords() gives no interval and no p when there is one seed, and says what that seed's runs are", () => {
  const { lead, factors, notes } = effectWords(one, ANY_STUDY);
  assert.match(lead, /^In this one seed's runs 7 switches can be compared by the test score, without intervals or p/);
  assert.match(
    factors[0],
    /^state gate: lower with it on, −0\.14\d bits per byte \(32 pairs, one seed, lower in 32 of 32\)/,
  );
  assert.doesNotMatch(factors.join("\n"), /interval|corrected p|clear|significant/);
  assert.match(seedWords(one, ANY_STUDY, "02"), /--experiment 02 --seeds 3', then train, adds seeds\.$/);
  assert.match(
    notes[0],
    /^One seed: seed noise is unknown and cannot be separated from an effect, .*'deno task init --dir STUDY --seeds 3', then train, adds seeds\.$/,
  );
  assert.doesNotMatch(effectTables(one), /interval|corrected p/);
  assert.match(
    effectTables(one),
    /^test score, bits per byte:\nswitch +on − off, seed 0 +pairs × seeds +pairs lower with on\n/,
  );
});

for (
  const [name, effects] of [["there is one seed", one], ["there are three", three], [
    "one size lacks a switch",
    small,
  ]] as const
) {
  Deno.test(`the words and tables call nothing better when ${name}`, () => {
    const text = `${effectText(effects, ANY_STUDY)}\n${effectTables(effects)}\n${regressionWords(effects.regression)}`;
    assert.doesNotMatch(text, /\b(better|best|improve|worse|NaN|undefined)/i);
  });
}

Deno.test("a switch whose sign changes with another is never stated without it, whether its mean is clear or not", () => {
  // On average the forget gate does −0.03, clearly, and the output gate +0.025, which is not clear.
  const turning = (config: CellConfig) =>
    (config.use_forget_gate ? (config.use_residual ? -0.08 : 0.02) : 0) +
    (config.use_output_gate ? (config.use_old_state ? -0.05 : 0.1) : 0);
  const three = study(turning, 3);
  assert.match(
    lineOf(three, "forget gate:"),
    new RegExp(
      `^forget gate: lower with it on, −0\\.04\\d .*; it changes sign with the residual: \\+0\\.02\\d with it off, −0\\.11\\d with it on ` +
        `\\(change −0\\.14\\d, 95 % interval ${NUMBER} to ${NUMBER}, corrected p (< )?0\\.\\d{3}\\)$`,
    ),
  );
  assert.match(
    lineOf(three, "output gate:"),
    /^output gate: no significant difference on average, .*; it changes sign with the old state: \+0\.14\d with it off, −0\.07\d with it on \(change /,
  );
  assert.match(
    lineOf(study(turning, 1), "forget gate:"),
    /; in this seed's runs it changes sign with the residual: \+0\.02\d with it off, −0\.11\d with it on$/,
  );
});

Deno.test("an effect that all but vanishes with another factor depends on it, and sizes count like switches", () => {
  const byLayers = (config: CellConfig) => config.use_input_gate ? [0, -0.01, -0.06][config.n_layers - 1] : 0;
  const effects = study(byLayers, 3, ({ state_size, use_residual }) => state_size === 256 && use_residual);
  assert.match(
    lineOf(effects, "input gate:"),
    /; it depends on the number of layers: \S+ at 1 layer, −0\.01\d at 2 layers, −0\.08\d at 3 layers \(change from 1 to 3 layers: −0\.08\d, /,
  );
});

Deno.test("at most two factors that an effect depends on are named, and further ones are counted", () => {
  const sign = (on: boolean) => on ? 1 : -1;
  const effects = study(
    (config) =>
      config.use_input_gate
        ? 0.04 * sign(config.use_residual) + 0.03 * sign(config.use_output_gate) + 0.02 * sign(config.use_forget_gate)
        : 0,
    3,
  );
  assert.match(
    lineOf(effects, "input gate:"),
    /; it changes sign with the residual: [^;]*\), and changes sign with the output gate: [^;]*\), and depends significantly on 1 more factor$/,
  );
});

Deno.test("an unclear change that would outweigh a clear effect is called open", () => {
  // Configurations differ by more than seeds: the error of a change is about twice that of the effect, and many changes are looked at.
  const draws = randomStream(0, "configurations"), drawn = new Map<string, number>();
  const own = (config: CellConfig) => {
    const name = JSON.stringify(config), draw = drawn.get(name) ?? 0.07 * draws.uniform();
    drawn.set(name, draw);
    return draw;
  };
  const effects = study(
    (config) => own(config) + (config.use_input_gate ? config.use_residual ? -0.032 : -0.018 : 0),
    3,
  );
  assert.match(
    lineOf(effects, "input gate:"),
    /^input gate: lower with it on, .*; whether it depends on the [a-z ]+ is unclear \(.* with it off, .* with it on; change .*, 95 % interval .*, corrected p 0\.\d{3}\)$/,
  );
});

Deno.test("a switch that works only when it is trained: random gates do the opposite, stand apart, and are explained once", () => {
  const trained = (config: CellConfig) => config.use_state_gate ? (config.use_new_state ? -0.05 : 0.04) : 0;
  const effects = study(trained, 3), { factors, notes } = effectWords(effects, ANY_STUDY);
  const own = factors.findIndex((line) => line.startsWith("state gate:"));
  assert.match(
    factors[own],
    /^state gate: lower with it on, −0\.07\d bits per byte \(.*, 32 pairs × 3 seeds, lower in 32 of 32\)$/,
  );
  assert.match(
    factors[own + 1],
    new RegExp(
      `^state gate, random \\(16 pairs whose added weights are never trained: new state off\\): \\+0\\.05\\d bits per byte with it on ` +
        `\\(95 % interval ${NUMBER} to ${NUMBER}, 16 pairs × 3 seeds, lower in 0 of 16\\)$`,
    ),
  );
  assert.equal(notes.filter((note) => note.startsWith("Random: no gradient reaches")).length, 1);
  const { lines } = effectCells(effects.test_bits_per_byte);
  const [gate, random] = lines.filter(([label]) => label.startsWith("state gate"));
  assert.deepEqual([gate[0], gate[1].slice(0, 5), random[0], random[1].slice(0, 5), random[3]], [
    "state gate",
    "−0.07",
    "state gate, random",
    "+0.05",
    "–",
  ]);
  const always = study(trained, 3, (config) => isOfOneSize(config) && config.use_new_state);
  assert.doesNotMatch(effectText(always, ANY_STUDY), /random/i);
});

Deno.test("a switch that is trained nowhere is compared nowhere, and its random gates are still told", () => {
  const effects = study(plain, 3, (config) => isOfOneSize(config) && !config.use_new_state);
  assert.match(
    lineOf(effects, "state gate:"),
    /^state gate: cannot be compared: no two runs that train its added weights differ/,
  );
  assert.match(
    lineOf(effects, "state gate, random"),
    /^state gate, random \(16 pairs whose added weights are never trained\): −0\.14/,
  );
  assert.deepEqual(
    effectCells(effects.test_bits_per_byte).lines.map(([label]) => label).filter((label) =>
      label.startsWith("state gate")
    ),
    ["state gate, random"],
  );
});

Deno.test("seedWords() says how large seed noise is when there are three seeds, and that one effect may have one alone", () => {
  // Uniform noise of width 0.004 has the standard deviation 0.004/√12 = 0.0012 nats, 0.0017 bits.
  assert.match(
    seedWords(three, ANY_STUDY),
    /^Each difference is a mean over pairs and 3 seeds that all of its pairs share\. .* standard deviation of 0\.002 bits per byte \(96 configurations\)\.$/,
  );
  const some = study(plain, 3, (config, seed) => isOfOneSize(config) && (seed === 0 || !config.use_residual));
  assert.match(seedWords(some, ANY_STUDY), /pairs and 1 to 3 seeds .* An effect of a single seed has no interval/);
});

Deno.test("pairs that lack a seed are counted, and are in no number", () => {
  const lacking = (config: CellConfig) =>
    config.use_forget_gate && config.use_output_gate && config.use_old_state && config.use_residual;
  const effects = study(plain, 3, (config, seed) => isOfOneSize(config) && (seed < 2 || !lacking(config)));
  assert.match(
    lineOf(effects, "state gate:"),
    /, 30 pairs × 3 seeds, lower in 30 of 30\); 2 pairs lack one of the seeds and are left out$/,
  );
  assert.doesNotMatch(effectText(three, ANY_STUDY), /lack/);
});

Deno.test("effectWords() says which effects differ between seeds, corrected over the switches, and is silent when none do", () => {
  assert.doesNotMatch(effectText(three, ANY_STUDY), /between seeds/);
  const effects = study((config, seed) => config.use_state_gate ? -0.1 - 0.05 * seed : 0, 2);
  const { notes } = effectWords(effects, ANY_STUDY);
  assert.ok(
    notes.some((note) =>
      note.startsWith("Effects that differ significantly between seeds (F test, corrected): state gate.")
    ),
  );
  assert.match(
    lineOf(effects, "state gate:"),
    /; it differs significantly between seeds: −0\.14\d, −0\.21\d/,
  );
});

Deno.test("effectWords() says which switch cannot be compared when it has no pair, and lists it last", () => {
  const { lead, factors } = effectWords(small, ANY_STUDY);
  assert.match(lead, / 6 switches can be compared /);
  assert.equal(factors.at(-1), "residual: cannot be compared: no two runs differ only in it");
});

Deno.test("effectWords() says that no switch is clear when there is noise only", () => {
  const { lead } = effectWords(study(() => 0, 3), ANY_STUDY);
  assert.equal(
    lead,
    "Over 3 seeds, no switch has a significant effect on the test score: every corrected p is above 0.05.",
  );
});

Deno.test("effectCells() has intervals and single seeds when there are several, and the interval of these pairs on the page alone", () => {
  const page = effectCells(three.test_bits_per_byte), terminal = effectCells(three.test_bits_per_byte, "terminal");
  const interval = "these pairs, other seeds";
  assert.deepEqual(terminal.headings, page.headings.filter((heading) => heading !== interval));
  assert.deepEqual(page.headings, [
    "switch",
    "on − off",
    "95 % interval",
    "corrected p",
    "pairs × seeds",
    "pairs lower with on",
    "single seeds",
    interval,
  ]);
  const labels = page.lines.map(([label]) => label).filter((label) => !label.endsWith(", random"));
  assert.deepEqual(labels, ORIGINAL_SWITCHES.map(({ label }) => label));
  assert.ok(page.lines.every((line) => line.length === page.headings.length));
  const gate = page.lines.find(([label]) => label === "state gate")!;
  assert.deepEqual(gate.slice(4, 6), ["32 × 3", "32 of 32"]);
  assert.match(gate[6], /^−0\.\d{3}, −0\.\d{3}, −0\.\d{3}$/);
  assert.match(gate[7], /^−0\.\d{3} to −0\.\d{3}$/);
  const none = effectCells(small.test_bits_per_byte).lines.at(-1)!;
  assert.deepEqual(none, ["residual", "–", "no pair", "–"]);
});

Deno.test("the lowest training loss, with its unit, is what words are of where nothing is scored", () => {
  const rows = plantedRows(plain, 2).filter(({ config }) => isOfOneSize(config));
  const effects = effectsOf(rows.map((row) => ({ ...row, test_bits_per_byte: undefined })));
  assert.match(
    effectText(effects, ANY_STUDY),
    / on the lowest training loss \(.*\n +- state gate: lower with it on, −0\.100 nats per byte/,
  );
  assert.equal(effectTables(effects).includes("bits per byte"), false);
  assert.equal(effectTables(effectsOf(rows)).includes("bits per byte"), true);
});

Deno.test("regressionCells() shows a dash for a hyperparameter that does not vary", () => {
  const { lines } = regressionCells(small.regression!);
  assert.equal(lines.length, 9);
  assert.deepEqual(lines.slice(6), [["residual", "–"], ["layers", "–"], ["state size", "–"]]);
  assert.match(regressionWords(small.regression), /48 runs: R² is 0\.9/);
});

Deno.test("formatP() and formatInterval() read as a person writes them", () => {
  assert.deepEqual([0.0007, 0.04999, 1].map(formatP), ["< 0.001", "0.050", "1.000"]);
  assert.equal(formatInterval({ low: -0.0421, high: 0.00012 }), "−0.042 to +0.00012");
});
