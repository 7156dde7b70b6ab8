/** A corpus or a queue that is not what it was, and values that do not fit a study. */
import { DatabaseSync } from "node:sqlite";
import { dirname, join } from "node:path";
import { MAX_STATE_SIZE } from "../../cells/factors.ts";
import { parseSelection } from "../../experiments/study/selection.ts";
import { trainStudy } from "../../experiments/session/training.ts";
import { type Action, type BadInput, evaluate, init, refused, sample, train } from "./bad_input.ts";
import { cut, editJson, flipBit, makeFolderOf } from "./small_study.ts";

const PUT_BACK = "restore DIR/corpus.txt, or give its new path with 'deno task init --dir DIR --corpus FILE'";
const read = refused(train, evaluate);
const readOrExtended = refused(train, evaluate, init(), init({ seeds: 2 }));

/** `train` with flags. */
const trainWith = (options: Partial<Parameters<typeof trainStudy>[0]>): Action => ({
  run: ({ dir }) => trainStudy({ dir, experiment: "01", engine: "onnx", ...options }).then(() => []),
});

export const BAD_VALUES: readonly BadInput[] = [
  {
    name: "corpus is missing",
    damage: ({ corpus }) => Deno.removeSync(corpus),
    action: readOrExtended,
    says:
      `Cannot read corpus DIR/corpus.txt: it does not exist; must be embedded, enwik8, text8, tinyshakespeare or a readable file; ${PUT_BACK}`,
  },
  {
    name: "corpus is a folder",
    damage: ({ corpus }) => makeFolderOf(corpus),
    action: readOrExtended,
    says:
      `Cannot read corpus DIR/corpus.txt: it is a folder; must be embedded, enwik8, text8, tinyshakespeare or a readable file; ${PUT_BACK}`,
  },
  {
    name: "corpus is empty",
    damage: ({ corpus }) => cut(corpus, 0),
    action: readOrExtended,
    says: `Cannot use corpus corpus.txt: it is empty; ${PUT_BACK}`,
  },
  {
    name: "corpus is shorter than one pass",
    damage: ({ corpus }) => cut(corpus, 50),
    action: read,
    says:
      `Cannot use corpus corpus.txt: it has 50 bytes, so its training split (90 %) has 45; one sequence needs 51; ${PUT_BACK}`,
  },
  {
    name: "corpus has one byte changed",
    damage: ({ corpus }) => flipBit(corpus, 3000),
    action: read,
    says: `Cannot use corpus DIR/corpus.txt: its SHA-1 is …, study DIR was made with …; ${PUT_BACK}`,
  },
  {
    name: "corpus has one byte changed, at init",
    damage: ({ corpus }) => flipBit(corpus, 3000),
    action: refused(init({ seeds: 2 })),
    says: "Cannot extend study DIR: corpus DIR/corpus.txt has SHA-1 …, the study was made with …; restore it, name " +
      "a copy of it with --corpus, or start another with --dir",
  },
  {
    name: "corpus is shorter than one pass, at init",
    damage: ({ corpus }) => cut(corpus, 50),
    action: refused(init(), init({ seeds: 2 })),
    says: "Cannot extend study DIR: corpus DIR/corpus.txt has SHA-1 …, the study was made with …; restore it, name " +
      "a copy of it with --corpus, or start another with --dir",
  },
  {
    name: "init with a pass that is longer than the study's own text",
    damage: (small) => Deno.removeSync(dirname(small.result(0)), { recursive: true }),
    action: refused(init({ history: 6000 }), init({ history: 6000, seeds: 2 })),
    says:
      "Cannot use corpus corpus.txt: it has 6000 bytes, so its training split (90 %) has 5400; one sequence needs 6000",
  },
  {
    name: "queue is no database",
    damage: ({ queue }) => Deno.writeTextFileSync(queue, "no database, but long enough for one".repeat(50)),
    action: read,
    says:
      "Cannot use DIR/queue.sqlite: file is not a database; it is damaged, or not cellspace's: move it away, and the next " +
      "command creates a new one",
  },
  {
    name: "queue is a folder",
    damage: ({ queue }) => Deno.mkdirSync(queue),
    action: read,
    says: "Cannot use DIR/queue.sqlite: it is a folder, must be a file; move it away",
  },
  {
    name: "queue is newer",
    damage({ queue }) {
      const database = new DatabaseSync(queue);
      database.exec("PRAGMA user_version = 99");
      database.close();
    },
    action: read,
    says: "Cannot use DIR/queue.sqlite: its table is version 99, this program knows up to 2…",
  },
  {
    name: "train --only with an unknown key",
    action: { run: () => Promise.resolve().then(() => saidBy(() => parseSelection("layers=1"))) },
    says: "'layers=1' names no key; keys are use_input_gate, …, bptt",
  },
  {
    name: "train --only that matches no run",
    action: trainWith({ only: parseSelection("n_layers=3") }),
    says: "Cannot train experiment 01 in DIR: none of 48 runs matches --only n_layers=3",
  },
  {
    name: "train with fewer steps than are logged at once",
    damage: ({ settings }) => editJson(settings, ({ training }) => training.log_every["01"] = 200),
    action: trainWith({ steps: 150 }),
    says: "Cannot train 150 steps: the loss is logged every 200 steps, so they must be at least as many",
  },
  {
    name: "train of an experiment that has no list",
    action: trainWith({ experiment: "02" }),
    says: "Cannot train experiment 02 in DIR: it has no configurations; run 'deno task init --dir DIR --experiment 02'",
  },
  {
    name: "init with fewer seeds than there are results of",
    damage(small) {
      editJson(small.settings, (value) => value.seeds = 9);
      Deno.copyFileSync(small.result(0), small.result(0).replace(/\.json$/, "_seed4.json"));
    },
    action: init({ seeds: 2 }),
    says: "Cannot take seeds from study DIR: experiment 01 has a result of seed 4 (RUN0_seed4), asked for 2 seeds; " +
      "must be at least 5",
  },
  {
    name: "init with another batch, when there are results",
    action: init({ batch: 16 }),
    says:
      "Cannot extend study DIR: its results have batch 8 and history 51, asked for 16 and 51; start another with --dir",
  },
  {
    name: "init with another history, when all results are damaged",
    damage: (small) => [0, 1, 2].forEach((run) => cut(small.result(run), 0)),
    action: init({ history: 26 }),
    says:
      "Cannot extend study DIR: its results have batch 8 and history 51, asked for 8 and 26; start another with --dir",
  },
  {
    name: "init with a history of one byte",
    action: init({ history: 1 }),
    says: "Cannot use history 1: must be a whole number of at least 2 and at most 10000000",
  },
  {
    name: "init with another corpus",
    damage: ({ dir }) => Deno.writeFileSync(join(dir, "other.txt"), new Uint8Array(6000)),
    action: { run: (small) => init({ corpus: join(small.dir, "other.txt") }).run(small) },
    says:
      "Cannot extend study DIR with corpus DIR/other.txt: it was made with DIR/corpus.txt; start another with --dir",
  },
  {
    name: "init with a state that is too large",
    action: init({ levels: { state_size: [MAX_STATE_SIZE + 1] }, seeds: 2 }),
    says: `Cannot read the state sizes of a grid: '0': Too big: expected number to be <=${MAX_STATE_SIZE}`,
  },
  {
    name: "init of experiment 02 without a finished run",
    damage: ({ dir }) => Deno.removeSync(join(dir, "results_01_all"), { recursive: true }),
    action: init({ experiment: "02" }),
    says: "Cannot choose experiment 02 in DIR: no run of experiment 01 has finished; " +
      "run 'deno task train --dir DIR' first",
  },
  {
    name: "init of experiment 02 with sizes",
    action: init({ experiment: "02", levels: { n_layers: [2] } }),
    says:
      "Cannot use …--layers…--state-size… with experiment 02: its …s follow from the best of experiment 01, except with --cells",
  },
  {
    name: "sample --id that no run has",
    action: sample("xyz"),
    says: "Cannot find run 'xyz': no finished run of experiment 01 of DIR has an id that begins with it",
  },
  {
    name: "sample --id that several runs have",
    action: sample(""),
    says: "Cannot choose run '': 3 ids begin with it (…); give more of the id",
  },
];

/** A wrong flag's message, which the command line puts behind the flag. */
function saidBy(action: () => unknown): string[] {
  try {
    action();
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}
