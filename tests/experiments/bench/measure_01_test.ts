/** That what the estimate of experiment 01 measures can be measured, and leaves nothing. How long it takes is not looked at. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { SMALL_CONFIG } from "../../../cells/known_configs.ts";
import tasks from "../../../deno.json" with { type: "json" };
import { shapeOf } from "../../../experiments/bench/experiment_01.ts";
import { measureFiles, measureScores } from "../../../experiments/bench/measure_01.ts";

const ROOT = new URL("../../../", import.meta.url);
const name = shapeOf(SMALL_CONFIG), shapes = [{ name, runs: 1, typical: SMALL_CONFIG }];

Deno.test("measureScores() scores a model on the CPU, and says how much of a score it read", async () => {
  const { location, seconds, from } = await measureScores(shapes, () => {}, "cpu");
  assert.deepEqual(location, { provider: "cpu" });
  assert.deepEqual([...seconds.keys()], [name]);
  assert.ok(seconds.get(name)! > 0);
  assert.match(from, /^one model of each of 1 shapes, which reads 4096 and 20480 bytes .* scaled to the 6376448 bytes/);
});

Deno.test("measureFiles() writes a run's files in bench's own folder, and removes them", async () => {
  const { seconds } = await measureFiles(shapes, () => {});
  assert.deepEqual([...seconds.keys()], [name]);
  assert.ok(seconds.get(name)! > 0);
  assert.ok(!existsSync(new URL(".bench/", ROOT)), "the folder is still there");
});

Deno.test("bench may write in its own folder alone, which git ignores", async () => {
  const writes = tasks.tasks.bench.command.split(" ").filter((part) => part.startsWith("--allow-write"));
  assert.deepEqual(writes, ["--allow-write=.bench"]);
  assert.ok((await Deno.readTextFile(new URL(".gitignore", ROOT))).split("\n").includes("/.bench/"));
});
