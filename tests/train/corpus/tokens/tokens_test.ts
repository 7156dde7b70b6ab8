import assert from "node:assert/strict";
import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import { EMBEDDED } from "../../../../train/corpus/corpus.ts";
import { generateEmbedded } from "../../../../train/corpus/embedded.ts";
import { randomStream } from "../../../../train/corpus/random.ts";
import { BYTES, learnMerges, type Merge } from "../../../../train/corpus/tokens/learn.ts";
import { BYTE_TOKENIZER, BytePairTokenizer, bytesOf } from "../../../../train/corpus/tokens/tokenizer.ts";
import { decodeTokenizer, encodeTokenizer } from "../../../../train/corpus/tokens/tokenizer_json.ts";
import { WORD_PATTERN, wordEnd } from "../../../../train/corpus/tokens/words.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

/** Some of a list, drawn at random. */
function drawn<T>(seed: number, length: number, from: readonly T[]): T[] {
  const stream = randomStream(seed, "tokens test");
  return Array.from({ length }, () => from[stream.integer(0, from.length - 1)]);
}

const CHARACTERS = [..." \t\n\r\f\v\0\x01'.,-_!ab Zé09٣日本€\u00a0\u2028\u0085\ufeff🙂"];
const unicodeText = (seed: number, length: number) => drawn(seed, length, CHARACTERS).join("");
const bytesText = (seed: number, length: number) =>
  Uint8Array.from(drawn(seed, length, Array.from({ length: 256 }, (_, byte) => byte)));

function wordsOf(text: Uint8Array): Uint8Array[] {
  const words: Uint8Array[] = [];
  for (let at = 0; at < text.length; at += words.at(-1)!.length) words.push(text.subarray(at, wordEnd(text, at)));
  return words;
}

/** The same by the book: counts all pairs again before each merge. */
function learnPlainly(text: Uint8Array, vocabulary: number): Merge[] {
  const words = wordsOf(text).map((word) => [...word]), merges: Merge[] = [];
  while (BYTES + merges.length < vocabulary) {
    const counts = new Map<string, number>();
    for (const word of words) {
      for (let i = 0; i + 1 < word.length; i++) {
        const pair = `${word[i]},${word[i + 1]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + 1);
      }
    }
    const [best] = [...counts].filter(([, count]) => count > 1).map(([pair, count]) => ({
      count,
      pair: pair.split(",").map(Number),
    })).sort((a, b) => b.count - a.count || a.pair[0] - b.pair[0] || a.pair[1] - b.pair[1]);
    if (!best) break;
    const [left, right] = best.pair;
    for (const word of words) mergePlainly(word, [left, right], BYTES + merges.length);
    merges.push([left, right]);
  }
  return merges;
}

function mergePlainly(word: number[], [left, right]: Merge, token: number): void {
  for (let i = 0; i + 1 < word.length; i++) if (word[i] === left && word[i + 1] === right) word.splice(i, 2, token);
}

Deno.test("wordEnd() cuts text in UTF-8 where the regular expression does", () => {
  for (let seed = 0; seed < 200; seed++) {
    const text = unicodeText(seed, 60);
    const words = text.match(new RegExp(WORD_PATTERN, "gu"))!;
    assert.equal(words.join(""), text);
    assert.deepEqual(wordsOf(encode(text)).map(decode), words, JSON.stringify(text));
  }
});

Deno.test("wordEnd() leaves the last of several white spaces to the next word, and cuts by kind", () => {
  const words = (text: string) => wordsOf(encode(text)).map(decode);
  assert.deepEqual(words("It's 12  o'clock,\n\nnow. \n"), [
    ..."It|'|s| 12| | o|'|clock|,|\n|\n|now|.| \n".split("|"),
  ]);
  assert.deepEqual(words("naïve €5"), ["naïve", " €", "5"]);
});

Deno.test("learnMerges() finds the merges that counting all pairs anew finds, on text and on bytes", () => {
  const { text } = generateEmbedded(2, 6000);
  assert.deepEqual(learnMerges(text, 330), learnPlainly(text, 330));
  for (let seed = 0; seed < 40; seed++) {
    const text = Uint8Array.from(drawn(seed, 400, [..."aabbc  "].map((c) => c.charCodeAt(0))));
    assert.deepEqual(learnMerges(text, 300), learnPlainly(text, 300), `seed ${seed}: ${decode(text)}`);
  }
});

Deno.test("learnMerges() takes the pair with the smaller tokens where counts are equal, and none that occurs once", () => {
  // "ab" and "xy" twice, "cd" once.
  assert.deepEqual(learnMerges(encode("xy ab.xy.ab.cd"), 1000), [[0x61, 0x62], [0x78, 0x79]]);
  assert.deepEqual(learnMerges(encode("abc"), 1000), []);
  assert.deepEqual(learnMerges(new Uint8Array(), 1000), []);
});

Deno.test("learnMerges() merges a run from left to right", () => {
  assert.deepEqual(learnMerges(encode("aaaaaaa"), 1000), [[0x61, 0x61], [256, 256]]);
});

Deno.test("learnMerges() makes no two tokens of the same bytes", () => {
  for (let seed = 0; seed < 30; seed++) {
    const text = Uint8Array.from(drawn(seed, 3000, [0x61, 0x61, 0x61, 0x62, 0x20]));
    const tokenizer = BytePairTokenizer.learn(text, 400);
    const names = Array.from({ length: tokenizer.vocabulary }, (_, token) => tokenizer.bytes(token).join());
    assert.equal(new Set(names).size, tokenizer.vocabulary);
  }
});

Deno.test("learnMerges() learns a longer text on blocks that are spread over all of it", () => {
  const part = (letters: string) => encode(letters.repeat(64 * 256));
  const text = new Uint8Array([...part("ab cd "), ...part("xy zw ")]);
  const tokens = (merges: readonly Merge[]) => merges.map(([a, b]) => String.fromCharCode(a, b));
  const learned = tokens(learnMerges(text, 1000, 128 * 60));
  for (const pair of ["ab", " c", "xy", " z"]) assert.ok(learned.includes(pair), `${pair} of ${learned}`);
  // A block of one byte has no pair at all.
  assert.deepEqual(learnMerges(text, 1000, 128), []);
});

Deno.test("learnMerges() learns 1,024 tokens of the embedded megabyte", () => {
  const { text } = generateEmbedded(EMBEDDED.seed, EMBEDDED.bytes);
  assert.equal(learnMerges(text, 1024).length, 1024 - BYTES);
});

Deno.test("encode() merges what was learned first, from left to right, within words", () => {
  const { text } = generateEmbedded(3, 4000);
  const tokenizer = BytePairTokenizer.learn(text, 400);
  const plainly = wordsOf(text).flatMap((word) => {
    const tokens = [...word];
    tokenizer.merges.forEach((merge, i) => mergePlainly(tokens, merge, BYTES + i));
    return tokens;
  });
  assert.deepEqual([...tokenizer.encode(text)], plainly);
});

Deno.test("decode() gives back any bytes that encode() was given", () => {
  const tokenizers = [
    BYTE_TOKENIZER,
    BytePairTokenizer.learn(generateEmbedded(1, 20_000).text, 600),
    BytePairTokenizer.learn(bytesText(1, 200_000), 300),
    BytePairTokenizer.learn(encode("日本語 naïve €5 ".repeat(9)), 290),
  ];
  const texts = [
    new Uint8Array(),
    Uint8Array.of(0xff),
    new Uint8Array(1000).fill(0x80),
    bytesText(2, 5000),
    encode(unicodeText(1, 2000)),
    // A character of three bytes, cut in two.
    encode("日本語").subarray(1, 8),
    generateEmbedded(1, 5000).text,
  ];
  for (const tokenizer of tokenizers) {
    for (const text of texts) {
      const tokens = tokenizer.encode(text);
      assert.deepEqual(tokenizer.decode(tokens), text, tokenizer.name);
      assert.equal(bytesOf(tokens, tokenizer), text.length);
    }
  }
});

Deno.test("a word of a megabyte is learned and encoded like any other", () => {
  const text = Uint8Array.from(drawn(4, 2 ** 20, [..."ACGT"].map((c) => c.charCodeAt(0))));
  const tokenizer = BytePairTokenizer.learn(text, 300);
  assert.deepEqual(tokenizer.decode(tokenizer.encode(text)), text);
});

Deno.test("Hugging Face's library reads our tokenizer.json, and makes the same tokens of text in UTF-8", () => {
  const learned = encode(unicodeText(5, 4000) + " Ġ naïve 日本語 <b>" + decode(generateEmbedded(4, 20_000).text));
  const tokenizer = BytePairTokenizer.learn(learned, 700);
  const other = new HuggingFaceTokenizer(JSON.parse(encodeTokenizer(tokenizer)), {
    clean_up_tokenization_spaces: false,
  });
  for (const text of [...Array.from({ length: 20 }, (_, seed) => unicodeText(100 + seed, 200)), decode(learned)]) {
    const tokens = [...tokenizer.encode(encode(text))];
    assert.deepEqual(other.encode(text, { add_special_tokens: false }).ids, tokens, JSON.stringify(text));
    // That library's TextDecoder takes a byte order mark at the beginning away.
    assert.equal(other.decode(tokens), text.replace(/^\ufeff/, ""));
  }
});

Deno.test("decodeTokenizer() reads what encodeTokenizer() wrote, and nothing else", () => {
  const tokenizer = BytePairTokenizer.learn(generateEmbedded(1, 20_000).text, 300);
  const text = encodeTokenizer(tokenizer);
  assert.deepEqual(decodeTokenizer(text, "tokenizer.json").merges, tokenizer.merges);
  const refused = (changed: string, why: RegExp) => {
    assert.notEqual(changed, text);
    assert.throws(() => decodeTokenizer(changed, "a/tokenizer.json"), why);
  };
  const file = JSON.parse(text);
  const edited = (change: (copy: typeof file) => void) => {
    const copy = structuredClone(file);
    change(copy);
    return JSON.stringify(copy, null, 1) + "\n";
  };
  const foreign = /^UserError: Cannot read a\/tokenizer\.json: it differs from what cellspace writes/;
  refused(text.slice(0, -20), /^UserError: Cannot read a\/tokenizer\.json: it is not JSON$/);
  refused("{}", /^UserError: Cannot read a\/tokenizer\.json: .*model/);
  refused(edited(({ model }) => model.merges.push("? no")), foreign);
  refused(edited(({ model }) => model.merges.push("one")), foreign);
  refused(edited(({ model }) => model.merges.pop()), foreign);
  refused(edited(({ model }) => model.vocab["!"] = 7), foreign);
  refused(edited((copy) => copy.normalizer = { type: "NFC" }), foreign);
  refused(edited((copy) => copy.pre_tokenizer.pretokenizers.shift()), foreign);
});

Deno.test("decodeTokenizer() refuses 84,000 merges that make one token, before it makes anything of them", () => {
  for (const count of [2, 60_000, 84_000]) {
    const text = JSON.stringify({ model: { merges: Array(count).fill("a b") } });
    assert.throws(() => decodeTokenizer(text, "f"), {
      name: "UserError",
      message: "Cannot read f: it differs from what cellspace writes: it was edited, or another program wrote it",
    });
  }
});

Deno.test("a tokenizer refuses merges that double a token until no memory holds it", () => {
  const merges = Array.from({ length: 60 }, (_, i): [number, number] => i ? [255 + i, 255 + i] : [0, 0]);
  assert.throws(() => new BytePairTokenizer(merges), /^RangeError: Cannot make token \d+: all up to it have \d+ bytes/);
  assert.equal(new BytePairTokenizer(merges.slice(0, 10)).lengths.at(-1), 1024);
});

Deno.test("bytesOf() refuses tokens that the tokenizer has not", () => {
  assert.throws(
    () => bytesOf(Uint16Array.of(7, 256), BYTE_TOKENIZER),
    /^RangeError: .* outside the vocabulary of 256$/,
  );
});

Deno.test("a tokenizer refuses more tokens than 16 bits hold, and merges of tokens that come later", () => {
  assert.throws(() => new BytePairTokenizer(Array(65_281).fill([0, 0])), /^RangeError: .*65537 tokens.* at most 65536/);
  assert.throws(() => new BytePairTokenizer([[0, 256]]), /^RangeError: Cannot merge tokens 0 and 256 into 256/);
});
