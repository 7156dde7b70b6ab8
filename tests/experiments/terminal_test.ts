/** What scripts print goes through one module that never throws, and every number of a flag has bounds. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MAX_LAYERS } from "../../cells/factors.ts";
import { grid, MOST_LEVELS } from "../../experiments/study/grid.ts";
import { parseSelection } from "../../experiments/study/selection.ts";
import { initStudy } from "../../experiments/study/init_study.ts";
import { buildTrainingStep } from "../../cells/language_model.ts";
import { cellOf } from "../../cells/catalog/catalog.ts";
import { checkLimits, LEAST, LIMITS } from "../../train/training/settings.ts";
import { openReferenceEngine } from "../../train/engines/reference.ts";
import { parseFlags } from "../../train/terminal/command_line.ts";
import { splitList, valueIn, valuesIn } from "../../train/terminal/flag.ts";
import { trainCell } from "../../train/training/trainer.ts";
import tasks from "../../deno.json" with { type: "json" };
import { flagsOf } from "./script_flags.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The one module that may. */
const OUTPUT = "train/terminal/output.ts";

function* modules(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(join(ROOT, folder))) {
    if (isDirectory) yield* modules(join(folder, name));
    else if (name.endsWith(".ts")) yield join(folder, name);
  }
}

/** Places where a module writes to a stream by itself. Comments and strings count too: none needs the words. */
function writesIn(source: string): string[] {
  return source.match(/\bconsole\.\w+|\bDeno\.std(out|err)\b|(?<![#.\w])process\.std(out|err)\b/g) ??
    [];
}

Deno.test("no module writes to the streams but the one that never throws", () => {
  const paths = [
    "task.ts",
    "mod.ts",
    ...["cells", "train", "experiments", "report"].flatMap((dir) => [...modules(dir)]),
  ];
  assert.ok(paths.length > 150, `only ${paths.length} modules were found`);
  const found = paths.filter((path) => path !== OUTPUT)
    .flatMap((path) => writesIn(Deno.readTextFileSync(join(ROOT, path))).map((what) => `${path}: ${what}`));
  assert.deepEqual(found, []);
});

Deno.test("the check of streams finds each way of writing to one", () => {
  for (
    const text of [
      "console.warn(1)",
      "Deno.stderr.writeSync(x)",
      "stream: process.stderr",
      "await Deno.stdout.write(x)",
    ]
  ) {
    assert.equal(writesIn(text).length, 1, text);
  }
  assert.deepEqual(writesIn("this.#process.stdout"), []);
});

/** Runs a task's own command through a shell, as `deno COMMAND ARGUMENTS REST`. */
async function shell(task: keyof typeof tasks.tasks, args: string, rest: string): Promise<Deno.CommandOutput> {
  const command = tasks.tasks[task].command.replace(/^deno/, '"$DENO"');
  return await new Deno.Command("bash", {
    args: ["-c", `${command} ${args} ${rest}`],
    cwd: ROOT,
    env: { DENO: Deno.execPath(), NO_COLOR: "1" },
  }).output();
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
const hasFull = Deno.build.os === "linux";
if (!hasFull) console.log("skipped: output that cannot be written, for this system has no /dev/full");

for (const [task, args] of [["status", "--help"], ["corpora", "--json"], ["certify", "--help"]] as const) {
  Deno.test({
    name: `${task} ${args} says that its output could not be written, with exit code 1`,
    ignore: !hasFull,
    async fn() {
      const { code, stderr } = await shell(task, args, ">/dev/full");
      assert.deepEqual(
        [code, text(stderr)],
        [1, `${task}: Cannot write to standard output: No space left on device (os error 28)`],
      );
    },
  });
}

Deno.test({
  name: "a task ends quietly where its reader has gone, and keeps its exit code where its error cannot be printed",
  ignore: !hasFull,
  async fn() {
    // `exec` with a closed reader: the pipe's other end is gone before the first write.
    const gone = await shell("corpora", "--json", "> >(exec true); sleep 0.1");
    assert.equal(text(gone.stderr), "");
    const untold = await shell("status", "--dir /nowhere/s", "2>/dev/full");
    assert.deepEqual([untold.code, text(untold.stdout)], [2, ""]);
  },
});

const SCRIPTS = [
  "init",
  "remove",
  "train",
  "evaluate",
  "merge",
  "status",
  "watch",
  "report",
  "export",
  "sample",
  "demo",
  "cells",
  "certify",
  "bench",
] as const;

/** A flag that takes a value. */
interface Taking {
  readonly name: string;
  readonly kind: string;
}

async function takingOf(task: keyof typeof tasks.tasks): Promise<Taking[]> {
  const usages = Object.values(await flagsOf(task)).map(({ usage }) => usage);
  return usages.flatMap((usage) => {
    const [, name, kind] = /^--([\w-]+) <([^>]+)>/.exec(usage) ?? [];
    return name === undefined ? [] : [{ name, kind }];
  });
}

const isNumber = ({ name, kind }: Taking) => /^(n|t|nats)$/.test(kind) || name === "layers" || name === "state-size";

for (const task of SCRIPTS) {
  Deno.test(`every number of ${task} has an upper bound, and no flag may be there twice`, async () => {
    const taking = await takingOf(task), wrong: [args: string[], message: RegExp][] = [];
    for (const { name } of taking.filter(isNumber)) {
      for (const huge of ["99999999999999999999", "1e300"]) {
        wrong.push([
          [`--${name}`, huge],
          new RegExp(`^(${task}: )?Cannot use --${name} ${huge}: must be .* at most \\d+`),
        ]);
      }
    }
    for (const { name, kind } of taking.length ? taking : [{ name: "json", kind: "" }]) {
      wrong.push([
        kind ? [`--${name}`, "x", `--${name}=y`] : [`--${name}`, `--${name}`],
        new RegExp(`^(${task}: )?Cannot use --${name} twice: it must be given once`),
      ]);
    }
    const known = await flagsOf(task);
    for (const [args, message] of wrong) {
      assert.throws(() => parseFlags(task, "", known, args), { name: "UserError", message });
    }
    // The process says the same of the first, and ends with 2.
    const [[args, message]] = wrong, { code, stderr } = await shell(task, args.join(" "), "");
    assert.equal(code, 2, text(stderr));
    assert.match(text(stderr), message);
    assert.ok(text(stderr).startsWith(`${task}: `));
  });
}

Deno.test("tasks take many flags, and many numbers", async () => {
  const taking = (await Promise.all(SCRIPTS.map(takingOf))).flat(), numbers = taking.filter(isNumber);
  assert.ok(numbers.length >= 13 && taking.length > 25, `${numbers.length} numbers among ${taking.length} flags`);
});

Deno.test("valueIn() reads a flag as the script does", () => {
  assert.equal(valueIn(["--dir", "a"], "dir"), "a");
  assert.equal(valueIn(["--json", "--dir=a=b"], "dir"), "a=b");
  assert.equal(valueIn(["--dir="], "dir"), "");
  assert.equal(valueIn(["--dir", "--json"], "dir"), undefined);
  assert.equal(valueIn(["--prompt=--dir=b", "--dir", "a"], "dir"), "a");
  assert.equal(valueIn(["--", "--dir", "a"], "dir"), undefined);
  assert.equal(valueIn(["--dirt", "a"], "dir"), undefined);
});

Deno.test("valuesIn() reads the values of a list, and the words behind it up to the next flag", () => {
  assert.deepEqual(valuesIn(["--from", "a, b,", "c", "--dir", "d"], "from"), ["a", "b", "c"]);
  assert.deepEqual(valuesIn(["--from=a", "b", "-x"], "from"), ["a", "b"]);
  assert.deepEqual(valuesIn(["--from", "--dry-run", "a"], "from"), []);
  assert.deepEqual(valuesIn(["--dir", "a", "b"], "from"), []);
  assert.deepEqual(valuesIn(["--", "--from", "a"], "from"), []);
});

Deno.test("lists refuse what is there twice, and more values than they may have", () => {
  assert.deepEqual(splitList("a, b", 2), ["a", "b"]);
  assert.throws(() => splitList("a,b,a", 3), { message: "must name a once" });
  assert.deepEqual(splitList(",", 2), ["", ""]);
  assert.throws(() => splitList("1,".repeat(5_000_000), 3), { message: "must have at most 3 values" });
  assert.throws(() => parseSelection("n_layers=1,n_layers=2"), /^Error: names n_layers twice/);
});

Deno.test("parseSelection() knows no key that every object has", () => {
  for (const key of ["constructor", "toString", "__proto__", "hasOwnProperty", "valueOf"]) {
    assert.throws(() => parseSelection(`${key}=1`), { message: new RegExp(`^'${key}=1' names no key`) });
  }
});

Deno.test("settings out of bounds are refused to callers that are no command line", async () => {
  const settings = { steps: 2, batch: 1, history: 2, log_every: 1 };
  const config = grid({ n_layers: [1], state_size: [8] })[0], cell = cellOf(config);
  assert.ok(buildTrainingStep(cell, { n_layers: 1, state_size: 8, batch: 1, vocabulary: 256 }));
  for (const key of Object.keys(LIMITS) as (keyof typeof LIMITS)[]) {
    for (const value of [0, 1.5, NaN, LIMITS[key] + 1, 1e300]) {
      const message = `Cannot use ${key} ${value}: must be a whole number of at least ${LEAST[key]} and at most ${
        LIMITS[key]
      }`;
      const says = { name: "UserError", message };
      assert.throws(() => checkLimits({ [key]: value }), says);
      if (key !== "log_every") {
        await assert.rejects(initStudy({ dir: "/nowhere/s", experiment: "01", [key]: value }), says);
      }
      if (key !== "seeds") {
        const model = { n_layers: 1, state_size: 8, seed: 0 };
        await assert.rejects(
          trainCell(await openReferenceEngine(), cell, model, { ...settings, [key]: value }, new Uint8Array(9)),
          { name: "RangeError", message },
        );
      }
    }
    checkLimits({ [key]: LIMITS[key] });
  }
});

Deno.test("grid() and initStudy() refuse more configurations and runs than fit into memory, before they list them", async () => {
  const many = Array.from({ length: MOST_LEVELS + 1 }, (_, i) => i + 1);
  assert.ok(MOST_LEVELS <= MAX_LAYERS);
  assert.throws(() => grid({ n_layers: many }), {
    message: `Cannot list 33 layer counts: must be at most 32 in one call`,
  });
  const options = {
    dir: "/nowhere/s",
    experiment: "01",
    levels: { n_layers: many.slice(1), state_size: [8] },
    seeds: 1000,
  } as const;
  await assert.rejects(initStudy(options), {
    name: "UserError",
    message:
      "Cannot list experiment 01 of /nowhere/s: 1536 configurations with 1000 seeds are 1536000 runs, must be at most 1000000",
  });
});
