/** Numbers of a study's files have bounds, and facts that stand twice are held against each other. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../cells/errors.ts";
import { readBaselines } from "../../experiments/study/ngram_baselines.ts";
import { Study } from "../../experiments/study/store.ts";
import { initStudy } from "../../experiments/study/init_study.ts";
import { studyText } from "../../experiments/study/text.ts";
import { trainStudy } from "../../experiments/session/training.ts";
import { copiesOfSmallStudy, editJson, SMALL, type SmallStudy } from "./small_study.ts";

const copyStudy = copiesOfSmallStudy();

type Path = readonly (string | number)[];

/** Where numbers stand in a value. */
function numbersIn(value: unknown, path: Path = []): Path[] {
  if (typeof value === "number") return [path];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) => numbersIn(one, [...path, key]));
}

function setIn(file: string, path: Path, number: number): void {
  editJson(file, (value) => {
    const parent = path.slice(0, -1).reduce((at, key) => at[key], value);
    parent[path.at(-1)!] = number;
  });
}

/** A file with numbers, what reads it, and keys that no bound is for, with the reason. */
const FILES: readonly {
  readonly file: (small: SmallStudy) => string;
  readonly read: (small: SmallStudy) => Promise<unknown>;
  readonly unbounded: Readonly<Record<string, string>>;
}[] = [
  {
    file: ({ settings }) => settings,
    read: async ({ dir }) => (await Study.open(dir)).runs("01"),
    unbounded: {},
  },
  { file: ({ list }) => list, read: ({ study }) => study.readConfigs("01"), unbounded: {} },
  { file: ({ dir }) => join(dir, "entropy_floors.json"), read: ({ study }) => readBaselines(study), unbounded: {} },
  {
    file: (small) => small.result(0),
    read: ({ study, runs }) => study.readResult("01", runs[0].key),
    unbounded: {
      "start time": "a clock may be wrong: readers take no time for sure",
      "end time": "the same",
    },
  },
];

Deno.test("no number in a study's files is taken that nothing can be done with", async () => {
  for (const { file, read, unbounded } of FILES) {
    const small = await copyStudy(), path = file(small), text = Deno.readTextFileSync(path);
    await read(small);
    const all = numbersIn(JSON.parse(text)).filter(([key]) => !(key in unbounded));
    // A list and a curve hold the same again and again.
    const places = all.filter((place) => !place.some((key) => /^\d+$/.test(`${key}`) && Number(key) > 1));
    assert.ok(places.length >= 4, path);
    for (const place of places) {
      for (const number of [1e300, -1e300]) {
        setIn(path, place, number);
        await assert.rejects(read(small), UserError, `${path}: ${place.join(".")} is ${number}`);
        Deno.writeTextFileSync(path, text);
      }
    }
  }
});

/** A study of tokens with a run, and its corpus. */
async function tokenStudy(small: SmallStudy): Promise<string> {
  const dir = join(small.dir, "tokens");
  await initStudy({ dir, experiment: "01", corpus: small.corpus, ...SMALL, tokens: 300 });
  await trainStudy({ dir, experiment: "01", engine: "onnx", limit: 1 });
  return dir;
}

// deno-lint-ignore no-explicit-any -- what is edited is wrong on purpose
type Edit = (settings: any) => unknown;

const CONTRADICTIONS: readonly (readonly [what: string, edit: Edit, says: RegExp])[] = [
  [
    "name of the tokens",
    ({ tokens }) => tokens.name = "bpe:400",
    /'tokens\.name': is bpe:400, must be bpe:300; fix it/,
  ],
  ["vocabulary alone", ({ tokens }) => tokens.vocabulary = 400, /'tokens\.name': is bpe:300, must be bpe:400; fix it/],
  [
    "vocabulary and name",
    ({ tokens }) => Object.assign(tokens, { vocabulary: 400, name: "bpe:400" }),
    /study\.json: 'tokens\.vocabulary' is 400, must be 300; correct it there$/,
  ],
  ["test tokens", ({ tokens }) => tokens.split.test++, /'tokens\.split\.test' is \d+, must be \d+; correct it there$/],
  [
    "training tokens",
    ({ tokens }) => tokens.split.train--,
    /'tokens\.split\.train' is \d+, must be \d+; correct it there$/,
  ],
  [
    "validation tokens",
    ({ tokens }) => tokens.split.validation++,
    /'tokens\.split\.validation' is \d+, must be \d+; correct it there$/,
  ],
  ["bytes of the corpus", ({ corpus }) => corpus.bytes++, /'split': has 6000 bytes, the corpus 6001; fix it/],
  [
    "bytes of the corpus and of a part",
    ({ corpus, split }) => [corpus.bytes++, split.test++],
    /'corpus\.bytes' is 6001, must be 6000; correct it there$/,
  ],
  [
    "bytes of two parts",
    ({ split }) => [split.train--, split.validation++],
    /'split\.train' is 5399, must be 5400; correct it there$/,
  ],
  ["version", (settings) => settings.version = 1, /'tokens': is present, and a study of version 1 has none; fix it/],
  [
    "tokens",
    (settings) => delete settings.tokens,
    /'tokens': is missing, and a study of version 2 has tokens; fix it/,
  ],
];

Deno.test("facts that stand in study.json and elsewhere too are held against each other", async (t) => {
  const small = await copyStudy(), dir = await tokenStudy(small), path = join(dir, "study.json");
  const text = Deno.readTextFileSync(path);
  for (const [what, edit, says] of CONTRADICTIONS) {
    await t.step(what, async () => {
      editJson(path, edit);
      const meet = async () => studyText(await Study.open(dir));
      await assert.rejects(meet(), (error: Error) => error instanceof UserError && says.test(error.message));
      Deno.writeTextFileSync(path, text);
      await meet();
    });
  }
});

Deno.test("a result whose vocabulary is not the study's is named, and init leaves a contradiction as it is", async () => {
  const small = await copyStudy(), dir = await tokenStudy(small), study = await Study.open(dir);
  const [{ id }] = (await study.readResults("01")).results;
  editJson(study.resultPath("01", id), (result) => result.vocabulary = 301);
  await assert.rejects(study.readResult("01", id), /: its vocabulary is 301, study\.json has 300; fix it/);
  editJson(join(dir, "study.json"), ({ tokens }) => tokens.split.test++);
  const before = Deno.readTextFileSync(join(dir, "study.json"));
  editJson(study.resultPath("01", id), (result) => result.vocabulary = 300);
  await assert.rejects(initStudy({ dir, experiment: "01", seeds: 2 }), /'tokens\.split\.test' is \d+, must be \d+/);
  assert.equal(Deno.readTextFileSync(join(dir, "study.json")), before);
});
