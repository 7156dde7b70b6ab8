/** Advice is followed to the letter, by the real tasks: what a message says to do must mend what it is about. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { flagsInWords } from "../../experiments/study/levels.ts";
import { copiesOfSmallStudy, cut, editJson, halve, type SmallStudy } from "./small_study.ts";

const copyStudy = copiesOfSmallStudy();
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

interface Ended {
  readonly code: number;
  readonly said: string;
}

/** Runs a command line of a shell, as somebody types it in the project's folder. */
async function shell(line: string): Promise<Ended> {
  const { code, stderr } = await new Deno.Command("sh", {
    args: ["-c", line.replace(/^deno /, `"${Deno.execPath()}" `)],
    cwd: ROOT,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdout: "null",
  }).output();
  const lines = new TextDecoder().decode(stderr).split("\n").filter((line) => line && !line.startsWith("Task "));
  return { code, said: lines.join("\n") };
}

/** The commands that a message gives, as they stand there. */
const commandsIn = (message: string) => [...message.matchAll(/'(deno task [^']+)'/g)].map(([, command]) => command);

interface Row {
  readonly name: string;
  readonly damage: (small: SmallStudy) => void;
  /** The task that meets the damage. */
  readonly task: string;
  /** Works in the end, if it is not that task. */
  readonly then?: string;
  /** What the message says to do with files, before its commands; one message after another. */
  readonly by?: ((small: SmallStudy) => void)[];
  /** Puts in what the message leaves open, or adds the flags that it asks for. */
  readonly fill?: (command: string, small: SmallStudy, message: string) => string;
  readonly says: RegExp;
}

const remove = (path: string) => Deno.removeSync(path, { recursive: true });
const TRAIN = "train --engine onnx --parallel 1 --limit 1 --quiet";

const ROWS: readonly Row[] = [
  {
    name: "the study's text was moved",
    damage: ({ dir, corpus }) => Deno.renameSync(corpus, join(dir, "moved.txt")),
    task: TRAIN,
    says: /; restore .*, or give its new path with 'deno task init --dir .* --corpus FILE'$/,
    fill: (command, { dir }) => command.replace("FILE", `"${join(dir, "moved.txt")}"`),
  },
  {
    name: "the study's text was moved before it was extended",
    damage: ({ dir, corpus }) => Deno.renameSync(corpus, join(dir, "moved.txt")),
    task: "init --seeds 2",
    says: /; restore .*, or give its new path with 'deno task init --dir .* --corpus FILE'$/,
    fill: (command, { dir }) => command.replace("FILE", `"${join(dir, "moved.txt")}"`),
  },
  {
    name: "there is no study",
    damage: ({ dir }) => [...Deno.readDirSync(dir)].forEach(({ name }) => remove(join(dir, name))),
    task: "status",
    says: /has no study\.json; make one with 'deno task init --dir .*'$/,
    // The whole grid takes more than a day without a GPU, and 'init' asks for the flag then.
    fill: (command) => `${command} --yes`,
  },
  {
    name: "study.json is damaged",
    damage: ({ settings }) => halve(settings),
    task: "status",
    says: /; fix it, or move it away and create it again with 'deno task init --dir .*' and the same flags$/,
    by: [({ settings }) => remove(settings)],
    fill: (command, { corpus }) => `${command} --corpus "${corpus}" --batch 8 --history 51 --steps 100`,
  },
  {
    name: "study.json is made anew in another way than the results were trained",
    damage: ({ settings }) => remove(settings),
    task: "init",
    then: "status",
    says:
      /its results have batch 8 and history 51, .*; ask for those with --batch 8 --history 51, or start another with --dir$/,
    fill: (_, { dir, corpus }, message) =>
      `deno task init --dir "${dir}" --corpus "${corpus}" --steps 100 ${
        message.match(/(--batch \d+ --history \d+)/)![1]
      }`,
  },
  {
    name: "the list is damaged",
    damage: ({ list }) => cut(list, 100),
    task: "status",
    says: RegExp(`'deno task init --dir .*', with the same ${flagsInWords("conjunction")}$`),
    by: [({ list }) => remove(list)],
    fill: (command) => `${command} --state-size 8 --layers 1`,
  },
  {
    name: "there is no list",
    damage: ({ list }) => remove(list),
    task: TRAIN,
    then: "status",
    says: /it has no configurations; run 'deno task init --dir .*'$/,
  },
  {
    name: "experiment 02 has no list",
    damage: () => {},
    task: `${TRAIN} --experiment 02`,
    then: "status --experiment 02",
    says: /it has no configurations; run 'deno task init --dir .* --experiment 02'$/,
  },
  {
    name: "report of experiment 02, which has no list",
    damage: () => {},
    task: "report --experiment 02",
    then: "status --experiment 02",
    says: /; list some with 'deno task init --dir .* --experiment 02'$/,
  },
  {
    name: "export of experiment 02, which has no list",
    damage: () => {},
    task: "export --experiment 02",
    then: "status --experiment 02",
    says: /; list some with 'deno task init --dir .* --experiment 02'$/,
  },
  {
    name: "sample of experiment 02, which has no list",
    damage: () => {},
    task: "sample --experiment 02",
    then: "status --experiment 02",
    says: /; list some with 'deno task init --dir .* --experiment 02'$/,
  },
  {
    name: "a version without bounds gave the study too many seeds",
    damage: ({ settings }) => editJson(settings, (value) => value.seeds = 20_240_101),
    task: "status",
    says: /must be at most 1000; take seeds away with 'deno task init --dir .* --seeds 1'$/,
  },
  {
    name: "a model is damaged",
    damage: (small) => halve(small.model(0)),
    task: "sample --bytes 5 --id RUN0",
    says: /export it again with 'deno task evaluate --dir .* --again'$/,
  },
  {
    name: "a model is missing",
    damage: (small) => remove(small.model(0)),
    task: "sample --bytes 5 --id RUN0",
    says: /export it again with 'deno task evaluate --dir .* --again'$/,
  },
  {
    name: "no run has finished",
    damage: ({ dir }) => remove(join(dir, "results_01_all")),
    task: "report",
    says: /no run of experiment 01 has finished; train some with 'deno task train --dir .*'$/,
    fill: (command) => `${command} --engine onnx --limit 1`,
  },
  {
    name: "no run has begun",
    damage: ({ dir }) => remove(join(dir, "results_01_all")),
    task: "export",
    says: /no run of experiment 01 has begun; train some with 'deno task train --dir .*'$/,
    fill: (command) => `${command} --engine onnx --limit 1`,
  },
  {
    name: "the queue is no database",
    damage: ({ queue }) => Deno.writeTextFileSync(queue, "no database, but long enough for one".repeat(50)),
    task: TRAIN,
    says: /move it away, and the next command creates a new one$/,
    by: [({ queue }) => remove(queue)],
  },
  {
    name: "a file is where a folder must be",
    damage: ({ dir }) => {
      remove(join(dir, "models_01_all"));
      Deno.writeTextFileSync(join(dir, "models_01_all"), "");
    },
    task: TRAIN,
    says: /a file is where a folder must be; move it away$/,
    by: [({ dir }) => remove(join(dir, "models_01_all"))],
  },
  {
    name: "somebody's page is in the report's place",
    damage: ({ dir }) => Deno.writeTextFileSync(join(dir, "report_01_all.html"), "<p>mine"),
    task: "report",
    says: /report_01_all\.html: it exists, and cellspace did not write it; move it away$/,
    by: [({ dir }) => remove(join(dir, "report_01_all.html"))],
  },
];

Deno.test("what a message says to do mends what it is about", async (t) => {
  for (const row of ROWS) {
    await t.step(row.name, async () => {
      // A folder that a command without quotation marks would not find.
      const copied = await copyStudy(), dir = `${copied.dir} of mine`;
      Deno.renameSync(copied.dir, dir);
      const small = await copied.movedTo(dir);
      row.damage(small);
      const task = (text: string) => {
        const [name, ...flags] = text.replace("RUN0", small.runs[0].key).split(" ");
        return shell(["deno task", name, `--dir "${dir}"`, ...flags].join(" "));
      };
      const met = await task(row.task);
      assert.ok(met.code !== 0, `it was not met: ${met.said}`);
      assert.match(met.said, row.says);
      for (const mend of row.by ?? []) mend(small);
      const commands = commandsIn(met.said);
      const filled = (commands.length || !row.fill ? commands : [""]).map((command) =>
        row.fill?.(command, small, met.said) ?? command
      );
      for (const command of filled) {
        const { code, said } = await shell(command);
        assert.equal(code, 0, `${command}: ${said}`);
      }
      const { code, said } = await task(row.then ?? row.task);
      assert.equal(code, 0, said);
    });
  }
});
