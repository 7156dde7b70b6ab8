import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { EMBEDDED, loadCorpus, makeCorpus } from "../../../train/corpus/corpus.ts";
import { buildGrammar, entropyRate, generateEmbedded } from "../../../train/corpus/embedded.ts";
import { readShared, sharedText } from "../../../train/corpus/shared_text.ts";
import { splitEnds, SplitHasher } from "../../../train/corpus/split.ts";
import { initialWeights, passOffsets, randomStream } from "../../../train/corpus/random.ts";

Deno.test("generateEmbedded() gives the same bytes for one seed, others for another", () => {
  const first = generateEmbedded(1, 5000).text;
  assert.deepEqual(generateEmbedded(1, 5000).text, first);
  assert.notDeepEqual(generateEmbedded(2, 5000).text, first);
  assert.equal(first.length, 5000);
  assert.deepEqual(generateEmbedded(1, 9000).text.slice(0, 5000), first);
});

Deno.test("a grammar's probabilities add up to one, and its tokens are prefix-free in each state", () => {
  for (const [state, edges] of buildGrammar(EMBEDDED.seed)) {
    const total = edges.reduce((sum, { probability }) => sum + probability, 0);
    assert.ok(Math.abs(total - 1) < 1e-12, `${state}: ${total}`);
    for (const a of edges) {
      for (const b of edges) {
        // One word may lead to one state by two edges only if they are one token; then the bytes would not tell the walk.
        assert.ok(a === b || !b.text.startsWith(a.text), `${state}: '${a.text}' begins '${b.text}'`);
      }
    }
  }
});

Deno.test("entropyRate() agrees with the negative log-likelihood of a long text, read back by following the grammar", () => {
  const grammar = buildGrammar(EMBEDDED.seed);
  const { text, entropy_rate } = generateEmbedded(EMBEDDED.seed, EMBEDDED.bytes);
  const whole = new TextDecoder().decode(text);
  let state = "start", at = 0, nats = 0;
  for (;;) {
    const edge = grammar.get(state)!.find((e) => whole.startsWith(e.text, at));
    if (!edge) break;
    nats -= Math.log(edge.probability);
    at += edge.text.length;
    state = edge.next;
  }
  assert.ok(whole.length - at < 20, `the text could be read to byte ${at} of ${whole.length}`);
  assert.equal(entropy_rate, entropyRate(grammar));
  assert.ok(Math.abs(nats / at / entropy_rate - 1) < 0.005, `${nats / at} against ${entropy_rate}`);
});

Deno.test("entropyRate() is ln 2 per byte for a fair coin of two letters", () => {
  const coin = new Map([["s", [
    { text: "a", probability: 0.5, next: "s" },
    { text: "b", probability: 0.5, next: "s" },
  ]]]);
  assert.ok(Math.abs(entropyRate(coin) - Math.LN2) < 1e-12);
});

Deno.test("makeCorpus() splits 90/5/5, contiguous, nothing lost", () => {
  const text = new Uint8Array(1234).map((_, i) => i);
  const { train, validation, test, bytes } = makeCorpus("x", text, 1000);
  assert.deepEqual([train.length, validation.length, test.length, bytes], [1110, 62, 62, 1234]);
  assert.deepEqual(new Uint8Array([...train, ...validation, ...test]), text);
});

const sha1 = (bytes: Uint8Array) => createHash("sha1").update(bytes).digest("hex");

Deno.test("SplitHasher gives the SHA-1 of the whole and of both splits, however the bytes come", () => {
  for (const length of [1, 2, 19, 1000, 1234]) {
    const text = new Uint8Array(length).map((_, i) => i * i), { train, validation } = splitEnds(length);
    const expected = {
      sha1: sha1(text),
      train_sha1: sha1(text.subarray(0, train)),
      test_sha1: sha1(text.subarray(validation)),
    };
    for (const chunk of [1, 7, 900, 1110, length]) {
      const hasher = new SplitHasher(length);
      for (let at = 0; at < length; at += chunk) hasher.update(text.subarray(at, at + chunk));
      assert.deepEqual(hasher.digest(), expected, `${length} bytes, ${chunk} at a time`);
    }
  }
  const hasher = new SplitHasher(3);
  hasher.update(new Uint8Array(2));
  assert.throws(() => hasher.digest(), /Cannot hash a corpus of 3 bytes: got 2/);
});

Deno.test("loadCorpus() reads a file into one memory that workers share, with the bytes and hashes of makeCorpus()", async () => {
  const path = await Deno.makeTempFile();
  try {
    // More than is read at a time.
    const text = new Uint8Array(2 ** 23 + 12_345).map((_, i) => (i * i) >> 5);
    await Deno.writeFile(path, text);
    const { path: _, ...corpus } = await loadCorpus(path, 1000);
    assert.deepEqual(corpus, makeCorpus(basename(path), text, 1000));
    assert.equal(corpus.sha1, sha1(text));
    assert.ok(corpus.train.buffer instanceof SharedArrayBuffer);
    assert.ok(corpus.validation.buffer === corpus.train.buffer && corpus.test.buffer === corpus.train.buffer);
    assert.equal(sharedText(corpus.train), corpus.train, "what is shared is not copied");
    assert.equal(sharedText(text), sharedText(text), "one copy of what is not");
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("readShared() refuses a file that has more or fewer bytes by the time it is read", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, new Uint8Array(100));
    for (const announced of [99, 101]) {
      await assert.rejects(
        readShared(path, announced, () => {}),
        new RegExp(`^UserError: Cannot read .*: it changed while it was read, from ${announced} bytes$`),
      );
    }
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("loadCorpus() refuses a missing, empty, small or unreadable file with one line that has the sizes", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeFile(join(dir, "empty"), new Uint8Array());
    await Deno.writeFile(join(dir, "small"), new Uint8Array(1000));
    await assert.rejects(
      loadCorpus(join(dir, "none"), 1000),
      /^UserError: Cannot read corpus .*none: it does not exist; must be embedded, enwik8, text8, tinyshakespeare or a readable file$/,
    );
    await assert.rejects(loadCorpus(dir, 1000), /Cannot read corpus .*: it is a folder/);
    await assert.rejects(loadCorpus(join(dir, "empty"), 1000), /Cannot use corpus empty: it is empty/);
    await assert.rejects(
      loadCorpus(join(dir, "small"), 1000),
      /Cannot use corpus small: it has 1000 bytes, .* has 900; one sequence needs 1000/,
    );
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("randomStream() gives one stream for one seed and name, others for others", () => {
  const draw = (seed: number, name: string) =>
    Array.from({ length: 8 }, () => 0).map(((s) => () => s.uniform())(randomStream(seed, name)));
  assert.deepEqual(draw(1, "a"), draw(1, "a"));
  assert.notDeepEqual(draw(1, "a"), draw(2, "a"));
  assert.notDeepEqual(draw(1, "a"), draw(1, "b"));
});

Deno.test("randomStream() is uniform: mean and variance of 100,000 numbers within five standard errors", () => {
  const stream = randomStream(7, "uniformity");
  const values = Array.from({ length: 100_000 }, () => stream.uniform());
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
  assert.ok(Math.abs(mean - 0.5) < 5 * Math.sqrt(1 / 12 / values.length), `mean ${mean}`);
  assert.ok(Math.abs(variance - 1 / 12) < 5 * Math.sqrt(1 / 180 / values.length), `variance ${variance}`);
});

Deno.test("initialWeights() keeps to ±1/√fan_in and does not depend on the other weights", () => {
  const a = { name: "a", shape: [64, 25], fan_in: 25 }, b = { name: "b", shape: [10], fan_in: 100 };
  const weights = initialWeights([a, b], 3);
  const largest = weights.get("a")!.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  assert.ok(largest <= 0.2 && largest > 0.19, `largest ${largest}`);
  assert.deepEqual(initialWeights([b], 3).get("b"), weights.get("b"));
  assert.notDeepEqual(initialWeights([b], 4).get("b"), weights.get("b"));
});

Deno.test("passOffsets() draws every place where a pass fits, and no other", () => {
  const offsets = passOffsets(0, 0, 4000, 10, 14);
  assert.deepEqual([...new Set(offsets)].sort(), [0, 1, 2, 3, 4]);
  assert.notDeepEqual(passOffsets(0, 1, 4000, 10, 14), offsets);
  assert.throws(() => passOffsets(0, 0, 1, 15, 14), /the text has 14 tokens, a sequence reads 15/);
});
