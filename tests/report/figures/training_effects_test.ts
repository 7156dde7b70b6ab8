import assert from "node:assert/strict";
import { configId } from "../../../cells/config.ts";
import { factorOf } from "../../../cells/factor.ts";
import { GATED } from "../../../cells/factors.ts";
import { grid } from "../../../experiments/study/grid.ts";
import type { RunRow } from "../../../report/data/rows.ts";
import { belowLoss } from "../../../report/data/loss_filter.ts";
import { mergeSeeds } from "../../../report/data/merged.ts";
import { picturesOf } from "../../../report/figures/pictures.ts";
import { figureDocument } from "../../../report/figures/svg.ts";
import { figureTrainingEffects } from "../../../report/figures/training_effects.ts";
import { type Effects, effectsOf } from "../../../report/statistics/effects.ts";
import { formatDifference } from "../../../report/tables/format.ts";
import { randomStream } from "../../../train/corpus/random.ts";
import { plantedRow } from "../planted_rows.ts";

const NAMES = { name: "picture", title: "A title", subtitle: "Some runs on a <corpus> & more." };
const RATE = factorOf(GATED, "learning_rate");
const RATES = [0.0003, 0.001, 0.003];

/** The configurations of one layer and 256 states at three rates; the output gate helps at the lowest and harms at the others. */
function rowsOf(seeds: number): RunRow[] {
  const noise = randomStream(0, "rates"),
    configs = grid().filter((one) => one.n_layers === 1 && one.state_size === 256);
  return RATES.flatMap((rate) =>
    Array.from({ length: seeds }, (_, seed) => seed).flatMap((seed) =>
      configs.map((one) => {
        const config = rate === RATE.default ? one : { ...one, [RATE.key]: rate };
        const gate = !config.use_output_gate ? 0 : rate < 0.001 ? -0.1 : 0.06;
        return plantedRow(config, 2 + gate + 0.005 * noise.uniform(), { seed, id: configId(config) });
      })
    )
  );
}

const three = effectsOf(rowsOf(3)), one = effectsOf(rowsOf(1));
const draw = (effects: Effects) => figureTrainingEffects(figureDocument(), effects, effects.training[0], NAMES);
const textsOf = (svg: string) => [...svg.matchAll(/<(?:text|tspan)[^>]*>([^<]+)</g)].map(([, text]) => text);

Deno.test("figureTrainingEffects() has each effect at each rate and at the best one, and names the one whose sign changes", () => {
  const svg = draw(three), texts = textsOf(svg);
  assert.equal(draw(three), svg);
  assert.doesNotMatch(svg, /plot-|NaN|Infinity|undefined|currentColor|<style/);
  const [{ effects }] = three.training;
  for (const label of [...RATES.map(String), "each at its best"]) {
    assert.equal(texts.filter((text) => text === label).length, effects.length, label);
  }
  for (const { at, atBest } of effects) {
    for (const { difference } of [...at, atBest]) assert.ok(texts.includes(formatDifference(difference!)));
  }
  assert.match(svg, />↔ The sign changes with the learning rate: output gate\.</);
  assert.deepEqual(texts.filter((text) => text.endsWith(" ↔")), ["output gate ↔"]);
  assert.match(svg, />Each at its best: 96 configurations, learning rate by the lowest training loss\.</);
});

Deno.test("figureTrainingEffects() has no interval, and says why, when there is one seed", () => {
  const svg = draw(one);
  assert.match(svg, /One seed gives no interval/);
  assert.doesNotMatch(svg, /95 %|zero lies in/);
  assert.match(svg, /The sign changes with the learning rate: [^<]*output gate/);
});

Deno.test("picturesOf() has a picture of effects by a training factor where these have pairs at two values of it, else none", () => {
  const named = (rows: RunRow[]) => {
    const effects = effectsOf(rows),
      pictures = picturesOf({ experiment: "01", filter: belowLoss(9, "byte"), rows: mergeSeeds(rows), effects });
    return pictures.find(({ name }) => name === `results_01_all_effects_by_${RATE.key}`);
  };
  assert.match(named(rowsOf(1))!.svg, />Effect of each switch, by learning rate</);
  const usual = rowsOf(1).filter(({ config }) => config.learning_rate === undefined);
  assert.equal(named(usual), undefined);
  const [other] = rowsOf(1).filter(({ config }) => config.learning_rate !== undefined);
  assert.equal(named([...usual, other]), undefined, "one run at another rate is no pair");
  // Of two runs at another rate that differ in the output gate, only this one is compared.
  const two = rowsOf(1).filter(({ config }) => config.learning_rate === 0.003 && !config.use_input_gate)
    .filter(({ config }, _, all) =>
      configId({ ...config, use_output_gate: true }) === configId({ ...all[0].config, use_output_gate: true })
    );
  assert.equal(two.length, 2);
  assert.match(named([...usual, ...two])!.svg, />No pairs at two values: input gate, forget gate, [^<]*residual\.</);
});
