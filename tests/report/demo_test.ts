/** The demo goes the whole way, small: from no study to a page, and again from where it was broken off. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tempFolder } from "../experiments/folder.ts";
import { runAs } from "../experiments/tasks.ts";
import { reportFiles, sumsOf } from "./report_files.ts";

const SCRIPT = fileURLToPath(new URL("small_demo.ts", import.meta.url));

async function demo(dir: string): Promise<string[]> {
  return (await runAs("demo", SCRIPT, ["--dir", dir, "--engine", "onnx"])).split("\n");
}

Deno.test("the demo lists, trains, scores, draws and writes, and trains only what is missing when it runs again", async () => {
  await using temp = await tempFolder();
  const dir = join(temp.path, "study"), results = join(dir, "results_01_all");
  const namesIn = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  const resultsNow = () => new Map(namesIn(results).map((name) => [name, Deno.readTextFileSync(join(results, name))]));
  const report = reportFiles("01", "test_loss_below_order_1");

  const first = await demo(dir), count = (pattern: RegExp) => first.filter((line) => pattern.test(line)).length;
  assert.match(first[0], /^Training 8 runs of 60 steps on onnx /);
  assert.deepEqual([count(/^\S+ {2}min loss .* 60 steps in /), count(/^\S+ {2}test \S+, validation /)], [8, 8]);
  assert.equal(count(/^No switch .* Of 4 configurations, 1 layer × 16, .* validation split/), 1);
  assert.equal(count(/^ +[1-4] {2}[0-9a-f]{8} +2 +1 +16 /), 4);
  assert.equal(count(/^Each byte becomes 16 numbers/), 1);
  assert.ok(first[first.indexOf("It writes:") + 1].length > 0);
  const [best] = first.filter((line) => line.startsWith("Best run: 1 layer × 16, "));
  assert.match(
    first[first.indexOf(best) + 1],
    /^ {2}validation \S+, .*\(the text's entropy rate is 0\.5342 bits\/byte\)$/,
  );
  const listed = first.slice(first.indexOf("Pictures and page:") + 1, -1).map((line) => line.trim());
  assert.deepEqual(listed.toSorted(), report.map((name) => join(dir, name)));
  assert.match(first.at(-1)!, /^Done in /);
  const files = ["entropy_floors.json", "rnn_configs.json", "study.json", "queue.sqlite"];
  const folders = ["attempts", "checkpoints", "models", "results"].map((name) => `${name}_01_all`);
  assert.deepEqual(namesIn(dir), [...files, ...folders, ...report].sort());
  assert.equal(namesIn(join(dir, "models_01_all")).length, 8);

  // As where it was stopped before the last run.
  const before = resultsNow(), [lost] = [...before.keys()].filter((name) => name.endsWith("_seed1.json"));
  await Deno.remove(join(results, lost));
  const second = await demo(dir), again = resultsNow();
  assert.match(second[0], /^Training 1 run of 60 steps on onnx /);
  const lossesOf = (text: string) => JSON.parse(text).loss;
  for (const [name, text] of before) {
    if (name !== lost) assert.equal(again.get(name), text);
    else assert.deepEqual(lossesOf(again.get(name)!), lossesOf(text));
  }

  const pages = await sumsOf(report.map((name) => join(dir, name))), third = await demo(dir);
  assert.equal(third[0], "Nothing is left to train");
  const behindTraining = (said: readonly string[]) => said.slice(said.findIndex((line) => line === ""), -1);
  assert.deepEqual(behindTraining(third), behindTraining(second));
  assert.deepEqual(await sumsOf(report.map((name) => join(dir, name))), pages);
  assert.deepEqual(resultsNow(), again);
});
