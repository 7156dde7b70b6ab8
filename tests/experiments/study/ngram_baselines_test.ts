import assert from "node:assert/strict";
import { join } from "node:path";
import { contextOrderOf, ensureBaselines, readBaselines } from "../../../experiments/study/ngram_baselines.ts";
import { evaluateStudy } from "../../../experiments/session/scoring.ts";
import { studyCorpus } from "../../../experiments/study/text.ts";
import { contextOrder, ngramBaselines } from "../../../train/corpus/ngrams/baselines.ts";
import { copiesOfSmallStudy, editJson, type SmallStudy, TRAINED } from "../small_study.ts";

const copyStudy = copiesOfSmallStudy();

function onStudy(name: string, test: (study: SmallStudy, file: string) => Promise<void>): void {
  Deno.test(name, async () => {
    const small = await copyStudy();
    await test(small, join(small.dir, "entropy_floors.json"));
  });
}

const RUNS = Array.from({ length: TRAINED }, (_, run) => run);

async function ordersOf({ study, runs }: SmallStudy): Promise<(number | undefined)[]> {
  const results = await Promise.all(RUNS.map((run) => study.readResult("01", runs[run].key)));
  return results.map((result) => result!.context_order);
}

onStudy(
  "trainStudy() leaves the baselines of the corpus in the study, and in each result the order that its score reaches",
  async (small) => {
    const { train, test } = await studyCorpus(small.study);
    const baselines = (await readBaselines(small.study))!;
    assert.deepEqual(baselines, await ngramBaselines(train, test));
    for (const run of RUNS) {
      const { test_loss, context_order } = (await small.study.readResult("01", small.runs[run].key))!;
      assert.ok(Math.abs(context_order! - contextOrder(test_loss!, baselines)) < 1e-9);
      // They have hardly learnt anything: worse than the bytes' own frequencies, better than none.
      assert.ok(context_order! > -1 && context_order! < 1, `${context_order}`);
    }
  },
);

onStudy(
  "evaluateStudy() gives scores of an older study their orders, counts no baselines twice, and scores nothing again",
  async (small, file) => {
    const orders = await ordersOf(small), files = small.files();
    Deno.removeSync(file);
    for (const run of RUNS) editJson(small.result(run), (result) => delete result.context_order);
    const { scored, had, placed, problems } = await evaluateStudy({ dir: small.dir, experiment: "01", again: false });
    assert.deepEqual([scored, had, placed, problems], [0, TRAINED, TRAINED, 0]);
    assert.deepEqual(await ordersOf(small), orders);
    assert.equal(small.files().get(file), files.get(file));

    // Orders of other baselines are put right from the study's own, without the corpus.
    Deno.removeSync(small.corpus);
    editJson(small.result(1), (result) => result.context_order = 4);
    const again = await evaluateStudy({ dir: small.dir, experiment: "01", again: false });
    assert.deepEqual([again.scored, again.placed], [0, 1]);
    assert.deepEqual(await ordersOf(small), orders);
  },
);

onStudy(
  "readBaselines() has nothing to say where the baselines are of another method, corpus or split; ensureBaselines() makes them anew",
  async (small, file) => {
    const known = await readBaselines(small.study);
    const corpus = await studyCorpus(small.study);
    const changes = [
      (content: Record<string, unknown>) => content.method = "another",
      (content: Record<string, unknown>) => content.corpus_sha1 = "0".repeat(40),
      (content: Record<string, unknown>) => content.split = { train: 1, validation: 2, test: 3 },
    ];
    for (const change of changes) {
      editJson(file, change);
      assert.equal(await readBaselines(small.study), undefined);
      assert.deepEqual(await ensureBaselines(small.study, corpus), known);
      assert.deepEqual(await readBaselines(small.study), known);
    }
  },
);

onStudy(
  "readBaselines() names a damaged file and what repairs it; ensureBaselines() says so and counts it again",
  async (small, file) => {
    const known = await readBaselines(small.study), corpus = await studyCorpus(small.study);
    const damages = [
      JSON.stringify({ method: "x", floors: [] }),
      JSON.stringify({ ...JSON.parse(Deno.readTextFileSync(file)), split: { train: 1e300, validation: 0, test: 1 } }),
      Deno.readTextFileSync(file).replace(/"order": 3/, '"order": 2'),
    ];
    for (const damaged of damages) {
      Deno.writeTextFileSync(file, damaged);
      const message = /^Cannot read .*entropy_floors.json: .*; the next 'deno task train --dir .*' counts it again$/;
      await assert.rejects(readBaselines(small.study), { name: "UserError", message });
      const told: string[] = [];
      assert.deepEqual(
        await ensureBaselines(small.study, corpus, { onDamaged: (line) => void told.push(line) }),
        known,
      );
      assert.equal(told.length, 1);
      assert.match(told[0], message);
    }
  },
);

onStudy(
  "ensureBaselines() leaves a file that is not told for its own alone, and says what to do",
  async (small, file) => {
    const corpus = await studyCorpus(small.study), known = await readBaselines(small.study);
    for (const foreign of ["{", "[]", "", JSON.stringify({ method: "x" }), '{"floors": 3}']) {
      Deno.writeTextFileSync(file, foreign);
      const told: string[] = [];
      assert.equal(
        await ensureBaselines(small.study, corpus, { onDamaged: (line) => void told.push(line) }),
        undefined,
      );
      assert.match(told.join(), /; move it away, and the next 'deno task train --dir .*' counts it again$/);
      assert.equal(Deno.readTextFileSync(file), foreign);
    }
    Deno.removeSync(file);
    assert.deepEqual(await ensureBaselines(small.study, corpus), known);
  },
);

onStudy("ensureBaselines() leaves nothing behind when its count is cut short", async (small, file) => {
  Deno.removeSync(file);
  const before = small.files();
  const corpus = await studyCorpus(small.study);
  assert.equal(await ensureBaselines(small.study, corpus, { signal: AbortSignal.abort() }), undefined);
  assert.deepEqual(small.files(), before);
});

Deno.test("contextOrderOf() takes bits per byte, as models of any tokens have them", () => {
  const baselines = [3, 2, 1, 0.9, 0.8, 0.7].map((nats, order) => (
    { order, nats, bits: nats / Math.LN2, hindsight_nats: 0 }
  ));
  assert.ok(Math.abs(contextOrderOf(1.5 / Math.LN2, baselines) - 1.5) < 1e-12);
});
