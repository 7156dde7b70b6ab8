/** The version moves when numbers or files do, and what is written names it. */
import assert from "node:assert/strict";
import project from "../../deno.json" with { type: "json" };
import { type CellConfig, configId } from "../../cells/config.ts";
import { isFinished } from "../../experiments/study/result.ts";
import { Study } from "../../experiments/study/store.ts";
import { trainStudy } from "../../experiments/session/training.ts";
import { decodeModel } from "../../train/engines/onnx/proto.ts";
import { decodeSafetensors } from "../../train/training/safetensors.ts";
import { numbersOf } from "../../train/version.ts";
import { fingerprints, RECORDED, type Recorded } from "./fingerprints.ts";
import { copiesOfSmallStudy, MORE_STEPS, reseal, type SmallStudy, STEPS } from "./small_study.ts";

const copyStudy = copiesOfSmallStudy();

const ROOT = new URL("../../", import.meta.url);

Deno.test("programs, draws and formats are those that were recorded for this version", async () => {
  const recorded: Recorded = JSON.parse(await Deno.readTextFile(RECORDED));
  const now = await fingerprints();
  const changed = Object.keys({ ...now, ...recorded.fingerprints }).filter((name) =>
    now[name] !== recorded.fingerprints[name]
  );
  assert.deepEqual(
    changed,
    [],
    `changed since version ${recorded.version} was recorded: ${changed.join(", ")}. If a number or a file comes out ` +
      `otherwise now, raise the version in deno.json (its first two parts) and say in CHANGELOG.md what moved. ` +
      `Then, or if none does, run tests/experiments/fingerprints.ts`,
  );
  assert.equal(recorded.version, project.version, "the version was raised: run tests/experiments/fingerprints.ts");
});

Deno.test("CHANGELOG.md begins with this version", async () => {
  const text = await Deno.readTextFile(new URL("CHANGELOG.md", ROOT));
  assert.equal(/^## (\d+\.\d+\.\d+)/m.exec(text)?.[1], project.version);
});

/** Makes a run's checkpoint one that an earlier version wrote, which named itself or did not. */
function ageCheckpoint(small: SmallStudy, version?: string): void {
  reseal(small.checkpoint(0), (metadata) => {
    const training = JSON.parse(metadata.training);
    for (const leg of training.legs) {
      delete leg.cellspace_version;
      if (version) leg.cellspace_version = version;
    }
    metadata.training = JSON.stringify(training);
  });
}

for (const version of [undefined, "0.0.9"]) {
  Deno.test(`a run that version ${version ?? "0.1.0, which named itself nowhere,"} began says so when this one ends it`, async () => {
    const small = await copyStudy(), { dir, study, runs } = small, [{ key }] = runs;
    const before = (await study.readResult("01", key))!;
    ageCheckpoint(small, version);
    const only = (config: CellConfig) => configId(config) === runs[0].entry.id;
    await trainStudy({ dir, experiment: "01", engine: "onnx", steps: MORE_STEPS, only });
    const { cellspace_version, earlier_engines } = (await study.readResult("01", key))!;
    assert.equal(cellspace_version, project.version);
    const { engine, adapter } = before;
    assert.deepEqual(earlier_engines, [{
      engine,
      adapter,
      steps: STEPS,
      ...(version ? { cellspace_version: version } : {}),
    }]);
  });
}

Deno.test("a run that a version with the same numbers began is no mixed one", async () => {
  const small = await copyStudy(), { dir, study, runs } = small, [{ key }] = runs;
  ageCheckpoint(small, `${numbersOf(project.version)}.99`);
  const only = (config: CellConfig) => configId(config) === runs[0].entry.id;
  await trainStudy({ dir, experiment: "01", engine: "onnx", steps: MORE_STEPS, only });
  const { cellspace_version, earlier_engines, steps_done } = (await study.readResult("01", key))!;
  assert.deepEqual([cellspace_version, earlier_engines, steps_done], [project.version, undefined, MORE_STEPS]);
});

Deno.test("results, checkpoints and models name the version", async () => {
  const { study, runs: [{ key }] } = await copyStudy();
  const result = (await (await Study.open(study.dir)).readResult("01", key))!;
  assert.ok(isFinished(result));
  assert.deepEqual([result.cellspace_version, result.earlier_engines], [project.version, undefined]);
  const checkpoint = study.checkpointPath("01", key);
  const { metadata } = decodeSafetensors(await Deno.readFile(checkpoint), checkpoint);
  assert.deepEqual(JSON.parse(metadata.training).legs.map((leg: Record<string, unknown>) => leg.cellspace_version), [
    project.version,
  ]);
  const model = study.modelPath("01", key);
  assert.equal(decodeModel(await Deno.readFile(model), model).producer_version, project.version);
});
