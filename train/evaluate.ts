/** Scores a model on text with carried state, through ONNX Runtime; and makes the ONNX model that is scored. */
import type { Cell, Parameter } from "../cells/cell.ts";
import { cellOf } from "../cells/catalog.ts";
import { canonicalJson, type CellConfig, configId, describeConfig } from "../cells/config.ts";
import { evaluationModel } from "../cells/language_model.ts";
import { exportOnnx } from "./engines/onnx/export.ts";
import type { TensorMap } from "./engines/engine.ts";
import { type MemoryCurve, memoryCurve, PART_BYTES, rangeOf } from "./memory_gain.ts";
import type { EvaluateRequest, ShareEvaluation } from "./evaluate_worker.ts";
import type { SampleOptions } from "./sample_text.ts";
import type { Share } from "./score.ts";

/** How a text is cut for scoring: `streams` parts side by side, each after `warm_up` unscored bytes. */
export interface Cut {
  readonly streams: number;
  readonly warm_up: number;
}

export interface Score extends Cut {
  /** Mean cross-entropy, nats per byte. */
  readonly nats: number;
  readonly bits_per_byte: number;
  /** Bytes scored: each but the first, once. */
  readonly bytes: number;
}

/** What can be asked for beside a score. */
export interface Extras {
  /** A text that the model draws. */
  readonly sample?: SampleOptions;
  /** What its memory is worth. */
  readonly memory?: boolean;
}

/** A score, and what was asked for beside it. */
export interface Evaluation extends Score {
  readonly drawn?: Uint8Array;
  readonly memory?: MemoryCurve;
}

const MAX_STREAMS = 256;
const WARM_UP = 256;

/**
 * The streams for a text of this length: all but the first start with a state that has read `warm_up` bytes before the
 * part's own, so that a stream's start costs next to nothing; short texts are read as one stream.
 */
export function cutFor(length: number): Cut {
  const streams = Math.max(1, Math.min(MAX_STREAMS, Math.floor(length / (4 * WARM_UP))));
  return { streams, warm_up: streams > 1 ? WARM_UP : 0 };
}

/** The evaluation model of a configuration with these weights, as the bytes of an `.onnx` file. */
export function exportModel(
  config: CellConfig,
  weights: TensorMap,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const about = { config: canonicalJson(config), id: configId(config), ...metadata };
  return exportCell(cellOf(config), config, weights, { description: describeConfig(config), metadata: about });
}

/**
 * The evaluation model of any cell. Inputs: `bytes` int64 [batch], and each state `layers.<i>.<name>` float32
 * [batch, state_size]; outputs: `logits` float32 [batch, 256], and each state as `layers.<i>.<name>.next`. Weights are inside.
 */
export function exportCell(
  cell: Cell,
  sizes: { n_layers: number; state_size: number },
  weights: TensorMap,
  options: { description?: string; metadata?: Readonly<Record<string, string>> } = {},
): Uint8Array<ArrayBuffer> {
  const model = evaluationModel(cell, { n_layers: sizes.n_layers, state_size: sizes.state_size });
  const own = new Map(model.parameters.map(({ name }: Parameter) => {
    const values = weights.get(name);
    if (!values) throw new TypeError(`Cannot export cell '${cell.name}': weight '${name}' is missing`);
    return [name, values];
  }));
  return exportOnnx(model.graph, { weights: own, openBatch: true, name: cell.name, ...options });
}

/**
 * Scores a model, in workers of its own, so that whoever asks can go on.
 *
 * @param threads workers, each with a share of the streams: how many they are does not change the score
 */
export async function evaluateModel(
  model: Uint8Array,
  text: Uint8Array,
  threads: number = 1,
  cut: Cut = cutFor(text.length),
  { sample, memory = false }: Extras = {},
): Promise<Evaluation> {
  const workers = Array.from(
    { length: Math.max(1, Math.min(threads, cut.streams)) },
    () => new Worker(new URL("./evaluate_worker.ts", import.meta.url), { type: "module" }),
  );
  const part = Math.min(text.length - 1, PART_BYTES);
  try {
    const found = await Promise.all(workers.map((worker, i) =>
      ask(worker, {
        model,
        text,
        cut,
        share: shareOf(cut.streams, i, workers.length),
        windows: memory ? { bytes: part, range: rangeOf(part, i, workers.length) } : undefined,
        sampling: i === 0 ? sample : undefined,
      })
    ));
    const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
    const nats = found.flatMap((share) => [...share.nats]), bytes = sum(found.flatMap((share) => [...share.bytes]));
    const mean = sum(nats) / bytes;
    const [{ drawn }] = found;
    return {
      nats: mean,
      bits_per_byte: mean / Math.LN2,
      bytes,
      ...cut,
      ...(drawn ? { drawn } : {}),
      ...(memory
        ? {
          memory: memoryCurve(
            found.map(({ windows }) => windows!),
            Float32Array.from(found.flatMap(({ each }) => [...each])),
          ),
        }
        : {}),
    };
  } finally {
    for (const worker of workers) worker.terminate();
  }
}

/** The streams of worker `i` of `workers`, which differ by at most one in how many they have. */
function shareOf(streams: number, i: number, workers: number): Share {
  const first = Math.floor(i * streams / workers);
  return { first, streams: Math.floor((i + 1) * streams / workers) - first };
}

function ask(worker: Worker, request: EvaluateRequest): Promise<ShareEvaluation> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<ShareEvaluation | { error: string }>) => {
      if ("error" in data) reject(new Error(data.error));
      else resolve(data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(`Cannot evaluate: the worker stopped: ${event.message}`));
    };
    worker.postMessage(request);
  });
}
