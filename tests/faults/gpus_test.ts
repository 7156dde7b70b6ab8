/** `train --gpu` on a machine with two adapters: Mesa's llvmpipe and Chromium's SwiftShader, which play cards of two kinds. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { readClaims } from "../../experiments/queue/sqlite_queue.ts";
import { shortKey } from "../../experiments/study/run_key.ts";
import { isThere, Training } from "./processes.ts";
import { finishedRuns, makeStudy, tempFolder } from "./studies.ts";

/** Both drivers, and no other: the loader takes their list from the environment of the process. */
const DRIVERS = "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json:/usr/lib/chromium/vk_swiftshader_icd.json";
const missing = DRIVERS.split(":").filter((path) => !isThere(path));
if (missing.length) console.log(`Skipped: training on two adapters, ${missing.join(", ")} missing`);
const options = { ignore: missing.length > 0 };

const ENVIRONMENT = { VK_DRIVER_FILES: DRIVERS, VK_ICD_FILENAMES: DRIVERS, DENO_WEBGPU_BACKEND: "vulkan" };

/** As `numbered()` has them: neither has a place, so by their makers. */
const CARDS = [/llvmpipe \(LLVM [^)]*\)/, /SwiftShader Device \(Subzero\)/];
const FLAGS = ["--gpu", "all", "--engine", "webgpu", "--parallel", "1", "--score-on", "cpu"];

/** What the process for a card has said. */
function linesOf(training: Training, gpu: number): string[] {
  const prefix = `gpu ${gpu}: `;
  return [...training.out, ...training.err].flatMap((line) =>
    line.startsWith(prefix) ? [line.slice(prefix.length)] : []
  );
}

Deno.test("two processes, each on its own adapter, finish each run of a study once", options, async () => {
  await using temp = await tempFolder();
  const study = await makeStudy(join(temp.path, "study"), { runs: 6, steps: 60, logEvery: 20, history: 21 });
  await using training = Training.startTaskWith(ENVIRONMENT, study.dir, ...FLAGS);
  await training.succeed();
  const finished = CARDS.map((card, gpu) => {
    const [chosen, begun] = linesOf(training, gpu);
    assert.match(chosen, new RegExp(`^On GPU ${gpu}, one of 2 cards: ${card.source} \\([0-9a-f]+:[0-9a-f]+\\)$`));
    assert.match(begun, new RegExp(`^Training 6 runs of 60 steps on webgpu \\(${card.source}\\), 1 at a time$`));
    return linesOf(training, gpu).flatMap((line) => line.match(/^(\S+) {2}min loss /)?.[1] ?? []);
  });
  for (const keys of finished) assert.ok(keys.length > 0, training.transcript);
  assert.deepEqual(finished.flat().sort(), (await finishedRuns(study)).map(shortKey).sort());
  assert.equal(finished.flat().length, 6, training.transcript);
});

Deno.test(
  "a signal to the launcher stops the processes on all cards, which save what they have done",
  options,
  async () => {
    await using temp = await tempFolder();
    const study = await makeStudy(join(temp.path, "study"), { runs: 6, steps: 100_000, logEvery: 10, history: 21 });
    await using training = Training.startTaskWith(ENVIRONMENT, study.dir, ...FLAGS);
    const hasBegun = (gpu: number) => linesOf(training, gpu).some((line) => line.startsWith("Training "));
    await training.untilAtWork("both have begun", () => hasBegun(0) && hasBegun(1));
    training.signal("SIGTERM");
    assert.equal((await training.ended()).code, 143, training.transcript);
    for (const gpu of CARDS.keys()) {
      assert.ok(linesOf(training, gpu).some((line) => line.startsWith("train: stopped; ")), training.transcript);
    }
    assert.deepEqual(readClaims(study.queuePath), []);
  },
);
