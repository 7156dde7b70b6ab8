/** A study with one of each file, foreign ones among them, to be damaged. */
import { join } from "node:path";
import { evaluateStudy } from "../../experiments/session/scoring.ts";
import { initStudy } from "../../experiments/study/init_study.ts";
import { trainStudy } from "../../experiments/session/training.ts";
import { corpusFile } from "../experiments/corpus_file.ts";
import { decodeModel, encodeModel, type ModelProto } from "../../train/engines/onnx/proto.ts";
import { editJson, reseal } from "../experiments/small_study.ts";
import { type JsonInside, PLAIN_JSON } from "./mutations.ts";

/** Steps of its trained runs, and of one that has gone on. */
export const STEPS = 50, MORE_STEPS = 100;

/** Its runs by what they are, as keys. */
export interface FuzzedRuns {
  /** The run whose files are damaged; it has finished. */
  readonly damaged: string;
  /** Finished, and whole. */
  readonly whole: string;
  /** Begun, and stopped on the way. */
  readonly stopped: string;
}

const TRAINED = 3;

/** Makes the study, and returns its runs. */
export async function makeFuzzedStudy(dir: string): Promise<FuzzedRuns> {
  await Deno.mkdir(dir);
  const corpus = corpusFile(dir, { bytes: 8000 });
  const settings = { dir, experiment: "01", corpus, tokens: 280, levels: { n_layers: [1], state_size: [4] } } as const;
  const { study } = await initStudy({ ...settings, steps: STEPS, seeds: 1, batch: 4, history: STEPS + 1 });
  await trainStudy({ dir, experiment: "01", engine: "onnx", limit: TRAINED });
  await evaluateStudy({ dir, experiment: "01", again: false });
  const [damaged, whole, stopped] = (await study.runs("01")).map(({ key }) => key);
  // As one that was killed leaves its record: it has a checkpoint, and neither curve nor model.
  editJson(study.resultPath("01", stopped), (result) => {
    for (const key of ["loss", "min loss", "end time", "steps_done", "train_seconds", "sample", "memory"]) {
      delete result[key];
    }
    for (const key of Object.keys(result)) if (/^test_|^context/.test(key)) delete result[key];
  });
  await Deno.remove(study.modelPath("01", stopped));
  for (const [path, text] of Object.entries(FOREIGN_FILES)) {
    await Deno.mkdir(join(dir, path, ".."), { recursive: true });
    await Deno.writeTextFile(join(dir, path), text);
  }
  return { damaged, whole, stopped };
}

/** Somebody's files in the study: nothing may touch them. */
const FOREIGN_FILES: Readonly<Record<string, string>> = {
  "notes.txt": "mine",
  "notes/results.json": "{}",
  ".hidden": "mine",
  "results_01_all/notes.txt": "mine",
  "models_01_all/other.onnx": "mine",
  "checkpoints_01_all/other.safetensors": "mine",
  "export_01_all/mine.csv": "a,b",
};
export const FOREIGN: readonly string[] = Object.keys(FOREIGN_FILES);

/** What a file of a study is. */
export type FileKind = "study" | "list" | "tokenizer" | "baselines" | "result" | "checkpoint" | "model" | "queue";

/** A file of a study that is damaged. */
export interface FuzzedFile {
  readonly name: string;
  readonly kind: FileKind;
  path(runs: FuzzedRuns): string;
  readonly inside?: JsonInside;
}

/** The header of a safetensors file; its data stay as they are, and so does its checksum, or it is made right. */
function header(seal: boolean): JsonInside {
  const lengthOf = (bytes: Uint8Array) => Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  return {
    read: (bytes) => JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + lengthOf(bytes)))),
    write(value, text, before) {
      const json = new TextEncoder().encode(text(value)), data = before.subarray(8 + lengthOf(before));
      const bytes = new Uint8Array(8 + json.length + data.length);
      new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
      bytes.set(json, 8);
      bytes.set(data, 8 + json.length);
      return seal ? sealed(bytes) : bytes;
    },
  };
}

/** A checkpoint whose checksum is that of its content, where it has one. */
function sealed(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const path = Deno.makeTempFileSync();
  try {
    Deno.writeFileSync(path, bytes);
    reseal(path, () => {});
    return Deno.readFileSync(path);
  } catch {
    // It is no checkpoint any more.
    return bytes;
  } finally {
    Deno.removeSync(path);
  }
}

/** Bytes within JSON. */
const BYTES = "bytes";

/** A model as JSON: its weights as they are, its structure to be damaged. */
export const MODEL: JsonInside = {
  read(bytes) {
    const { graph: { initializer, ...graph }, ...model } = decodeModel(bytes);
    const shapes = initializer.map(({ raw_data: _, ...tensor }) => tensor);
    const asJson = (value: unknown): unknown => {
      if (value instanceof Uint8Array) return { [BYTES]: [...value] };
      if (Array.isArray(value)) return value.map(asJson);
      if (typeof value !== "object" || value === null) return value;
      return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, asJson(part)]));
    };
    return asJson({ ...model, graph: { ...graph, initializer: shapes } });
  },
  write(value, text, before) {
    const model = JSON.parse(
      text(value),
      (_, part) => Array.isArray(part?.[BYTES]) ? Uint8Array.from(part[BYTES]) : part,
    );
    const data = decodeModel(before).graph.initializer.map(({ raw_data }) => raw_data);
    try {
      model.graph.initializer.forEach((tensor: { raw_data: Uint8Array }, i: number) => tensor.raw_data = data[i]);
      return encodeModel(model as ModelProto);
    } catch {
      // A model in this format cannot be so: a text where a number stands, say.
      return undefined;
    }
  },
};

export const FUZZED: readonly FuzzedFile[] = [
  { name: "study.json", kind: "study", path: () => "study.json", inside: PLAIN_JSON },
  { name: "rnn_configs.json", kind: "list", path: () => "rnn_configs.json", inside: PLAIN_JSON },
  { name: "tokenizer.json", kind: "tokenizer", path: () => "tokenizer.json", inside: PLAIN_JSON },
  { name: "entropy_floors.json", kind: "baselines", path: () => "entropy_floors.json", inside: PLAIN_JSON },
  { name: "result", kind: "result", path: ({ damaged }) => `results_01_all/${damaged}.json`, inside: PLAIN_JSON },
  {
    name: "result of a stopped run",
    kind: "result",
    path: ({ stopped }) => `results_01_all/${stopped}.json`,
    inside: PLAIN_JSON,
  },
  {
    name: "checkpoint",
    kind: "checkpoint",
    path: ({ damaged }) => `checkpoints_01_all/${damaged}.safetensors`,
    inside: header(false),
  },
  {
    name: "resealed checkpoint",
    kind: "checkpoint",
    path: ({ damaged }) => `checkpoints_01_all/${damaged}.safetensors`,
    inside: header(true),
  },
  { name: "model", kind: "model", path: ({ damaged }) => `models_01_all/${damaged}.onnx`, inside: MODEL },
  { name: "queue.sqlite", kind: "queue", path: () => "queue.sqlite" },
  { name: "attempt", kind: "queue", path: ({ stopped }) => `attempts_01_all/${stopped}/1`, inside: PLAIN_JSON },
];
