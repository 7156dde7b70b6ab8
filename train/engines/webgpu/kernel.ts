/** What a kernel is: a name, a pure function to WGSL, and how an instance of it is written into the table. */
import type { Tensor } from "../../../cells/graph/tensor.ts";

/** Offset of a tensor in the arena, in floats. */
export type Locate = (tensor: Tensor) => number;

/** One piece of work of a kernel: the words that the shader reads, and how many workgroups serve it. */
export interface Instance {
  readonly words: readonly number[];
  readonly workgroups: number;
}

export interface Kernel {
  /** Names every fact that specialises the source, and nothing else: equal keys mean equal source. */
  readonly key: string;
  readonly source: () => string;
}

/** A kernel with one instance of it. */
export interface KernelUse {
  readonly kernel: Kernel;
  readonly instance: Instance;
}

export const BINDINGS = { arena: 0, tables: 1, text: 2, step_data: 3, losses: 4, dispatch: 5, step: 6 } as const;

/** Bytes of each uniform record: one `vec4<u32>`. */
export const UNIFORM_BYTES = 16;

/**
 * The head and frame that all kernels share. `body` sees: `instance` (index of the instance's first word), `group` (number
 * of this workgroup within the instance), `local` (invocation within the workgroup), `word(i)` (word i of the instance).
 */
export function shader(workgroupSize: number, body: string, declarations = ""): string {
  return `
@group(0) @binding(${BINDINGS.arena}) var<storage, read_write> arena: array<f32>;
@group(0) @binding(${BINDINGS.tables}) var<storage, read> tables: array<u32>;
@group(0) @binding(${BINDINGS.text}) var<storage, read> text: array<u32>;
@group(0) @binding(${BINDINGS.step_data}) var<storage, read> step_data: array<u32>;
@group(0) @binding(${BINDINGS.losses}) var<storage, read_write> losses: array<f32>;
// x: first entry of this dispatch in the tables, y: number of workgroups, z: workgroups in a row of the dispatch
@group(0) @binding(${BINDINGS.dispatch}) var<uniform> dispatch: vec4<u32>;
// x: position in the pass, y: number of the step within the submit
@group(0) @binding(${BINDINGS.step}) var<uniform> step: vec4<u32>;

// naga's tanh is NaN for large inputs on Metal and inexact near zero on lavapipe
fn safe_tanh(x: f32) -> f32 {
  if (abs(x) < 0.02) { return x - x * x * x / 3.0; }
  let t = exp(-2.0 * abs(x));
  return sign(x) * (1.0 - t) / (1.0 + t);
}
// the exponential's argument is never positive, so it cannot overflow
fn safe_sigmoid(x: f32) -> f32 {
  let t = exp(-abs(x));
  return select(t, 1.0, x >= 0.0) / (1.0 + t);
}
${declarations}
@compute @workgroup_size(${workgroupSize})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let number = workgroup.y * dispatch.z + workgroup.x;
  if (number >= dispatch.y) { return; }
  let instance = tables[dispatch.x + 2u * number];
  let group = tables[dispatch.x + 2u * number + 1u];
${body}
}
`;
}
