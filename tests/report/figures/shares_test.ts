import assert from "node:assert/strict";
import type { CellConfig } from "../../../cells/config.ts";
import { figureShares } from "../../../report/figures/shares.ts";
import { picturesOf } from "../../../report/figures/pictures.ts";
import { figureDocument } from "../../../report/figures/svg.ts";
import { belowLoss } from "../../../report/data/loss_filter.ts";
import { mergeSeeds } from "../../../report/data/merged.ts";
import type { RunRow } from "../../../report/data/rows.ts";
import { type Effects, effectsOf } from "../../../report/statistics/effects.ts";
import { randomStream } from "../../../train/corpus/random.ts";
import { plantedRows } from "../planted_rows.ts";

const NAMES = { name: "picture", title: "A title", subtitle: "Some runs on a <corpus> & more." };

/** The 96 configurations of one layer, with these losses and seeds. */
function rowsOf(loss: (config: CellConfig) => number, seeds = 1, noise = 0): RunRow[] {
  const stream = randomStream(0, "shares");
  return plantedRows((config) => loss(config) + noise * stream.uniform(), seeds).filter(({ config }) =>
    config.n_layers === 1
  );
}

/** Two switches alone, and one of them with a third: in nats 0.3, 0.1 and 0.2 from the one value to the other. */
const planted = ({ use_residual, use_output_gate, use_input_gate }: CellConfig) =>
  2 - (use_residual ? 0.3 : 0) + (use_output_gate ? 0.1 : 0) + (use_input_gate === use_residual ? 0.1 : -0.1);

const draw = (effects: Effects) => figureShares(figureDocument(), effects, effects.shares!, NAMES);
const drawn = (rows: readonly RunRow[]) => draw(effectsOf(rows));

function textsOf(svg: string): string[] {
  return [...svg.matchAll(/<(?:text|tspan)[^>]*>([^<]+)</g)].map(([, text]) =>
    text.replaceAll("&lt;", "<").replaceAll("\u00a0", " ").replaceAll("&nbsp;", " ").replaceAll("&#160;", " ")
  );
}

Deno.test("figureShares() draws the same clean bytes twice, with seeds and without", () => {
  for (const rows of [rowsOf(planted), rowsOf(planted, 3, 0.05)]) {
    const svg = drawn(rows);
    assert.equal(drawn(rows), svg);
    assert.doesNotMatch(svg, /plot-|NaN|Infinity|undefined|currentColor|<style/);
    assert.match(svg, /Some runs on a &lt;corpus&gt; &amp; more\./);
  }
});

Deno.test("figureShares() has the planted shares, alone and together, and names the grid, the measure and its deviation", () => {
  // Mean squares of ±0.15, ±0.05 and ±0.1 nats: 9, 1 and 4 of 14.
  const texts = textsOf(drawn(rowsOf(planted))), after = (name: string) => texts.filter((text) => text === name).length;
  for (const label of ["residual", "input gate", "output gate", "new state and old state"]) {
    assert.equal(after(label), 1, label);
  }
  const percents = texts.filter((text) => /^[\d.]+ %$/.test(text) && !/^\d0 %$/.test(text));
  for (const share of ["64 %", "7.1 %", "29 %"]) assert.ok(percents.includes(share), `${share} of ${percents}`);
  assert.ok(texts.includes("input gate × residual"), `${texts}`);
  const subtitle = texts.join(" ");
  assert.match(subtitle, /The complete grid of 96 configurations with state size 256: (2 × ){4}3 × 2 values\./);
  const deviation = (Math.sqrt(0.15 ** 2 + 0.05 ** 2 + 0.1 ** 2) / Math.LN2).toFixed(3);
  assert.match(
    subtitle,
    RegExp(`Score on the test split: standard deviation over these configurations ${deviation} bits per byte`),
  );
  assert.match(subtitle, /which sum to 100 %: alone 71 %, interactions of two 29 %, of three or more (0|< 0\.01) %/);
  assert.match(subtitle, /The share of seed noise is unknown/);
});

Deno.test("figureShares() draws bars as long as the shares: alone, and beside it what there is together", () => {
  const svg = drawn(rowsOf(planted));
  const bars = [...svg.matchAll(/<g[^>]*aria-label="bar"[^>]*>(.*?)<\/g>/gs)].map(([whole]) =>
    [...whole.matchAll(/<rect[^>]*>/g)].map(([rect]) => {
      const [x, width] = ["x", "width"].map((key) => Number(rect.match(RegExp(` ${key}="([^"]*)"`))![1]));
      return { x, width, end: x + width };
    })
  );
  const [alone, together] = bars, unit = alone[0].width / (9 / 14);
  const near = (actual: number, share: number) =>
    assert.ok(Math.abs(actual / unit - share) < 0.002, `${actual / unit}, ${share}`);
  // The largest in all first: residual 9 + 4, input gate 0 + 4, output gate 1 + 0 of 14.
  near(together[0].width, 4 / 14);
  assert.ok(Math.abs(together[0].x - alone[0].end) < 0.2);
  near(alone[1].width, 0);
  near(together[1].width, 4 / 14);
  near(alone[2].width, 1 / 14);
});

Deno.test("figureShares() keeps labels of two lines apart", () => {
  const three = (config: CellConfig) => {
    const { use_residual, use_output_gate, use_new_state, use_old_state } = config;
    return planted(config) + (use_output_gate === use_residual && use_new_state && use_old_state ? 0.2 : 0);
  };
  const labels = [...drawn(rowsOf(three)).matchAll(/<g[^>]*font-size="([\d.]+)"[^>]*y-axis tick label">(.*?)<\/g>/gs)]
    .map(([, size, texts]) => ({
      size: Number(size),
      rows: [...texts.matchAll(/<text transform="translate\([^,]*,([\d.]+)\)"[^>]*>(.*?)<\/text>/gs)]
        .map(([, y, text]) => ({ y: Number(y), lines: text.split("<tspan").length - 1 || 1 })),
    }));
  assert.equal(labels.length, 2);
  assert.ok(labels.some(({ rows }) => rows.some(({ lines }) => lines === 2)), "no label has two lines");
  for (const { size, rows } of labels) {
    // Two lines are as high as two times their size; half of it stays free.
    rows.slice(1).forEach(({ y }, i) => assert.ok(y - rows[i].y >= 2.5 * size, `${y - rows[i].y} of ${size}`));
  }
});

Deno.test("figureShares() has a bar of seed noise, and the sum of what is too small to be named, when there are seeds", () => {
  const effects = effectsOf(rowsOf(planted, 3, 0.2)), texts = textsOf(draw(effects));
  assert.ok(texts.includes("for comparison: seed noise"));
  assert.ok(
    texts.some((text) => text.includes(`Seed noise makes up about ${(100 * effects.shares!.noise!).toPrecision(2)} %`)),
  );
  const others = texts.filter((text) => /^all \d+ others$/.test(text));
  // All 2^6 − 1 terms but the six alone and the eight with a bar.
  assert.deepEqual(others, ["all 49 others"]);
});

Deno.test("picturesOf() has shares of losses where nothing is scored, and none where the grid has a gap", () => {
  const named = (rows: RunRow[]) => {
    const effects = effectsOf(rows),
      pictures = picturesOf({ experiment: "01", filter: belowLoss(9, "byte"), rows: mergeSeeds(rows), effects });
    return pictures.find(({ name }) => name === "results_01_all_shares")?.svg;
  };
  const rows = rowsOf(planted);
  assert.match(named(rows)!, />Variance of the scores by hyperparameter</);
  const unscored = named(rows.map((row) => ({ ...row, test_bits_per_byte: undefined })))!;
  assert.match(unscored, />Variance of the losses by hyperparameter</);
  assert.match(unscored, /Lowest training loss: standard deviation over these configurations 0\.187 nats per byte/);
  assert.equal(named(rows.filter(({ config }) => config.state_size === 256).slice(1)), undefined);
});
