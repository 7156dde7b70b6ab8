/**
 * A model's weights as a file, under PyTorch's names and in its layout, so that they travel both ways; and with them, where a run
 * is to go on, its moments, states and curve.
 */
import { Buffer } from "node:buffer";
import * as z from "zod";
import type { Parameter } from "../../cells/cell.ts";
import {
  canonicalJson,
  canonicalJsonIn,
  type CellConfig,
  configIdIn,
  parseConfigIn,
  parseWith,
} from "../../cells/config.ts";
import { type FactorTable, formatLevel, trainingFactors, valueOf } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import { UserError } from "../../cells/errors.ts";
import type { TrainingStep } from "../../cells/language_model.ts";
import { unitOf } from "../../cells/unit.ts";
import type { TensorMap } from "../engines/engine.ts";
import { type Leg, legSchema } from "./leg.ts";
import { stateNames, type TrainingState } from "./loss_log.ts";
import { LIMITS, passUpdates } from "./settings.ts";
import {
  decodeMetadata,
  decodeSafetensors,
  encodeSafetensors,
  READ_KINDS,
  type ReadSafetensors,
  type SafetensorsFile,
} from "./safetensors.ts";
import { checkedFloats, type ExpectedTensor, whyUnusable } from "./weights.ts";

/** Keys of the metadata: the configuration; all of a run's state that is not a tensor; the SHA-256 of the file. */
const KEYS = { config: "config", training: "training", checksum: "sha256" } as const;

/** Stands in the checksum's place while the file is summed. */
const NO_CHECKSUM = "0".repeat(64);

/**
 * The `.safetensors` file of a model: every weight, and in the metadata its configuration and whatever is given.
 *
 * @throws {UserError} if a weight is missing, has another number of elements, or is NaN or infinite
 */
export function encodeWeights(
  config: CellConfig,
  parameters: readonly Parameter[],
  tensors: TensorMap,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  return encodeSafetensors({
    tensors: storedTensors(tensors, parameters),
    metadata: { ...metadata, [KEYS.config]: canonicalJson(config) },
  });
}

function storedTensors(tensors: TensorMap, wanted: readonly ExpectedTensor[]): SafetensorsFile["tensors"] {
  const values = checkedFloats(tensors, wanted, "save weights");
  return new Map(wanted.map(({ name, shape }) => [name, { shape, values: values.get(name)! }]));
}

/** What {@linkcode decodeWeights} finds in a file. */
export interface StoredWeights {
  /** By parameter, row-major; rounded where the file has float64. */
  readonly weights: Map<string, Float32Array>;
  /** The configuration, where the file names one: a file from PyTorch need not. */
  readonly config?: CellConfig;
}

/**
 * Reads weights for a model.
 *
 * @param parameters what the model needs; further tensors in the file (moments, counters, say) are left aside
 * @throws {UserError} if the file is damaged, or a weight is missing, has another shape, is no floating point, or is NaN or infinite
 */
export function decodeWeights(bytes: Uint8Array, parameters: readonly Parameter[], file: string): StoredWeights {
  const read = decodeSafetensors(bytes, file);
  const weights = takeAll(read, parameters, file);
  const config = configOf(read.metadata, file);
  return config ? { weights, config } : { weights };
}

type Read = Pick<ReadSafetensors, "tensors" | "others">;

function takeAll(
  { tensors, others }: Read,
  wanted: readonly ExpectedTensor[],
  file: string,
): Map<string, Float32Array> {
  const fail = (why: string) => new UserError(`Cannot read ${file}: ${why}`);
  return new Map(wanted.map(({ name, shape }) => {
    const found = tensors.get(name), kind = others.get(name);
    if (kind) throw fail(`'${name}' is ${kind}, must be one of ${READ_KINDS.join(", ")}`);
    if (found && found.shape.join() !== shape.join()) throw fail(`'${name}' is [${found.shape}], must be [${shape}]`);
    const why = whyUnusable({ name, shape }, found?.values);
    if (!found || why) throw fail(why!);
    return [name, found.values];
  }));
}

function configOf(
  metadata: SafetensorsFile["metadata"],
  file: string,
  table: FactorTable = GATED,
): CellConfig | undefined {
  const text = metadata[KEYS.config];
  return text === undefined ? undefined : parseConfigIn(table, parseJson(text, KEYS.config, file), file);
}

function parseJson(text: string, key: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UserError(`Cannot read ${file}: '${key}' of its metadata is not JSON`);
  }
}

const count = z.number().int().nonnegative();

/** What a checkpoint holds of a run beside its tensors. */
export const trainingSchema = z.object({
  steps_done: count.max(LIMITS.steps + LIMITS.history),
  /** Where the run is: passes begun before, and tokens of each row that were read of this one. Both follow from `steps_done`. */
  pass: count,
  position: count,
  smoothed_loss: z.number(),
  curve: z.array(z.number()),
  seconds: z.number().nonnegative(),
  /** Who did the steps so far, in order. */
  legs: z.array(legSchema),
  /** The number of the attempt at the run that wrote this; absent in checkpoints of versions before 0.8. */
  attempt: z.number().int().positive().optional(),
});

/** What a checkpoint is of; a run goes on only from one that agrees in all of it. */
export interface CheckpointOf {
  readonly config: CellConfig;
  /** What the configuration is of; absent: the built-in factors. */
  readonly table?: FactorTable;
  readonly seed: number;
  readonly corpus: string;
  readonly corpus_sha1: string;
  /** Of `tokenizer.json`, where models read other tokens than bytes. */
  readonly tokenizer_sha1?: string;
  readonly batch: number;
  readonly history: number;
  readonly log_every: number;
}

/** Those facts as a file's metadata: all text. */
function factsOf({ config, table = GATED, ...about }: CheckpointOf): Record<string, string> {
  return {
    [KEYS.config]: canonicalJsonIn(table, config),
    ...Object.fromEntries(
      Object.entries(about).filter(([, value]) => value !== undefined).map(([key, value]) => [key, String(value)]),
    ),
  };
}

/** Facts that a run's numbers depend on; the corpus' name is for people. */
const BINDING = ["seed", "corpus_sha1", "tokenizer_sha1", "batch", "history", "log_every"] as const;

/** The checkpoint of a run: a file of weights with all that the run needs to go on, and a checksum over the whole. */
export async function encodeCheckpoint(
  about: CheckpointOf,
  step: TrainingStep,
  state: TrainingState,
  legs: readonly Leg[],
  attempt?: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const { tensors, steps_done, smoothed_loss, curve, seconds } = state;
  const ofPass = passUpdates(about, step.bptt);
  const training: z.infer<typeof trainingSchema> = {
    steps_done,
    pass: Math.floor(steps_done / ofPass),
    position: steps_done % ofPass * step.bptt,
    smoothed_loss,
    curve: [...curve],
    seconds,
    legs: [...legs],
    ...(attempt === undefined ? {} : { attempt }),
  };
  const file = encodeSafetensors({
    tensors: storedTensors(tensors, tensorsOf(step)),
    metadata: { ...factsOf(about), [KEYS.training]: JSON.stringify(training), [KEYS.checksum]: NO_CHECKSUM },
  });
  file.set(new TextEncoder().encode(await sha256(file)), checksumAt(file));
  return file;
}

export interface Checkpoint {
  readonly state: TrainingState;
  readonly legs: readonly Leg[];
}

/**
 * Reads the checkpoint of a run.
 *
 * @throws {UserError} if the file is damaged, holds weights alone, or is of another run
 */
export async function decodeCheckpoint(
  bytes: Uint8Array<ArrayBuffer>,
  file: string,
  step: TrainingStep,
  about: CheckpointOf,
): Promise<Checkpoint> {
  const { metadata, training, ...read } = await decodeSealed(bytes, file);
  if (!training) {
    throw new UserError(`Cannot resume from ${file}: it holds only weights, no moments, states or curve`);
  }
  checkIsOf(metadata, about, file);
  const { legs, pass, position, attempt: _, ...state } = training, reads = unitOf({ tokens: about.tokenizer_sha1 });
  if (pass * passUpdates(about, step.bptt) + position / step.bptt !== state.steps_done) {
    throw new UserError(
      `Cannot read ${file}: step ${state.steps_done} is not position ${position} of sequence ${pass} of ${about.history} ${reads}s`,
    );
  }
  return { state: { ...state, tensors: takeAll(read, tensorsOf(step), file) }, legs };
}

/** How far a run has come, of what its checkpoint holds. */
export type CheckpointProgress = Pick<z.infer<typeof trainingSchema>, "steps_done" | "curve">;

/**
 * How far a run has come, from the bytes before the tensors of its checkpoint alone: to be shown, for the checksum is over the whole file.
 *
 * @param start see {@linkcode decodeMetadata}
 * @param length bytes of the whole file
 * @throws {UserError} if what there is of it is damaged, holds no curve, or is of another run
 */
export function decodeProgress(
  start: Uint8Array,
  length: number,
  file: string,
  about: CheckpointOf,
): CheckpointProgress {
  const metadata = decodeMetadata(start, length, file), text = metadata[KEYS.training];
  if (text === undefined) throw new UserError(`Cannot read ${file}: it holds only weights, no curve`);
  const { steps_done, curve } = parseWith(trainingSchema, parseJson(text, KEYS.training, file), file);
  checkIsOf(metadata, about, file);
  return { steps_done, curve };
}

/** Tensors that a checkpoint holds. */
function tensorsOf(step: TrainingStep): ExpectedTensor[] {
  const own = new Map(step.parameters.map(({ name, shape }) => [name, shape]));
  return stateNames(step).map((name) => ({ name, shape: own.get(name) ?? step.graph.inputs.get(name)!.shape }));
}

/** @throws {UserError} if a file is of another run; one from PyTorch need not say of which it is */
function checkIsOf(metadata: SafetensorsFile["metadata"], about: CheckpointOf, file: string): void {
  const { table = GATED } = about, config = configOf(metadata, file, table);
  const facts = [
    // Where it is the training alone that differs, an id would tell nobody what is wrong.
    ...trainingFactors(table).map((factor) => [
      factor.label,
      config && formatLevel(factor, valueOf(factor, config)),
      formatLevel(factor, valueOf(factor, about.config)),
    ]),
    ["configuration", config && configIdIn(table, config), configIdIn(table, about.config)],
    ...BINDING.map((key) => [key, metadata[key], about[key]?.toString()]),
  ];
  for (const [what, is, must] of facts) {
    if (is === undefined && metadata[KEYS.training] === undefined) continue;
    if (is !== must) {
      throw new UserError(`Cannot use ${file}: its ${what} is ${is ?? "none"}, must be ${must ?? "none"}`);
    }
  }
}

/**
 * Reads a run's weights, from a checkpoint or from a file that PyTorch wrote.
 *
 * @returns the weights, and how many steps they have seen, where the file says it
 * @throws {UserError} if the file is damaged, is of another run, or a weight cannot be used: see {@linkcode decodeWeights}
 */
export async function decodeRunWeights(
  bytes: Uint8Array<ArrayBuffer>,
  file: string,
  parameters: readonly Parameter[],
  about: CheckpointOf,
): Promise<{ weights: Map<string, Float32Array>; steps_done?: number }> {
  const { metadata, training, ...read } = await decodeSealed(bytes, file);
  checkIsOf(metadata, about, file);
  return { weights: takeAll(read, parameters, file), steps_done: training?.steps_done };
}

/** Reads a file and checks its sum, where it has one: what PyTorch wrote has none. */
async function decodeSealed(
  bytes: Uint8Array<ArrayBuffer>,
  file: string,
): Promise<ReadSafetensors & { readonly training?: z.infer<typeof trainingSchema> }> {
  const read = decodeSafetensors(bytes, file);
  const { [KEYS.training]: text, [KEYS.checksum]: sum } = read.metadata;
  // One of the two alone: the other's name is damaged.
  if (text === undefined && sum === undefined) return read;
  await checkSum(bytes, sum, file);
  if (text === undefined) return read;
  return { ...read, training: parseWith(trainingSchema, parseJson(text, KEYS.training, file), file) };
}

async function checkSum(bytes: Uint8Array<ArrayBuffer>, sum: string | undefined, file: string): Promise<void> {
  const damaged = new UserError(
    `Cannot read ${file}: its checksum does not match its content: it was damaged or edited`,
  );
  if (sum?.length !== NO_CHECKSUM.length) throw damaged;
  const unsummed = bytes.slice();
  unsummed.set(new TextEncoder().encode(NO_CHECKSUM), checksumAt(bytes));
  if (await sha256(unsummed) !== sum) throw damaged;
}

/** Where in a file its checksum stands. */
function checksumAt(file: Uint8Array<ArrayBuffer>): number {
  const marker = `"${KEYS.checksum}":"`;
  return Buffer.from(file.buffer, file.byteOffset, file.byteLength).indexOf(marker) + marker.length;
}

/** Off this thread: the files are large. */
async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return Buffer.from(await crypto.subtle.digest("SHA-256", bytes)).toString("hex");
}
