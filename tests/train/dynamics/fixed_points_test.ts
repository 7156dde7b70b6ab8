/** Fixed points against systems whose points are known. */
import assert from "node:assert/strict";
import { EigenvalueDecomposition, inverse, Matrix } from "ml-matrix";
import { catalogConfig, cellOf, gruCell, lstmCell } from "../../../cells/catalog/catalog.ts";
import { add, div, mul, sqrt } from "../../../cells/graph/builder.ts";
import { interpret } from "../../../cells/graph/interpreter.ts";
import type { Tensor } from "../../../cells/graph/tensor.ts";
import { evaluationModel, INPUTS } from "../../../cells/language_model.ts";
import { fixedPoints, fixedPointsOf, type FixedPointsOptions } from "../../../train/dynamics/fixed_points.ts";
import { newton, type PointMap } from "../../../train/dynamics/newton.ts";
import { StackSearch } from "../../../train/dynamics/stack_search.ts";
import { checkModel } from "../../../train/dynamics/weighted_model.ts";
import { drawnModel, leakyCell, linearCell, mapCell, tanhCell, TOY_TEXT, toyModel, toySizes } from "./toys.ts";

const CUT = { streams: 2, tokens: 40, warm_up: 5 };
const TOLERANCES = { fixed: 1e-12, slow: 1e-6 };

const near = (found: number, wanted: number, limit: number, what: string) =>
  assert.ok(Math.abs(found - wanted) <= limit, `${what} is ${found}, must be ${wanted}`);

Deno.test("fixedPoints() finds (I−A)⁻¹b of a linear map from all starts, with the spectral radius of A", async () => {
  // A rotation by 0.9 and a shrinking number: eigenvalues 0.9 e^(±0.5i) and −0.3.
  const [c, s] = [0.9 * Math.cos(0.5), 0.9 * Math.sin(0.5)],
    A = [[c, -s, 0.2], [s, c, -0.4], [0, 0, -0.3]],
    b = [1, -2, 0.5];
  const model = toyModel(linearCell, toySizes(3), {
    "layers.0.state_nn.weight": A.flat(),
    "layers.0.state_nn.bias": b,
  });
  const wanted = inverse(Matrix.sub(Matrix.eye(3), new Matrix(A))).mmul(Matrix.columnVector(b)).to1DArray();
  const { tokens } = await fixedPoints(model, TOY_TEXT, { ...CUT, starts: 5 });
  assert.deepEqual(tokens.map(({ token }) => token).sort(), [0, 1, 2]);
  for (const { starts, converged, slow, failed, points } of tokens) {
    assert.deepEqual([starts, converged, slow, failed, points.length], [5, 5, 0, 0, 1]);
    assert.deepEqual([points[0].found_from, points[0].unstable], [5, 0]);
    near(points[0].spectral_radius, 0.9, 1e-14, "the spectral radius");
  }
  const starts = new Map([["layers.0.h", Float64Array.from([7, -7, 7, 0, 0, 0])]]);
  await using search = await StackSearch.run(checkModel(model, "test"), Uint8Array.of(0, 1), starts, TOLERANCES, {});
  for (const { point } of search.ends) {
    // Two steps of a linear system of three numbers.
    point.forEach((x, i) => near(x, wanted[i], 1e-13, `number ${i}`));
  }
});

/** The positive solution of x = tanh(2x), by taking the map until nothing changes. */
function stablePoint(): number {
  let x = 1;
  for (let last = 0; x !== last;) [last, x] = [x, Math.tanh(2 * x)];
  return x;
}

Deno.test("fixedPoints() finds 0, which is unstable, and ±0.9575, which are stable, of tanh(2h)", async () => {
  const point = stablePoint(), values = [-2, -0.7, -0.1, 0.05, 0.8, 1.5];
  near(point, 0.9575, 5e-5, "the point by iteration");
  const model = checkModel(toyModel(tanhCell, toySizes(1)), "test"),
    visited = new Map([["layers.0.h", values.map((x) => Float64Array.of(x))]]);
  const { tokens: [{ converged, points }] } = await fixedPointsOf(model, {
    streams: { text: TOY_TEXT },
    states: visited,
  }, {
    starts: 6,
    frequent: 1,
  });
  assert.deepEqual([converged, points.length], [6, 3]);
  const stable = 2 * (1 - point ** 2);
  const found = points.map(({ spectral_radius, unstable }) => [spectral_radius, unstable]).sort(([a], [b]) => a - b);
  [[stable, 0], [stable, 0], [2, 1]].forEach(([radius, unstable], i) => {
    near(found[i][0], radius, 1e-11, "the slope");
    assert.equal(found[i][1], unstable);
  });
  const starts = new Map([["layers.0.h", Float64Array.from(values)]]);
  await using search = await StackSearch.run(model, new Uint8Array(6), starts, TOLERANCES, {});
  const ends = search.ends.map(({ point: [x] }) => x);
  for (const wanted of [-point, 0, point]) {
    const nearest = ends.reduce((a, b) => Math.abs(a - wanted) < Math.abs(b - wanted) ? a : b);
    near(nearest, wanted, 1e-12, "a point");
  }
});

Deno.test("fixedPointsOf() spreads its starts over the tokens of a stream", async () => {
  // In the first half a stream is on one side of the unstable point, in the second half on the other.
  const states = new Map([["layers.0.h", [Float64Array.of(-2, -2, -2, 2, 2, 2)]]]), streams = { text: TOY_TEXT };
  const model = checkModel(toyModel(tanhCell, toySizes(1)), "test");
  const { tokens: [{ points }] } = await fixedPointsOf(model, { streams, states }, { starts: 4, frequent: 1 });
  assert.deepEqual(points.map(({ found_from }) => found_from), [2, 2]);
});

Deno.test("fixedPoints() finds points of the whole stack, with the eigenvalues of its whole Jacobian", async () => {
  for (const name of ["gru", "lstm", "ran"]) {
    const size = 3,
      whole = drawnModel(cellOf(catalogConfig(name, 2, size)), toySizes(size, 2), 2),
      model = checkModel(whole, "test");
    const { graph, states } = evaluationModel(whole.cell, { ...toySizes(size, 2), batch: 1 });
    const starts = new Map(
      states.map(({ name }) => [name, Float64Array.from({ length: 2 * size }, (_, i) => Math.sin(i))]),
    );
    const step = (point: Float64Array, token: number): number[] => {
      const own = states.map(({ name }, i) => [name, point.subarray(i * size, (i + 1) * size)] as const);
      const results = interpret(graph, new Map([...model.weights, ...own, [INPUTS.bytes, Float64Array.of(token)]]));
      return states.flatMap(({ name }) => [...results.get(name)!]);
    };
    await using search = await StackSearch.run(model, Uint8Array.of(0, 2), starts, TOLERANCES, {});
    const stabilities = await search.stabilities([1, 0]);
    for (const [row, token] of [[0, 0], [1, 2]]) {
      const { point, q } = search.ends[row], after = step(point, token);
      assert.equal(point.length, states.length * size);
      assert.ok(q < 1e-24, `${name}: q is ${q}`);
      after.forEach((x, i) => near(x, point[i], 1e-12, `${name}: number ${i} after a step`));
      // Central differences: their error is of the order of h² + ε/h, 1e-10.
      const h = 1e-5,
        columns = Array.from(point, (_, j) => {
          const [up, down] = [h, -h].map((by) => step(point.map((x, i) => i === j ? x + by : x), token));
          return up.map((x, i) => (x - down[i]) / (2 * h));
        });
      const radius = largestEigenvalue(new Matrix(columns).transpose());
      near(stabilities[1 - row]!.spectral_radius, radius, 1e-7, `${name}: the spectral radius`);
    }
  }
});

function largestEigenvalue(matrix: Matrix): number {
  const { realEigenvalues, imaginaryEigenvalues } = new EigenvalueDecomposition(matrix);
  return Math.max(...realEigenvalues.map((real, i) => Math.hypot(real, imaginaryEigenvalues[i])));
}

/** What becomes of starts of a cell of one number. */
async function countsOf(next: (h: Tensor) => Tensor, values: readonly number[]) {
  const model = checkModel(toyModel(mapCell("toy", (_, _x, h) => next(h)), toySizes(1)), "test");
  const visited = new Map([["layers.0.h", values.map((x) => Float64Array.of(x))]]);
  const { tokens: [found] } = await fixedPointsOf(model, { streams: { text: TOY_TEXT }, states: visited }, {
    starts: values.length,
    frequent: 1,
  });
  return found;
}

const ENDS: readonly (readonly [what: string, next: (h: Tensor) => Tensor, values: number[], counts: number[]])[] = [
  ["a local minimum of q that is low as slow", (h) => add(add(h, mul(h, h)), 1e-4), [-0.5, -0.1], [0, 2, 0]],
  ["one that is high as failed", (h) => add(add(h, mul(h, h)), 0.1), [-0.5, 0.3], [0, 0, 2]],
  ["a slow drift without a fixed point as slow", (h) => add(h, 1e-4), [1, 2], [0, 2, 0]],
  ["a fast one as failed", (h) => add(h, 1), [1, 2], [0, 0, 2]],
  ["a division by zero and a root of what is negative as failed", (h) => sqrt(div(1, h)), [0, -1, 3], [1, 0, 2]],
  ["a fixed point whose Jacobian is infinite as failed", (h) => mul(0.5, sqrt(h)), [0], [0, 0, 1]],
  ["a root that Newton's method meets step by half step as fixed", (h) => add(h, mul(h, h)), [0.3], [1, 0, 0]],
];
for (const [what, next, values, counts] of ENDS) {
  Deno.test(`fixedPoints() counts ${what}`, async () => {
    const { converged, slow, failed, points } = await countsOf(next, values);
    assert.deepEqual([converged, slow, failed], counts);
    assert.equal(points.length, Math.min(converged, 1));
  });
}

Deno.test("newton() halves its step when a whole one leads away, and follows the map out of a local minimum", async () => {
  // Newton's method on arctan diverges from |s| > 1.39; F(s) − s = −arctan(s) / 2.
  const one = (f: (x: number) => number, slope: (x: number) => number): PointMap => ({
    apply: (points) => Promise.resolve(points.map((point) => point.map(f))),
    jacobians(points, which, use) {
      for (const place of which) use(place, [Float64Array.of(slope(points[place][0]))]);
      return Promise.resolve();
    },
  });
  const arctan = one((x) => x - Math.atan(x) / 2, (x) => 1 - 0.5 / (1 + x * x));
  const told: number[] = [];
  const [far] = await newton(arctan, [Float64Array.of(20)], TOLERANCES, (over) => void told.push(over));
  near(far.point[0], 0, 1e-13, "the root of arctan");
  assert.ok(told.length < 20 && told.at(-1) === 1, told.join());
  // F(s) − s = (s² + 1/10) (3 − s) / 10 has a local minimum of its square near 0; the map drifts over it to 3.
  const ghost = one((x) => x + (x * x + 0.1) * (3 - x) / 10, (x) => 1 + (2 * x * (3 - x) - x * x - 0.1) / 10);
  const [beyond] = await newton(ghost, [Float64Array.of(-1)], TOLERANCES, () => {});
  near(beyond.point[0], 3, 1e-13, "the root behind the local minimum");
});

Deno.test("fixedPoints() takes the most frequent tokens, with their shares, and as many starts as it is told to", async () => {
  const text = Uint8Array.from({ length: 400 }, (_, i) => i % 4 === 0 ? 0 : i % 8 === 1 ? 1 : 2);
  const { tokens } = await fixedPoints(toyModel(leakyCell, toySizes(1)), text, { ...CUT, frequent: 2, starts: 3 });
  assert.deepEqual(tokens.map(({ token, share, starts }) => [token, share, starts]), [[2, 0.625, 3], [0, 0.25, 3]]);
  const all = await fixedPoints(toyModel(leakyCell, toySizes(1)), text, CUT);
  assert.deepEqual(all.tokens.map(({ token }) => token), [2, 0, 1]);
  assert.deepEqual([all.tolerance, all.slow_tolerance, all.tokens[0].starts], [1e-12, 1e-6, 8]);
});

Deno.test("fixedPoints() ends in points and counts for every kind of cell", async () => {
  for (const name of ["slstm", "lru", "min_gru", "lem", "vanilla"]) {
    const model = drawnModel(cellOf(catalogConfig(name, 2, 3)), toySizes(3, 2), 1);
    for (const { starts, converged, slow, failed, points } of (await fixedPoints(model, TOY_TEXT, CUT)).tokens) {
      assert.equal(converged + slow + failed, starts, name);
      assert.equal(points.reduce((sum, { found_from }) => sum + found_from, 0), converged, name);
    }
  }
});

Deno.test("fixedPoints() tells how far it is, and stops when it is told to", async () => {
  const told: number[][] = [], stop = new AbortController(), model = drawnModel(lstmCell, toySizes(3, 2), 1);
  await fixedPoints(model, TOY_TEXT, { ...CUT, onProgress: (...progress) => void told.push(progress) });
  assert.deepEqual(told.at(-1), [2 * 3 * 8, 2 * 3 * 8]);
  assert.ok(told.every(([done], i) => !i || done >= told[i - 1][0]), JSON.stringify(told));
  const onProgress = () => stop.abort(new Error("enough"));
  const stopped = fixedPoints(model, TOY_TEXT, { ...CUT, onProgress, signal: stop.signal });
  await assert.rejects(stopped, { message: "enough" });
});

const REFUSED: readonly (readonly [what: string, options: FixedPointsOptions, message: string])[] = [
  ["no token to hold", { frequent: 0 }, "frequent is 0, must be a whole number of at least 1, and below 2^53"],
  ["no start", { starts: 0 }, "starts is 0, must be a whole number of at least 1, and below 2^53"],
  ["no stream", { streams: 0 }, "streams is 0, must be a whole number of at least 1, and below 2^53"],
];
for (const [what, options, message] of REFUSED) {
  Deno.test(`fixedPoints() refuses ${what}`, async () => {
    // Before anything is read: the signal would be heard then.
    const refused = { ...CUT, ...options, signal: AbortSignal.abort() };
    const found = fixedPoints(drawnModel(gruCell, toySizes(2)), TOY_TEXT, refused);
    await assert.rejects(found, { name: "RangeError", message: `Cannot find fixed points: ${message}` });
  });
}

Deno.test("fixedPoints() refuses a model that carries no state", async () => {
  const found = fixedPoints(toyModel(mapCell("forgetful", (_, x) => x), toySizes(1)), TOY_TEXT, CUT);
  await assert.rejects(found, { name: "UserError", message: "Cannot find fixed points: the model carries no state" });
});
