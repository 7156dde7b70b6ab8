/** Damaged `study.json` and lists of configurations. */
import { CELL_NAMES } from "../../../cells/catalog/catalog.ts";
import { NEWEST_LAYOUT } from "../../../experiments/study/schema.ts";
import { flagsInWords } from "../../../experiments/study/levels.ts";
import { type BadInput, evaluate, init, refused, report, sample, status, train } from "../bad_input.ts";
import { cut, editJson, halve, makeFolderOf, type SmallStudy } from "../small_study.ts";

const MEND = "fix it, or move it away and create it again with 'deno task init --dir DIR'";
const every = refused(init(), train, evaluate, status);
const listed = refused(init({ levels: { n_layers: [2] } }), train, status);

function study(name: string, damage: BadInput["damage"], why: string, does = every): BadInput {
  return {
    name: `study.json ${name}`,
    damage,
    action: does,
    says: `Cannot read DIR/study.json: ${why}; ${MEND} and the same flags`,
  };
}

// deno-lint-ignore no-explicit-any -- what is edited is wrong on purpose
const setting = (edit: (settings: any) => unknown) => (small: SmallStudy) => editJson(small.settings, edit);

function list(name: string, damage: BadInput["damage"], why: string): BadInput {
  return {
    name: `list ${name}`,
    damage,
    action: listed,
    says: `Cannot read DIR/rnn_configs.json: ${why}; ${MEND}, with the same ${flagsInWords("conjunction")}`,
  };
}

// deno-lint-ignore no-explicit-any -- what is edited is wrong on purpose
const entry = (edit: (entry: any, entries: any[]) => unknown) => (small: SmallStudy) =>
  editJson(small.list, (entries) => edit(entries[3], entries));

const newer = `Cannot open study DIR: its layout is version ${NEWEST_LAYOUT + 1}, this program knows up to ` +
  `${NEWEST_LAYOUT}; use the cellspace that made it, or a newer one`;

export const BAD_STUDIES: readonly BadInput[] = [
  {
    name: "study.json is missing",
    damage: ({ settings }) => Deno.removeSync(settings),
    action: refused(train, evaluate, status),
    says: "Cannot open study DIR: it has no study.json; make one with 'deno task init --dir DIR'",
  },
  study("is empty", ({ settings }) => cut(settings, 0), "it is not JSON (0 characters)"),
  study(
    "is no JSON",
    ({ settings }) => Deno.writeTextFileSync(settings, "batch: 8\n"),
    "it is not JSON (9 characters)",
  ),
  study("is truncated", ({ settings }) => halve(settings), "it is not JSON (… characters)"),
  study(
    "is a list",
    ({ settings }) => Deno.writeTextFileSync(settings, "[]"),
    "expected object, received array",
  ),
  study(
    "has a text for a number",
    setting(({ training }) => training.batch = "8"),
    "'training.batch': expected number, received string",
  ),
  study(
    "lacks a key",
    setting((value) => delete value.corpus.sha1),
    "'corpus.sha1': expected string, received undefined",
  ),
  study(
    "lacks an experiment's steps",
    setting((value) => delete value.training.steps["02"]),
    "'training.steps.02': expected number, received undefined",
  ),
  study(
    "has a negative number",
    setting((value) => value.seeds = -1),
    "'seeds': Too small: expected number to be >0",
  ),
  study("has no version", setting((value) => delete value.version), "'version': expected number, received undefined"),
  {
    name: "study.json is newer",
    damage: setting((value) => value.version = NEWEST_LAYOUT + 1),
    action: every,
    says: newer,
  },
  {
    name: "study.json is newer, and nothing in it is known",
    damage: ({ settings }) =>
      Deno.writeTextFileSync(settings, `{"version": ${NEWEST_LAYOUT + 1}, "texts": ["a", "b"]}`),
    action: every,
    says: newer,
  },
  study("is a folder", ({ settings }) => makeFolderOf(settings), "it is a folder, must be a file"),
  study(
    "lies in what is no folder",
    ({ dir }) => {
      Deno.removeSync(dir, { recursive: true });
      Deno.writeTextFileSync(dir, "");
    },
    "a file is where a folder must be",
  ),

  {
    name: "list is missing",
    damage: ({ list }) => Deno.removeSync(list),
    action: refused(train),
    says: "Cannot train experiment 01 in DIR: it has no configurations; run 'deno task init --dir DIR'",
  },
  list("is empty", ({ list }) => cut(list, 0), "it is not JSON (0 characters)"),
  list("is truncated", ({ list }) => halve(list), "it is not JSON (… characters)"),
  list("is no list", ({ list }) => Deno.writeTextFileSync(list, "{}"), "expected array, received object"),
  list("is a folder", ({ list }) => makeFolderOf(list), "it is a folder, must be a file"),
  list(
    "has a text for a switch",
    entry((config) => config.use_residual = "yes"),
    "'3.use_residual': expected boolean, received string",
  ),
  list(
    "lacks a switch in more entries than a line can name",
    entry((_, entries) => entries.forEach((config) => delete config.use_residual)),
    "'0.use_residual': expected boolean, received undefined; '1.use_residual': expected boolean, received undefined; " +
      "'2.use_residual': expected boolean, received undefined; and 45 more",
  ),
  list(
    "has no layer",
    entry((config) => config.n_layers = 0),
    "'3.n_layers': Too small: expected number to be >=1",
  ),
  list(
    "has 65 layers",
    entry((config) => config.n_layers = 65),
    "'3.n_layers': Too big: expected number to be <=64",
  ),
  list(
    "has half a state",
    entry((config) => config.state_size = 0.5),
    "'3.state_size': expected int, received number",
  ),
  list(
    "has a cell that reads no state",
    entry((config) => config.use_new_state = config.use_old_state = false),
    "'3': needs use_new_state or use_old_state: without either the output does not depend on the past",
  ),
  list(
    "has an entry that was changed",
    entry((config) => config.use_residual = !config.use_residual),
    "entry 3 (1 layer × 8, …) has id …, must be …",
  ),
  list(
    "has an entry twice",
    entry((config, entries) => entries.push(config)),
    "entry 48 (1 layer × 8, …) is listed twice",
  ),
  list("has no id", entry((config) => delete config.id), "'3.id': expected string, received undefined"),
  list(
    "has an unknown key",
    entry((config) => config.use_reset_gate = true),
    `'3': Unrecognized key: "use_reset_gate"`,
  ),
  list(
    "has an unknown cell",
    entry((config) => config.cell = "grru"),
    `'3.cell': Invalid option: expected one of ${CELL_NAMES.map((name) => `"${name}"`).join("|")}`,
  ),
  list(
    "has an unknown input of the gates",
    entry((config) => config.gate_inputs = "h"),
    `'3.gate_inputs': Invalid option: expected one of "x,h,n"|"x,h"`,
  ),
  {
    name: "study has no configuration and no result to show",
    damage: ({ dir }) => Deno.removeSync(`${dir}/results_01_all`, { recursive: true }),
    action: refused(report),
    says:
      "Cannot draw a report of DIR: no run of experiment 01 has finished; train some with 'deno task train --dir DIR'",
  },
  {
    name: "study has no result to sample from",
    damage: ({ dir }) => Deno.removeSync(`${dir}/results_01_all`, { recursive: true }),
    action: refused(sample()),
    says:
      "Cannot find a model: no run of experiment 01 of DIR has finished; train some with 'deno task train --dir DIR'",
  },
];
