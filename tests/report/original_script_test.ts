/** The original study's analysis reads the folder of results as it is: a script that is written as one of it would be does. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tempFolder } from "../experiments/folder.ts";
import { writeStudy } from "./written_study.ts";
import { ORIGINAL_SWITCHES } from "../original_table.ts";

const SCRIPT = fileURLToPath(new URL("original_script.py", import.meta.url));

async function runScript(folder: string): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command("python3", { args: [SCRIPT, folder] }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  return { code, out: text(stdout), err: text(stderr) };
}

const python = await new Deno.Command("python3", { args: ["--version"] }).output().then(
  ({ success }) => success,
  () => false,
);
if (!python) console.log("skipped: the original study's script, for this machine has no python3");

Deno.test("a script of the original study reads results that the store wrote", { ignore: !python }, async () => {
  await using temp = await tempFolder();
  const { study, done: [first, second], furtherSeed, failedLater } = await writeStudy(temp.path);
  const { code, out, err } = await runScript(join(study.dir, "results_01_all"));
  assert.deepEqual([code, err], [0, ""]);
  const lines = [first, second, furtherSeed, failedLater].toSorted((a, b) => a["min loss"]! - b["min loss"]!).map((
    run,
  ) =>
    [
      run.id.slice(0, 8),
      ORIGINAL_SWITCHES.map(({ key }) => run[key] ? "1" : "0").join(""),
      "1 256",
      Math.log(run["min loss"]!).toFixed(6),
      (run["end time"]! - run["start time"]).toFixed(3),
      "50 256 1000 tinyshakespeare",
    ].join(" ")
  );
  // The failed run and the one under way have no `loss`.
  assert.deepEqual(out.split("\n"), ["4 finished, 2 not", ...lines, "4 rows of {9}"]);
});

Deno.test("the script stops at what is no result: the folder must hold nothing else", { ignore: !python }, async () => {
  await using temp = await tempFolder();
  const { study } = await writeStudy(temp.path);
  Deno.writeTextFileSync(join(study.dir, "results_01_all", ".a.tmp"), "");
  const { code, err } = await runScript(join(study.dir, "results_01_all"));
  assert.equal(code, 1);
  assert.match(err, /JSONDecodeError/);
});
