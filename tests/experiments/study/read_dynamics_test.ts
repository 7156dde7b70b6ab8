import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import type { RunDynamics } from "../../../experiments/study/dynamics_file.ts";
import { initStudy } from "../../../experiments/study/init_study.ts";
import { runKey } from "../../../experiments/study/run_key.ts";
import { finestOf, NO_DYNAMICS } from "../../../experiments/study/dynamics_among.ts";
import { readCurrentDynamics } from "../../../experiments/study/read_dynamics.ts";
import { tempFolder } from "../folder.ts";
import { syntheticDynamics } from "../../report/synthetic_dynamics.ts";

const MODEL = new Uint8Array([1, 2, 3]), SUM = createHash("sha256").update(MODEL).digest("hex");
const RUNS = ["a", "b", "c", "d"].map((letter) => ({ id: letter.repeat(64), seed: 0 }));
const KEYS = RUNS.map(({ id, seed }) => runKey(id, seed));

async function newStudy(dir: string) {
  return (await initStudy({ dir, experiment: "01", levels: { n_layers: [1], state_size: [256] }, seeds: 1 })).study;
}

/** A study of which each run has the same model, and the dynamics that are given. */
async function studyWith(dynamics: readonly (RunDynamics | undefined)[], dir: string) {
  const study = await newStudy(dir);
  for (const [i, key] of KEYS.entries()) {
    await write(study.modelPath("01", key), MODEL);
    if (dynamics[i]) await write(study.dynamicsPath("01", key), new TextEncoder().encode(JSON.stringify(dynamics[i])));
  }
  return study;
}

async function write(path: string, bytes: Uint8Array): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeFile(path, bytes);
}

const ofModel = (run: typeof RUNS[number], more: Partial<RunDynamics> = {}) =>
  syntheticDynamics(run, {}, { model_sha256: SUM, ...more });

Deno.test("readCurrentDynamics() finds nothing, and no fault, where nothing was measured", async () => {
  await using temp = await tempFolder();
  assert.deepStrictEqual(await readCurrentDynamics(await newStudy(temp.path), "01", RUNS), NO_DYNAMICS);
});

Deno.test("readCurrentDynamics() leaves out what is of an earlier model, and names it", async () => {
  await using temp = await tempFolder();
  const all = RUNS.map((run) => ofModel(run));
  const study = await studyWith(all.with(1, ofModel(RUNS[1], { model_sha256: "f".repeat(64) })), temp.path);
  const { measured, stale, as } = await readCurrentDynamics(study, "01", RUNS);
  assert.deepStrictEqual([...measured.keys()], [KEYS[0], KEYS[2], KEYS[3]]);
  assert.deepStrictEqual(measured.get(KEYS[0]), all[0]);
  assert.deepStrictEqual(stale, [KEYS[1]]);
  assert.deepStrictEqual(as, { settings: all[0].settings, version: "0.0" });
});

Deno.test(
  "readCurrentDynamics() keeps those alone that were measured as most, and says how the others were",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const settings = { streams: 2, tokens: 64, exponents: 2 };
    const study = await studyWith(
      [ofModel(RUNS[0], { settings }), ofModel(RUNS[1]), ofModel(RUNS[2]), ofModel(RUNS[3])],
      dir,
    );
    const { measured, otherwise } = await readCurrentDynamics(study, "01", RUNS);
    assert.deepStrictEqual([...measured.keys()], KEYS.slice(1));
    assert.deepStrictEqual(otherwise, [{ as: { settings, version: "0.0" }, keys: [KEYS[0]] }]);
  },
);

Deno.test(
  "readCurrentDynamics() names each damaged file in one line, and looks at no file of another run",
  async () => {
    await using temp = await tempFolder();
    const study = await studyWith([ofModel(RUNS[0]), ofModel(RUNS[0]), undefined, undefined], temp.path);
    await write(study.dynamicsPath("01", KEYS[2]), new TextEncoder().encode("{"));
    await write(study.dynamicsPath("01", "e".repeat(64)), new TextEncoder().encode("{"));
    const { measured, unreadable } = await readCurrentDynamics(study, "01", RUNS);
    const path = (key: string) => join(temp.path, "dynamics_01_all", `${key}.json`);
    const advice = "move it away to measure the run again";
    assert.deepStrictEqual([...measured.keys()], [KEYS[0]]);
    assert.deepStrictEqual(unreadable, [
      `Cannot read ${path(KEYS[1])}: it is of run ${KEYS[0]}, must be of ${KEYS[1]}; ${advice}`,
      `Cannot read ${path(KEYS[2])}: it is not JSON (1 characters); ${advice}`,
    ]);
  },
);

Deno.test("readCurrentDynamics() says which models it could not look at", async () => {
  await using temp = await tempFolder();
  const study = await studyWith(RUNS.map((run) => ofModel(run)), temp.path);
  await Deno.remove(study.modelPath("01", KEYS[3]));
  const { measured, unchecked } = await readCurrentDynamics(study, "01", RUNS);
  assert.deepStrictEqual([...measured.keys()], KEYS);
  assert.deepStrictEqual(unchecked, [KEYS[3]]);
});

Deno.test("finestOf() gives the settings that read the most tokens, then those with the most exponents, then the first", () => {
  const coarse = { streams: 8, tokens: 512, exponents: 32 }, long = { streams: 1, tokens: 8192, exponents: 2 };
  const wide = { streams: 2, tokens: 4096, exponents: 4 };
  assert.equal(finestOf([coarse, long, coarse]), long);
  assert.equal(finestOf([long, wide]), wide);
  const twin = { ...long };
  assert.equal(finestOf([twin, long]), twin);
  assert.equal(finestOf([]), undefined);
});
