/** Damaged results. */
import metadata from "../../../deno.json" with { type: "json" };
import { type Action, type BadInput, evaluate, init, refused, report, sample, status, train } from "../bad_input.ts";
import { configId, configIn, parseConfig } from "../../../cells/config.ts";
import { GATED } from "../../../cells/factors.ts";
import { cut, editJson, halve, makeFolderOf, type SmallStudy } from "../small_study.ts";

const MEND = "fix it, or move it away to train the run again";
const FILE = "Cannot read DIR/results_01_all/RUN0.json";

/** What each command makes of a result: `train` prints it and says what it does. */
function result(
  name: string,
  damage: (path: string, small: SmallStudy) => void,
  why: string,
  action: Action,
): BadInput {
  const said = `${FILE}: ${why}; ${MEND}`;
  return {
    name,
    damage: (small) => damage(small.result(0), small),
    action,
    says: action === train ? `train: ${said}; this run is skipped` : said,
  };
}

// deno-lint-ignore no-explicit-any -- what is edited is wrong on purpose
const edited = (edit: (result: any) => unknown) => (path: string) => editJson(path, edit);

const ID = "0".repeat(64);

const LATER = `${FILE}: it was written by version '9.1.0' of cellspace, this is ${metadata.version}; ` +
  "use the version that wrote it, or a newer one";

/** A result of a program that is yet to be written, with keys that it may have. */
function later(name: string, action: Action): BadInput {
  return {
    name: `of a later version, at ${name}`,
    damage: (small) =>
      editJson(small.result(0), (value) => Object.assign(value, { cellspace_version: "9.1.0", loss: { packed: "…" } })),
    action,
    says: action === train ? `train: ${LATER}; this run is skipped` : LATER,
  };
}

export const BAD_RESULTS: readonly BadInput[] = [
  result("empty, at train", (path) => cut(path, 0), "it is not JSON (0 characters)", train),
  result("empty, at evaluate", (path) => cut(path, 0), "it is not JSON (0 characters)", evaluate),
  result("empty, at status", (path) => cut(path, 0), "it is not JSON (0 characters)", status),
  result("empty, at report", (path) => cut(path, 0), "it is not JSON (0 characters)", report),
  result("empty, at sample", (path) => cut(path, 0), "it is not JSON (0 characters)", refused(sample())),
  result(
    "empty, at init of experiment 02",
    (path) => cut(path, 0),
    "it is not JSON (0 characters)",
    refused(init({ experiment: "02" })),
  ),
  result("truncated", halve, "it is not JSON (… characters)", train),
  result("a list", (path) => Deno.writeTextFileSync(path, "[]"), "expected object, received array", status),
  result(
    "wrong types",
    edited((value) => Object.assign(value, { seed: "0", loss: "low", engine: 5 })),
    "'seed': expected number, received string; 'engine': expected string, received number; " +
      "'loss': expected array, received string",
    status,
  ),
  result(
    "of more steps back than a pass has tokens",
    edited((value) => {
      const { id } = value, deep = configId(parseConfig(configIn({ ...value, bptt: 51 }, GATED)));
      Object.assign(value, { bptt: 51, id: deep, was: id });
    }),
    "it has 51 steps back, 'history size' 51 allows at most 50",
    status,
  ),
  result(
    "a curve beyond all numbers, which JSON can write",
    (path) => Deno.writeTextFileSync(path, Deno.readTextFileSync(path).replace(/"loss":\[[^,]*,/, '"loss":[1e999,')),
    "'loss.0': …",
    status,
  ),
  result(
    "NaN in the curve, which JSON writes as null",
    edited((value) => value.loss[1] = NaN),
    "'loss.1': expected number, received null",
    train,
  ),
  result(
    "id is no id",
    edited((value) => value.id = "best"),
    "'id': Invalid string: must match pattern /^[0-9a-f]{64}$/",
    status,
  ),
  result(
    "id and content disagree: id edited",
    edited((value) => value.id = ID),
    `its id is ${ID}, that of its configuration is RUN0`,
    train,
  ),
  result(
    "id and content disagree: switch edited, at evaluate",
    edited((value) => value.use_residual = !value.use_residual),
    "its id is RUN0, that of its configuration is …",
    evaluate,
  ),
  result(
    "of another run, copied under this run's name",
    (path, small) => Deno.copyFileSync(small.result(1), path),
    "it is the result of run RUN1, must be of RUN0",
    train,
  ),
  result(
    "of another corpus",
    edited((value) => value.corpus_sha1 = "0".repeat(40)),
    `its SHA-1 of the corpus is ${"0".repeat(40)}, study.json has …`,
    status,
  ),
  result(
    "of another corpus, at report",
    edited((value) => value.corpus_sha1 = "0".repeat(40)),
    `its SHA-1 of the corpus is ${"0".repeat(40)}, study.json has …`,
    report,
  ),
  result(
    "of another batch",
    edited((value) => value["batch size"] = 16),
    "its batch size is 16, study.json has 8",
    status,
  ),
  result(
    "of another history",
    edited((value) => value["history size"] = 26),
    "its history size is 26, study.json has 51",
    status,
  ),
  result(
    "seed is not that of its name",
    edited((value) => value.seed = 1),
    "it is the result of run RUN0_seed1, must be of RUN0",
    status,
  ),
  result(
    "lowest loss edited",
    edited((value) => value["min loss"] = 0.5),
    "'min loss' is 0.5, the smallest of 'loss' is …",
    status,
  ),
  result(
    "curve shortened",
    edited((value) => {
      value.loss.pop();
      value["min loss"] = value.loss[0];
    }),
    "'loss' has 1 values, 100 steps logged every 50 give 2",
    status,
  ),
  result(
    "curve empty",
    edited((value) => value.loss = []),
    "'loss': Too small: expected array to have >=1 items",
    status,
  ),
  result(
    "half of what a finished run has",
    edited((value) => delete value["min loss"]),
    "it lacks 'min loss' of a finished run",
    train,
  ),
  result(
    "half of a score",
    edited((value) => delete value.test_bytes),
    "it lacks 'test_bytes' of a score",
    status,
  ),
  result(
    "a cell that reads no state",
    edited((value) => value.use_new_state = value.use_old_state = false),
    "needs use_new_state or use_old_state: without either the output does not depend on the past",
    status,
  ),
  later("train", train),
  later("evaluate", evaluate),
  later("report", report),
  later("sample", refused(sample())),
  later("init of experiment 02", refused(init({ experiment: "02" }))),
  result("a folder, at train", makeFolderOf, "it is a folder, must be a file", train),
  result("a folder, at status", makeFolderOf, "it is a folder, must be a file", status),
  {
    name: "a file that is no result, among them",
    damage: ({ dir }) => Deno.writeTextFileSync(`${dir}/results_01_all/notes.json`, '{"note": "try GRU"}'),
    action: { ...evaluate, goesOn: [0, 1] },
    says: "Cannot read DIR/results_01_all/notes.json: 'use_input_gate': expected boolean, received undefined; " +
      `'use_forget_gate': expected boolean, received undefined; 'use_output_gate': expected boolean, received undefined; and … more; ${MEND}`,
  },
  {
    name: "a file in the place of the folder of results",
    damage({ dir }) {
      Deno.removeSync(`${dir}/results_01_all`, { recursive: true });
      Deno.writeTextFileSync(`${dir}/results_01_all`, "");
    },
    action: refused(status, evaluate, report, sample()),
    says: "Cannot read DIR/results_01_all: a file is where a folder must be; move it away",
  },
];
