import assert from "node:assert/strict";
import { fatesOf, tokensTried } from "../../../report/data/fixed_points.ts";
import { meanGates } from "../../../report/data/gates.ts";
import { meanRecall } from "../../../report/data/recall.ts";
import { meanOverSeeds, measuredRows } from "../../../report/data/seed_estimates.ts";
import { meanSpectrum, unionOfLayers } from "../../../report/data/spectrum.ts";
import type { Estimate } from "../../../train/dynamics/estimate.ts";
import { dynamicsOf, measuredConfigurations, measuredResults, plantedExponent, TRIED } from "../measured_results.ts";

const results = measuredResults(), one = results.filter(({ id }) => id === results[0].id);
const sure = (value: number | null, standard_error: number | null = 0.1): Estimate => ({ value, standard_error });
const valuesOf = (estimates: readonly Estimate[]) => estimates.map(({ value }) => value);

Deno.test("meanOverSeeds() has the standard error of a mean of independent estimates, and no value where a seed has none", () => {
  assert.deepEqual(meanOverSeeds([sure(1, 0.3), sure(3, 0.4)]), sure(2, 0.25));
  assert.deepEqual(meanOverSeeds([sure(1), sure(3, null)]), sure(2, null));
  assert.deepEqual(meanOverSeeds([sure(1), sure(null, null)]), sure(null, null));
  assert.deepEqual(meanOverSeeds([]), sure(null, null));
});

Deno.test("measuredRows() has the configurations of which a run has the measure", () => {
  const rows = measuredConfigurations(results, (result) => result.cell ? undefined : dynamicsOf(result));
  assert.equal(measuredRows(rows).length, rows.length - 2);
  assert.equal(measuredRows(rows, ({ not_measured }) => not_measured.lyapunov).length, 0);
});

Deno.test("unionOfLayers() sorts the exponents of all layers, and ends where a layer's others are unknown", () => {
  const layer = (numbers: number, ...values: (number | null)[]) => ({ numbers, exponents: values.map((v) => sure(v)) });
  const union = (...layers: Parameters<typeof unionOfLayers>[0]["layers"]) => valuesOf(unionOfLayers({ layers }));
  assert.deepEqual(union(layer(2, -1, -3), layer(2, -2, -4)), [-1, -2, -3, -4]);
  // Float64 does not tell the second layer's other one: it may lie above −3.
  assert.deepEqual(union(layer(2, -1, -3), layer(2, -2, null)), [-1, -2]);
  // What forgets at once hides nothing.
  assert.deepEqual(union(layer(2, -1, -3), layer(2, null, null)), [-1, -3, null, null]);
  // The second layer has a third exponent, of which it is known that it lies below −2.
  assert.deepEqual(union(layer(2, -1, -3), layer(3, -1.5, -2)), [-1, -1.5, -2]);
  assert.deepEqual(union(layer(2, -1, -3), layer(3)), []);
});

Deno.test("meanSpectrum() is the mean over the seeds by rank, as a share of all numbers", () => {
  const [row] = measuredConfigurations(one), spectrum = meanSpectrum(row), first = one.map(plantedExponent);
  assert.equal(spectrum.length, 8 * row.config.n_layers);
  assert.equal(spectrum[0].share, 0.5 / spectrum.length);
  assert.ok(Math.abs(spectrum[0].value! - (first[0] + first[1]) / 2) < 1e-12);
  assert.deepEqual(meanSpectrum(measuredConfigurations(one, () => undefined)[0]), []);
});

Deno.test("meanRecall() has the lags that all seeds have", () => {
  const [row] = measuredConfigurations(one, (result) => {
    const dynamics = dynamicsOf(result), { lags } = dynamics.byte_recall!;
    return { ...dynamics, byte_recall: { ...dynamics.byte_recall!, lags: lags.slice(0, 3 - result.seed) } };
  });
  assert.deepEqual(meanRecall(row).map(({ lag, value }) => [lag, value]), [[0, 4], [1, 2]]);
});

Deno.test("fatesOf() and tokensTried() say what came of the starts, byte by byte", () => {
  const rows = measuredConfigurations(one), fates = fatesOf(rows[0]);
  assert.deepEqual(tokensTried(rows), TRIED);
  assert.deepEqual(fates.get(TRIED[0]), { points: 1, stable: 1, unstable: 0, slow: 0, none: 0 });
  assert.deepEqual(fates.get(TRIED[1]), { points: 2, stable: 0, unstable: 12 / 16, slow: 1 / 16, none: 3 / 16 });
});

Deno.test("meanGates() names gates by layer, from 1, and as the graph does", () => {
  const [row] = measuredConfigurations(one), gates = meanGates(row);
  assert.deepEqual(gates.slice(0, 3).map(({ label }) => label), ["1 input", "1 state input", "1 z"]);
  assert.ok(gates.every(({ below, above }) => below.value === 0.2 && above.value === 0.3));
});
