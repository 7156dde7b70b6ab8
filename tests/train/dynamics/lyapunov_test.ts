/** Lyapunov spectra against known answers (docs/dynamics.md), without a trained model. */
import assert from "node:assert/strict";
import { determinant, Matrix } from "ml-matrix";
import { gruCell, lstmCell, minGruCell } from "../../../cells/catalog/catalog.ts";
import { defineCell } from "../../../cells/cell.ts";
import { add, exp, input, mul, sqrt, sub, sum, tanh } from "../../../cells/graph/builder.ts";
import { gradients } from "../../../cells/graph/gradient.ts";
import { buildGraph } from "../../../cells/graph/graph.ts";
import { interpret } from "../../../cells/graph/interpreter.ts";
import { evaluationModel } from "../../../cells/language_model.ts";
import { lyapunovSpectrum } from "../../../train/dynamics/lyapunov.ts";
import { orthonormalize } from "../../../train/dynamics/orthonormal.ts";
import type { WeightedModel } from "../../../train/dynamics/weighted_model.ts";
import { scattered } from "../../cells/graph/finite_differences.ts";
import { drawnModel, linearCell, mapCell, TOY_TEXT, toyModel, toySizes } from "./toys.ts";

/** Rounding alone, over some hundred tokens. */
const ROUNDING = 1e-12;

const near = (is: number | null, must: number, limit: number, what = "exponent") =>
  assert.ok(is !== null && Math.abs(is - must) <= limit, `${what} is ${is}, must be ${must} within ${limit}`);

const valuesOf = (estimates: readonly { readonly value: number | null }[]) => estimates.map(({ value }) => value);

/** An orthogonal matrix, row-major, that mixes all axes. */
function orthogonal(size: number): number[] {
  const vectors = Array.from({ length: size }, (_, i) => scattered(size, i));
  orthonormalize(vectors);
  return vectors.flatMap((vector) => [...vector]);
}

const identity = (size: number): Float64Array[] =>
  Array.from({ length: size }, (_, i) => new Float64Array(size).fill(1, i, i + 1));

const linearModel = (matrix: readonly number[]): WeightedModel =>
  toyModel(linearCell, toySizes(Math.sqrt(matrix.length)), { "layers.0.state_nn.weight": matrix });

Deno.test("lyapunovSpectrum() gives 0 when the state is multiplied by an orthogonal matrix", async () => {
  const cut = { streams: 2, tokens: 100, warm_up: 10 };
  const { layers: [{ numbers, exponents }], forgetting_time } = await lyapunovSpectrum(
    linearModel(orthogonal(5)),
    TOY_TEXT,
    cut,
  );
  assert.equal(numbers, 5);
  assert.equal(exponents.length, 5);
  for (const { value, standard_error } of exponents) {
    near(value, 0, ROUNDING);
    near(standard_error, 0, ROUNDING, "standard error");
  }
  // Rounding decides whether it is a hair above or below zero.
  assert.ok(forgetting_time.value === null || forgetting_time.value > 1e9);
});

Deno.test("lyapunovSpectrum() gives ln g when an orthogonal matrix is scaled by g", async () => {
  for (const g of [0.25, 0.9, 1.3]) {
    const matrix = orthogonal(4).map((x) => g * x), cut = { streams: 2, tokens: 64, warm_up: 5 };
    const { largest, layers: [{ exponents }], forgetting_time } = await lyapunovSpectrum(
      linearModel(matrix),
      TOY_TEXT,
      cut,
    );
    for (const value of [...valuesOf(exponents), largest.value]) near(value, Math.log(g), ROUNDING);
    if (g > 1) assert.equal(forgetting_time.value, null);
    else near(forgetting_time.value, -1 / Math.log(g), 1e-9, "forgetting time");
  }
});

/** ψ(x): the recurrence up to where the asymptotic series has 15 digits. Source: Abramowitz and Stegun, 6.3.5 and 6.3.18. */
function digamma(x: number): number {
  if (x < 10) return digamma(x + 1) - 1 / x;
  const z = 1 / (x * x);
  return Math.log(x) - 1 / (2 * x) - z * (1 / 12 - z * (1 / 120 - z * (1 / 252 - z * (1 / 240 - z / 132))));
}

Deno.test("orthonormalize() gives the exponents of Newman's formula when Jacobians are independent and normal", () => {
  const size = 6, steps = 20_000;
  let seed = 1;
  // Box and Muller's normal numbers from a linear congruential generator: Numerical Recipes' constants.
  const uniform = () => ((seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) + 0.5) / 2 ** 32;
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  let vectors = identity(size);
  const sums = new Float64Array(size), squares = new Float64Array(size);
  for (let t = 0; t < steps; t++) {
    const jacobian = Float64Array.from({ length: size * size }, () => normal() / Math.sqrt(size));
    vectors = vectors.map((vector) =>
      vector.map((_, i) => vector.reduce((sum, x, j) => sum + jacobian[i * size + j] * x, 0))
    );
    orthonormalize(vectors).diagonal.forEach((length, i) => {
      sums[i] += Math.log(length);
      squares[i] += Math.log(length) ** 2;
    });
  }
  // ½ [ln(2/n) + ψ((n−i+1)/2)]. Source: Newman, "The distribution of Lyapunov exponents", 1986.
  for (let i = 0; i < size; i++) {
    const mean = sums[i] / steps, error = Math.sqrt((squares[i] / steps - mean ** 2) / steps);
    near(mean, (Math.log(2 / size) + digamma((size - i) / 2)) / 2, 4 * error, `exponent ${i + 1}`);
  }
});

/** x′ = 1 − 1.4 x² + y, y′ = 0.3 x: two states of one number. */
const henon = defineCell({
  name: "henon",
  states: ["x", "y"],
  forward(_layer, _input, { x, y }) {
    const next = add(sub(1, mul(1.4, mul(x, x))), y);
    return { output: next, states: { x: next, y: mul(0.3, x) } };
  },
});

Deno.test("lyapunovSpectrum() gives those of the Hénon map, whose determinant is known at each step", async () => {
  const text = new Uint8Array(20_200);
  const model = toyModel(henon, toySizes(1));
  const cut = { streams: 1, tokens: 20_000, warm_up: 100 };
  const { layers: [{ exponents: [first, second] }], largest } = await lyapunovSpectrum(model, text, cut);
  // 0.4191 and −1.6231 are those of infinitely many steps; 20,000 leave some thousandths.
  near(first.value, 0.4191, 0.008);
  near(second.value, -1.6231, 0.008);
  near(first.value! + second.value!, Math.log(0.3), 1e-9, "sum");
  assert.equal(largest.value, first.value);
  assert.equal(first.standard_error, null);
});

/** `D_t` of one layer as docs/dynamics.md says: as many rows as numbers, and the gradient of `Σ(I ⊙ s′)`. */
function jacobianByGradient(
  model: WeightedModel,
  states: ReadonlyMap<string, ArrayLike<number>>,
  token: number,
): Matrix {
  const { state_size, vocabulary } = model.sizes, names = [...states.keys()], numbers = names.length * state_size;
  const { graph } = evaluationModel(model.cell, { ...model.sizes, vocabulary: vocabulary!, batch: numbers });
  const identity = Matrix.eye(numbers).to2DArray();
  const rows = new Map(names.map((name) => {
    const row = Array.from(states.get(name)!);
    return [name, identity.flatMap(() => row)];
  }));
  // Row r picks number r of s′, so that the gradient with respect to its own copy of s is row r of D.
  const total = names.map((name, k) => {
    rows.set(`picked.${k}`, identity.flatMap((row) => row.slice(k * state_size, (k + 1) * state_size)));
    return sum(sum(mul(graph.outputs.get(name)!, input(`picked.${k}`, [numbers, state_size]))));
  }).reduce((a, b) => add(a, b));
  const flows = gradients(total, names.map((name) => graph.inputs.get(name)!));
  const results = interpret(
    buildGraph(Object.fromEntries(flows.map((flow, i) => [`d${i}`, flow!]))),
    new Map<string, ArrayLike<number>>([...model.weights, ...rows, ["bytes", Array(numbers).fill(token)]]),
  );
  const blocks = names.map((_, i) => Matrix.from1DArray(numbers, state_size, results.get(`d${i}`)!));
  return blocks.reduce((left, right) => {
    const joined = Matrix.zeros(numbers, left.columns + right.columns);
    joined.setSubMatrix(left, 0, 0);
    joined.setSubMatrix(right, 0, left.columns);
    return joined;
  });
}

Deno.test("lyapunovSpectrum() gives what QR of the gradient's own Jacobians gives, and the mean of ln |det D|", async () => {
  for (const cell of [gruCell, lstmCell]) {
    const model = drawnModel(cell, { n_layers: 1, state_size: 3, vocabulary: 3 });
    const tokens = 40, warm_up = 8, cut = { streams: 1, tokens, warm_up };
    const { layers: [{ exponents }] } = await lyapunovSpectrum(model, TOY_TEXT, cut);
    const { graph, states } = evaluationModel(cell, { ...model.sizes, vocabulary: 3, batch: 1 });
    const numbers = 3 * states.length, sums = new Float64Array(numbers);
    let carried = new Map<string, ArrayLike<number>>(states.map(({ name }) => [name, [0, 0, 0]]));
    let vectors = identity(numbers), determinants = 0;
    for (let t = 0; t < warm_up + tokens; t++) {
      const jacobian = jacobianByGradient(model, carried, TOY_TEXT[t]);
      // Vectors are rows here: V Dᵀ.
      vectors = new Matrix(vectors).mmul(jacobian.transpose()).to2DArray().map((row) => Float64Array.from(row));
      const { diagonal } = orthonormalize(vectors);
      carried = new Map(interpret(graph, new Map([...model.weights, ...carried, ["bytes", [TOY_TEXT[t]]]])));
      carried.delete("logits");
      if (t < warm_up) continue;
      diagonal.forEach((length, i) => sums[i] += Math.log(length) / tokens);
      determinants += Math.log(Math.abs(determinant(jacobian))) / tokens;
    }
    const found = valuesOf(exponents) as number[];
    [...sums].sort((a, b) => b - a).forEach((must, i) => near(found[i], must, 1e-9));
    near(found.reduce((a, b) => a + b), determinants, 1e-9, "sum");
  }
});

Deno.test("lyapunovSpectrum() gives the sorted means of ln(1 − z) when the cell is a minGRU", async () => {
  const state_size = 6, sizes = { n_layers: 1, state_size, vocabulary: 3 };
  const model = drawnModel(minGruCell, sizes), tokens = 50, warm_up = 4, streams = 3;
  const { layers: [{ exponents }] } = await lyapunovSpectrum(model, TOY_TEXT, { streams, tokens, warm_up });
  const { graph } = evaluationModel(minGruCell, { ...sizes, batch: 1 });
  const z = graph.nodes.find(({ label }) => label === "z")!;
  const gateOf = [0, 1, 2].map((token) =>
    interpret(buildGraph({ z }), new Map<string, ArrayLike<number>>([...model.weights, ["bytes", [token]]])).get("z")!
  );
  const means = new Float64Array(state_size), length = Math.floor((TOY_TEXT.length - 1) / streams);
  for (let s = 0; s < streams; s++) {
    for (let t = warm_up; t < warm_up + tokens; t++) {
      gateOf[TOY_TEXT[s * length + t]].forEach((gate, i) => means[i] += Math.log(1 - gate) / (streams * tokens));
    }
  }
  [...means].sort((a, b) => b - a).forEach((must, i) => near(exponents[i].value, must, ROUNDING));
});

Deno.test("lyapunovSpectrum() changes λ₁ by less than two standard errors when it reads half as much", async () => {
  const text = Uint8Array.from(
    { length: 20_000 },
    (_, i) => Math.floor(3 * Math.abs(Math.sin(12.9898 * i) * 43758.5453 % 1)),
  );
  for (const cell of [gruCell, lstmCell]) {
    const model = drawnModel(cell, { n_layers: 2, state_size: 8, vocabulary: 3 }, 4);
    const [half, whole] = await Promise.all(
      [512, 1024].map((tokens) => lyapunovSpectrum(model, text, { streams: 8, tokens, warm_up: 256 })),
    );
    assert.ok(half.largest.standard_error! > 0);
    near(half.largest.value, whole.largest.value!, 2 * half.largest.standard_error!, cell.name);
  }
});

Deno.test("lyapunovSpectrum() finds the largest exponents when fewer are asked for than there are", async () => {
  // Numbers that do not see each other: vectors along the axes would keep to the first ones.
  const rates = [0.2, 0.9, 0.4, 0.7], matrix = rates.flatMap((rate, i) => rates.map((_, j) => i === j ? rate : 0));
  const cut = { streams: 1, tokens: 200, warm_up: 200, exponents: 2 };
  const { layers: [{ numbers, exponents }] } = await lyapunovSpectrum(linearModel(matrix), TOY_TEXT, cut);
  assert.equal(numbers, 4);
  assert.equal(exponents.length, 2);
  near(exponents[0].value, Math.log(0.9), 1e-9);
  near(exponents[1].value, Math.log(0.7), 1e-9);
});

Deno.test("lyapunovSpectrum() gives −∞, as null, when a difference vanishes", async () => {
  // Both numbers get the sum of both: what they differ by is gone at once.
  const { layers: [{ exponents }] } = await lyapunovSpectrum(linearModel([0.4, 0.4, 0.4, 0.4]), TOY_TEXT, {
    streams: 2,
    tokens: 30,
    warm_up: 5,
  });
  near(exponents[0].value, Math.log(0.8), ROUNDING);
  assert.deepEqual(exponents[1], { value: null, standard_error: null });

  const forgetful = mapCell("forgetful", (layer, x, h) => add(tanh(layer.linear("state_nn", [x])), mul(0, h)));
  const { largest, forgetting_time, layers } = await lyapunovSpectrum(
    drawnModel(forgetful, toySizes(2)),
    TOY_TEXT,
    { streams: 2, tokens: 10, warm_up: 2 },
  );
  assert.deepEqual(largest, { value: null, standard_error: null });
  assert.equal(forgetting_time.value, 0);
  assert.ok(layers.every((layer) => layer.exponents.every(({ value }) => value === null)));
});

Deno.test("lyapunovSpectrum() finds no layer when a cell carries nothing that it reads", async () => {
  const stateless = mapCell("stateless", (layer, x) => tanh(layer.linear("state_nn", [x])));
  const cut = { streams: 1, tokens: 10, warm_up: 2 };
  const { layers, largest, forgetting_time } = await lyapunovSpectrum(
    drawnModel(stateless, toySizes(2)),
    TOY_TEXT,
    cut,
  );
  assert.deepEqual(layers, []);
  assert.equal(largest.value, null);
  assert.equal(forgetting_time.value, 0);
});

Deno.test("lyapunovSpectrum() says what is wrong with its options, its text, or its model", async () => {
  const model = linearModel([0.5]), cut = { streams: 1, tokens: 10, warm_up: 0 };
  await assert.rejects(lyapunovSpectrum(model, TOY_TEXT, { ...cut, exponents: 0 }), {
    name: "RangeError",
    message: /Cannot measure a Lyapunov spectrum: exponents is 0, must be/,
  });
  await assert.rejects(lyapunovSpectrum(model, TOY_TEXT.subarray(0, 10), cut), {
    name: "RangeError",
    message:
      "Cannot measure a Lyapunov spectrum: the text has 10 tokens, must have at least 11 for 1 streams of 0 + 10",
  });
  // What is undefined is absent: the measure's own.
  await assert.rejects(lyapunovSpectrum(model, TOY_TEXT, { ...cut, tokens: undefined }), {
    name: "RangeError",
    message: /the text has 2000 tokens, must have at least 4097 for 1 streams of 0 \+ 4096$/,
  });
  const explosive = mapCell("explosive", (_, _x, h) => exp(exp(exp(add(h, 3)))));
  await assert.rejects(lyapunovSpectrum(toyModel(explosive, toySizes(1)), TOY_TEXT, cut), {
    name: "UserError",
    message:
      /Cannot measure a Lyapunov spectrum: 'layers.0.h' is Infinity after 1 tokens of its stream, must be finite/,
  });
  // √h has no derivative at 0, where the state stays.
  const steep = mapCell("steep", (_, _x, h) => sqrt(h));
  await assert.rejects(lyapunovSpectrum(toyModel(steep, toySizes(1)), TOY_TEXT, cut), {
    name: "UserError",
    message: /Cannot measure a Lyapunov spectrum: an exponent is (NaN|Infinity), the Jacobians must be finite/,
  });
});

Deno.test("lyapunovSpectrum() tells how far it is, and stops when it is told to", async () => {
  const model = linearModel([0.5]), steps: number[] = [], stop = new AbortController();
  await lyapunovSpectrum(model, TOY_TEXT, {
    streams: 1,
    tokens: 90,
    warm_up: 10,
    onProgress: (done, total) => steps.push(done / total),
  });
  assert.equal(steps.at(-1), 1);
  assert.deepEqual(steps.toSorted((a, b) => a - b), steps);
  const stopped = lyapunovSpectrum(model, TOY_TEXT, {
    streams: 1,
    tokens: 900,
    signal: stop.signal,
    onProgress: () => stop.abort(new Error("enough")),
  });
  await assert.rejects(stopped, { message: "enough" });
});
