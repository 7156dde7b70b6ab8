/** Nobody's file is lost for its name: whatever a command writes is planted before as somebody else's. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { dirname, join, relative } from "node:path";
import { type CellConfig, configId } from "../../cells/config.ts";
import { UserError } from "../../cells/errors.ts";
import { isOurs } from "../../experiments/ownership.ts";
import { overviewOf } from "../../experiments/overview.ts";
import { isFinished, parseResult, type RunResult, withoutScore } from "../../experiments/result.ts";
import { evaluateStudy } from "../../experiments/scoring.ts";
import { Study } from "../../experiments/store.ts";
import { initStudy } from "../../experiments/study.ts";
import { trainStudy } from "../../experiments/training.ts";
import { writeExport } from "../../report/write_export.ts";
import { writeReport } from "../../report/write_report.ts";
import { decodeModel, encodeModel } from "../../train/engines/onnx/proto.ts";
import { encodeSafetensors } from "../../train/safetensors.ts";
import { recordErrors } from "../faults/processes.ts";
import { unfinished } from "../report/synthetic_results.ts";
import { inFolder } from "./folder.ts";
import {
  copiesOfSmallStudy,
  cut,
  editJson,
  flipBit,
  halve,
  MORE_STEPS,
  SMALL,
  type SmallStudy,
  TRAINED,
} from "./small_study.ts";

const copyStudy = copiesOfSmallStudy();

const of01 = (dir: string) => ({ dir, experiment: "01" } as const);

/** What each command does to a study, as its script calls it. */
const COMMANDS = {
  init: (dir: string) => initStudy({ ...of01(dir), seeds: 2 }),
  train: (dir: string) => trainStudy({ ...of01(dir), engine: "onnx", parallel: 1, limit: 1, quiet: true }),
  evaluate: (dir: string) => evaluateStudy({ ...of01(dir), again: true }),
  async report(dir: string) {
    const study = await Study.open(dir), read = await study.readResults("01");
    return writeReport({ ...read, ...of01(dir), below: 1.9 });
  },
  export: async (dir: string) =>
    writeExport({ study: await Study.open(dir), experiment: "01", formats: ["csv", "parquet", "tensorboard"] }),
} as const;

/** Somebody's files: other text, other JSON, and nothing at all. */
const FOREIGN = [
  "somebody's own notes\n",
  '{"model": {"merges": []}, "version": "1.0"}\n',
  "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\0\0\0\x01\0",
];

const sha256 = (path: string) => createHash("sha256").update(Deno.readFileSync(path)).digest("hex");

function plant(path: string, content: string): string {
  Deno.mkdirSync(dirname(path), { recursive: true });
  Deno.writeFileSync(path, Uint8Array.from(content, (character) => character.charCodeAt(0)));
  return sha256(path);
}

function filesIn(dir: string): string[] {
  return [...Deno.readDirSync(dir)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesIn(join(dir, name)).map((path) => join(name, path)) : [name]
  ).sort();
}

/** What a command says where it is refused, or warns; any error but a `UserError` is one. */
async function saidBy(command: () => Promise<unknown>): Promise<string[]> {
  using errors = recordErrors();
  try {
    await command();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [...errors.lines, error.message];
  }
  return [...errors.lines];
}

/** Every file that the commands write, by its path in the study; the corpus is no part of it. */
async function everyFile(small: SmallStudy): Promise<string[]> {
  for (const command of Object.values(COMMANDS)) await command(small.dir);
  return filesIn(small.dir).filter((path) => path !== "corpus.txt");
}

/** Files that are checked as they are read, by their schemas, sums and facts: no other may be replaced or removed. */
const CHECKED_AS_READ = /^(study\.json|rnn_configs\.json|results_01_all[\\/].*)$/;

Deno.test("every file that a command writes is told from somebody's of the same name", async () => {
  const small = await copyStudy(), files = await everyFile(small);
  const told = files.filter((path) => !CHECKED_AS_READ.test(path));
  assert.ok(told.length > 25 && told.includes("queue.sqlite") && told.includes("report_01_all.html"), told.join(", "));
  const other = await Deno.makeTempDir();
  try {
    for (const path of told) {
      assert.ok(isOurs(join(small.dir, path)), path);
      for (const content of FOREIGN) {
        plant(join(other, path), content);
        assert.ok(!isOurs(join(other, path)), `${path}: ${content}`);
      }
    }
  } finally {
    await Deno.remove(other, { recursive: true });
  }
});

Deno.test("init in a folder with somebody's file under any of the names changes it not, or is refused with nothing written", async (t) => {
  const small = await copyStudy(), files = await everyFile(small);
  const names = [
    ...files,
    "tokenizer.json",
    "rnn_configs_02.json",
    "queue.sqlite-wal",
    "report_02_best.html",
    ".cellspace.lock",
  ];
  for (const name of names) {
    await t.step(name, async () => {
      const dir = await Deno.makeTempDir();
      try {
        const path = join(dir, name), before = plant(path, FOREIGN[0]);
        const sizes = { stateSizes: [8], layers: [1], batch: 8, history: 51 };
        const tokens = name === "tokenizer.json" ? 300 : 256;
        const said = await saidBy(() => initStudy({ ...of01(dir), corpus: small.corpus, ...sizes, tokens }));
        assert.equal(sha256(path), before);
        assert.ok(said.length <= 1, said.join("\n"));
        if (said.length) assert.match(said[0], /^Cannot .*; (mend it, or )?move it away/);
        if (said.length) assert.deepEqual(filesIn(dir), [name]);
      } finally {
        await Deno.remove(dir, { recursive: true });
      }
    });
  }
});

type Command = keyof typeof COMMANDS;

/** Paths in a study that are planted, or replaced, as somebody's; and the commands that have to do with them. */
const PLACES: readonly (readonly [places: readonly ((small: SmallStudy) => string)[], commands: readonly Command[]])[] =
  [
    [
      [
        ({ settings }) => settings,
        ({ list }) => list,
        ({ queue }) => queue,
        ({ queue }) => `${queue}-wal`,
        ({ dir }) => join(dir, "entropy_floors.json"),
        ({ dir }) => join(dir, "tokenizer.json"),
        // Of the run that is trained next.
        (small) => small.result(TRAINED),
        (small) => small.model(TRAINED),
        (small) => small.checkpoint(TRAINED),
        // Of one that has been trained.
        (small) => small.result(0),
        (small) => small.model(0),
        (small) => small.checkpoint(0),
      ],
      ["init", "train", "evaluate"],
    ],
    [
      ["results_01_all.svg", "results_01_all_effects.png", "report_01_all.html"]
        .map((name) => ({ dir }: SmallStudy) => join(dir, name)),
      ["report"],
    ],
    [
      ["runs.csv", "curves.csv", "columns.csv", "runs.parquet", "curves.parquet", "export.json", "tensorboard"]
        .map((name) => ({ dir }: SmallStudy) => join(dir, "export_01_all", name)),
      ["export"],
    ],
  ];

Deno.test("no command changes somebody's file in a study, or says more than a line about it", async (t) => {
  for (
    const [place, commands] of PLACES.flatMap(([places, commands]) => places.map((one) => [one, commands] as const))
  ) {
    const small = await copyStudy(), path = place(small), name = relative(small.dir, path);
    await t.step(small.named(name), async () => {
      const before = plant(path, FOREIGN[0]);
      for (const command of commands) {
        const files = small.files(), said = await saidBy(() => COMMANDS[command](small.dir));
        assert.equal(sha256(path), before, command);
        assert.ok(said.filter((line) => line.includes(name)).length <= 1, `${command}: ${said.join("\n")}`);
        // A command that is refused as a whole has written nothing.
        if (said.some((line) => line.startsWith("Cannot "))) assert.deepEqual(small.files(), files, command);
      }
    });
  }
});

/** What a run may be when a command writes its files or removes them; each command leaves the other runs alone, or their files as they are. */
const STATES: Readonly<Record<string, { prepare?: (small: SmallStudy) => void; command: typeof trainFirst }>> = {
  "finished, trained longer": { command: (small) => trainFirst(small, { steps: MORE_STEPS }) },
  "finished, scored again": {
    async command({ dir }) {
      const said: string[] = [];
      await evaluateStudy({ ...of01(dir), again: true, onProblem: (line) => said.push(line) });
      return said;
    },
  },
  "failed, tried again": {
    prepare: (small) => unfinish(small, { failed: "the loss is NaN" }),
    command: (small) => trainFirst(small, { retryFailed: true }),
  },
  "failed after a finished result, tried again": {
    prepare: (small) => editJson(small.result(0), (result) => result.failed = "the loss is NaN"),
    command: (small) => trainFirst(small, { retryFailed: true, steps: MORE_STEPS }),
  },
  "under way": { prepare: (small) => unfinish(small), command: trainFirst },
  "without a result": { prepare: (small) => Deno.removeSync(small.result(0)), command: trainFirst },
};

/** Makes the first run's finished result that of one which has not come so far. */
function unfinish(small: SmallStudy, change: Partial<RunResult> = {}): void {
  const path = small.result(0), result = parseResult(JSON.parse(Deno.readTextFileSync(path)), path);
  assert.ok(isFinished(result));
  Deno.writeTextFileSync(path, JSON.stringify({ ...unfinished(withoutScore(result)), ...change }));
}

/** Trains the first run if it waits, and no other; returns what is said. */
async function trainFirst(
  { dir, runs: [{ entry: { id } }] }: SmallStudy,
  options: { steps?: number; retryFailed?: boolean } = {},
): Promise<string[]> {
  const only = (config: CellConfig) => configId(config) === id;
  return await saidBy(() => trainStudy({ ...of01(dir), engine: "onnx", parallel: 1, quiet: true, only, ...options }));
}

const isModelPath = (path: string) => path.endsWith(".onnx");

/** Puts somebody's file in the place of the first run's model or checkpoint. */
const OTHERS: Readonly<Record<string, (path: string, small: SmallStudy) => void>> = {
  "a text": (path) => plant(path, FOREIGN[0]),
  "a file of the format from another program": (path) => {
    if (isModelPath(path)) {
      const model = decodeModel(Deno.readFileSync(path));
      Deno.writeFileSync(path, encodeModel({ ...model, producer_name: "pytorch", metadata_props: [] }));
    } else {
      const tensors = new Map([["weight", { shape: [2], values: Float32Array.of(1, 2) }]]);
      Deno.writeFileSync(path, encodeSafetensors({ tensors, metadata: {} }));
    }
  },
};

for (const [state, { prepare, command }] of Object.entries(STATES)) {
  Deno.test(`a run that is ${state} leaves somebody's model or checkpoint, and names it in one line`, async (t) => {
    for (const [kind, put] of Object.entries(OTHERS)) {
      for (const file of ["model", "checkpoint"] as const) {
        await t.step(`${kind} for a ${file}`, async () => {
          const small = await copyStudy(), path = small[file](0);
          prepare?.(small);
          put(path, small);
          const files = [small.model(0), small.checkpoint(0), small.result(0)].filter((path) =>
            small.files().has(path)
          );
          const before = files.map(sha256), said = await command(small);
          assert.deepEqual(files.map(sha256), before, said.join("\n"));
          assert.equal(said.length, 1, said.join("\n"));
          assert.ok(said[0].includes(path) && /move it (and the run's result )?away/.test(said[0]), said[0]);
        });
      }
    }
  });

  Deno.test(`a run that is ${state} goes on where its model and its checkpoint are its own`, async () => {
    const small = await copyStudy();
    prepare?.(small);
    const path = small.result(0), before = small.files().get(path);
    assert.deepEqual(await command(small), []);
    const result = (await small.study.readResult("01", small.runs[0].key))!;
    assert.ok(isFinished(result) && result.failed === undefined);
    // A score is the same each time.
    if (state !== "finished, scored again") assert.notEqual(small.files().get(path), before);
  });
}

Deno.test("a file that comes to lie in a model's or a checkpoint's place meanwhile is neither replaced nor removed", async () => {
  const { dir, study, runs: [{ key }] } = await copyStudy();
  const bytes = new Uint8Array(10), commit = (rename: () => void) => Promise.resolve(rename());
  const model = study.modelPath("01", key), checkpoint = study.checkpointPath("01", key);
  for (const path of [model, checkpoint]) plant(path, FOREIGN[0]);
  const files = filesIn(dir),
    refused = /^UserError: Cannot (write|remove) .*: it is there, and cellspace did not write it; move it away$/;
  await assert.rejects(study.writeModel("01", key, bytes), refused);
  await assert.rejects(study.writeCheckpoint("01", key, bytes), refused);
  await assert.rejects(study.removeCheckpoint("01", key, commit), refused);
  for (const path of [model, checkpoint]) assert.equal(Deno.readTextFileSync(path), FOREIGN[0]);
  // Nothing unfinished is left either.
  assert.deepEqual(filesIn(dir), files);
});

Deno.test("evaluate --again makes a damaged model of cellspace's anew, and one that is empty", async () => {
  for (const damage of [(path: string) => cut(path, 0), halve, (path: string) => flipBit(path, -1)]) {
    const small = await copyStudy(), path = small.model(0), before = sha256(path);
    damage(path);
    await COMMANDS.evaluate(small.dir);
    assert.equal(sha256(path), before);
  }
});

Deno.test("a folder, or a link to nothing, in the place of a file is refused with one line", async () => {
  const names = ["entropy_floors.json", "results_01_all.svg", "report_01_all.html", "export_01_all/runs.csv"];
  for (const name of names) {
    for (const kind of ["folder", "link"] as const) {
      const small = await copyStudy(), path = join(small.dir, name);
      if (name.includes("/")) Deno.mkdirSync(dirname(path));
      await Deno.remove(path).catch(() => {});
      if (kind === "folder") Deno.mkdirSync(path);
      else Deno.symlinkSync(join(small.dir, "nowhere"), path);
      const said: string[] = [];
      const commands = [COMMANDS.train, name.includes("/") ? COMMANDS.export : COMMANDS.report];
      for (const command of commands) said.push(...await saidBy(() => command(small.dir)));
      assert.ok(said.length > 0 && said.every((line) => line.includes(path)), `${name}, ${kind}: ${said.join("\n")}`);
      assert.equal(kind === "folder", (await Deno.lstat(path)).isDirectory);
      await assert.rejects(Deno.lstat(join(small.dir, "nowhere")), Deno.errors.NotFound);
    }
  }
});

Deno.test("a file behind a link is replaced, and the link stays", async () => {
  const small = await copyStudy(), elsewhere = join(small.dir, "elsewhere");
  Deno.mkdirSync(elsewhere);
  for (const path of [small.settings, small.list]) {
    const target = join(elsewhere, relative(small.dir, path));
    Deno.renameSync(path, target);
    Deno.symlinkSync(target, path);
  }
  await initStudy({ ...of01(small.dir), layers: [1, 2], stateSizes: [8] });
  for (const path of [small.settings, small.list]) assert.ok(Deno.lstatSync(path).isSymlink);
  assert.equal((await Study.open(small.dir)).settings.seeds, 1);
  assert.equal((await overviewOf(small.dir, "01")).total, 96);
});

inFolder("init refuses a study of tokens that has lost them, and leaves its tokenizer.json", async (dir) => {
  const small = await copyStudy(), corpus = small.corpus, path = join(dir, "tokenizer.json");
  await initStudy({ ...of01(dir), corpus, ...SMALL, tokens: 300 });
  await COMMANDS.train(dir);
  const tokenizer = sha256(path);
  const lose = (version: number) =>
    editJson(join(dir, "study.json"), (value) => {
      delete value.tokens;
      value.version = version;
    });
  lose(2);
  await assert.rejects(
    COMMANDS.init(dir),
    /^UserError: Cannot read .*'tokens': is missing, and a study of version 2 has tokens/,
  );
  lose(1);
  await assert.rejects(COMMANDS.init(dir), {
    message:
      `Cannot extend study ${dir}: its results have batch 8, history 51 and tokens bpe:300, asked for 8, 51 and ` +
      "bytes; ask for those with --batch 8 --history 51 --tokens bpe:300 after moving study.json away, or start another " +
      "with --dir",
  });
  assert.equal(sha256(path), tokenizer);
  // It can be mended as the line says.
  Deno.removeSync(join(dir, "study.json"));
  await initStudy({ ...of01(dir), corpus, steps: 100, batch: 8, history: 51, tokens: 300 });
  assert.deepEqual([(await overviewOf(dir, "01")).done, sha256(path)], [1, tokenizer]);
});
