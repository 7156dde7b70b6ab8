/** Two reports of one study are byte-identical, whoever draws them and where. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { initStudy } from "../../experiments/study/init_study.ts";
import { taskCommand } from "../../train/terminal/advice.ts";
import tasks from "../../deno.json" with { type: "json" };
import { tempFolder } from "../experiments/folder.ts";
import { syntheticResults, unfinished } from "./synthetic_results.ts";
import { reportFiles } from "./report_files.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FOLDER = "results_01_all";

/** A study with runs that have finished, failed, are open, damaged, of a later version, not begun and not in the list. */
async function makeStudy(dir: string): Promise<void> {
  const { study } = await initStudy({
    dir,
    experiment: "01",
    levels: { n_layers: [1], state_size: [256] },
    steps: 999,
    seeds: 1,
  });
  await study.makeRunFolders("01");
  const { corpus } = study.settings;
  const results = [...syntheticResults({ layers: [1], state_sizes: [256] }), ...syntheticResults({ layers: [2] })]
    .map((result) => ({ ...result, dataset: corpus.name, corpus_sha1: corpus.sha1 }));
  const [failed, open, damaged, later, _notBegun, ...rest] = results;
  for (const result of rest.slice(0, 120)) await study.writeResult("01", result.id, result);
  await study.writeResult("01", failed.id, { ...unfinished(failed), failed: "the loss became NaN at step 7" });
  await study.writeResult("01", open.id, unfinished(open));
  await Deno.writeTextFile(study.resultPath("01", damaged.id), "{");
  await Deno.writeTextFile(study.resultPath("01", later.id), JSON.stringify({ ...later, cellspace_version: "9.0.0" }));
}

/** A copy of the study's own files, made in the opposite order. */
async function copyStudy(from: string, to: string): Promise<void> {
  await Deno.mkdir(join(to, FOLDER), { recursive: true });
  const names = (await Array.fromAsync(Deno.readDir(join(from, FOLDER)), ({ name }) => name)).sort().reverse();
  for (const path of [...names.map((name) => join(FOLDER, name)), "rnn_configs.json", "study.json"]) {
    await Deno.copyFile(join(from, path), join(to, path));
  }
}

/** Runs the task as it is, in a process of its own; what it prints, and the SHA-256 of each file that it has written. */
async function report(dir: string, cwd: string, place: string, env: Record<string, string>) {
  const args = tasks.tasks.report.command.split(" ").slice(1).map((arg) => arg === "task.ts" ? join(ROOT, arg) : arg);
  const config = ["--config", join(ROOT, "deno.json")];
  const command = new Deno.Command(Deno.execPath(), {
    args: [args[0], ...config, ...args.slice(1), "--dir", place],
    cwd,
    env: { ...env, NO_COLOR: "1" },
  });
  const { code, stdout, stderr } = await command.output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const digests = new Map<string, string>();
  for (const { name, isFile } of Deno.readDirSync(dir)) {
    if (!isFile || !/\.(svg|png|html)$/.test(name)) continue;
    digests.set(name, createHash("sha256").update(await Deno.readFile(join(dir, name))).digest("hex"));
  }
  const [said] = new TextDecoder().decode(stdout).split("\nWritten:");
  // Where the study is, the terminal alone says.
  const adding = taskCommand("init", { dir: place }).slice(0, -1).replace(/^.*--dir /, "--dir ");
  assert.ok(said.includes(`init ${adding} --seeds 3`), `no ${adding} in ${said}`);
  const scoring = taskCommand("evaluate", { dir: place, again: true });
  assert.ok(said.includes(scoring), `no ${scoring} in ${said}`);
  const out = said.replaceAll(adding, "--dir PLACE").replaceAll(scoring, "'COMMAND'");
  return { out, digests: [...digests].sort() };
}

Deno.test(
  "two reports of one study are byte-identical when time zone, language, process, folder and order of files differ",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const [one, two] = [join(dir, "one"), join(dir, "elsewhere", "the same study")];
    await makeStudy(one);
    await copyStudy(one, two);
    const first = await report(one, ROOT, one, { TZ: "Pacific/Auckland", LANG: "de_DE.UTF-8", LC_ALL: "de_DE.UTF-8" });
    const second = await report(two, join(dir, "elsewhere"), "the same study", {
      TZ: "America/St_Johns",
      LANG: "C",
      LC_ALL: "C",
    });
    // The grid has gaps, so there are no shares to draw.
    const files = reportFiles("01").filter((name) => !name.includes("_shares"));
    assert.deepEqual(first.digests.map(([name]) => name), files);
    assert.deepEqual(second, first);

    const page = await Deno.readTextFile(join(one, "report_01_all.html"));
    const reasons = ["1 run failed", "1 run has not finished", "1 run of the study's list has not begun"];
    for (
      const what of [
        ...reasons,
        "1 result file of an unknown version",
        "1 result file could not be read",
        "29 results of runs",
      ]
    ) {
      assert.ok(first.out.includes(what), `${what} in ${first.out}`);
      assert.ok(page.includes(what.replace("'", "&#39;")), what);
    }
  },
);
