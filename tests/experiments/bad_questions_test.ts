/** Bad input around what a study is asked: cells, parameters, rates, selections, the best, and what is removed. One line each, nothing written. */
import assert from "node:assert/strict";
import { CELL_NAMES } from "../../cells/catalog/catalog.ts";
import { UserError } from "../../cells/errors.ts";
import { levelsIn } from "../../experiments/flags.ts";
import { flags } from "../../experiments/init.ts";
import { initStudy } from "../../experiments/study/init_study.ts";
import { parseFlags } from "../../train/terminal/command_line.ts";
import { copiesOfSmallStudy } from "./small_study.ts";
import { readRefusals, refusalOf } from "./script_flags.ts";
import { succeed, task as runTask, type TaskName } from "./tasks.ts";

const copyStudy = copiesOfSmallStudy();

const OTHERS = CELL_NAMES.filter((name) => name !== "gated").join(", ");
const FLAGS = "--bptt, --optimizer, --learning-rate, --state-size or --layers";

/** A task, its flags but for `--dir`, and the line that it ends with; `DIR` is the study's folder, `RUN0` the id of its first run. */
type Row = readonly [task: TaskName, flags: string, says: string];

const ROWS: readonly Row[] = [
  ["init", "--cells grue", `Cannot use --cells grue: must be of ${OTHERS}, separated by commas`],
  ["init", "--cells gru,gated", `Cannot use --cells gru,gated: must be of ${OTHERS}, separated by commas`],
  ["init", "--cells gru,lstm,gru", "Cannot use --cells gru,lstm,gru: must name gru once"],
  [
    "init",
    "--cells gru --best 3",
    "Cannot use --best with --cells: it lists configurations of the study again, --cells lists new ones",
  ],
  [
    "init",
    "--cells gru --only use_residual=true",
    "Cannot list cells gru: none of 1 configuration matches --only use_residual=true",
  ],
  [
    "init",
    "--cells gru --controls 3 --experiment 02",
    "Cannot use --controls with --cells: controls are drawn where experiment 02 is chosen",
  ],
  [
    "init",
    "--parameters many",
    "Cannot use --parameters many: must be a number of parameters, as 700000, 700k or 1.2M, or like: and the beginning of an id",
  ],
  [
    "init",
    "--parameters 0.2",
    "Cannot use --parameters 0.2: must be a number of parameters, as 700000, 700k or 1.2M, or like: and the beginning of an id",
  ],
  [
    "init",
    "--parameters 1e300M",
    "Cannot use --parameters 1e300M: must be a number of parameters, as 700000, 700k or 1.2M, or like: and the beginning of an id",
  ],
  [
    "init",
    "--parameters like:",
    "Cannot use --parameters like:: what stands behind like: must be the beginning of an id: up to 64 digits and letters a to f",
  ],
  [
    "init",
    `--parameters like:${"0".repeat(64)}`,
    `Cannot use --parameters like:${
      "0".repeat(64)
    }: no configuration that study DIR lists has an id that begins with it`,
  ],
  [
    "init",
    "--cells gru --parameters 100",
    "Cannot find a state size for 100 parameters: 1 layer × 4, gru has the fewest, 2416",
  ],
  [
    "init",
    "--cells gru --parameters 9e15",
    "Cannot find a state size for 9000000000000000 parameters: 1 layer × 16384, gru has the most, 1619067136",
  ],
  [
    "init",
    "--cells gru --parameters 700k --state-size 8",
    "Cannot use --parameters with --state-size: the number of parameters sets the state size",
  ],
  [
    "init",
    "--learning-rate 0",
    "Cannot use --learning-rate 0: must be a number above 0 and at most 10",
  ],
  [
    "init",
    "--learning-rate 1e-3,fast",
    "Cannot use --learning-rate 1e-3,fast: must be a number above 0 and at most 10",
  ],
  ["init", "--learning-rate 1e-3,0.001", "Cannot use --learning-rate 1e-3,0.001: must name 0.001 once"],
  ["init", "--optimizer adamw", "Cannot use --optimizer adamw: must be adam or sgd or adam_no_second_moment"],
  [
    "init",
    "--learning-rate 3e-3 --only n_layers=2",
    "Cannot list configurations of study DIR again: none of 48 configurations matches --only n_layers=2",
  ],
  [
    "init",
    "--only n_layers=9",
    "Cannot list configurations of study DIR again: none of 144 combinations matches --only n_layers=9",
  ],
  [
    "init",
    "--learning-rate 3e-3 --only cell=gru",
    "Cannot list configurations of study DIR again: none of 48 configurations matches --only cell=gru",
  ],
  [
    "init",
    "--only use_residual=yes",
    "Cannot use --only use_residual=yes: use_residual is yes, must be true or false",
  ],
  [
    "init",
    "--best 0 --learning-rate 1e-2",
    "Cannot use --best 0: must be a whole number of at least 1 and at most 100000",
  ],
  [
    "init",
    "--best 3",
    `Cannot use --best alone: the best are listed already; give other levels for them with ${FLAGS}`,
  ],
  [
    "init",
    "--best 3 --learning-rate 1e-2 --only n_layers>1",
    "Cannot choose the best of study DIR: none of 3 configurations matches --only n_layers>1",
  ],
  [
    "init",
    "--experiment 02 --best 3 --learning-rate 1e-2",
    "Cannot use --layers, --state-size, --learning-rate, --optimizer or --bptt with experiment 02: its configurations follow from the " +
    "best of experiment 01, except with --cells",
  ],
  [
    "init",
    "--experiment 02 --parameters 700k",
    "Cannot use --parameters with experiment 02: its configurations follow from the best of experiment 01, except with --cells",
  ],
  ["remove", "", "Cannot remove configurations: must have --only or --id"],
  ["remove", "--id RUN", "Cannot use --id RUN: must be the beginning of an id: up to 64 digits and letters a to f"],
  [
    "remove",
    `--id ${"0".repeat(64)}`,
    `Cannot remove configurations of experiment 01 from DIR: no id of the list begins with ${"0".repeat(64)}`,
  ],
  [
    "remove",
    "--only n_layers=2",
    "Cannot remove configurations of experiment 01 from DIR: none of 48 configurations matches --only n_layers=2",
  ],
  [
    "remove",
    "--experiment 02 --only n_layers=2",
    "Cannot remove configurations of experiment 02 from DIR: it lists none",
  ],
  ["train", "--only n_layers>1", "Cannot train experiment 01 in DIR: none of 48 runs matches --only n_layers>1"],
  ["evaluate", "--only n_layers>1", "Cannot score experiment 01 of DIR: none of 3 results matches --only n_layers>1"],
  ["status", "--only cell=lstm", "Cannot look at experiment 01 of DIR: none of 48 runs matches --only cell=lstm"],
  ["report", "--only n_layers>1", "Cannot draw a report of DIR: none of 3 results matches --only n_layers>1"],
  ["report", "--with a,", "Cannot use --with a,: must not have an empty folder name"],
  ["report", "--with ,", "Cannot use --with ,: must not have an empty folder name"],
  [
    "report",
    "--with a --with b",
    "Cannot use --with twice: it must be given once, with its values separated by commas",
  ],
  [
    "report",
    "--with /nowhere",
    "Cannot open study /nowhere: it has no study.json; name the folder of a study",
  ],
  ["merge", "", "Cannot merge into DIR: must have the folders, as --from"],
  ["merge", "--from a,", "Cannot use --from a,: must not have an empty folder name"],
  ["merge", "--from a b a --dry-run", "Cannot use --from a,b,a: must name a once"],
  ["merge", "--from a --from b", "Cannot use --from twice: it must be given once, with its values separated by commas"],
  [
    "merge",
    "--from --dry-run",
    "Cannot use --from --dry-run: a value that begins with -- must be given as --from=--dry-run",
  ],
  [
    "merge",
    "--from /nowhere",
    "Cannot open study /nowhere: it has no study.json; name the folder of a copy of this study",
  ],
  ["merge", "--from DIR", "Cannot merge DIR into DIR: it is the study itself, must be a copy of it"],
  ["export", "--only n_layers>1", "Cannot export DIR: none of 3 results matches --only n_layers>1"],
  [
    "sample",
    "--only n_layers>1",
    "Cannot find a model of experiment 01 of DIR: none of 3 results matches --only n_layers>1",
  ],
];

const isKnown = readRefusals();

/** Whether `init` has refused something in a process that its parser lets through. */
let wasInProcess = false;

/** The line with which `init` refuses what its parser lets through: its script asks for the same, and only shows more of what is accepted. */
async function refusalOfInit(args: string[]): Promise<string> {
  const asked = parseFlags("init", "", await flags(args), args)!;
  try {
    await initStudy({ ...asked, levels: levelsIn(asked) });
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
  throw new Error("it was not refused");
}

for (const [task, asked, says] of ROWS) {
  Deno.test(`${task} ${asked}: one line before anything is written`, async () => {
    const small = await copyStudy(), before = small.files();
    const args = ["--dir", small.dir, ...asked.replace("DIR", small.dir).split(" ").filter(Boolean)];
    // The parser writes nothing; the first such row of each task goes on to a process, and so do all that the parser does not refuse: of init,
    // whose rows are many, the first.
    if (await isKnown(task, args, (line) => assert.equal(small.named(line), `${task}: ${says}`))) return;
    if (task === "init" && await refusalOf(task, ...args) === undefined) {
      if (wasInProcess) {
        assert.equal(small.named(await refusalOfInit(args)), says);
        return assert.deepEqual(small.files(), before);
      }
      wasInProcess = true;
    }
    const { code, out, err } = await runTask(task, ...args);
    assert.deepEqual([small.named(err), small.named(out), code], [`${task}: ${says}`, "", 2]);
    assert.deepEqual(small.files(), before);
  });
}

Deno.test("init says what further seeds come to before it writes, as it does of configurations", async () => {
  const { dir } = await copyStudy();
  const lines = (await succeed("init", "--dir", dir, "--seeds", "3", "--dry-run")).split("\n");
  assert.match(lines[0], /^\d+ new runs: further seeds of 48 listed before$/);
  const [runs] = /^\d+/.exec(lines[0])!;
  assert.match(lines[1], /^Training what is left then takes about /);
  assert.equal(
    lines.at(-1),
    `Nothing is written (--dry-run): 0 configurations and ${runs} runs would be added to 48`,
  );
});

Deno.test("init --best without a study, and where nothing has finished, says so", async () => {
  const { dir, study } = await copyStudy();
  for (const { name } of Deno.readDirSync(`${dir}/results_01_all`)) Deno.removeSync(`${dir}/results_01_all/${name}`);
  const asked = { experiment: "01", best: 3, levels: { learning_rate: [0.01] } } as const;
  await assert.rejects(initStudy({ dir, ...asked }), {
    name: "UserError",
    message: `Cannot choose the best of study ${dir}: no run that it lists has finished; ` +
      `train some with 'deno task train --dir ${dir}'`,
  });
  await assert.rejects(initStudy({ dir: `${study.dir}/none`, ...asked }), {
    name: "UserError",
    message: `Cannot use --best in ${dir}/none: it has no study, so no run is trained`,
  });
});
