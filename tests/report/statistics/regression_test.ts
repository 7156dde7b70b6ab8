import assert from "node:assert/strict";
import type { CellConfig } from "../../../cells/config.ts";
import { grid } from "../../../experiments/study/grid.ts";
import { logLossRegression } from "../../../report/statistics/regression.ts";
import { randomStream } from "../../../train/corpus/random.ts";
import { exponential, plantedRow, plantedRows } from "../planted_rows.ts";
import { ORIGINAL_SWITCHES } from "../../original_table.ts";

const WEIGHTS = [0.01, -0.02, -0.005, -0.06, -0.15, -0.03, -0.04];

Deno.test("logLossRegression() agrees with NumPy when 432 runs have a disturbed linear logarithm", () => {
  // numpy.linalg.lstsq(Z, w) on the nine columns in the order of grid(), Z and w standardised with NumPy's std (ddof=0), of
  // y = 0.6 + columns · WEIGHTS − 0.02 layers − 0.0005 state_size + 0.05 sin(1.7 i), i from 0. NumPy 2.4.6.
  const expected = [
    [0.0519007606701, -0.106162169279, -0.0259367902494, -0.318269199081, -0.749213349694],
    [-0.147980866364, -0.199393879865, -0.174088666142, -0.559407003439],
  ].flat();
  const rows = plantedRows((config, _, i) => {
    const switches = ORIGINAL_SWITCHES.reduce((sum, { key }, k) => sum + (config[key] ? WEIGHTS[k] : 0), 0);
    return Math.exp(0.6 + switches - 0.02 * config.n_layers - 0.0005 * config.state_size + 0.05 * Math.sin(1.7 * i));
  });
  const { terms, runs, other_settings } = logLossRegression(rows)!;
  assert.deepEqual([runs, other_settings, terms.length], [432, 0, 9]);
  for (const [i, { factor: { label }, coefficient }] of terms.entries()) {
    assert.ok(Math.abs(coefficient! - expected[i]) < 1e-9, `${label}: ${coefficient}`);
  }
});

Deno.test("logLossRegression() agrees with NumPy's leave-one-out R² when there are ten configurations of two seeds", () => {
  // With ten configurations each fold is one of them. NumPy 2.4.6: lstsq on the other nine, in the order of the loops below,
  // y = 0.5 − 0.1 layers + 0.05 forget + 0.08 sin(3 k), k from 0; 1 − Σ (y − ŷ)² / Σ (y − mean of the others)².
  const [plain] = grid({ n_layers: [1], state_size: [256] });
  let k = 0;
  const rows = [1, 2, 3, 4, 5].flatMap((n_layers) =>
    [false, true].flatMap((use_forget_gate) =>
      [0, 1].map((seed) => {
        const y = 0.5 - 0.1 * n_layers + (use_forget_gate ? 0.05 : 0) + 0.08 * Math.sin(3 * k++);
        return plantedRow({ ...plain, n_layers, use_forget_gate }, Math.exp(y), { seed });
      })
    )
  );
  const { r2, folds, terms } = logLossRegression(rows)!;
  assert.equal(folds, 10);
  assert.ok(Math.abs(r2 - 0.8842380369627103) < 1e-9, `${r2}`);
  const varied = terms.filter(({ coefficient }) => coefficient !== undefined).map(({ factor }) => factor.label);
  assert.deepEqual(varied, ["forget gate", "layers"]);
});

Deno.test("logLossRegression() explains everything when the logarithm is linear, and nothing when there is noise only", () => {
  const linear = logLossRegression(plantedRows((config) => Math.exp(config.use_residual ? 0.2 : 0.5), 2))!;
  assert.ok(Math.abs(linear.r2 - 1) < 1e-9, `${linear.r2}`);
  const noise = randomStream(0, "regression");
  const { r2, terms } = logLossRegression(plantedRows(() => Math.exp(exponential(noise))))!;
  assert.ok(r2 < 0.02 && r2 > -0.1, `${r2}`);
  // A coefficient of nothing has a standard error of about 1/√432, somewhat more where hyperparameters go together.
  assert.ok(terms.every(({ coefficient }) => Math.abs(coefficient!) < 4 * 1.3 / Math.sqrt(432)));
});

Deno.test("logLossRegression() takes the most frequent settings alone when some runs were trained longer", () => {
  const rows = plantedRows((config) => Math.exp(config.use_residual ? 0.2 : 0.5));
  const longer = rows.slice(0, 50).map((row) => ({
    ...row,
    steps_done: 2 * row.steps_done,
    min_loss: row.min_loss / 2,
  }));
  const { runs, other_settings, terms } = logLossRegression([...longer, ...rows])!;
  assert.deepEqual([runs, other_settings], [432, 50]);
  assert.deepEqual(terms, logLossRegression(rows)!.terms);
});

Deno.test("logLossRegression() names no coefficient when two hyperparameters cannot be told apart", () => {
  const rows = plantedRows((config) => Math.exp(config.use_residual ? 0.2 : 0.5)).filter(({ config }) =>
    config.use_new_state !== config.use_old_state
  );
  const { terms, r2 } = logLossRegression(rows)!;
  assert.ok(terms.every(({ coefficient }) => coefficient === undefined));
  assert.ok(Math.abs(r2 - 1) < 1e-9, `${r2}`);
});

Deno.test("logLossRegression() is undefined when there are fewer than ten configurations or all losses are alike", () => {
  const rows = plantedRows((_, seed, i) => 1 + seed + i, 3);
  const nine = new Set(grid().slice(0, 9).map((config) => plantedRow(config, 1).id));
  assert.equal(logLossRegression(rows.filter(({ id }) => nine.has(id))), undefined);
  assert.equal(logLossRegression(plantedRows(() => 2)), undefined);
  assert.equal(logLossRegression([]), undefined);
});

Deno.test("logLossRegression() takes a choice of two values as 0 and 1, once both occur", () => {
  const loss = (config: CellConfig) => Math.exp(0.5 + (config.use_residual ? -0.1 : 0) + 0.001 * config.n_layers);
  const rows = plantedRows(loss).filter(({ config }) => config.state_size === 256);
  const others = rows.map(({ config, min_loss }) =>
    plantedRow({ ...config, gate_inputs: "x,h" }, min_loss * Math.exp(0.2))
  );
  const { terms, r2 } = logLossRegression([...rows, ...others])!;
  const coefficient = (key: string) => terms.find(({ factor }) => factor.key === key)?.coefficient;
  // Half of the runs have each value of both, so coefficients are to each other as what was planted.
  const ratio = coefficient("gate_inputs")! / coefficient("use_residual")!;
  assert.ok(Math.abs(ratio - 0.2 / -0.1) < 1e-9, `${ratio}`);
  assert.ok(Math.abs(r2 - 1) < 1e-9, `${r2}`);
  assert.equal(terms.length, 10);
  assert.equal(logLossRegression(rows)!.terms.length, 9);
});
