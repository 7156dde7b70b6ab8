/** Tables that are nearly cellspace's, pipes in the place of files, and folders that Deno keeps from programs. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { dirname, join, relative } from "node:path";
import { isOurs } from "../../../experiments/study/ownership.ts";
import { initStudy } from "../../../experiments/study/init_study.ts";
import { tempFolder } from "../folder.ts";
import { copiesOfSmallStudy } from "../small_study.ts";
import { type Command, COMMANDS, filesIn, of01, plant, saidBy, sha256 } from "./foreign_files.ts";

const copyStudy = copiesOfSmallStudy();

/** Lines before a table's first row that are like ours, and have a column of somebody's: by the name of the file. */
const OWN_COLUMNS: Readonly<Record<string, (header: string) => string>> = {
  "runs.csv": (header) => `${header},my own notes`,
  "curves.csv": (header) => `${header},mine`,
  "columns.csv": (header) => `${header}, mine`,
};

Deno.test("isOurs() knows a picture by what it holds, however many words its name has", async () => {
  await using temp = await tempFolder();
  for (const name of ["results_01_all", "results_01_all_cost", "results_02_big_loss_by_2_factors"]) {
    const path = join(temp.path, `${name}.svg`);
    await Deno.writeTextFile(path, `<svg><title id="${name}-0"></title></svg>`);
    assert.ok(isOurs(path), name);
    await Deno.writeTextFile(path, '<svg><title id="title"></title></svg>');
    assert.ok(!isOurs(path), `${name} of somebody's`);
  }
});

Deno.test("isOurs() tells a table with a person's own columns from one of cellspace's, and knows those of earlier versions", async () => {
  const small = await copyStudy(), folder = join(small.dir, "export_01_all");
  await COMMANDS.export(small.dir);
  // A data set has one of them again.
  const tables = filesIn(folder).filter((name) => name.endsWith(".csv") && dirname(name) !== "dataset");
  const [pictures, others] = [true, false].map((wanted) =>
    tables.filter((name) => (dirname(name) === "pictures") === wanted)
  );
  assert.deepEqual(others, Object.keys(OWN_COLUMNS).sort());
  assert.ok(pictures.includes(join("pictures", "results_01_all.csv")), `${pictures}`);
  for (const name of tables) {
    const path = join(folder, name), [header, ...rows] = Deno.readTextFileSync(path).split("\r\n");
    assert.ok(isOurs(path), name);
    for (
      const line of [
        (OWN_COLUMNS[name] ?? OWN_COLUMNS["curves.csv"])(header),
        header.slice(0, -2),
        `${header},${header.split(",")[2]}`,
        "",
      ]
    ) {
      plant(path, [line, ...rows].join("\r\n"));
      assert.ok(!isOurs(path), `${name}: ${line}`);
      const before = sha256(path);
      assert.match((await saidBy(() => COMMANDS.export(small.dir))).join(), /exists, and cellspace did not write it/);
      assert.equal(sha256(path), before);
    }
  }
  const runs = join(folder, "runs.csv");
  plant(runs, `id,seed,status,${SOMEBODYS_START}`);
  assert.ok(!isOurs(runs));
  plant(runs, `${FIRST_VERSION}\n`);
  assert.ok(isOurs(runs));
});

/** What the first characters of version 0.1.0's table are not enough to tell from. */
const SOMEBODYS_START = "my own notes\n";

/** The columns that version 0.1.0 wrote when it first exported. */
const FIRST_VERSION =
  "id,seed,status,use_input_gate,use_forget_gate,use_output_gate,use_state_gate,use_new_state,use_old_state,use_residual," +
  "n_layers,state_size,gate_inputs,cell,old id,control,parameters,min loss,test_loss,test_bits_per_byte,test_bytes," +
  "test_streams,test_warm_up,training steps,steps_done,train_seconds,start time,end time,batch size,history size,log_every," +
  "dataset,engine,adapter,earlier_engines,owner,failed,failed_at_step,failed_time,cellspace_version,sample_text," +
  "sample_prompt,sample_bytes,sample_temperature,sample_seed";

Deno.test("isOurs() knows no table in Parquet that another program wrote", async () => {
  const small = await copyStudy(), folder = join(small.dir, "export_01_all");
  await COMMANDS.export(small.dir);
  for (const name of ["runs.parquet", "curves.parquet"]) {
    const path = join(folder, name), bytes = Deno.readFileSync(path);
    assert.ok(isOurs(path), name);
    const at = Buffer.from(bytes).lastIndexOf("hyparquet");
    bytes.set(new TextEncoder().encode("pandas---"), at);
    Deno.writeFileSync(path, bytes);
    assert.ok(!isOurs(path), name);
  }
});

Deno.test({
  name: "a pipe in the place of any file is refused with one line, not waited for, and left",
  ignore: Deno.build.os === "windows",
  async fn(t) {
    const { model, checkpoint, result } = await copyStudy().then((small) => ({
      model: relative(small.dir, small.model(0)),
      checkpoint: relative(small.dir, small.checkpoint(0)),
      result: relative(small.dir, small.result(0)),
    }));
    const places: readonly (readonly [names: readonly string[], commands: readonly Command[]])[] = [
      [["study.json", "rnn_configs.json", "tokenizer.json", ".cellspace.lock"], ["init", "train"]],
      [["queue.sqlite", "queue.sqlite-wal", "entropy_floors.json", result, model, checkpoint], ["train", "evaluate"]],
      [["results_01_all.svg", "report_01_all.html"], ["report"]],
      [["export_01_all/runs.csv", "export_01_all/export.json"], ["export"]],
    ];
    for (
      const [name, commands] of places.flatMap(([names, commands]) => names.map((one) => [one, commands] as const))
    ) {
      await t.step(name.slice(0, 40), async () => {
        const small = await copyStudy(), path = join(small.dir, name);
        Deno.mkdirSync(dirname(path), { recursive: true });
        await Deno.remove(path).catch(() => {});
        const made = await new Deno.Command("mkfifo", { args: [path] }).output();
        assert.ok(made.success);
        for (const command of commands) {
          const said = await saidBy(() => COMMANDS[command](small.dir));
          assert.ok(said.filter((line) => line.includes(path)).length <= 1, said.join("\n"));
          assert.ok(Deno.lstatSync(path).isFifo, name);
        }
      });
    }
  },
});

Deno.test({
  name:
    "a folder that Deno keeps from all programs is told in one line without Deno's flags or advice on damaged files",
  // It lies in memory, and on Linux alone.
  ignore: Deno.build.os !== "linux",
  async fn(t) {
    const closed = `/dev/shm/cellspace-${crypto.randomUUID()}`;
    const must = "Deno denies access to it without all permissions; choose another folder";
    const refused = async (command: () => Promise<unknown>) => {
      const said = await saidBy(command);
      assert.equal(said.length, 1, said.join("\n"));
      assert.match(said[0], /^Cannot (read|use folder|write) [^:]+: /);
      assert.ok(said[0].endsWith(`: ${must}`), said[0]);
    };
    await t.step(
      "as a study",
      () => refused(() => initStudy({ ...of01(closed), levels: { n_layers: [1], state_size: [8] } })),
    );
    for (const folder of ["results_01_all", "models_01_all", "checkpoints_01_all", "results_02_best"]) {
      const small = await copyStudy(), path = join(small.dir, folder);
      await Deno.remove(path, { recursive: true }).catch(() => {});
      Deno.symlinkSync("/dev/shm", path);
      for (const name of ["train", "evaluate", "report", "export"] as const) {
        await t.step(`${folder}, ${name}`, () => refused(() => COMMANDS[name](small.dir)));
      }
    }
    for (const file of ["study.json", "rnn_configs.json"]) {
      const small = await copyStudy(), path = join(small.dir, file);
      Deno.removeSync(path);
      // A file that is there on every Linux; nothing of it is told.
      Deno.symlinkSync("/proc/self/environ", path);
      for (const name of ["init", "train"] as const) {
        await t.step(`${file}, ${name}`, () => refused(() => COMMANDS[name](small.dir)));
      }
    }
  },
});
