/** Studies that train on byte-pair tokens. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { evaluateStudy } from "../../../experiments/session/scoring.ts";
import type { RunResult } from "../../../experiments/study/result.ts";
import { Study } from "../../../experiments/study/store.ts";
import { type InitOptions, initStudy } from "../../../experiments/study/init_study.ts";
import { parseTokens, studyText, studyTokenizer } from "../../../experiments/study/text.ts";
import { trainStudy } from "../../../experiments/session/training.ts";
import { decodeEvaluation } from "../../../train/scoring/evaluation_file.ts";
import { corpusFile } from "../corpus_file.ts";
import { editJson } from "../small_study.ts";
import { MAX_STATE_SIZE } from "../../../cells/factors.ts";
import { LIMITS } from "../../../train/training/settings.ts";

let folder = "";
Deno.test.beforeAll(async () => {
  folder = await Deno.makeTempDir();
  corpusFile(folder, { bytes: 20_000 });
});
Deno.test.afterAll(() => Deno.remove(folder, { recursive: true }));

let studies = 0;

/** A new study, of the same small corpus. */
async function makeStudy(more: Partial<InitOptions> = {}): Promise<{ dir: string; study: Study }> {
  const dir = join(folder, `${studies++}`);
  await init(dir, {
    levels: { n_layers: [1], state_size: [8] },
    steps: 100,
    batch: 8,
    history: 51,
    tokens: 400,
    ...more,
  });
  return { dir, study: await Study.open(dir) };
}

function init(dir: string, more: Partial<InitOptions> = {}) {
  return initStudy({ dir, experiment: "01", corpus: join(folder, "corpus.txt"), seeds: 1, ...more });
}

const train = (dir: string, limit = 2) => trainStudy({ dir, experiment: "01", engine: "onnx", parallel: 1, limit });

async function resultsOf(study: Study): Promise<readonly RunResult[]> {
  const { results, unreadable } = await study.readResults("01");
  assert.deepEqual(unreadable, []);
  return results;
}

Deno.test("parseTokens() takes bytes, and byte-pair tokens from 257 to 65,536", () => {
  assert.deepEqual(["bytes", "bpe:257", "bpe:65536"].map(parseTokens), [256, 257, 65_536]);
  for (const wrong of ["bpe:256", "bpe:65537", "bpe", "bpe:", "bpe:1e3", "bpe:-300", "BPE:300", ""]) {
    assert.throws(() => parseTokens(wrong), /must be 'bytes', or 'bpe:' and a size from 257 to 65536/, wrong);
  }
});

Deno.test("a study keeps the tokens that it learned, and init neither changes nor forgets them", async () => {
  const { dir, study } = await makeStudy();
  const { name, vocabulary, split } = study.settings.tokens!;
  assert.deepEqual([name, vocabulary, study.settings.version], ["bpe:400", 400, 2]);
  const text = await studyText(study);
  assert.deepEqual(split, { train: text.train.length, validation: text.validation.length, test: text.test.length });
  assert.deepEqual(text.tokenizer.decode(text.test), text.corpus.test.slice());
  const file = await Deno.readTextFile(study.tokenizerPath);
  await init(dir, { seeds: 2 });
  assert.deepEqual((await Study.open(dir)).settings.tokens, study.settings.tokens);
  // Learned again, it is the same.
  await Deno.remove(study.tokenizerPath);
  await assert.rejects(
    studyTokenizer(study),
    /Cannot read .*tokenizer\.json: it does not exist; put it back, or create it again/,
  );
  await init(dir);
  assert.equal(await Deno.readTextFile(study.tokenizerPath), file);
});

Deno.test("a study's tokens can be changed until it has results, bytes included", async () => {
  const { dir, study } = await makeStudy();
  await init(dir, { tokens: 256 });
  const bytes = (await Study.open(dir)).settings;
  assert.deepEqual([bytes.tokens, bytes.version], [undefined, 1]);
  await assert.rejects(Deno.stat(study.tokenizerPath), Deno.errors.NotFound);
  await init(dir, { tokens: 300 });
  await train(dir, 1);
  const before = await Deno.readTextFile(join(dir, "study.json"));
  for (const [tokens, asked] of [[256, "bytes"], [400, "bpe:400"]] as const) {
    await assert.rejects(init(dir, { tokens }), {
      message: `Cannot extend study ${dir}: its results have batch 8, history 51 and tokens bpe:300, ` +
        `asked for 8, 51 and ${asked}; start another with --dir`,
    });
  }
  await init(dir, { tokens: 300, seeds: 2 });
  await init(dir, { seeds: 3 });
  assert.equal((await Study.open(dir)).settings.tokens!.vocabulary, 300);
  assert.notEqual(await Deno.readTextFile(join(dir, "study.json")), before);
});

Deno.test("init refuses more tokens than a corpus has pairs for, or a pass of more than it has, and writes nothing", async () => {
  const dir = join(folder, "refused");
  await assert.rejects(
    init(dir, { tokens: 65_536 }),
    /^UserError: Cannot learn 65536 tokens from corpus corpus.txt: its training split has repeated pairs for only \d+$/,
  );
  await assert.rejects(
    init(dir, { tokens: 400, history: 15_000 }),
    /^UserError: Cannot use corpus corpus.txt with tokens bpe:400: its training split has \d+ of them, one sequence needs 15000; /,
  );
  await assert.rejects(Deno.stat(dir), Deno.errors.NotFound);
});

Deno.test("runs on tokens are trained, scored and sampled, and stand beside runs on bytes in bits per byte", async () => {
  const { dir, study } = await makeStudy({ steps: 300 });
  assert.equal((await train(dir)).finished, 2);
  const results = await resultsOf(study), { test } = (await studyText(study)).corpus;
  for (const result of results) {
    const { tokens, vocabulary, test_loss, test_tokens, test_bytes, test_bits_per_byte, sample } = result;
    assert.deepEqual([tokens, vocabulary], ["bpe:400", 400]);
    assert.equal(result.tokenizer_sha1, study.settings.tokens!.sha1);
    assert.equal(test_tokens, study.settings.tokens!.split.test - 1);
    assert.ok(test.length - 20 < test_bytes! && test_bytes! < test.length, `${test_bytes} of ${test.length} bytes`);
    assert.ok(Math.abs(test_bits_per_byte! - test_loss! * test_tokens! / test_bytes! / Math.LN2) < 1e-9);
    assert.equal(new TextEncoder().encode(sample!.text.replaceAll("\ufffd", "?")).length, 200);
  }
  const bytes = await makeStudy({ steps: 300, tokens: 256 });
  await train(bytes.dir);
  const [onBytes] = await resultsOf(bytes.study);
  assert.deepEqual([onBytes.tokens, onBytes.vocabulary, onBytes.test_tokens], [undefined, undefined, undefined]);
  // A token holds several bytes: its loss alone would look worse by that factor.
  const [onTokens] = results;
  assert.ok(onTokens.test_loss! > onBytes.test_loss!);
  assert.ok(onTokens.test_bits_per_byte! < 1.5 * onBytes.test_bits_per_byte!);

  const { model, path } = await study.readModel("01", onTokens.id);
  assert.equal(decodeEvaluation(model, path).metadata.tokenizer_sha1, study.settings.tokens!.sha1);
  const { scored, problems } = await evaluateStudy({ dir, experiment: "01", again: true });
  assert.deepEqual([scored, problems], [2, 0]);
  assert.deepEqual(
    (await resultsOf(study)).map((result) => result.test_loss),
    results.map((result) => result.test_loss),
  );
});

Deno.test("a run on tokens goes on from its checkpoint; results and a tokenizer.json of other tokens are refused", async () => {
  const { dir, study } = await makeStudy();
  await train(dir, 1);
  assert.equal(
    (await trainStudy({ dir, experiment: "01", engine: "onnx", steps: 150, limit: 1 })).problems,
    0,
  );
  const [{ id }] = await resultsOf(study);
  // As if the file had been copied from a study of the same corpus and other tokens.
  editJson(join(dir, "study.json"), ({ tokens }) => tokens.sha1 = "0".repeat(40));
  const other = await Study.open(dir);
  await assert.rejects(
    other.readResult("01", id),
    /its SHA-1 of the tokenizer is [0-9a-f]{40}, study.json has 0{40}; fix it/,
  );
  await assert.rejects(
    train(dir),
    /Cannot use .*tokenizer\.json: its SHA-1 is [0-9a-f]{40}, study.json has 0{40}; put the right one back, or move it away/,
  );
});

const adapter = await navigator.gpu?.requestAdapter();
if (!adapter) console.log("a test of the GPU's memory is ignored: there is no WebGPU adapter");

Deno.test({
  name: "train refuses a study of which no run fits into a GPU's buffer, before it writes anything",
  ignore: !adapter,
  async fn() {
    // Each of several tensors has 4 GiB: together more than any buffer.
    const { dir } = await makeStudy({ batch: LIMITS.batch, levels: { n_layers: [1], state_size: [MAX_STATE_SIZE] } });
    const files = () => [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
    const before = files();
    await assert.rejects(
      trainStudy({ dir, experiment: "01", engine: "webgpu" }),
      /^UserError: Cannot train on webgpu: with 400 tokens the smallest run needs \d+ MiB, .+ allows \d+ MiB; take another/,
    );
    assert.deepEqual(files(), before);
  },
});
