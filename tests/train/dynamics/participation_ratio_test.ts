/** The participation ratio against covariances that are known. */
import assert from "node:assert/strict";
import { gruCell, lstmCell } from "../../../cells/catalog/catalog.ts";
import { participationOf, participationRatio } from "../../../train/dynamics/participation_ratio.ts";
import { checkModel } from "../../../train/dynamics/weighted_model.ts";
import { cutStreams, type VisitedStates } from "../../../train/dynamics/streams.ts";
import { visitedStates } from "../../../train/dynamics/walk.ts";
import { randomStream } from "../../../train/corpus/random.ts";
import { drawnModel, mapCell, TOY_TEXT, toyModel, toySizes } from "./toys.ts";

/** States of one layer, of streams whose row `t` is `row(stream, t)`. */
function visitedBy(
  streams: number,
  tokens: number,
  row: (stream: number, t: number) => readonly number[],
): VisitedStates {
  const stream = (s: number) => Float64Array.from(Array.from({ length: tokens }, (_, t) => row(s, t)).flat());
  return new Map([["layers.0.h", Array.from({ length: streams }, (_, s) => stream(s))]]);
}

/** Independent numbers of a standard normal distribution, by Box and Muller. */
function normals(seed: number): () => number {
  const { uniform } = randomStream(seed, "participation");
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

for (const [n, tokens] of [[8, 25], [8, 200], [32, 50]]) {
  Deno.test(`participationOf() is n/(1 + n/T) on average for ${n} independent numbers and T = 4 · ${tokens}`, async () => {
    const found: number[] = [];
    for (let seed = 0; seed < 20; seed++) {
      const next = normals(seed), visited = visitedBy(4, tokens, () => Array.from({ length: n }, next));
      found.push(
        (await participationOf({ states: visited, streams: { streams: 4, tokens, warm_up: 0 } })).whole.value!,
      );
    }
    const wanted = n / (1 + n / (4 * tokens)), spread = Math.sqrt(mean(found.map((x) => (x - mean(found)) ** 2)) / 20);
    // Four standard errors of 20 seeds; and 2/T of it, since the formula is one of first order in 1/T.
    const limit = 4 * spread + 2 * wanted / (4 * tokens);
    assert.ok(Math.abs(mean(found) - wanted) < limit, `${mean(found)}, must be ${wanted} ± ${limit}`);
    assert.ok(limit < 0.05 * wanted, `a limit of ${limit} shows nothing`);
  });
}

Deno.test("participationOf() is 1 when all states lie on a line, and its standard error is 0", async () => {
  const visited = visitedBy(3, 10, (s, t) => [5 + s * t + t, 1 - 2 * (s * t + t), 0.5]);
  const { whole } = await participationOf({ states: visited, streams: { streams: 3, tokens: 10, warm_up: 0 } });
  assert.ok(Math.abs(whole.value! - 1) < 1e-12 && whole.standard_error! < 1e-12, JSON.stringify(whole));
  assert.equal(whole.numbers, 3);
});

Deno.test("participationOf() is null when nothing varies", async () => {
  const nothing = { value: null, standard_error: null, numbers: 3 };
  const { whole, layers } = await participationOf({
    states: visitedBy(3, 7, () => [0.1, 1e9 / 3, -0.7]),
    streams: {
      streams: 3,
      tokens: 7,
      warm_up: 0,
    },
  });
  assert.deepEqual([whole, layers], [nothing, [nothing]]);
});

Deno.test("participationOf() has no standard error when one stream alone varies, or there is one", async () => {
  const some = visitedBy(3, 7, (s, t) => s === 1 ? [t, t * t] : [0.1, 0.7]);
  const { whole } = await participationOf({ states: some, streams: { streams: 3, tokens: 7, warm_up: 0 } });
  assert.ok(whole.value! > 1 && whole.standard_error === null, JSON.stringify(whole));
  const one = visitedBy(1, 7, (_, t) => [t, t * t]);
  const single = await participationOf({ states: one, streams: { streams: 1, tokens: 7, warm_up: 0 } });
  assert.ok(single.whole.value! > 1 && single.whole.standard_error === null, JSON.stringify(single));
});

/** By its definition, of rows. */
function ratioByHand(rows: readonly (readonly number[])[]): number {
  const n = rows[0].length, centre = Array.from({ length: n }, (_, c) => mean(rows.map((row) => row[c])));
  const covariance = (a: number, b: number) => mean(rows.map((row) => (row[a] - centre[a]) * (row[b] - centre[b])));
  let trace = 0, squares = 0;
  for (let a = 0; a < n; a++) {
    trace += covariance(a, a);
    for (let b = 0; b < n; b++) squares += covariance(a, b) ** 2;
  }
  return trace ** 2 / squares;
}

Deno.test("participationRatio() is that of the definition for each layer and all, with the jackknife's standard error, of states from a walk", async () => {
  const cut = { streams: 3, tokens: 40, warm_up: 6 }, size = 3, model = drawnModel(lstmCell, toySizes(size, 2));
  const found = await participationRatio(model, TOY_TEXT, cut);
  const checked = checkModel(model, "test"), streams = cutStreams(TOY_TEXT, cut, checked, "test");
  const visited = await visitedStates(checked, streams, "test");
  const rowsOf = (layers: readonly number[], left?: number) =>
    [0, 1, 2].filter((s) => s !== left).flatMap((s) =>
      Array.from({ length: cut.tokens }, (_, t) =>
        layers.flatMap((layer) =>
          ["h", "c"].flatMap((state) => [
            ...visited.get(`layers.${layer}.${state}`)![s].subarray(t * size, (t + 1) * size),
          ])
        ))
    );
  const parts = [[found.whole, [0, 1]], [found.layers[0], [0]], [found.layers[1], [1]]] as const;
  for (const [part, layers] of parts) {
    const without = [0, 1, 2].map((left) => ratioByHand(rowsOf(layers, left))), centre = mean(without);
    const error = Math.sqrt(2 * mean(without.map((x) => (x - centre) ** 2)));
    assert.equal(part.numbers, layers.length * 2 * size);
    // Products of some hundred rows in another order.
    assert.ok(Math.abs(part.value! - ratioByHand(rowsOf(layers))) < 1e-11, `${part.value} of ${layers}`);
    assert.ok(Math.abs(part.standard_error! - error) < 1e-10 && error > 0, `${part.standard_error}, must be ${error}`);
  }
  assert.deepEqual([found.streams, found.tokens, found.warm_up, found.layers.length], [3, 40, 6, 2]);
});

Deno.test("participationRatio() refuses a model that carries no state, and a text that is too short", async () => {
  const action = "Cannot measure the participation ratio: ";
  const forgetfulCell = mapCell("forgetful", (_, x) => x), cut = { streams: 2, tokens: 9, warm_up: 0 };
  const nothing = participationRatio(toyModel(forgetfulCell, toySizes(1)), TOY_TEXT, cut);
  await assert.rejects(nothing, { name: "UserError", message: `${action}the model carries no state` });
  const short = participationRatio(drawnModel(gruCell, toySizes(2)), TOY_TEXT);
  await assert.rejects(short, {
    name: "RangeError",
    message: `${action}the text has 2000 tokens, must have at least 36865 for 8 streams of 512 + 4096`,
  });
});
