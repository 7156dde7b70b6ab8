/** Kernels for chains of elementwise operations: one invocation per element, nothing but the results goes to memory. */
import { type ElementwiseOp, isElementwise, isOp, sizeOf, type Tensor } from "../../../cells/graph/tensor.ts";
import { type KernelUse, type Locate, shader } from "./kernel.ts";
import type { Task } from "./levels.ts";

const WORKGROUP = 256;

/** WGSL of each operation. */
const EXPRESSIONS: { readonly [K in ElementwiseOp]: (a: string, b: string) => string } = {
  add: (a, b) => `${a} + ${b}`,
  sub: (a, b) => `${a} - ${b}`,
  mul: (a, b) => `${a} * ${b}`,
  div: (a, b) => `${a} / ${b}`,
  exp: (x) => `exp(${x})`,
  log: (x) => `log(${x})`,
  sqrt: (x) => `sqrt(${x})`,
  sigmoid: (x) => `safe_sigmoid(${x})`,
  tanh: (x) => `safe_tanh(${x})`,
  relu: (x) => `max(${x}, 0.0)`,
  step: (x) => `select(0.0, 1.0, ${x} > 0.0)`,
};

/** How an operand of another shape is read: at the element itself, at the scalar, at the element of the last axis. */
function indexOf(source: Tensor, shape: Tensor["shape"]): "same" | "scalar" | "vector" {
  const size = sizeOf(source.shape);
  if (size === sizeOf(shape)) return "same";
  return size === 1 ? "scalar" : "vector";
}

/** A float literal that WGSL takes as f32, whatever its size. */
function literal(value: number): string {
  const text = String(value);
  return `f32(${/[.e]/.test(text) ? text : text + ".0"})`;
}

/**
 * The kernel of a chain. Its lines are its key: chains of one form, in any run, become one dispatch.
 * Words: number of elements; for each operand its offset, and its size where it is a vector; for each result its offset.
 */
export function elementwiseKernel({ nodes, reads, writes }: Task, locate: Locate): KernelUse {
  const { shape } = nodes[0];
  const names = new Map<Tensor, string>();
  const lines: string[] = [];
  const words = [sizeOf(shape)];
  const nextWord = (value: number) => `tables[instance + ${words.push(value) - 1}u]`;

  reads.forEach((source, i) => {
    names.set(source, `x${i}`);
    const base = nextWord(locate(source));
    const mode = indexOf(source, shape);
    const index = mode === "same" ? " + i" : mode === "scalar" ? "" : ` + i % ${nextWord(sizeOf(source.shape))}`;
    lines.push(`let x${i} = arena[${base}${index}];`);
  });
  nodes.forEach((node, i) => {
    if (!isElementwise(node)) throw new TypeError(`Cannot join '${node.op}' with elementwise operations`);
    const [a, b] = node.inputs.map((x) => isOp(x, "constant") ? literal(x.attributes.value) : names.get(x)!);
    names.set(node, `y${i}`);
    lines.push(`let y${i} = ${EXPRESSIONS[node.op](a, b)};`);
  });
  for (const result of writes) lines.push(`arena[${nextWord(locate(result))} + i] = ${names.get(result)};`);
  return use(lines, words);
}

/** Copies a tensor into the memory of another: how a state comes back after its last reader. */
export function copyKernel({ nodes: [source], target }: Task, locate: Locate): KernelUse {
  const words = [sizeOf(source.shape), locate(source), locate(target!)];
  return use(["arena[tables[instance + 2u] + i] = arena[tables[instance + 1u] + i];"], words);
}

function use(lines: readonly string[], words: readonly number[]): KernelUse {
  const frame = ["let i = group * " + WORKGROUP + "u + local;", "if (i >= tables[instance]) { return; }", ...lines];
  const body = frame.map((line) => `  ${line}`).join("\n");
  return {
    kernel: { key: `elementwise ${lines.join(" ")}`, source: () => shader(WORKGROUP, body) },
    instance: { words, workgroups: Math.ceil(words[0] / WORKGROUP) },
  };
}
