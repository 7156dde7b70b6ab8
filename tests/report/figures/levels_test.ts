/** Labels of levels touch no other text of any picture, wherever the levels lie. */
import assert from "node:assert/strict";
import { GATED_SPACE } from "../../../cells/catalog/catalog.ts";
import { extentOf } from "../../../cells/extremes.ts";
import { GATED } from "../../../cells/factors.ts";
import { runKey } from "../../../experiments/study/run_key.ts";
import { configOf, type RunResult } from "../../../experiments/study/result.ts";
import { withDynamics } from "../../../report/data/dynamics.ts";
import type { Level } from "../../../report/data/levels.ts";
import { belowLoss } from "../../../report/data/loss_filter.ts";
import { type MergedRow, mergeSeeds } from "../../../report/data/merged.ts";
import { tableOf } from "../../../report/data/rows.ts";
import { picturesOf } from "../../../report/figures/pictures.ts";
import { curveFrame } from "../../../report/page/curve.ts";
import { dynamicsAnswers } from "../../../report/statistics/dynamics_effects.ts";
import { effectsOf } from "../../../report/statistics/effects.ts";
import { auditPromotion } from "../../../report/statistics/promotion_audit.ts";
import { comparisonsOf } from "../../../report/tables/questions.ts";
import { baselineResults, comparedResults } from "../compared_results.ts";
import { dynamicsOf, measuredResults } from "../measured_results.ts";
import { stepsBackResults } from "../steps_back_results.ts";
import { syntheticResults } from "../synthetic_results.ts";
import { validated } from "../validated_results.ts";
import { type TextBox, textBoxes, touchesIn } from "./text_boxes.ts";

const gated = () => [0, 1].flatMap((seed) => syntheticResults({ layers: [1], state_sizes: [256], steps: 1000, seed }));
const STUDIES: readonly [what: string, results: () => readonly RunResult[]][] = [
  ["gated configurations", gated],
  ["configurations with validation scores", () => validated(gated())],
  ["measured dynamics", measuredResults],
  ["baselines at several rates", comparedResults],
  ["cells of the catalog alone", baselineResults],
  ["several steps back", () => stepsBackResults()],
];

/** Places of levels: from below all values to above them. */
const PLACES = 7;
/** How close n-gram baselines lie, as a share of the range of the scores. */
const APART = 0.04;

/** N-gram baselines around one place of the range of the scores, nats per byte, and the entropy rate at one of the training losses. */
function levelsAt(rows: readonly MergedRow[], share: number): Level[] {
  const at = (values: readonly number[], where: number) => {
    const [low, high] = extentOf(values);
    return low - 0.05 * (high - low) + where * 1.1 * (high - low);
  };
  const scores = rows.flatMap(({ test_bits_per_byte: score }) => score ? [score.mean * Math.LN2] : []);
  return [
    ...[0, 1, 2, 3].map((order) => ({ label: `order ${order}`, order, value: at(scores, share - APART * order ** 2) })),
    { label: "entropy rate", value: at(rows.map(({ min_loss }) => min_loss.mean), share) },
  ];
}

const isLevel = ({ text }: TextBox) => /^(order \d|entropy rate)/.test(text);

function drawn(results: readonly RunResult[]) {
  const measured = new Map(results.map((result) => [runKey(result.id, result.seed), dynamicsOf(result)]));
  const runs = withDynamics(tableOf(results), measured).rows, rows = mergeSeeds(runs);
  const unique = [...new Map(results.map((result) => [result.id, result])).values()];
  const entries = unique.map((result, i) => ({
    id: result.id,
    config: configOf(result, GATED),
    ...(i % 3 ? { control: true as const } : {}),
  }));
  const shared = {
    rows,
    filter: belowLoss(9, "byte"),
    effects: effectsOf(runs),
    comparisons: comparisonsOf(rows, GATED),
    dynamics: dynamicsAnswers(runs, GATED_SPACE),
    promotion: auditPromotion({ short: results, long: results, entries }, rows),
    experiment: "01" as const,
  };
  return { rows, picturesAt: (levels: readonly Level[]) => picturesOf({ ...shared, levels }) };
}

/** A list that tells of each look into it. */
const watched = <T>(list: readonly T[], onLook: () => void): readonly T[] =>
  new Proxy(list, {
    get(list, key) {
      onLook();
      return Reflect.get(list, key);
    },
  });

for (const [what, results] of STUDIES) {
  Deno.test(`labels of levels touch no text, wherever levels lie, when there are ${what}`, () => {
    const { rows, picturesAt } = drawn(results()), labelled = new Set<string>(), without = new Set<string>();
    for (let place = 0; place < PLACES; place++) {
      let looks = 0;
      const pictures = picturesAt(watched(levelsAt(rows, place / (PLACES - 1)), () => looks++));
      assert.equal(looks, 0, "levels are looked at by what draws them alone");
      for (const picture of pictures) {
        const { name } = picture;
        // What never looks at levels is the same wherever they lie.
        if (without.has(name)) continue;
        looks = 0;
        const boxes = textBoxes(picture.svg);
        if (!looks) without.add(name);
        if (boxes.some(isLevel)) labelled.add(name);
        const touching = touchesIn(boxes).filter((pair) => pair.some(isLevel));
        assert.deepEqual(touching.map((pair) => pair.map(({ text }) => text)), [], `${name}, place ${place}`);
      }
    }
    // Of both kinds of axes: a check that meets no label says nothing.
    for (const suffix of ["", "_hyperparameters", "_best", "_test"]) {
      assert.ok(labelled.has(`results_01_all${suffix}`), `${suffix} among ${[...labelled]}`);
    }
  });
}

Deno.test("the page's small curves keep the label of a level inside and apart from the axes' texts, wherever it lies", () => {
  const { rows } = drawn(gated());
  let labelled = 0;
  for (let place = 0; place <= 40; place++) {
    const [{ value }] = levelsAt(rows, 0).slice(-1), span = 4 * (rows.at(-1)!.min_loss.mean - rows[0].min_loss.mean);
    const { symbol } = curveFrame(rows, [{ label: "entropy rate", value: value + span * place / 40 }]);
    const boxes = textBoxes(
      `<svg viewBox="0 0 320 150"><g font-size="11">${/<symbol[^>]*>(.*)<\/symbol>/.exec(symbol)![1]}</g></svg>`,
    );
    if (boxes.some(isLevel)) labelled++;
    assert.deepEqual(touchesIn(boxes).map((pair) => pair.map(({ text }) => text)), [], `place ${place}`);
    assert.deepEqual(
      boxes.filter(({ top, bottom, left, right }) => top < 0 || bottom > 150 || left < 0 || right > 320),
      [],
    );
  }
  assert.ok(labelled > 5, `${labelled}`);
});
