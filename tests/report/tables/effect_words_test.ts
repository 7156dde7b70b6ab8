import assert from "node:assert/strict";
import type { CellConfig } from "../../../cells/config.ts";
import { effectCells, effectTables, formatInterval, regressionCells } from "../../../report/tables/effect_tables.ts";
import { ANY_STUDY } from "../../../train/terminal/advice.ts";
import { bySize, effectText, effectWords, regressionWords, seedWords } from "../../../report/tables/effect_words.ts";
import { type Effects, effectsOf } from "../../../report/statistics/effects.ts";
import { formatP } from "../../../report/tables/format.ts";
import { randomStream } from "../../../train/corpus/random.ts";
import { plantedRows } from "../planted_rows.ts";
import { ORIGINAL_SWITCHES } from "../../original_table.ts";

/** State gate −0.1, input gate +0.05, nothing else; with a little noise. */
function study(seeds: number, keep: (config: CellConfig, seed: number) => boolean = () => true): Effects {
  const noise = randomStream(0, "words3");
  const loss = (config: CellConfig) =>
    2 - (config.use_state_gate ? 0.1 : 0) + (config.use_input_gate ? 0.05 : 0) + 0.02 * noise.uniform();
  return effectsOf(plantedRows(loss, seeds).filter(({ config, seed }) => keep(config, seed)));
}

const one = study(1), three = study(3);
const demo = study(1, (config) => config.state_size === 32 && config.n_layers === 1);

Deno.test("effectWords() names the largest clear switch first, with its numbers, and no unclear one as a finding", () => {
  const { lead, factors } = effectWords(one, ANY_STUDY);
  assert.match(lead, /^In this one seed's runs 2 of 7 switches .* most of all the state gate: .* lower by 0\.(099|1)/);
  const number = "[+−]0\\.\\d{3}";
  assert.match(
    factors[0],
    new RegExp(
      `^state gate: lower with it on, ${number} nats per byte \\(95 % interval ${number} to ${number}, ` +
        `corrected p < 0.001, lower in 216 of 216 pairs\\); test ${number} bits per byte$`,
    ),
  );
  assert.match(factors[1], /^input gate: higher with it on, \+0\.0/);
  assert.equal(factors.filter((line) => line.includes("no clear difference")).length, 5);
});

for (
  const [name, effects] of [["there is one seed", one], ["there are three", three], ["pairs are few", demo]] as const
) {
  Deno.test(`the words and tables call nothing better when ${name}`, () => {
    const text = `${effectText(effects, ANY_STUDY)}\n${effectTables(effects)}\n${regressionWords(effects.regression)}`;
    assert.doesNotMatch(text, /\b(better|best|improve|worse|NaN|undefined)/i);
  });
}

Deno.test("seedWords() says that seed noise is unknown when there is one seed, and how large it is when there are three", () => {
  assert.match(seedWords(one, ANY_STUDY), /^One seed: seed noise is unknown\./);
  assert.match(effectWords(three, ANY_STUDY).lead, /^Averaged over 3 seeds, 2 of 7 switches/);
  // Uniform noise of width 0.02 has the standard deviation 0.02/√12 = 0.0058.
  assert.match(
    seedWords(three, ANY_STUDY),
    /^3 seeds per pair, .* standard deviation of 0\.006 nats per byte \(432 configurations\)/,
  );
  const some = study(2, (config, seed) => seed === 0 || config.n_layers === 1);
  assert.match(
    seedWords(some, ANY_STUDY),
    /^1 to 2 seeds per pair, .*\(144 configurations\).* Pairs of one seed alone/,
  );
});

Deno.test("effectWords() says where seeds disagree when errors are correlated within a seed, and is silent when none do", () => {
  assert.doesNotMatch(effectText(three, ANY_STUDY), /disagree|by single seeds/);
  const noise = randomStream(0, "disagree");
  const rows = plantedRows(
    (config, seed) => 2 - (config.use_state_gate ? 0.1 + 0.05 * seed : 0) + 0.02 * noise.uniform(),
    2,
  );
  const { factors, seeds } = effectWords(effectsOf(rows), ANY_STUDY);
  assert.match(seeds, / Seeds disagree by more than independent pairs would \(state gate\)/);
  assert.match(factors[0], /^state gate: .*; by single seeds −0\.1\d\d to −0\.\d{3}/);
});

Deno.test("effectWords() says which switch cannot be compared when it has no pair, and lists it last", () => {
  const { lead, factors } = effectWords(demo, ANY_STUDY);
  assert.match(lead, / of 6 switches that can be compared /);
  assert.equal(factors.at(-1), "residual: cannot be compared, since no two runs differ in it alone");
  assert.equal(bySize(demo.min_loss).at(-1)!.factor.label, "residual");
});

Deno.test("effectWords() says that no switch is clear when there is noise only", () => {
  const noise = randomStream(0, "nothing");
  const { lead } = effectWords(effectsOf(plantedRows(() => 2 + noise.uniform())), ANY_STUDY);
  assert.match(lead, /no switch has a significant effect on the lowest training loss/);
});

Deno.test("effectCells() has a line per switch, dashes where nothing is known, and single seeds when there are several", () => {
  const { headings, lines } = effectCells(demo.min_loss);
  assert.deepEqual(lines.map(([label]) => label), ORIGINAL_SWITCHES.map(({ label }) => label));
  assert.ok(lines.every((line) => line.length === headings.length));
  assert.deepEqual(lines[6], ["residual", "–", "–", "–", "no pair", "–"]);
  const several = effectCells(three.min_loss);
  assert.equal(several.headings.at(-1), "single seeds");
  assert.match(several.lines[3].at(-1)!, /^−0\.\d{3} to −0\.\d{3}$/);
  assert.equal(several.lines[3][5], "3");
});

Deno.test("effectTables() leaves the test split out when no pair has been scored", () => {
  const rows = plantedRows((config) => 2 - (config.use_state_gate ? 0.1 : 0));
  const unscored = effectsOf(rows.map((row) => ({ ...row, test_bits_per_byte: undefined })));
  assert.equal(effectTables(unscored).includes("bits per byte"), false);
  assert.equal(effectTables(effectsOf(rows)).includes("bits per byte"), true);
});

Deno.test("regressionCells() shows a dash for a hyperparameter that does not vary", () => {
  const { lines } = regressionCells(demo.regression!);
  assert.equal(lines.length, 9);
  assert.deepEqual(lines.slice(6), [["residual", "–"], ["layers", "–"], ["state size", "–"]]);
  assert.match(regressionWords(demo.regression), /48 runs: R² is 0\.9/);
});

Deno.test("formatP() and formatInterval() read as a person writes them", () => {
  assert.deepEqual([0.0007, 0.04999, 1].map(formatP), ["< 0.001", "0.050", "1.000"]);
  assert.equal(formatInterval({ low: -0.0421, high: 0.0001 }), "−0.042 to 0.000");
});
