/** The echo state against systems whose responses are known. */
import assert from "node:assert/strict";
import { catalogConfig, cellOf, gruCell } from "../../../cells/catalog/catalog.ts";
import { mul } from "../../../cells/graph/builder.ts";
import { evaluationModel } from "../../../cells/language_model.ts";
import { echoState, echoStateOf, type EchoStateOptions, randomStarts } from "../../../train/dynamics/echo_state.ts";
import { cutStreams } from "../../../train/dynamics/streams.ts";
import { visitedStates } from "../../../train/dynamics/walk.ts";
import { checkModel } from "../../../train/dynamics/weighted_model.ts";
import { drawnModel, halvingCell, linearCell, mapCell, tanhCell, TOY_TEXT, toyModel, toySizes } from "./toys.ts";

const CUT = { streams: 3, tokens: 100, warm_up: 5 };
const EXACT = (value: number | null) => ({ value, standard_error: value === null ? null : 0 });

/** Starts of three streams of one number whose visited states are 0: 16 of one stream after those of another. */
const startsFrom = (seed: number) =>
  randomStarts(
    new Map([["layers.0.h", [new Float64Array(4)]]]),
    [{ name: "layers.0.h", shape: [3 * 16, 1] }],
    seed,
  ).get("layers.0.h")!;

/** How often the starts of each stream are halved until they have merged: of sorted ones the largest gap is below 1e-6 then. */
const halvingsNeeded = (seed: number) =>
  [0, 1, 2].map((stream) => {
    const sorted = startsFrom(seed).slice(stream * 16, (stream + 1) * 16).sort();
    const gap = Math.max(...sorted.subarray(1).map((x, i) => x - sorted[i]));
    return Math.floor(Math.log2(gap / 1e-6)) + 1;
  });

Deno.test("echoState() finds exactly the two responses of tanh(2h) without input", async () => {
  const found = await echoState(toyModel(tanhCell, toySizes(1)), TOY_TEXT, CUT);
  assert.deepEqual(found.responses, EXACT(2));
  assert.deepEqual(found.merged_after, EXACT(null));
  // Each start goes to the side that it is on.
  const starts = startsFrom(0);
  const largest = [0, 1, 2].map((stream) => {
    const above = starts.subarray(stream * 16, (stream + 1) * 16).filter((x) => x > 0).length;
    return Math.max(above, 16 - above) / 16;
  });
  const mean = (largest[0] + largest[1] + largest[2]) / 3;
  assert.ok(Math.abs(found.merged_share.value! - mean) < 1e-15, `${found.merged_share.value}, must be ${mean}`);
});

Deno.test("echoState() finds one response of a contraction, after as many tokens as its starts need", async () => {
  const { responses, merged_share, merged_after, ...rest } = await echoState(
    toyModel(halvingCell, toySizes(1)),
    TOY_TEXT,
    { ...CUT, seed: 7 },
  );
  assert.deepEqual([responses, merged_share], [EXACT(1), EXACT(1)]);
  assert.deepEqual(rest, { streams: 3, starts: 16, tokens: 100, tolerance: 1e-6, diverged: 0 });
  const needed = halvingsNeeded(7);
  assert.equal(merged_after.value, (needed[0] + needed[1] + needed[2]) / 3);
});

Deno.test("echoState() finds as many responses as starts when a rotation turns them", async () => {
  const angle = 0.7, [c, s] = [Math.cos(angle), Math.sin(angle)];
  const model = toyModel(linearCell, toySizes(2), { "layers.0.state_nn.weight": [c, -s, s, c] });
  const found = await echoState(model, TOY_TEXT, { ...CUT, starts: 4 });
  assert.deepEqual([found.responses, found.merged_share, found.merged_after], [EXACT(4), EXACT(0.25), EXACT(null)]);
});

Deno.test("echoState() counts starts that become infinite, and leaves them out of the groups", async () => {
  // Below 1 a state goes to 0, above it to infinity; visited states are 0.
  const cubeCell = mapCell("cube", (_, _x, h) => mul(mul(4, h), mul(h, h)));
  const { diverged, responses, merged_share, merged_after } = await echoState(
    toyModel(cubeCell, toySizes(1)),
    TOY_TEXT,
    CUT,
  );
  assert.ok(diverged > 0 && diverged < 48, `${diverged} of 48`);
  assert.deepEqual([responses, merged_after], [EXACT(1), EXACT(null)]);
  assert.ok(Math.abs(merged_share.value! - (48 - diverged) / 48) < 1e-15);
});

Deno.test("echoState() says so when every start becomes infinite", async () => {
  const steepCell = mapCell("steep", (_, _x, h) => mul(1e60, h));
  const found = await echoState(toyModel(steepCell, toySizes(1)), TOY_TEXT, CUT);
  assert.deepEqual([found.diverged, found.responses, found.merged_share], [48, EXACT(0), EXACT(0)]);
});

Deno.test("echoState() finds one response of trained-like cells whose states are several, and reads no further than needed", async () => {
  for (const name of ["gru", "lstm", "slstm"]) {
    const told: number[] = [];
    const model = drawnModel(cellOf(catalogConfig(name, 2, 3)), toySizes(3, 2), 1);
    const { responses, merged_after } = await echoState(model, TOY_TEXT, {
      ...CUT,
      tokens: 600,
      onProgress: (done) => void told.push(done),
    });
    assert.deepEqual(responses, EXACT(1), name);
    // Told every 32 tokens, and at the end, which comes early.
    assert.ok(told.length < 12 && told.at(-1) === 600, told.join());
    assert.ok(merged_after.value! > 1 && merged_after.value! < 300, `${name}: ${merged_after.value}`);
  }
});

Deno.test("randomStarts() is uniform in three standard deviations of what was visited, in ±1 where that is less, and its seed's", () => {
  const visited = new Map([["layers.0.h", [Float64Array.of(5, 0, 9, 0), Float64Array.of(5, 0, 9, 0)]]]);
  const states = [{ name: "layers.0.h", shape: [4000, 2] }];
  const values = randomStarts(visited, states, 1).get("layers.0.h")!;
  const [wide, narrow] = [0, 1].map((unit) => values.filter((_, i) => i % 2 === unit).sort());
  // Mean 7 and deviation 2; and a constant. Ends are within 1 % of the range: of 4,000 numbers they fail to be with probability e⁻²⁰.
  const isNear = (x: number, end: number, range: number) => Math.abs(x - end) < 0.01 * range;
  assert.ok(isNear(wide[0], 1, 12) && isNear(wide.at(-1)!, 13, 12), `${wide[0]} ${wide.at(-1)}`);
  assert.ok(isNear(narrow[0], -1, 2) && isNear(narrow.at(-1)!, 1, 2), `${narrow[0]} ${narrow.at(-1)}`);
  assert.deepEqual(randomStarts(visited, states, 1).get("layers.0.h"), values);
  assert.notDeepEqual(randomStarts(visited, states, 2).get("layers.0.h"), values);
});

Deno.test("echoState() reads each stream from where its warm-up ends", async () => {
  // Of the three tokens one alone halves the state: when starts merge, so many of it have been read.
  const cell = mapCell("halved_by_0", (_, x, h) => mul(x, h)), warm_up = 7;
  const model = toyModel(cell, toySizes(1), { "input_embedding.weight": [0.5, 1, 1] });
  const { merged_after } = await echoState(model, TOY_TEXT, { streams: 3, tokens: 300, warm_up });
  const needed = halvingsNeeded(0), length = Math.floor((TOY_TEXT.length - 1) / 3);
  const read = needed.map((halvings, stream) => {
    let at = stream * length + warm_up;
    for (let left = halvings; left > 0; at++) if (TOY_TEXT[at] === 0) left--;
    return at - stream * length - warm_up;
  });
  assert.ok(new Set(read).size > 1, "streams that need as many tokens show less");
  assert.equal(merged_after.value, (read[0] + read[1] + read[2]) / 3);
});

Deno.test("echoState() gives the same when it is called again, and no standard errors when there is one stream", async () => {
  const model = drawnModel(gruCell, toySizes(3), 1), one = await echoState(model, TOY_TEXT, { ...CUT, streams: 1 });
  assert.deepEqual(await echoState(model, TOY_TEXT, { ...CUT, streams: 1 }), one);
  assert.deepEqual(one.responses, { value: 1, standard_error: null });
});

Deno.test("echoStateOf() gives the same along streams that were walked through before", async () => {
  const model = drawnModel(gruCell, toySizes(3), 1), checked = checkModel(model, "test"), cut = { ...CUT, streams: 4 };
  const streams = cutStreams(TOY_TEXT, cut, checked, "test"), states = await visitedStates(checked, streams, "test");
  assert.deepEqual(await echoStateOf(checked, { streams, states }), await echoState(model, TOY_TEXT, cut));
});

Deno.test("echoState() stops when it is told to", async () => {
  const stop = new AbortController(), told: number[] = [];
  const onProgress = (done: number) => told.push(done) === 1 && stop.abort(new Error("enough"));
  const stopped = echoState(toyModel(tanhCell, toySizes(1)), TOY_TEXT, { ...CUT, onProgress, signal: stop.signal });
  await assert.rejects(stopped, { message: "enough" });
  assert.deepEqual(told, [32]);
});

/** Its state is carried, and read by nothing. */
const forgetfulCell = mapCell("forgetful", (_, x) => x);
const REFUSED: readonly (readonly [what: string, options: EchoStateOptions, message: string])[] = [
  ["one start", { starts: 1 }, "starts is 1, must be a whole number of at least 2, and below 2^53"],
  ["no token", { tokens: 0 }, "tokens is 0, must be a whole number of at least 1, and below 2^53"],
];
for (const [what, options, message] of REFUSED) {
  Deno.test(`echoState() refuses ${what}`, async () => {
    // Before anything is read: the signal would be heard then.
    const refused = { ...CUT, ...options, signal: AbortSignal.abort() };
    const measured = echoState(toyModel(tanhCell, toySizes(1)), TOY_TEXT, refused);
    await assert.rejects(measured, { name: "RangeError", message: `Cannot measure the echo state: ${message}` });
  });
}

Deno.test("echoState() refuses a model that carries no state", async () => {
  assert.equal(evaluationModel(forgetfulCell, toySizes(1)).states.length, 0);
  const message = "Cannot measure the echo state: the model carries no state";
  await assert.rejects(echoState(toyModel(forgetfulCell, toySizes(1)), TOY_TEXT, CUT), { name: "UserError", message });
});
