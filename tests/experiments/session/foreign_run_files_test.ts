/** Somebody's models and checkpoints stay, in whatever state the run of that name is. */
import { trainingDisplay } from "../../../experiments/display.ts";
import assert from "node:assert/strict";
import { type CellConfig, configId } from "../../../cells/config.ts";
import { isFinished, parseResult, type RunResult, withoutScore } from "../../../experiments/study/result.ts";
import { evaluateStudy } from "../../../experiments/session/scoring.ts";
import { trainStudy } from "../../../experiments/session/training.ts";
import { decodeModel, encodeModel } from "../../../train/engines/onnx/proto.ts";
import { encodeSafetensors } from "../../../train/training/safetensors.ts";
import { unfinished } from "../../report/synthetic_results.ts";
import { copiesOfSmallStudy, cut, editJson, flipBit, halve, MORE_STEPS, type SmallStudy } from "../small_study.ts";
import { COMMANDS, filesIn, FOREIGN, of01, plant, saidBy, sha256 } from "../study/foreign_files.ts";

const copyStudy = copiesOfSmallStudy();

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
  return await saidBy(() =>
    trainStudy({
      ...of01(dir),
      engine: "onnx",
      parallel: 1,
      only,
      ...trainingDisplay("train", { quiet: true }),
      ...options,
    })
  );
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
    refused = /^UserError: Cannot (write|remove) .*: it exists, and cellspace did not write it; move it away$/;
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
