/** What cannot be merged: each with its line, and what is here stays as it was. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { mergeInWords } from "../../../experiments/session/merge_words.ts";
import type { Run } from "../../../experiments/study/runs.ts";
import { NEWEST_LAYOUT } from "../../../experiments/study/schema.ts";
import { Study } from "../../../experiments/study/store.ts";
import { UserError } from "../../../cells/errors.ts";
import { editJson, flipBit, halve, reseal } from "../small_study.ts";
import { documentedSpace } from "../study/space_modules.ts";
import { initStudy } from "../../../experiments/study/init_study.ts";
import { RUNS, type Scene, trainedApart } from "./copies.ts";

const scene = trainedApart();
const HALF = RUNS / 2;

/** A folder that is not a copy of the study. */
interface Refused {
  readonly name: string;
  /** Damages what is there; returns the folders to merge, where those are others. */
  readonly make: (copies: Scene) => void | readonly string[] | Promise<void | readonly string[]>;
  /** The line, with … for what varies. */
  readonly says: string;
}

const COPIES = "; both must be copies of one study ('init' can change steps, seeds and the list of either)";
const different = (what: string) => `Cannot merge THERE into HERE: ${what}${COPIES}`;

// deno-lint-ignore no-explicit-any -- what is edited is wrong on purpose
const settings = (edit: (settings: any) => void) => ({ there }: Scene) => editJson(join(there, "study.json"), edit);

const NEVER = "0123456789012345678901234567890123456789";

const REFUSED: readonly Refused[] = [
  {
    name: "another corpus",
    make: settings(({ corpus }) => corpus.sha1 = NEVER),
    says: different(`its corpus' SHA-1 is ${NEVER}, must be …`),
  },
  {
    name: "another split",
    make: settings(({ split }) => {
      split.train++;
      split.test--;
    }),
    says: different("its split is 5401, 300, 299 bytes, must be 5400, 300, 300 bytes"),
  },
  {
    name: "other training settings, all of them",
    make: settings(({ training }) => {
      Object.assign(training, { batch: 4, history: 41, budget: "updates" });
      training.steps["01"] = 80;
      training.log_every["01"] = 20;
    }),
    says: different(
      "its batch size is 4, must be 16; its history size is 41, must be 51; its steps is 80, must be 100; " +
        "its log_every is 20, must be 25; its budget is updates, must be tokens",
    ),
  },
  { name: "other seeds", make: settings((study) => study.seeds = 2), says: different("its seeds is 2, must be 1") },
  {
    name: "other tokens",
    make: settings((study) => {
      const tokens = { name: "bpe:300", vocabulary: 300, sha1: NEVER, split: { train: 900, validation: 50, test: 50 } };
      Object.assign(study, { version: 2, tokens });
    }),
    says: different(`its tokenizer's SHA-1 is ${NEVER}, must be none`),
  },
  {
    name: "another space",
    make: async ({ there }) => {
      const { settings: { corpus } } = await Study.open(there), space = join(there, "..", "my_space.ts");
      await Deno.writeTextFile(space, await documentedSpace());
      const made = join(there, "..", "made");
      const small = { seeds: 1, steps: 100, batch: 16, history: 51 };
      await initStudy({ dir: made, experiment: "01", corpus: corpus.source, space, ...small });
      return [made];
    },
    says: "Cannot merge FOLDER/made into HERE: its space's SHA-256 is …, must be none; its log_every is …",
  },
  {
    name: "a shorter list",
    make: ({ there }) => editJson(join(there, "rnn_configs.json"), (entries) => entries.pop()),
    says: different("its list of experiment 01 has 5 of the 6 configurations here"),
  },
  {
    name: "a longer list",
    make: ({ here }) => editJson(join(here, "rnn_configs.json"), (entries) => entries.pop()),
    says: different("its list of experiment 01 has 5 of the 5 configurations here and 1 that is not listed here"),
  },
  {
    name: "no study",
    make: ({ there }) => Deno.removeSync(join(there, "study.json")),
    says: "Cannot open study THERE: it has no study.json; name the folder of a copy of this study",
  },
  {
    name: "no folder",
    make: () => ["/nowhere/at/all"],
    says: "Cannot open study /nowhere/at/all: it has no study.json; name the folder of a copy of this study",
  },
  {
    name: "a damaged study.json",
    make: ({ there }) => Deno.writeTextFileSync(join(there, "study.json"), "{"),
    says:
      "Cannot read THERE/study.json: it is not JSON (1 characters); fix it, or move it away and create it again with " +
      "'deno task init --dir THERE' and the same flags",
  },
  {
    name: "a newer version of a study",
    make: settings((study) => study.version = NEWEST_LAYOUT + 1),
    says: `Cannot open study THERE: its layout is version ${NEWEST_LAYOUT + 1}, this program knows up to ` +
      `${NEWEST_LAYOUT}; use the cellspace that made it, or a newer one`,
  },
  {
    name: "the study itself",
    make: ({ here }) => [here],
    says: "Cannot merge HERE into HERE: it is the study itself, must be a copy of it",
  },
  {
    name: "the study itself, by a link",
    make: ({ here }) => {
      Deno.symlinkSync(here, `${here}_link`);
      return [`${here}_link`];
    },
    says: "Cannot merge HERE_link into HERE: it is the study itself, must be a copy of it",
  },
  {
    name: "a folder twice",
    make: ({ there }) => [there, `${there}/`],
    says: "Cannot merge THERE/ into HERE: it is named twice, must be named once",
  },
  {
    name: "a good copy before one that is none",
    make: (copies) => [copies.there, "/nowhere"],
    says: "Cannot open study /nowhere: it has no study.json; name the folder of a copy of this study",
  },
];

/** Whether a line is the one that is expected; … stands for what varies. */
function assertLine(actual: string, expected: string): void {
  const parts = expected.split("…").map((part) => RegExp.escape(part));
  assert.match(actual, RegExp(`^${parts.join(".*")}$`), `${actual}\n${expected}`);
}

for (const { name, make, says } of REFUSED) {
  Deno.test(`mergeStudies() refuses in one line, and writes nothing, when it is given ${name}`, async () => {
    const copies = scene(), from = await make(copies) ?? [copies.there], before = copies.files();
    const error = await copies.merge([...from]).then(() => assert.fail("it was merged"), (error) => error);
    assert.ok(error instanceof UserError, error);
    assertLine(copies.named(error.message), says);
    assert.deepEqual(copies.files(), before);
  });
}

/** One run that cannot come; the others do. */
interface Left {
  readonly name: string;
  /** Whether the run is here too, as it is there before it is damaged. */
  readonly isHere?: boolean;
  readonly damage: (there: Study, run: Run) => void;
  readonly says: string;
}

// deno-lint-ignore no-explicit-any -- what is edited is wrong on purpose
const result = (edit: (result: any) => void): Left["damage"] => (there, { key }) =>
  editJson(there.resultPath("01", key), edit);
const RESULT = "THERE/results_01_all/RUN0.json", MODEL = "THERE/models_01_all/RUN0.onnx";
const CHECKPOINT = "THERE/checkpoints_01_all/RUN0.safetensors";
const ABSENT = "; run RUN0 of THERE is not merged";
const WITHOUT = `; move it away to merge the run without it${ABSENT}`;
const MEND = `; fix it, or move it away to train the run again${ABSENT}`;
const REMAKE = `export it again with 'deno task evaluate --dir THERE --again'`;
const other = (what: string) => `Cannot merge run RUN0 of THERE: ${what}; the one here stays as it is`;

const LEFT: readonly Left[] = [
  {
    name: "a result is cut off",
    damage: (there, { key }) => halve(there.resultPath("01", key)),
    says: `Cannot read ${RESULT}: it is not JSON (… characters)${MEND}`,
  },
  {
    name: "a result is of another corpus",
    damage: result((result) => result.corpus_sha1 = NEVER),
    says: `Cannot read ${RESULT}: its SHA-1 of the corpus is ${NEVER}, study.json has …${MEND}`,
  },
  {
    name: "a result is of a newer version",
    damage: result((result) => result.cellspace_version = "9.0.0"),
    says:
      `Cannot read ${RESULT}: it was written by version '9.0.0' of cellspace, this is …; use the version that wrote it, ` +
      `or a newer one${ABSENT}`,
  },
  {
    name: "a model is cut off",
    damage: (there, { key }) => halve(there.modelPath("01", key)),
    says: `Cannot read ${MODEL}: it is damaged or not an ONNX model (…); ${REMAKE}${ABSENT}`,
  },
  {
    name: "a model is missing",
    damage: (there, { key }) => Deno.removeSync(there.modelPath("01", key)),
    says: `Cannot read ${MODEL}: it does not exist; ${REMAKE}${ABSENT}`,
  },
  {
    name: "a model is another run's",
    damage: (there, { key }) => {
      const folder = join(there.dir, "models_01_all"), names = [...Deno.readDirSync(folder)].map(({ name }) => name);
      const another = names.find((name) => name !== `${key}.onnx`)!;
      Deno.copyFileSync(join(folder, another), there.modelPath("01", key));
    },
    says: `Cannot use ${MODEL}: its 'id' is …, that of run RUN0 is RUN0; ${REMAKE}${ABSENT}`,
  },
  {
    name: "a checkpoint has another bit",
    damage: (there, { key }) => flipBit(there.checkpointPath("01", key), -1),
    says: `Cannot read ${CHECKPOINT}: its checksum does not match its content: it was damaged or edited${WITHOUT}`,
  },
  {
    name: "a checkpoint is of another seed",
    damage: (there, { key }) => reseal(there.checkpointPath("01", key), (metadata) => metadata.seed = "7"),
    says: `Cannot use ${CHECKPOINT}: its seed is 7, must be 0${WITHOUT}`,
  },
  {
    name: "a checkpoint has another curve",
    damage: result((result) => {
      result.loss[0] += 1;
      result["min loss"] = Math.min(...result.loss);
    }),
    says: `Cannot resume from ${CHECKPOINT}: its curve differs from that of the run's result${WITHOUT}`,
  },
  {
    name: "a file of dynamics is damaged",
    damage: (there, { key }) => {
      Deno.mkdirSync(join(there.dir, "dynamics_01_all"));
      Deno.writeTextFileSync(there.dynamicsPath("01", key), "{");
    },
    says: "Cannot read THERE/dynamics_01_all/RUN0.json: it is not JSON (1 characters); " +
      `move it away to measure the run again${ABSENT}`,
  },
  {
    name: "the same run has other numbers",
    isHere: true,
    damage: result((result) => {
      result.loss[1] = 9;
    }),
    says: other("value 2 of its 'loss' is 9, here it is …"),
  },
  {
    name: "the same run was trained on another adapter",
    isHere: true,
    damage: result((result) => result.adapter = "GPU"),
    says: other("its 'adapter' is GPU, here it is ONNX Runtime CPU, … cores"),
  },
  {
    name: "the same run was trained on another engine",
    isHere: true,
    damage: result((result) => Object.assign(result, { engine: "webgpu", adapter: "GPU" })),
    says: other("its 'engine' is webgpu, here it is onnx"),
  },
  {
    name: "the same run was trained by an earlier version",
    isHere: true,
    damage: result((result) => result.cellspace_version = "0.7.3"),
    says: other("its 'cellspace_version' is 0.7.3, here it is …"),
  },
  {
    name: "the same run has another score from the same place",
    isHere: true,
    damage: result((result) => result.test_loss += 1),
    says: other("its 'test_loss' is …, here it is …"),
  },
  {
    name: "the same run has another model",
    isHere: true,
    damage: (there, { key }) => flipBit(there.modelPath("01", key), -1),
    says: other("its model has other bytes than the one here"),
  },
];

for (const { name, isHere = false, damage, says } of LEFT) {
  Deno.test(`mergeStudies() names and leaves one run, and brings the others, when ${name}`, async () => {
    const copies = scene(), there = await Study.open(copies.there), here = await Study.open(copies.here);
    const [run] = await copies.runsThere();
    if (isHere) {
      for (const kind of ["resultPath", "modelPath", "checkpointPath"] as const) {
        Deno.copyFileSync(there[kind]("01", run.key), here[kind]("01", run.key));
      }
    }
    damage(there, run);
    const before = copies.files(), { summary, problems } = await copies.merge();
    assert.equal(
      copies.named(mergeInWords(summary)),
      `${HALF - 1} runs were merged from THERE; 1 could not be merged`,
      problems.join("\n"),
    );
    assert.equal(problems.length, 1);
    assertLine(problems[0], says);
    const after = copies.files();
    for (const [path, is] of before) if (path.includes(run.key)) assert.equal(after.get(path), is, path);
    const paths = [...after.keys()].filter((path) => path.includes(run.key));
    assert.deepEqual(paths, [...before.keys()].filter((path) => path.includes(run.key)));
  });
}

Deno.test("mergeStudies() takes runs for the same when times, owners, attempts, places of scores and foreign keys differ", async () => {
  const copies = scene(), [run] = await copies.runsThere(), there = await Study.open(copies.there);
  await copies.merge();
  const edit = (edit: Parameters<typeof result>[0]) => result(edit)(there, run);
  edit((result) =>
    Object.assign(result, { "start time": 1, "end time": 2, train_seconds: 3, attempt: 9, note: "mine" })
  );
  edit((result) => Object.assign(result, { scored_on: "webgpu (GPU)", test_loss: 1 }));
  const before = copies.files(), { summary, problems } = await copies.merge();
  assert.deepEqual([summary.here, problems], [HALF, []]);
  edit(withoutScore);
  assert.equal((await copies.merge()).summary.here, HALF);
  assert.deepEqual(copies.files(), before);

  const study = await Study.open(copies.here), [first, second] = [copies.there, copies.copy("here", "scored")];
  editJson(study.resultPath("01", run.key), withoutScore);
  const left = copies.files(), { messages } = await copies.merge([first, second]);
  assert.deepEqual(messages, [
    "1 run that was already here has no score here: 'deno task evaluate --dir HERE' adds it",
  ]);
  assert.deepEqual(copies.files(), left);
});

// deno-lint-ignore no-explicit-any -- a result as its file has it
function withoutScore(result: any): void {
  for (const key of Object.keys(result)) {
    if (/^(test|validation)_(?!sha1)|^(context_order|gain_.*|sample|memory|scored_on)$/.test(key)) delete result[key];
  }
}
