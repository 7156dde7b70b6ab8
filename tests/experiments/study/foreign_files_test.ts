/** Nobody's file is lost for its name: whatever a command writes is planted before as somebody else's. */
import assert from "node:assert/strict";
import { dirname, join, relative } from "node:path";
import { isOurs } from "../../../experiments/study/ownership.ts";
import { overviewOf } from "../../../experiments/queue/overview.ts";
import { Study } from "../../../experiments/study/store.ts";
import { initStudy } from "../../../experiments/study/init_study.ts";
import { tempFolder } from "../folder.ts";
import { copiesOfSmallStudy, editJson, SMALL, type SmallStudy, TRAINED } from "../small_study.ts";
import { type Command, COMMANDS, drawnReport, filesIn, FOREIGN, of01, plant, saidBy, sha256 } from "./foreign_files.ts";

/** The test split has room for what dynamics are measured on. */
const copyStudy = copiesOfSmallStudy(24_000);

/** A study on which each command has been run, and every file that they wrote, by its path in the study; the corpus is not part of it. */
let written: Promise<{ readonly small: SmallStudy; readonly files: readonly string[] }> | undefined;

const everyFile = () =>
  written ??= (async () => {
    const small = await copyStudy();
    for (const command of Object.values(COMMANDS)) await command(small.dir);
    return { small, files: filesIn(small.dir).filter((path) => path !== "corpus.txt") };
  })();

/** Files that are checked as they are read, by their schemas, sums and facts: no other may be replaced or removed. */
const CHECKED_AS_READ = /^(study\.json|rnn_configs\.json|results_01_all[\\/].*)$/;

Deno.test("every file that a command writes is told from somebody's of the same name", async () => {
  const { small, files } = await everyFile();
  const told = files.filter((path) => !CHECKED_AS_READ.test(path));
  assert.ok(told.length > 25, told.join(", "));
  for (
    const name of [
      "queue.sqlite",
      "report_01_all.html",
      "results_01_all_dynamics.svg",
      join("export_01_all", "dynamics.csv"),
      join("export_01_all", "dynamics.parquet"),
    ]
  ) assert.ok(told.includes(name), name);
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
  const { small, files } = await everyFile();
  const names = [
    ...files,
    "tokenizer.json",
    "rnn_configs_02.json",
    "queue.sqlite-wal",
    "report_02_best.html",
    "slurm_jobs.json",
    ".cellspace.lock",
  ];
  for (const name of names) {
    await t.step(name, async () => {
      const dir = await Deno.makeTempDir();
      try {
        const path = join(dir, name), before = plant(path, FOREIGN[0]);
        const sizes = { levels: { n_layers: [1], state_size: [8] }, batch: 8, history: 51 };
        const tokens = name === "tokenizer.json" ? 300 : 256;
        const said = await saidBy(() => initStudy({ ...of01(dir), corpus: small.corpus, ...sizes, tokens }));
        assert.equal(sha256(path), before);
        assert.ok(said.length <= 1, said.join("\n"));
        if (said.length) assert.match(said[0], /^Cannot .*; (fix it, or )?move it away/);
        if (said.length) assert.deepEqual(filesIn(dir), [name]);
      } finally {
        await Deno.remove(dir, { recursive: true });
      }
    });
  }
});

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
      [
        "runs.csv",
        "curves.csv",
        "columns.csv",
        "runs.parquet",
        "curves.parquet",
        "export.json",
        "tensorboard",
        "dataset/README.md",
        "dataset/study.json",
        "dataset/test.txt",
        "dataset/SHA256SUMS",
        "dataset",
        "pictures/results_01_all.csv",
        "pictures",
      ]
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
      // Who is not refused is not to draw PNGs, which nobody looks at.
      const report = name === "entropy_floors.json" ? drawnReport : COMMANDS.report;
      const commands = [COMMANDS.train, name.includes("/") ? COMMANDS.export : report];
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
  await initStudy({ ...of01(small.dir), levels: { n_layers: [1, 2], state_size: [8] } });
  for (const path of [small.settings, small.list]) assert.ok(Deno.lstatSync(path).isSymlink);
  assert.equal((await Study.open(small.dir)).settings.seeds, 1);
  assert.equal((await overviewOf(small.dir, "01")).total, 96);
});

Deno.test("init refuses a study of tokens that has lost them, and leaves its tokenizer.json", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
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
  await initStudy({ ...of01(dir), corpus, seeds: 1, steps: 100, batch: 8, history: 51, tokens: 300 });
  assert.deepEqual([(await overviewOf(dir, "01")).done, sha256(path)], [1, tokenizer]);
});
