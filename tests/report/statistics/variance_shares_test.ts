import assert from "node:assert/strict";
import { GATED } from "../../../cells/factors.ts";
import { type VarianceShares, varianceShares } from "../../../report/statistics/variance_shares.ts";
import { randomStream } from "../../../train/corpus/random.ts";
import type { CellConfig } from "../../../cells/config.ts";
import type { RunRow } from "../../../report/data/rows.ts";
import { exponential, plantedRows } from "../planted_rows.ts";

const nameOf = (axes: readonly { readonly factors: readonly { readonly key: string }[] }[]) =>
  axes.map(({ factors }) => factors.map(({ key }) => key).join("+")).join(" × ");

function sharesOf(loss: (config: CellConfig, seed: number) => number, seeds = 1) {
  const found = varianceShares(plantedRows(loss, seeds), "min_loss", GATED) as VarianceShares;
  return { ...found, of: new Map(found.shares.map(({ axes, share }) => [nameOf(axes), share])) };
}

Deno.test("the shares are of 2⁵ × 3 × layers at 256 states, the two states being one axis, and sum to 1 within 1e-12", () => {
  const noise = randomStream(0, "shares");
  const { axes, configurations, shares, at, noise: none } = sharesOf(() => exponential(noise));
  assert.equal(configurations, 32 * 3 * 3);
  assert.deepEqual(axes.map(({ levels }) => levels).sort(), [2, 2, 2, 2, 2, 3, 3]);
  assert.ok(
    axes.some(({ factors, levels }) =>
      levels === 3 && factors.map(({ key }) => key).join() === "use_new_state,use_old_state"
    ),
  );
  assert.deepEqual(at.map(({ factor, values }) => [factor.key, ...values]), [["state_size", 256]]);
  assert.equal(shares.length, 2 ** 7 - 1);
  const sum = shares.reduce((sum, { share }) => sum + share, 0);
  assert.ok(Math.abs(sum - 1) < 1e-12, `${sum}`);
  assert.ok(shares.every(({ share }) => share >= 0));
  assert.equal(none, undefined);
});

Deno.test("the shares recover planted additive effects and one planted interaction", () => {
  const { of, deviation } = sharesOf((config) =>
    2 + (config.use_residual ? 0.2 : 0) + (config.use_input_gate ? -0.1 : 0) + 0.05 * config.n_layers +
    (config.use_forget_gate === config.use_output_gate ? 0.06 : 0)
  );
  // Variance of a switch that adds d: d²/4; of layers 0.05, 0.1, 0.15: 0.05² · 2/3; of a product of signs like that of a switch.
  const squares = { residual: 0.01, input: 0.0025, layers: 0.0025 * 2 / 3, both: 0.0009 };
  const total = Object.values(squares).reduce((a, b) => a + b);
  const near = (name: string, square: number) =>
    assert.ok(Math.abs((of.get(name) ?? NaN) - square / total) < 1e-12, `${name}: ${of.get(name)}`);
  near("use_residual", squares.residual);
  near("use_input_gate", squares.input);
  near("n_layers", squares.layers);
  near("use_forget_gate × use_output_gate", squares.both);
  near("use_new_state+use_old_state", 0);
  assert.ok(Math.abs(deviation - Math.sqrt(total)) < 1e-12);
});

Deno.test("the share of seed noise is all of it when noise is all there is, and nothing when seeds agree", () => {
  const noise = randomStream(0, "noise share");
  const all = sharesOf(() => 2 + 0.05 * exponential(noise), 3);
  assert.ok(all.noise! > 0.8 && all.noise! <= 1, `${all.noise}`);
  const none = sharesOf((config) => (config.use_residual ? 1 : 2), 3);
  assert.ok(none.noise! < 1e-12);
});

Deno.test("a seed that some configurations lack is no effect of what tells these from the others", () => {
  // All runs of seed 2 are high, and those with an input gate have none of it.
  const rows = plantedRows((config, seed) => 2 + (config.use_residual ? 0.1 : 0) + (seed === 2 ? 1 : 0), 3)
    .filter(({ config, seed }) => seed < 2 || !config.use_input_gate);
  const { shares, noise } = varianceShares(rows, "min_loss", GATED) as VarianceShares;
  assert.equal(nameOf(shares[0].axes), "use_residual");
  assert.ok(shares[0].share > 1 - 1e-9 && noise! < 1e-12, `${shares[0].share}`);
});

Deno.test("a few settings listed at another level join no factors: the shares are of the level that has all settings", () => {
  const at256 = plantedRows((config) => 2 + (config.use_residual ? 0.2 : 0) + (config.use_input_gate ? 0.1 : 0))
    .filter(({ config }) => config.state_size === 256);
  const complete = at256.filter(({ config }) => config.n_layers === 2);
  const few = at256.filter(({ config }) =>
    config.n_layers === 1 && config.use_residual && config.use_new_state && !config.use_input_gate
  );
  const { axes, configurations, at } = varianceShares([...few, ...complete], "min_loss", GATED) as VarianceShares;
  assert.deepEqual([few.length, configurations, axes.length], [16, 96, 6]);
  assert.deepEqual(at.map(({ factor, values }) => [factor.key, ...values]), [["n_layers", 2]]);
  // Levels that have the same settings are an axis of their own, whatever a third one lacks.
  const all1 = at256.filter(({ config }) => config.n_layers === 1);
  const two = varianceShares([...all1, ...complete], "min_loss", GATED) as VarianceShares;
  assert.deepEqual([two.configurations, two.axes.length, two.at], [192, 7, []]);
  const few3 = at256.filter(({ config }) => config.n_layers === 3 && config.use_residual && !config.use_old_state);
  const three = varianceShares([...few3, ...all1, ...complete], "min_loss", GATED) as VarianceShares;
  assert.deepEqual([three.configurations, three.axes.length], [192, 7]);
  assert.deepEqual(three.at.map(({ factor, values }) => [factor.key, ...values]), [["n_layers", 1, 2]]);
  // Two levels of few settings go together.
  const middle = varianceShares([...few3, ...few, ...complete], "min_loss", GATED) as VarianceShares;
  assert.deepEqual([middle.configurations, middle.at.map(({ values }) => values)], [96, [[2]]]);
});

Deno.test("no level is left out at the cost of a switch, of half of the configurations, or of a complete grid", () => {
  const at256 = plantedRows((config, seed) =>
    2 + (config.use_residual ? 0.2 : 0) + (config.use_input_gate ? 0.1 : 0) + seed
  )
    .filter(({ config }) => config.state_size === 256);
  const two = at256.filter(({ config }) => config.n_layers === 2),
    one = at256.filter(({ config }) => config.n_layers === 1);
  const partOf = (rows: readonly RunRow[]) => {
    const found = varianceShares(rows, "min_loss", GATED);
    return { configurations: found.configurations, at: found.at, lacks: "lacks" in found ? found.lacks : undefined };
  };
  // Without the new state off there would be an axis more, and no new state.
  const isNew = one.filter(({ config }) => config.use_new_state);
  assert.deepEqual(partOf([...two, ...isNew]), { configurations: 160, at: [], lacks: undefined });
  // One layer alone is a grid of two axes, and four of ten.
  const on = (...keys: (keyof CellConfig)[]) => ({ config }: RunRow) =>
    config.use_new_state && config.use_old_state &&
    (["use_input_gate", "use_forget_gate", "use_output_gate", "use_state_gate", "use_residual"] as const)
      .every((key) => config[key] === keys.includes(key));
  const settings: [layers: number, ...keys: (keyof CellConfig)[]][] = [
    [1],
    [1, "use_input_gate"],
    [1, "use_output_gate"],
    [1, "use_input_gate", "use_output_gate"],
    [2, "use_forget_gate"],
    [2, "use_state_gate"],
    [2, "use_forget_gate", "use_state_gate", "use_residual"],
    [3, "use_residual"],
    [3, "use_forget_gate", "use_residual"],
    [3, "use_state_gate", "use_residual"],
  ];
  const parts = settings.flatMap(([layers, ...keys]) =>
    at256.filter((row) => row.config.n_layers === layers && on(...keys)(row))
  );
  assert.deepEqual(partOf(parts), { configurations: 10, at: [], lacks: "axes" });
  // Two layers have a gap; with the one setting of one layer that joins the switches, all that occurs is there.
  const gap = two.filter(({ config }) => config.use_new_state && config.use_old_state && !config.use_state_gate)
    .filter(({ config }) => !(config.use_residual && config.use_output_gate && config.use_input_gate));
  const few = one.filter(({ config }) =>
    config.use_new_state && config.use_old_state && !config.use_state_gate && config.use_residual &&
    !config.use_output_gate && !config.use_input_gate
  );
  assert.deepEqual([gap.length, few.length], [14, 2]);
  assert.deepEqual(partOf([...gap, ...few]), { configurations: 16, at: [], lacks: undefined });
});

Deno.test("it is said what lacks where the grid has a gap, one axis alone, or nothing differs", () => {
  const rows = plantedRows((config) => (config.use_residual ? 1 : 2)),
    of256 = rows.filter(({ config }) => config.state_size === 256);
  const lacking = (some: readonly RunRow[]) => {
    const found = varianceShares(some, "min_loss", GATED);
    return "lacks" in found ? [found.lacks, found.configurations, found.combinations] : undefined;
  };
  assert.equal(lacking(of256), undefined);
  assert.deepEqual(lacking(of256.slice(1)), ["combinations", 287, 288]);
  assert.deepEqual(lacking([]), ["axes", 0, 1]);
  assert.deepEqual(lacking(plantedRows(() => 2)), ["difference", 288, 288]);
  const [first] = of256;
  const pair = of256.filter(({ config }) =>
    JSON.stringify({ ...config, use_residual: true }) === JSON.stringify({ ...first.config, use_residual: true })
  );
  assert.deepEqual(lacking(pair), ["axes", 2, 2]);
});
