import assert from "node:assert/strict";
import { catalogConfig } from "../../../cells/catalog/catalog.ts";
import { figureStudies } from "../../../report/figures/studies.ts";
import { figureDocument } from "../../../report/figures/svg.ts";
import { BASELINE_COLOUR, DIFFERENCE_COLOUR, SIZE } from "../../../report/figures/theme.ts";
import { compareStudies } from "../../../report/statistics/study_comparison.ts";
import { type MadeStudy, madeStudy, SMALL } from "../other_studies.ts";
import { type TextBox, textBoxes } from "./text_boxes.ts";

const NAMES = { name: "picture", title: "A title", subtitle: "Some runs on a <corpus> & more." };
const gru = catalogConfig("gru", 1, 32);

function draw(one: MadeStudy, ...others: MadeStudy[]): string {
  return figureStudies(figureDocument(), compareStudies(madeStudy(one), others.map(madeStudy), "01"), NAMES);
}

const score: MadeStudy["score"] = ({ use_state_gate }, seed, index) =>
  2 + (use_state_gate ? -0.1 : 0) + 0.003 * seed + 0.001 * (index % 7);
const turned: MadeStudy["score"] = (config, ...rest) => score(config, ...rest) + (config.use_state_gate ? 0.25 : 0.01);
const rate = { configs: SMALL.map((config) => ({ ...config, learning_rate: 0.003 })), name: "rate", score };

const pictures: Record<string, string> = {
  "a study is compared with itself": draw({ score }, { score }),
  "there are two studies": draw({ score }, { score: turned }, rate),
  "there is one seed": draw({ score, seeds: [0] }, { score: turned }),
  "there are baselines alone": draw(
    { score, configs: [...SMALL.slice(0, 4), gru] },
    { score: turned, configs: [...SMALL.slice(10, 14), gru] },
  ),
  "names are long and hold any character": draw({ score }, { name: `<b>&"'${"W".repeat(90)}`, score: turned }),
};

for (const [when, svg] of Object.entries(pictures)) {
  Deno.test(`figureStudies() draws clean text that stays within the picture when ${when}`, () => {
    assert.doesNotMatch(svg, /plot-|NaN|Infinity|undefined|currentColor|<style|<b>/);
    assert.match(svg, /Some runs on a &lt;corpus&gt; &amp; more\./);
    const boxes = textBoxes(svg);
    assert.ok(boxes.length > 10, `${boxes.length} texts`);
    assert.deepEqual(boxes.filter(({ left, right }) => left < 0 || right > SIZE.width).map(({ text }) => text), []);
    assert.deepEqual(
      boxes.flatMap((one, i) =>
        boxes.slice(i + 1).filter((other) => overlap(one, other)).map(({ text }) => [one.text, text])
      ),
      [],
    );
  });
}

function overlap(a: TextBox, b: TextBox): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

const count = (svg: string, text: string) => svg.split(`>${text}<`).length - 1;

Deno.test("figureStudies() has a row for each study, and for each switch its effects here and there and their difference", () => {
  const svg = pictures["there are two studies"];
  for (const name of ["other", "rate"]) assert.equal(count(svg, name), 1 + 6, name);
  assert.deepEqual([count(svg, "here"), count(svg, "state gate"), count(svg, "48 × 3")], [12, 2, 2]);
  assert.ok(svg.includes("Study rate differs in: learning rate 0.001 → 0.003."));
  assert.ok(svg.includes(DIFFERENCE_COLOUR.higher) && !svg.includes(BASELINE_COLOUR));
});

Deno.test("figureStudies() has no line and no p when there is one seed, and no panel of effects when baselines alone are common", () => {
  const one = pictures["there is one seed"], baselines = pictures["there are baselines alone"];
  assert.ok(one.includes("One seed has no interval and no p."));
  assert.deepEqual([count(one, "95 % interval"), count(one, "corrected p")], [0, 0]);
  assert.ok(count(baselines, "here") === 0 && baselines.includes(BASELINE_COLOUR));
});
