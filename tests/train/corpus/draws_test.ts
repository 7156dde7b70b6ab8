/** Initial values come from the distributions that parameters ask for. */
import assert from "node:assert/strict";
import { Matrix, QrDecomposition } from "ml-matrix";
import { CATALOG, namedCell } from "../../../cells/catalog/catalog.ts";
import { Layer, type LinearDraws, type Parameter, Parameters } from "../../../cells/cell.ts";
import { type BlockDraw, describeDraw, type Draw } from "../../../cells/draw.ts";
import { maxOf, minOf } from "../../../cells/extremes.ts";
import { input } from "../../../cells/graph/builder.ts";
import { evaluationModel } from "../../../cells/language_model.ts";
import { orthonormalizeRows, transpose } from "../../../train/corpus/orthogonal.ts";
import { initialWeights, randomStream } from "../../../train/corpus/random.ts";

/** The values of one parameter. */
function drawn(draw: Draw | undefined, shape: number[], seed = 3, name = "w"): Float32Array {
  const parameter: Parameter = { name, shape, fan_in: 16, ...(draw ? { draw } : {}) };
  return initialWeights([parameter], seed).get(name)!;
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const moment = (values: readonly number[], power: number) => mean(values.map((value) => value ** power));

/** Whether numbers are as if from U(from, to): moments of their places in the range, each within five standard errors. */
function assertUniform(values: readonly number[], from: number, to: number): void {
  const places = values.map((value) => (value - from) / (to - from)), n = values.length;
  assert.ok(minOf(places) >= -1e-6 && maxOf(places) <= 1 + 1e-6, `from ${minOf(values)} to ${maxOf(values)}`);
  for (const power of [1, 2, 4]) {
    const wanted = 1 / (power + 1), error = Math.sqrt((1 / (2 * power + 1) - wanted ** 2) / n);
    assert.ok(Math.abs(moment(places, power) - wanted) < 5 * error, `moment ${power} is ${moment(places, power)}`);
  }
}

Deno.test("a parameter without a draw is within ±1/√fan_in, and uniform draws within their own ends", () => {
  assertUniform([...drawn(undefined, [100, 100])], -0.25, 0.25);
  assertUniform([...drawn({ kind: "uniform", from: 0.5, to: 2 }, [100, 100])], 0.5, 2);
});

Deno.test("a normal draw has the moments of N(0, deviation²)", () => {
  const values = [...drawn({ kind: "normal", deviation: 0.3 }, [200, 200])].map((value) => value / 0.3);
  const n = values.length;
  // Variances of the moments: those of a normal variable's powers 1 to 4.
  for (const [power, wanted, variance] of [[1, 0, 1], [2, 1, 2], [3, 0, 15], [4, 3, 96]]) {
    assert.ok(Math.abs(moment(values, power) - wanted) < 5 * Math.sqrt(variance / n), `moment ${power}`);
  }
});

Deno.test("constant, spaced and identity draws are what they say", () => {
  assert.deepEqual([...drawn({ kind: "constant", value: 1 }, [3])], [1, 1, 1]);
  assert.deepEqual([...drawn({ kind: "spaced", from: 3, to: 6 }, [4])], [3, 4, 5, 6]);
  assert.deepEqual([...drawn({ kind: "spaced", from: 0, to: 8, power: 3 }, [3])], [0, 1, 8]);
  assert.deepEqual([...drawn({ kind: "spaced", from: 5, to: -7 }, [1])], [5]);
  assert.deepEqual([...drawn({ kind: "identity" }, [2, 3])], [1, 0, 0, 0, 1, 0]);
  assert.deepEqual([...drawn({ kind: "identity", scale: 0.5 }, [3, 2])], [0.5, 0, 0, 0.5, 0, 0]);
});

Deno.test("a chrono draw has forgetting times that are uniform up to the longest", () => {
  assertUniform([...drawn({ kind: "chrono", longest: 50 }, [10_000])].map(Math.exp), 1, 49);
});

/** The largest distance of `a bᵀ` from `gain²` times the identity, of rows. */
function furthestFromOrthogonal(rows: Float32Array[], gain: number): number {
  const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  return maxOf(rows.flatMap((a, i) => rows.map((b, j) => Math.abs(dot(a, b) - (i === j ? gain ** 2 : 0)))));
}

for (const shape of [[24, 24], [9, 24], [24, 9], [1, 5], [5, 1]]) {
  Deno.test(`an orthogonal draw of [${shape}] has orthonormal rows or columns, whichever are fewer`, () => {
    const [rows, columns] = shape;
    for (const gain of [undefined, 1.5]) {
      const values = drawn({ kind: "orthogonal", ...(gain ? { gain } : {}) }, shape);
      const lines = rows <= columns
        ? Array.from({ length: rows }, (_, i) => values.slice(i * columns, (i + 1) * columns))
        : Array.from({ length: columns }, (_, j) => values.filter((_, at) => at % columns === j));
      assert.ok(furthestFromOrthogonal(lines, gain ?? 1) < 1e-6);
    }
  });
}

Deno.test("orthonormalizeRows() is the QR decomposition whose R has a positive diagonal, as PyTorch's orthogonal_", () => {
  const [rows, columns] = [7, 12], { uniform } = randomStream(1, "a matrix");
  const matrix = new Float64Array(rows * columns).map(() => uniform() - 0.5);
  const qr = new QrDecomposition(Matrix.from1DArray(columns, rows, [...transpose(matrix, rows, columns)]));
  const signs = qr.upperTriangularMatrix.diagonal().map(Math.sign);
  assert.ok(signs.includes(-1), "if no sign were turned, the comparison would show less");
  orthonormalizeRows(matrix, rows, columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const expected = qr.orthogonalMatrix.get(j, i) * signs[i];
      assert.ok(Math.abs(matrix[i * columns + j] - expected) < 1e-12, `row ${i}, column ${j}`);
    }
  }
});

Deno.test("orthonormalizeRows() stays orthogonal when rows nearly depend on each other", () => {
  const [rows, columns] = [6, 10];
  const matrix = new Float64Array(rows * columns).map((_, at) => 1 + 1e-7 * Math.sin(3 * at + at * at));
  orthonormalizeRows(matrix, rows, columns);
  const lines = Array.from({ length: rows }, (_, i) => matrix.subarray(i * columns, (i + 1) * columns));
  for (const [i, a] of lines.entries()) {
    for (const b of lines.slice(0, i)) {
      assert.ok(Math.abs(a.reduce((sum, value, at) => sum + value * b[at], 0)) < 1e-14);
    }
  }
});

Deno.test("orthogonal draws favour no sign: elements and traces have mean 0 over seeds", () => {
  const matrices = Array.from({ length: 400 }, (_, seed) => drawn({ kind: "orthogonal" }, [3, 3], seed));
  // Of orthogonal matrices that are equally likely, an element has variance 1/3 and a trace 1.
  for (let at = 0; at < 9; at++) {
    assert.ok(Math.abs(mean(matrices.map((matrix) => matrix[at]))) < 5 * Math.sqrt(1 / 3 / 400), `element ${at}`);
  }
  assert.ok(Math.abs(mean(matrices.map((m) => m[0] + m[4] + m[8]))) < 5 / 20);
});

Deno.test("the four parts of a ring are of the same eigenvalues, which are uniform on it", () => {
  const [least, most] = [0.4, 0.9], shape = [10_000];
  const part = (
    part: "nu_log" | "cos" | "sin" | "gamma_log",
    name: string,
  ) => [...drawn({ kind: "ring", part, least, most, eigenvalues: "layers.0.eigenvalues" }, shape, 5, name)];
  const radii = part("nu_log", "a").map((nu) => Math.exp(-Math.exp(nu)));
  assertUniform(radii.map((r) => r ** 2), least ** 2, most ** 2);
  part("gamma_log", "b").forEach((gamma, i) => {
    assert.ok(Math.abs(Math.exp(gamma) ** 2 + radii[i] ** 2 - 1) < 1e-6, `eigenvalue ${i}`);
  });
  const sines = part("sin", "c");
  assertUniform(part("cos", "d").map((cosine, i) => Math.atan2(sines[i], cosine)), -Math.PI, Math.PI);
  const other = drawn({ kind: "ring", part: "sin", least, most, eigenvalues: "layers.1.eigenvalues" }, shape, 5);
  assert.notDeepEqual([...other], sines);
});

/** The parameters of a linear layer of 6 outputs that reads `x [·, 4]` and `h [·, 6]`. */
function linearParameters(draws?: LinearDraws): Parameter[] {
  const parameters = new Parameters(), layer = new Layer("layers.0", 2, 6, parameters);
  layer.linear("state_nn", [input("x", [2, 4]), input("h", [2, 6])], 6, draws);
  return parameters.entries().map(({ parameter }) => parameter);
}

Deno.test("linear() draws each input's columns as its own draw says, the others as usual", () => {
  const draws = { weight: [undefined, { kind: "orthogonal" }], bias: { kind: "constant", value: 1 } } as const;
  const weights = initialWeights(linearParameters(draws), 3), weight = weights.get("layers.0.state_nn.weight")!;
  const rows = Array.from({ length: 6 }, (_, i) => weight.slice(i * 10, (i + 1) * 10));
  assert.ok(furthestFromOrthogonal(rows.map((row) => row.slice(4)), 1) < 1e-6);
  assertUniform(rows.flatMap((row) => [...row.slice(0, 4)]), -1 / Math.sqrt(10), 1 / Math.sqrt(10));
  assert.deepEqual([...weights.get("layers.0.state_nn.bias")!], [1, 1, 1, 1, 1, 1]);
  const whole = initialWeights(linearParameters({ weight: { kind: "identity" } }), 3);
  assert.deepEqual([...whole.get("layers.0.state_nn.weight")!.slice(0, 12)], [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
});

Deno.test("a parameter says no more than before when it is drawn as usual", () => {
  assert.deepEqual(linearParameters({ bias: undefined }), linearParameters());
  assert.deepEqual(linearParameters().map(Object.keys), [["name", "shape", "fan_in"], ["name", "shape", "fan_in"]]);
});

Deno.test("draws are plain data: after JSON and a structured clone they give the same values", () => {
  for (const { cell } of CATALOG) {
    const { parameters } = evaluationModel(cell, { n_layers: 2, state_size: 6 });
    const expected = initialWeights(parameters, 1);
    assert.deepEqual(initialWeights(JSON.parse(JSON.stringify(parameters)), 1), expected, cell.name);
    assert.deepEqual(initialWeights(structuredClone(parameters), 1), expected, cell.name);
    for (const [name, values] of expected) assert.ok(values.every(Number.isFinite), `${cell.name}: ${name}`);
  }
});

/** How the weights of a cell are drawn, of those that are not drawn as usual; in one layer of 4 states. */
function drawsOf(name: string): Record<string, string> {
  const { parameters } = evaluationModel(namedCell(name).cell, { n_layers: 1, state_size: 4 });
  return Object.fromEntries(
    parameters.flatMap(({ name, draw }) => draw ? [[name.slice("layers.0.".length), describeDraw(draw)]] : []),
  );
}

Deno.test("cells of the catalog draw what their papers say, in words", () => {
  const ring = "λ = r e^(iφ) uniform on the ring 0 ≤ r ≤ 1", recurrent = "4 columns as usual, 4 columns";
  const found = Object.fromEntries(
    CATALOG.map(({ cell: { name } }) => [name, drawsOf(name)]).filter(([, draws]) => Object.keys(draws).length),
  );
  const slstm = (bias: string) => ({ weight: `${recurrent} 0`, bias });
  assert.deepEqual(found, {
    indrnn: { recurrent: "U(0, 1)" },
    janet: { "forget_gate_nn.bias": "ln U(1, 9)", "state_nn.bias": "0" },
    li_gru: { "state_nn.weight": `${recurrent} orthogonal`, "update_gate_nn.weight": `${recurrent} orthogonal` },
    ugrnn: { "update_gate_nn.bias": "1" },
    slstm: Object.fromEntries(
      Object.entries({
        forget_gate_nn: slstm("from 5 to -7, by i^0.3"),
        input_gate_nn: slstm("0"),
        output_gate_nn: slstm("0"),
        state_nn: slstm("0"),
      }).flatMap(([name, draws]) => Object.entries(draws).map(([part, text]) => [`${name}.${part}`, text])),
    ),
    lru: {
      direct: "N(0, 1²)",
      gamma_log: `ln √(1 − r²), ${ring}`,
      "input_im_nn.bias": "0",
      "input_im_nn.weight": "N(0, 0.3536²)",
      "input_re_nn.bias": "0",
      "input_re_nn.weight": "N(0, 0.3536²)",
      nu_log: `ln(−ln r), ${ring}`,
      "output_nn.bias": "0",
      "output_nn.weight": "N(0, 0.5²)",
      phase_cos: `cos φ, ${ring}`,
      phase_sin: `sin φ, ${ring}`,
    },
    lstm_forget_bias_1: { "forget_gate_nn.bias": "1" },
  });
});

const FAULTS: readonly (readonly [what: string, draw: BlockDraw, message: RegExp])[] = [
  ["a range that is turned round", { kind: "uniform", from: 1, to: 0 }, /from is 1 and to 0, must be no less/],
  ["a negative deviation", { kind: "normal", deviation: -1 }, /deviation is -1, must be at least 0/],
  ["no number", { kind: "constant", value: NaN }, /value is NaN, must be a finite number/],
  // A module without types may give text, which would be joined where it is to be added.
  [
    "text for a number",
    { kind: "uniform", from: "0", to: "1" } as unknown as BlockDraw,
    /from is 0, must be a finite number/,
  ],
  ["a gain that is none", { kind: "orthogonal", gain: NaN }, /gain is NaN, must be a finite number/],
  [
    "a power of 0",
    { kind: "spaced", from: 0, to: 1, power: 0 },
    /from is 0, to 1 and power 0, must be numbers, and power above 0/,
  ],
  ["nothing to remember", { kind: "chrono", longest: 2 }, /longest is 2, must be above 2/],
  ["an orthogonal bias", { kind: "orthogonal" }, /shape is \[6\], must have two axes/],
  ["an identity as a bias", { kind: "identity" }, /shape is \[6\], must have two axes/],
  [
    "a ring beyond the unit disk",
    { kind: "ring", part: "cos", least: 0, most: 1.1, eigenvalues: "e" },
    /least is 0 and most 1.1, must be 0 ≤ least < most ≤ 1/,
  ],
  [
    "a kind that there is not",
    { kind: "glorot" } as never,
    /its kind must be one of uniform, normal, constant, spaced/,
  ],
  ["a constant without its number", { kind: "constant" } as never, /value is undefined, must be a number/],
  [
    "an unknown part of a ring",
    { kind: "ring", part: "tan", least: 0, most: 1, eigenvalues: "e" } as never,
    /part is tan, must be one of nu_log, cos, sin, gamma_log/,
  ],
];
for (const [what, bias, message] of FAULTS) {
  Deno.test(`linear() refuses a draw that cannot be: ${what}`, () => {
    assert.throws(() => linearParameters({ bias }), (error: Error) => {
      assert.equal(error.name, "TypeError");
      assert.match(error.message, /^Cannot draw 'layers\.0\.state_nn\.bias' \(\w+\): /);
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("linear() refuses draws that are not one for each input, blocks that cannot be, and a second draw of one weight", () => {
  assert.throws(() => linearParameters({ weight: [{ kind: "orthogonal" }] }), {
    message: "Cannot draw 'layers.0.state_nn.weight': has 1 draws for 2 inputs, must be one for each",
  });
  assert.throws(() => linearParameters({ weight: [undefined, { kind: "normal", deviation: -1 }] }), {
    message: "Cannot draw 'layers.0.state_nn.weight' (columns): deviation is -1, must be at least 0",
  });
  const layer = new Layer("layers.0", 2, 4, new Parameters()),
    draw = { kind: "columns", blocks: [{ width: 3 }] } as const;
  assert.throws(() => layer.parameter("u", [2, 4], { draw }), {
    message: "Cannot draw 'layers.0.u' (columns): blocks have 3 columns, shape is [2, 4], must be a matrix of as many",
  });
  const halves = { kind: "columns", blocks: [{ width: 0.5 }, { width: 3.5 }] } as const;
  assert.throws(() => layer.parameter("u", [2, 4], { draw: halves }), {
    message: "Cannot draw 'layers.0.u' (columns): a block has 0.5 columns, must have a whole number of at least 1",
  });
  layer.parameter("v", [4], 2);
  assert.equal(layer.parameter("v", [4]), layer.parameter("v", [4], 2));
  assert.throws(() => layer.parameter("v", [4], { draw: { kind: "constant", value: 1 } }), {
    message: `Cannot declare weight 'layers.0.v': draw is the usual one and {"kind":"constant","value":1}, must be one`,
  });
});
