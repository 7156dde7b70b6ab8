/** Scores a model on text with carried state, through ONNX Runtime. */
import { checkWhole } from "../../cells/bounds.ts";
import { UserError } from "../../cells/errors.ts";
import { BYTE_TOKENIZER, bytesOf, type Tokenizer, type Tokens } from "../corpus/tokens/tokenizer.ts";
import { checkTokens } from "../engines/engine.ts";
import { everyOne } from "../process/every_one.ts";
import { promptly } from "../process/promptly.ts";
import { decodeEvaluation } from "./evaluation_file.ts";
import type { ModelRequest, ShareEvaluation } from "./evaluate_protocol.ts";
import { DeviceFailure, EvaluationWorkers, poolOf } from "./evaluation_workers.ts";
import { checkSampling, type SampleOptions } from "./sample_text.ts";
import type { Cut, Share, SharedText, StreamScores } from "./score.ts";
import { ON_CPU, type ScoreLocation } from "./score_on.ts";
import { type MemoryCurve, memoryCurve, PART_TOKENS, rangeOf } from "./state_resets.ts";

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
  /** Gives the evaluation up at once; its workers are finished with it within a block of tokens or so. */
  readonly signal?: AbortSignal;
  /** Workers that are kept for the next model. Absent: the evaluation's workers end with it. */
  readonly workers?: EvaluationWorkers;
}

/** A score, and what was asked for beside it. */
export interface Evaluation extends Score {
  /** The text that the model drew, without the prompt. */
  readonly drawn?: Tokens;
  /** Its loss under state resets. */
  readonly memory?: MemoryCurve;
  /** The score of the second text, cut as its length suggests. */
  readonly validation?: Score;
  /** Where it was made. */
  readonly location: ScoreLocation;
}

/** Streams of a text, at most, and tokens that each reads first. */
const SHORT: Cut = { streams: 256, warm_up: 256 };
/** The same from {@linkcode LONG_TEXT} tokens on: streams enough to fill a GPU, and a warm-up that makes up for it. */
const LONG: Cut = { streams: 1024, warm_up: 1024 };
const LONG_TEXT = 2 ** 21;

/**
 * The streams for a text of this length: all but the first start with a state that has read `warm_up` tokens before the part's own. They are the
 * same wherever a score is made, since it depends on them: a cell whose state fades within a thousand tokens only (a state gate without a forget
 * gate) scored 0.0011 bits per byte too high in 195 streams of 200,000 bytes after 256 tokens, and 0.00002 after 1024. Short texts are read as one
 * stream.
 */
export function cutFor(length: number): Cut {
  const { streams: most, warm_up } = length < LONG_TEXT ? SHORT : LONG;
  const streams = Math.max(1, Math.min(most, Math.floor(length / (4 * SHORT.warm_up))));
  return { streams, warm_up: streams > 1 ? warm_up : 0 };
}

/**
 * Scores a model in workers, so that whoever asks can go on.
 *
 * @param text two tokens or more: the first is read, each other one predicted
 * @param threads workers, each with a share of the streams: how many they are does not change the score
 * @throws the signal's reason, if it gives the evaluation up
 * @throws {RangeError} before any work, if the text is too short, has a token that the model has not, or a number is out of bounds
 * @throws {UserError} if the model is not an evaluation model, or what comes of it is not a finite number; {@linkcode OpenFilesError} if this
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
  const workers = kept ?? own!;
  const part = Math.min(text.length - 1, PART_TOKENS);
  const asked: Asked = { text, cut, validation, part: memory ? part : 0, threads, sample };
  // A worker that is ended within native code takes its memory along: it is told instead, gives it back, and is not waited for.
  const stop = new Int32Array(new SharedArrayBuffer(4)), tell = () => void Atomics.store(stop, 0, 1);
  if (signal?.aborted) tell();
  signal?.addEventListener("abort", tell);
  try {
    const { shares, drawn, location } = await promptly(evaluateIn(workers, { model, stop }, asked), signal);
    const tests = shares.flatMap(({ scores }) => scores?.test ?? []);
    const second = validation && shares.flatMap(({ scores }) => scores?.validation ?? []);
    return finite({
      ...scoreOf(tests, bytesOf(text.subarray(1), tokenizer), cut),
      ...(drawn ? { drawn } : {}),
      ...(memory
        ? {
          memory: memoryCurve(
            shares.flatMap(({ windows }) => windows ? [windows] : []),
            Float32Array.from(tests.flatMap(({ each }) => [...each])),
            bytesOf(text.subarray(1, 1 + part), tokenizer),
          ),
        }
        : {}),
      ...(second
        ? { validation: scoreOf(second, bytesOf(validation.subarray(1), tokenizer), cutFor(validation.length)) }
        : {}),
      location,
    });
  } finally {
    signal?.removeEventListener("abort", tell);
  }
}

/** What is scored, and drawn. */
interface Asked {
  readonly text: Tokens;
  readonly cut: Cut;
  readonly validation?: Tokens;
  /** Tokens that are scored with resets too, from the beginning of the text. */
  readonly part: number;
  readonly threads: number;
  readonly sample?: SampleOptions;
  /** Whether a device has what is scored without resets. */
  readonly isScoredElsewhere?: boolean;
}

/** What was found, in the order of the text. */
interface Found {
  readonly shares: readonly ShareEvaluation[];
  readonly drawn?: Tokens;
  readonly location: ScoreLocation;
}

type Request = Pick<ModelRequest, "model" | "stop">;

/** Scores where the workers are; on the CPU, where their device fails and something else may be taken. */
async function evaluateIn(
  workers: EvaluationWorkers,
  request: Request,
  asked: Asked,
): Promise<Found> {
  const { location } = workers, { provider } = location, { askDevice, mayFallBack, fallBack } = poolOf(workers);
  const onCpu = (asked: Asked) => evaluateOnCpu(workers, request, asked);
  if (provider === "cpu") return await onCpu(asked);
  // Meanwhile the CPU does what would not fill a device.
  const [device, cpu] = await Promise.allSettled([
    askDevice({ ...request, scores: { provider, ...scoresOf(asked, 0, 1) } }),
    asked.sample || asked.part ? onCpu({ ...asked, isScoredElsewhere: true }) : undefined,
  ]);
  if (device.status === "fulfilled") {
    if (cpu.status === "rejected") throw cpu.reason;
    return { shares: [device.value, ...cpu.value?.shares ?? []], drawn: cpu.value?.drawn, location };
  }
  if (request.stop && Atomics.load(request.stop, 0)) throw device.reason;
  if (!mayFallBack) throw new DeviceFailure(device.reason);
  // What the CPU cannot score either is no fault of the device's.
  const found = await onCpu(asked);
  await fallBack(device.reason);
  return found;
}

async function evaluateOnCpu(
  workers: EvaluationWorkers,
  request: Request,
  asked: Asked,
): Promise<Found> {
  const { pool } = poolOf(workers), { text, cut, part, threads, sample, isScoredElsewhere = false } = asked;
  const taken = pool.takeUpTo(Math.max(1, Math.min(threads, cut.streams)));
  try {
    // When one fails, the others go on to their end, at which they give their memory back.
    const shares = await everyOne(taken.map((worker, i) =>
      worker.ask({
        ...request,
        scores: isScoredElsewhere ? undefined : { provider: "cpu", ...scoresOf(asked, i, taken.length) },
        windows: part ? { text, tokens: part, range: rangeOf(part, i, taken.length) } : undefined,
        sampling: i === 0 ? sample : undefined,
      })
    ));
    return { shares, drawn: shares[0].drawn, location: ON_CPU };
  } finally {
    for (const worker of taken) pool.giveBack(worker);
  }
}

/** What worker `i` of `workers` scores. */
function scoresOf({ text, cut, validation, part }: Asked, i: number, workers: number) {
  return {
    test: { text, cut, share: shareOf(cut.streams, i, workers), each: part },
    validation: validation && shareOfSecond(validation, i, workers),
  };
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
function shareOfSecond(text: Tokens, i: number, workers: number): SharedText | undefined {
  const cut = cutFor(text.length), share = shareOf(cut.streams, i, workers);
  return share.streams ? { text, cut, share } : undefined;
}

/** The streams of worker `i` of `workers`, which differ by at most one in how many they have. */
function shareOf(streams: number, i: number, workers: number): Share {
  const first = Math.floor(i * streams / workers);
  return { first, streams: Math.floor((i + 1) * streams / workers) - first };
}
