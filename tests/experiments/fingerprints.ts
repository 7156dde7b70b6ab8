/**
 * What this version's numbers and files follow from, as hashes: programs as the engines get them, random draws, and schemas. Those of a
 * further factor are not part of them: it has a default, so what is written without it comes out as before.
 * Run as a script, it writes `tests/golden/fingerprints.json` again:
 * `deno run --allow-read --allow-write=tests/golden tests/experiments/fingerprints.ts`.
 */
import { createHash } from "node:crypto";
import * as z from "zod";
import project from "../../deno.json" with { type: "json" };
import { CATALOG, cellOf } from "../../cells/catalog/catalog.ts";
import type { Cell } from "../../cells/cell.ts";
import { printGraph } from "../../cells/graph/printer.ts";
import { buildTrainingStep, evaluationModel } from "../../cells/language_model.ts";
import { trainingSchema } from "../../train/training/checkpoint.ts";
import { generateEmbedded } from "../../train/corpus/embedded.ts";
import { initialWeights, passOffsets } from "../../train/corpus/random.ts";
import { BytePairTokenizer } from "../../train/corpus/tokens/tokenizer.ts";
import { encodeTokenizer } from "../../train/corpus/tokens/tokenizer_json.ts";
import { exportOnnx } from "../../train/engines/onnx/export.ts";
import { planStep } from "../../train/engines/onnx/plan.ts";
import { kernelKey, shader } from "../../train/engines/webgpu/kernels/kernel.ts";
import {
  buildSchedule,
  EpilogueRegistry,
  kernelsOf,
  layoutOf,
  planRun,
} from "../../train/engines/webgpu/kernels/schedule.ts";
import { ngramBaselines } from "../../train/corpus/ngrams/baselines.ts";
import { cutFor } from "../../train/scoring/evaluate.ts";
import { dynamicsSchema } from "../../experiments/study/dynamics_file.ts";
import { DYNAMICS_COLUMN_NAMES } from "../../experiments/study/dynamics_metrics.ts";
import { resultFieldsOf } from "../../experiments/study/result.ts";
import { listSchemaOf, studySchema } from "../../experiments/study/schema.ts";
import { baselinesSchema } from "../../experiments/study/ngram_baselines.ts";
import type { Column } from "../../report/data/table.ts";
import { CURVE_COLUMNS, runColumns } from "../../report/export/columns.ts";
import { DYNAMICS_COLUMNS } from "../../report/export/dynamics_rows.ts";
import { manifestSchema } from "../../report/export/write_export.ts";
import { allGatedConfigs } from "../cells/catalog/golden_cases.ts";
import { ORIGINAL } from "../original_table.ts";

/** The hashes of one version, by what they are of. */
export type Fingerprints = Readonly<Record<string, string>>;

/** What `tests/golden/fingerprints.json` holds. */
export interface Recorded {
  readonly version: string;
  readonly fingerprints: Fingerprints;
}

export const RECORDED = new URL("../golden/fingerprints.json", import.meta.url);

class Hash {
  readonly #hash = createHash("sha256");

  add(...parts: readonly (string | Uint8Array)[]): this {
    for (const part of parts) this.#hash.update(part);
    return this;
  }

  /** Half of it: enough to notice a change, and short to read. */
  toString(): string {
    return this.#hash.digest("hex").slice(0, 32);
  }
}

/** All switch settings of the gated cell, and what the catalog had in the first versions. */
function* cells(): Generator<Cell> {
  for (const config of allGatedConfigs()) yield cellOf(config);
  for (const { cell } of CATALOG.slice(0, FIRST_CELLS)) yield cell;
}

/** Cells at the head of the catalog whose hashes are among the gated cell's; each later one has a hash of its own, so that it changes no other. */
const FIRST_CELLS = 4;

const SIZES = { n_layers: 2, state_size: 8, vocabulary: 256, batch: 4 };
/** A producer's version is not part of a program. */
const EXPORT = { openBatch: true, producerVersion: "" };

/** What the programs and draws of cells are hashed into. */
interface CellHashes {
  readonly graphs: Hash;
  readonly onnx: Hash;
  readonly webgpu: Hash;
  readonly models: Hash;
  readonly weights: Hash;
}

function addCell(cell: Cell, { graphs, onnx, webgpu, models, weights }: CellHashes): void {
  const step = buildTrainingStep(cell, SIZES);
  graphs.add(printGraph(step.graph));
  const { model, loops, calls } = planStep(step.graph);
  onnx.add(model, loops, JSON.stringify(calls));
  for (const merging of ["template", "epilogue"] as const) {
    const run = { plan: planRun(step), slot: 0, base: 0 };
    const schedule = buildSchedule(
      [run],
      layoutOf({ slots: 1, batch: SIZES.batch, scalars: step.optimizer.scalarNames.length }),
      new EpilogueRegistry(merging),
    );
    for (const kernel of kernelsOf(schedule)) webgpu.add(kernelKey(kernel), shader(kernel));
    webgpu.add(JSON.stringify(schedule.dispatches.map(({ workgroups }) => workgroups)));
  }
  models.add(exportOnnx(evaluationModel(cell, SIZES).graph, EXPORT));
  for (const [name, values] of initialWeights(step.parameters, 1)) weights.add(name, new Uint8Array(values.buffer));
}

/** One hash of all that follows from a cell. */
function hashOf(cell: Cell): Hash {
  const all = new Hash();
  addCell(cell, { graphs: all, onnx: all, webgpu: all, models: all, weights: all });
  return all;
}

/** The hashes of this version. */
export async function fingerprints(): Promise<Fingerprints> {
  const graphs = new Hash(), onnx = new Hash(), webgpu = new Hash(), models = new Hash(), weights = new Hash();
  for (const cell of cells()) addCell(cell, { graphs, onnx, webgpu, models, weights });
  const { text } = generateEmbedded(1, 40_000);
  const offsets = passOffsets(1, 2, 8, 100, text.length);
  const schema = (value: z.ZodType) => JSON.stringify(z.toJSONSchema(value, { unrepresentable: "any", io: "input" }));
  const columns = (list: readonly Pick<Column<never>, "name" | "type">[]) =>
    JSON.stringify(list.map(({ name, type }) => [name, type]));
  const baselines = await ngramBaselines(text.subarray(0, 30_000), text.subarray(30_000));
  const hashes = {
    "training graphs": graphs,
    "onnx training programs": onnx,
    "webgpu kernels": webgpu,
    "evaluation models": models,
    "initial weights": weights,
    "offsets": new Hash().add(new Uint8Array(Uint32Array.from(offsets).buffer)),
    "embedded corpus": new Hash().add(text),
    "tokens": new Hash().add(encodeTokenizer(BytePairTokenizer.learn(text, 400))),
    "n-gram levels": new Hash().add(JSON.stringify(baselines)),
    "streams of a score": new Hash().add(JSON.stringify([100, 5000, 50_000, 5_000_000].map(cutFor))),
    "onnxruntime-node": new Hash().add(project.imports["onnxruntime-node"]),
    "result format": new Hash().add(schema(resultFieldsOf(ORIGINAL))),
    "checkpoint format": new Hash().add(schema(trainingSchema)),
    "study format": new Hash().add(schema(studySchema), schema(listSchemaOf(ORIGINAL))),
    "dynamics format": new Hash().add(schema(dynamicsSchema)),
    "format of n-gram levels": new Hash().add(schema(baselinesSchema)),
    ...Object.fromEntries(CATALOG.slice(FIRST_CELLS).map(({ cell }) => [`cell ${cell.name}`, hashOf(cell)])),
    "export format": new Hash().add(schema(manifestSchema), columns(runColumns(ORIGINAL)), columns(CURVE_COLUMNS)),
    "export format of dynamics": new Hash().add(columns(DYNAMICS_COLUMNS), JSON.stringify(DYNAMICS_COLUMN_NAMES)),
  };
  return Object.fromEntries(Object.entries(hashes).map(([name, hash]) => [name, `${hash}`]));
}

if (import.meta.main) {
  const recorded: Recorded = { version: project.version, fingerprints: await fingerprints() };
  await Deno.writeTextFile(RECORDED, JSON.stringify(recorded, null, 2) + "\n");
}
