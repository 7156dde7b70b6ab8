/** What the file of an evaluation model says of itself: its inputs, outputs and weights, checked before anything runs them. */
import * as z from "zod";
import { UserError } from "../../cells/errors.ts";
import { type EvaluationModel, INPUTS } from "../../cells/language_model.ts";
import { type DType, formatShape, type Shape } from "../../cells/graph/tensor.ts";
import { NEXT } from "../engines/onnx/export.ts";
import { CONSTANT_PREFIX } from "../engines/onnx/model_writer.ts";
import {
  DATA_TYPE,
  decodeModel,
  type ModelProto,
  type TensorProto,
  type ValueInfoProto,
} from "../engines/onnx/proto.ts";
import { whyUnusable } from "../training/weights.ts";

/** Inputs that take text: a model has one of them, and all its others are states. */
const TEXT_INPUTS: readonly string[] = [INPUTS.bytes, INPUTS.tokens];

/** The output that scores and samples are computed from. */
export const LOGITS = "logits";

/** An evaluation model, as its file has it. */
export interface EvaluationFile {
  readonly proto: ModelProto;
  /** The name of what it reads: `bytes` or `tokens`. */
  readonly input: string;
  /** Tokens are the numbers below. */
  readonly vocabulary: number;
  /** The size of each state, by name. */
  readonly states: ReadonlyMap<string, number>;
  /** The shape of each weight, by name. */
  readonly weights: ReadonlyMap<string, Shape>;
  /** Configuration, id, corpus, seed, steps. */
  readonly metadata: Readonly<Record<string, string>>;
}

const named = z.object({ name: z.string() });
const partsSchema = z.object({
  graph: z.object({ input: z.array(named), output: z.array(named), initializer: z.array(named) }),
  metadata_props: z.array(z.object({ key: z.string(), value: z.string() })),
}).refine(({ graph }) => {
  const outputs = new Set(graph.output.map(({ name }) => name));
  return graph.input.filter(({ name }) => TEXT_INPUTS.includes(name)).length === 1 && outputs.has(LOGITS) &&
    graph.input.every(({ name }) => TEXT_INPUTS.includes(name) || outputs.has(name + NEXT));
});

/**
 * Reads an evaluation model.
 *
 * @throws {UserError} naming the file: it is none, an input or output has another type or shape than such a model's, or a weight is
 * cut off, or NaN or infinite
 */
export function decodeEvaluation(model: Uint8Array, file: string): EvaluationFile {
  const proto = decodeModel(model, file), { data } = partsSchema.safeParse(proto);
  if (!data) {
    throw new UserError(
      `Cannot open ${file}: it is not an evaluation model (inputs '${
        TEXT_INPUTS.join("' or '")
      }' and states, outputs '${LOGITS}' and states)`,
    );
  }
  const { graph } = proto, fail = (why: string) => new UserError(`Cannot open ${file}: ${why}`);
  const input = graph.input.find(({ name }) => TEXT_INPUTS.includes(name))!;
  expectShape(input, "index", [ROWS], fail);
  const outputs = new Map(graph.output.map((output) => [output.name, output]));
  const states = new Map(
    graph.input.filter((each) => each !== input).map((state) => {
      const size = expectShape(state, "float", [ROWS, ANY], fail);
      expectShape(outputs.get(state.name + NEXT)!, "float", [ROWS, size], fail);
      return [state.name, size];
    }),
  );
  const vocabulary = expectShape(outputs.get(LOGITS)!, "float", [ROWS, ANY], fail);
  const numbers = graph.initializer.filter(({ data_type }) => data_type === DATA_TYPE.FLOAT);
  for (const each of numbers) checkWeight(each, fail);
  const weights = numbers.filter(({ name }) => !name.startsWith(CONSTANT_PREFIX));
  return {
    proto,
    input: input.name,
    vocabulary,
    states,
    weights: new Map(weights.map(({ name, dims }) => [name, dims])),
    metadata: Object.fromEntries(data.metadata_props.map(({ key, value }) => [key, value])),
  };
}

/** Sizes of an axis beside numbers: open, so that any number of rows can be run; and, of what must be, any that is not open. */
const ROWS = "rows";
const ANY = "size";
type Size = number | typeof ROWS | typeof ANY;

const TYPE_OF: Readonly<Record<DType, number>> = { float: DATA_TYPE.FLOAT, index: DATA_TYPE.INT64 };
/** ONNX' names of the kinds of numbers that a file may have instead; `onnx.proto`, `TensorProto.DataType`. */
const TYPE_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries({
    float32: 1,
    uint8: 2,
    int8: 3,
    int32: 6,
    int64: 7,
    bool: 9,
    float16: 10,
    float64: 11,
    bfloat16: 16,
  }).map(([name, type]) => [type, name]),
);

/**
 * Checks the type and the shape of an input or output.
 *
 * @returns the size of its last axis
 */
function expectShape(
  { name, type }: ValueInfoProto,
  dtype: DType,
  must: readonly Size[],
  fail: (why: string) => UserError,
): number {
  // A field that a file leaves out is null.
  const tensor = type?.tensor_type, is = tensor?.shape?.dim.map((dim) => "dim_value" in dim && dim.dim_value || ROWS);
  const fits = is?.length === must.length &&
    must.every((size, axis) => size === is[axis] || (size === ANY && Number(is[axis]) > 0));
  if (fits && tensor!.elem_type === TYPE_OF[dtype]) return Number(is.at(-1));
  const found = is ? `${typeName(tensor!.elem_type)} [${is.join(", ")}]` : "of no shape";
  throw fail(`its '${name}' is ${found}, must be ${typeName(TYPE_OF[dtype])} [${must.join(", ")}]`);
}

function typeName(type: number): string {
  return TYPE_NAMES.get(type) ?? `type ${type}`;
}

/** The numbers of a weight, row-major. */
export function floatsOf({ raw_data }: Pick<TensorProto, "raw_data">): Float32Array {
  // A copy: the bytes lie anywhere in the file.
  return new Float32Array(new Uint8Array(raw_data).buffer);
}

function checkWeight({ name, dims, raw_data }: TensorProto, fail: (why: string) => UserError): void {
  const { BYTES_PER_ELEMENT } = Float32Array;
  if (raw_data.length % BYTES_PER_ELEMENT) {
    throw fail(`its '${name}' has ${raw_data.length} bytes, which is no whole number of floats`);
  }
  const why = whyUnusable({ name, shape: dims }, floatsOf({ raw_data }));
  if (why) throw fail(`its ${why}`);
}

/**
 * Where a file is not the model that it must be: its inputs, outputs and weights follow from the configuration. How they are computed
 * is not compared, since later versions may write that in another way.
 *
 * @returns for each difference what is there and what must be, the most telling first
 */
export function differences(found: EvaluationFile, model: EvaluationModel): { is: string; must: string }[] {
  const is = describeParts(found.input, found.vocabulary, found.states, found.weights);
  const input = [INPUTS.bytes, INPUTS.tokens].find((name) => model.graph.inputs.has(name))!;
  const must = describeParts(
    input,
    model.sizes.vocabulary,
    new Map(model.states.map(({ name, shape }) => [name, shape[1]])),
    new Map(
      model.parameters.filter(({ name }) => model.graph.inputs.has(name)).map(({ name, shape }) => [name, shape]),
    ),
  );
  return [...new Set([...must.keys(), ...is.keys()])]
    .filter((name) => is.get(name) !== must.get(name))
    .map((name) => ({
      is: is.has(name) ? `its '${name}' is ${is.get(name)}` : `it has no '${name}'`,
      must: must.get(name) ?? "none",
    }));
}

function describeParts(
  input: string,
  vocabulary: number,
  states: ReadonlyMap<string, number>,
  weights: ReadonlyMap<string, Shape>,
): Map<string, string> {
  return new Map([
    [input, "what it reads"],
    [LOGITS, `[rows, ${vocabulary}]`],
    ...[...states].map(([name, size]) => [name, `[rows, ${size}]`] as const),
    ...[...weights].map(([name, shape]) => [name, formatShape(shape)] as const),
  ]);
}
