/** Updates as WebAssembly: loops over the elements, four at a time, in place. */
import { ELEMENTWISE } from "../../../cells/graph/elementwise.ts";
import { isElementwise, isOp, type Tensor } from "../../../cells/graph/tensor.ts";
import {
  type Code,
  f32x4,
  fill,
  get,
  i32,
  increase,
  load,
  OPCODE,
  repeat,
  set,
  store,
  type ValueType,
  type WasmFunction,
  wasmModule,
} from "./wasm.ts";

/** New values of some carried tensors, element by element, from their old ones and at most one computed tensor of their shape. */
export interface Update {
  /** Elementwise operations, each after its inputs. */
  readonly nodes: readonly Tensor[];
  /** What the loop reads at each element: inputs of the graph, and the computed tensor. */
  readonly arrays: readonly Tensor[];
  /** Inputs that are one number: a scalar of the optimizer, or a parameter of a cell. */
  readonly scalars: readonly Tensor<"input">[];
  /** What it writes: the carried inputs, and their new values. */
  readonly results: ReadonlyMap<Tensor<"input">, Tensor>;
  readonly computed?: Tensor;
}

/** What a loop does on four floats for an operation; undefined where the operation stays with ONNX Runtime. */
function instructionOf(node: Tensor): Code | undefined {
  return isElementwise(node) ? ELEMENTWISE[node.op].wasm : undefined;
}

/** Whether a loop can do an operation. */
export function isInLoops(node: Tensor): boolean {
  return instructionOf(node) !== undefined;
}

/** Floats that a loop does at a time: lengths of arrays are rounded up to a multiple. */
export const SIMD_WIDTH = 4;

/** Floats of a line of the processor's cache: no tensor shares one with another, and those of whole lines lie side by side. */
export const LINE_FLOATS = 16;

/** The smallest float that is not denormal. */
const SMALLEST_NORMAL = 2 ** -126;

/**
 * The function of an update. Parameters: the addresses of its arrays, its scalars, and the number of elements divided by
 * {@linkcode SIMD_WIDTH}.
 *
 * Results that are denormal become 0, as ONNX Runtime is told to do (`set_denormal_as_zero`): a moment whose gradient stays 0
 * would decay into them, and they are computed many times slower. NaN stays.
 */
function updateFunction(name: string, { arrays, scalars, nodes, results }: Update): WasmFunction {
  const parameters: ValueType[] = [...arrays.map(() => "i32" as const), ...scalars.map(() => "f32" as const), "i32"];
  const counter = parameters.length - 1;
  const values = [...arrays, ...scalars, ...nodes];
  const local = new Map(values.map((tensor, i) => [tensor, parameters.length + i]));
  const push = (tensor: Tensor) => isOp(tensor, "constant") ? f32x4(tensor.attributes.value) : get(local.get(tensor)!);
  const write = ([carried, value]: [Tensor, Tensor]): Code => {
    const isDenormal = [...push(value), ...OPCODE.f32x4_abs, ...f32x4(SMALLEST_NORMAL), ...OPCODE.f32x4_lt];
    return [...get(arrays.indexOf(carried)), ...push(value), ...isDenormal, ...OPCODE.v128_andnot, ...store.v128];
  };
  const body: Code = [
    ...scalars.flatMap((scalar, i) => [...get(arrays.length + i), ...OPCODE.f32x4_splat, ...set(local.get(scalar)!)]),
    ...repeat(counter, [
      ...arrays.flatMap((array, i) => [...get(i), ...load.v128, ...set(local.get(array)!)]),
      ...nodes.flatMap((node) => [...node.inputs.flatMap(push), ...instructionOf(node)!, ...set(local.get(node)!)]),
      ...[...results].flatMap(write),
      ...arrays.flatMap((_, i) => increase(i, i32(4 * SIMD_WIDTH))),
    ]),
  ];
  return { name, parameters, locals: values.map(() => "v128"), body };
}

/** Name of {@linkcode scatterRows} in every module. */
export const SCATTER = "scatter_rows";

/**
 * The gradient of an embedding whose weight lies as `[vocabulary, width]`: each row of `dy [rows, width]` is added to the row
 * that its index names. Parameters: addresses of the gradient, of `dy` and of the indices (int64); rows, width, vocabulary.
 */
function scatterRows(): WasmFunction {
  const [gradient, dy, indices, rows, width, vocabulary, target, columns] = Array(8).keys();
  const bytes = [...get(width), ...i32(4), ...OPCODE.i32_mul];
  const addRow: Code = [
    ...[...get(gradient), ...get(indices), ...load.i32, ...bytes, ...OPCODE.i32_mul, ...OPCODE.i32_add, ...set(target)],
    ...[...get(width), ...set(columns)],
    ...repeat(columns, [
      ...[...get(target), ...get(target), ...load.f32, ...get(dy), ...load.f32, ...OPCODE.f32_add, ...store.f32],
      ...increase(target, i32(4)),
      ...increase(dy, i32(4)),
    ]),
    ...increase(indices, i32(8)),
  ];
  const clear = [...get(gradient), ...i32(0), ...get(vocabulary), ...bytes, ...OPCODE.i32_mul, ...fill];
  return {
    name: SCATTER,
    parameters: Array(6).fill("i32"),
    locals: ["i32", "i32"],
    body: [...clear, ...repeat(rows, addRow)],
  };
}

/** Updates as a module, and the name of each one's function: updates of one form share one. */
export function compileUpdates(updates: readonly Update[]): { module: Uint8Array<ArrayBuffer>; names: string[] } {
  const known = new Map<string, WasmFunction>();
  const names = updates.map((update) => {
    const made = updateFunction(`update_${known.size}`, update);
    const key = JSON.stringify([made.parameters, made.locals, made.body]);
    const kept = known.get(key) ?? made;
    known.set(key, kept);
    return kept.name;
  });
  return { module: wasmModule([...known.values(), scatterRows()]), names };
}
