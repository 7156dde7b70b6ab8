/** Scores a model on text with carried state, through ONNX Runtime; and makes the ONNX model that is scored. */
import { canonicalJsonIn, type CellConfig, configIdIn, describeConfigIn } from "../../cells/config.ts";
import { GATED_SPACE } from "../../cells/catalog/catalog.ts";
import type { Space } from "../../cells/space.ts";
import { checkWhole } from "../../cells/bounds.ts";
import type { Cell } from "../../cells/cell.ts";
import { UserError } from "../../cells/errors.ts";
import { BYTE_VOCABULARY, evaluationModel } from "../../cells/language_model.ts";
import { exportOnnx } from "../engines/onnx/export.ts";
import { BYTE_TOKENIZER, bytesOf, type Tokenizer, type Tokens } from "../corpus/tokens/tokenizer.ts";
import { checkTokens, type TensorMap } from "../engines/engine.ts";
import { decodeEvaluation } from "./evaluation_file.ts";
import type { EvaluateRequest, ShareEvaluation } from "./evaluate_protocol.ts";
import { checkSampling, type SampleOptions } from "./sample_text.ts";
import type { Cut, Share, SharedText, StreamScores } from "./score.ts";
import { type MemoryCurve, memoryCurve, PART_TOKENS, rangeOf } from "./state_resets.ts";
import { CELLSPACE_VERSION } from "../version.ts";
import { checkedFloats } from "../training/weights.ts";
import { AskedWorker, WorkerPool } from "../process/worker_pool.ts";

/** How well a model predicts a text, and the cut that the score depends on. */
export interface Score extends Cut {
  /** Mean cross-entropy, nats per token. */
  readonly nats: number;
  /** Tokens scored: each but the first, once. */
  readonly tokens: number;
  /** Bytes that they stand for. */
  readonly bytes: number;
  /** `nats · tokens / (bytes · ln 2)`: by it, models of bytes and of any tokens can be compared. */
  readonly bits_per_byte: number;
}

/** What can be asked for beside a score, and what is needed for it. */
export interface Extras {
  /** A text that the model draws. */
  readonly sample?: SampleOptions;
  /** The loss increase under state resets. */
  readonly memory?: boolean;
  /** A second text, such as a validation split beside a test split: two tokens or more, scored in the same sessions. */
  readonly validation?: Tokens;
  /** What the text's tokens stand for; absent: bytes. */
  readonly tokenizer?: Pick<Tokenizer, "lengths">;
  /** Gives the evaluation up, within a token or so. */
  readonly signal?: AbortSignal;
  /** Workers that are kept for the next model. Absent: the evaluation's workers end with it. */
  readonly workers?: EvaluationWorkers;
}

/** The pool within, for this module alone. */
let poolOf: (workers: EvaluationWorkers) => WorkerPool<AskedWorker<EvaluateRequest, ShareEvaluation>>;

/**
 * Workers that score many models, one after the other or at once: each that ends leaves two open files behind. Dispose of them, since idle
 * workers keep a program alive.
 */
export class EvaluationWorkers implements Disposable {
  readonly #pool = new WorkerPool(() =>
    new AskedWorker<EvaluateRequest, ShareEvaluation>(
      new URL("./evaluate_worker.ts", import.meta.url),
      "Evaluation worker",
    )
  );

  static {
    poolOf = (workers) => workers.#pool;
  }

  /**
   * Checks that there is a worker to score with, for those who must read files first.
   *
   * @throws {UserError} if none is idle, and this process may open no more
   */
  check(): void {
    this.#pool.check();
  }

  /** Ends the workers. */
  [Symbol.dispose](): void {
    this.#pool[Symbol.dispose]();
  }
}

/** A score, and what was asked for beside it. */
export interface Evaluation extends Score {
  /** The text that the model drew, without the prompt. */
  readonly drawn?: Tokens;
  /** Its loss under state resets. */
  readonly memory?: MemoryCurve;
  /** The score of the second text, cut as its length suggests. */
  readonly validation?: Score;
}

const MAX_STREAMS = 256;
const WARM_UP = 256;

/**
 * The streams for a text of this length: all but the first start with a state that has read `warm_up` tokens before the
 * part's own, so that a stream's start costs next to nothing; short texts are read as one stream.
 */
export function cutFor(length: number): Cut {
  const streams = Math.max(1, Math.min(MAX_STREAMS, Math.floor(length / (4 * WARM_UP))));
  return { streams, warm_up: streams > 1 ? WARM_UP : 0 };
}

/**
 * The evaluation model of a configuration with these weights, as the bytes of an `.onnx` file.
 *
 * @param vocabulary absent: that of bytes
 * @param space what the configuration is of
 */
export function exportModel(
  config: CellConfig,
  weights: TensorMap,
  metadata: Readonly<Record<string, string>> = {},
  vocabulary?: number,
  space: Space = GATED_SPACE,
): Uint8Array<ArrayBuffer> {
  const about = { config: canonicalJsonIn(space, config), id: configIdIn(space, config), ...metadata };
  const { n_layers, state_size } = config, sizes = { n_layers, state_size, vocabulary };
  return exportCell(space.cellOf(config), sizes, weights, {
    description: describeConfigIn(space, config),
    metadata: about,
  });
}

/**
 * The evaluation model of any cell. Inputs: `bytes` int64 [batch], or `tokens` where the vocabulary is larger than 256, and each
 * state `layers.<i>.<name>` float32 [batch, state_size]; outputs: `logits` float32 [batch, vocabulary], and each state as
 * `layers.<i>.<name>.next`. Weights are inside.
 *
 * @throws {UserError} if a weight is missing, has another number of elements, or is NaN or infinite; {@linkcode RangeError} if a size is
 * out of bounds
 */
export function exportCell(
  cell: Cell,
  { n_layers, state_size, vocabulary = BYTE_VOCABULARY }: { n_layers: number; state_size: number; vocabulary?: number },
  weights: TensorMap,
  options: { description?: string; metadata?: Readonly<Record<string, string>> } = {},
): Uint8Array<ArrayBuffer> {
  const model = evaluationModel(cell, { n_layers, state_size, vocabulary });
  const own = checkedFloats(weights, model.parameters, `export cell '${cell.name}'`);
  return exportOnnx(model.graph, {
    weights: own,
    openBatch: true,
    name: cell.name,
    producerVersion: CELLSPACE_VERSION,
    ...options,
  });
}

/**
 * Scores a model in workers, so that whoever asks can go on.
 *
 * @param text two tokens or more: the first is read, each other one predicted
 * @param threads workers, each with a share of the streams: how many they are does not change the score
 * @throws the signal's reason, if it gives the evaluation up
 * @throws {RangeError} before any work, if the text is too short, has a token that the model has not, or a number is out of bounds
 * @throws {UserError} if the model is no evaluation model, or what comes of it is no finite number; {@linkcode OpenFilesError} if this
 * process may open no worker
 */
export async function evaluateModel(
  model: Uint8Array,
  text: Tokens,
  threads: number = 1,
  cut: Cut = cutFor(text.length),
  { sample, memory = false, validation, tokenizer = BYTE_TOKENIZER, signal, workers: kept }: Extras = {},
): Promise<Evaluation> {
  checkRequest(model, text, threads, cut, { sample, validation });
  using own = kept ? undefined : new EvaluationWorkers();
  const pool = poolOf(kept ?? own!);
  const bytes = bytesOf(text.subarray(1), tokenizer), part = Math.min(text.length - 1, PART_TOKENS);
  const second = validation && {
    text: validation,
    cut: cutFor(validation.length),
    bytes: bytesOf(validation.subarray(1), tokenizer),
  };
  const workers = pool.takeUpTo(Math.max(1, Math.min(threads, cut.streams)));
  // A worker that is ended within native code takes its memory along: it is told instead, and gives it back.
  const stop = new Int32Array(new SharedArrayBuffer(4)), tell = () => void Atomics.store(stop, 0, 1);
  if (signal?.aborted) tell();
  signal?.addEventListener("abort", tell);
  try {
    const replies = await Promise.allSettled(workers.map((worker, i) =>
      worker.ask({
        model,
        test: { text, cut, share: shareOf(cut.streams, i, workers.length), each: memory ? part : 0 },
        validation: second && shareOfSecond(second, i, workers.length),
        windows: memory ? { tokens: part, range: rangeOf(part, i, workers.length) } : undefined,
        sampling: i === 0 ? sample : undefined,
        stop,
      })
    ));
    signal?.throwIfAborted();
    // When one fails, the others go on to their end, at which they give their memory back.
    const found = replies.map((reply) => {
      if (reply.status === "rejected") throw reply.reason;
      return reply.value;
    });
    const [{ drawn }] = found;
    return finite({
      ...scoreOf(found.map(({ test }) => test), bytes, cut),
      ...(drawn ? { drawn } : {}),
      ...(memory
        ? {
          memory: memoryCurve(
            found.map(({ windows }) => windows!),
            Float32Array.from(found.flatMap(({ test }) => [...test.each])),
            bytesOf(text.subarray(1, 1 + part), tokenizer),
          ),
        }
        : {}),
      ...(second
        ? { validation: scoreOf(found.flatMap(({ validation = [] }) => validation), second.bytes, second.cut) }
        : {}),
    });
  } finally {
    signal?.removeEventListener("abort", tell);
    for (const worker of workers) pool.giveBack(worker);
  }
}

/** A score from what each worker found, in the order of the text: one after the other, so that their number changes no bit. */
function scoreOf(found: readonly StreamScores[], bytes: number, cut: Cut): Score {
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const nats = sum(found.flatMap((share) => [...share.nats]));
  const tokens = sum(found.flatMap((share) => [...share.tokens]));
  return { nats: nats / tokens, tokens, bytes, bits_per_byte: nats / bytes / Math.LN2, ...cut };
}

/** @throws {RangeError} see {@linkcode evaluateModel} */
function checkRequest(
  model: Uint8Array,
  text: Tokens,
  threads: number,
  { streams, warm_up }: Cut,
  { sample, validation }: Extras,
): void {
  const { vocabulary } = decodeEvaluation(model, "the model"), action = "evaluate a model";
  for (const [what, { length }] of Object.entries({ text, ...(validation ? { "validation text": validation } : {}) })) {
    if (length >= 2) continue;
    throw new RangeError(`Cannot ${action}: the ${what} has ${length} tokens, must have at least 2`);
  }
  checkTokens(action, text, vocabulary);
  if (validation) checkTokens(action, validation, vocabulary);
  checkWhole(action, "threads", threads, 1);
  // One token for each stream to predict, at least; and no warm-up can begin before the text.
  checkWhole(action, "streams", streams, 1, text.length - 1);
  checkWhole(action, "warm_up", warm_up, 0, text.length - 1);
  if (sample) checkSampling(sample, vocabulary);
}

/** @throws {UserError} if a loss is NaN or infinite: weights that are finite may still be too large to compute with */
function finite(evaluation: Evaluation): Evaluation {
  const { nats, memory, validation } = evaluation;
  for (const loss of [nats, validation?.nats ?? nats]) {
    if (!Number.isFinite(loss)) throw new UserError(`Cannot evaluate a model: its loss is ${loss}, must be finite`);
  }
  const bits = memory ? [memory.gain, memory.carried, ...memory.reset.map(({ bits_per_byte }) => bits_per_byte)] : [];
  const bad = bits.find((value) => !Number.isFinite(value));
  if (bad === undefined) return evaluation;
  throw new UserError(`Cannot evaluate a model: with its state set to zero, its loss is ${bad}, must be finite`);
}

/** What worker `i` of `workers` scores of the second text; undefined where that has fewer streams than there are workers, and none for it. */
function shareOfSecond(
  { text, cut }: { readonly text: Tokens; readonly cut: Cut },
  i: number,
  workers: number,
): SharedText | undefined {
  const share = shareOf(cut.streams, i, workers);
  return share.streams ? { text, cut, share } : undefined;
}

/** The streams of worker `i` of `workers`, which differ by at most one in how many they have. */
function shareOf(streams: number, i: number, workers: number): Share {
  const first = Math.floor(i * streams / workers);
  return { first, streams: Math.floor((i + 1) * streams / workers) - first };
}
