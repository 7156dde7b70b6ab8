/** The elementwise operations of a task as WGSL. Its lines are its key: epilogues of one form, in any run, are one piece of code. */
import { ELEMENTWISE, type ElementwiseOp, type ElementwiseOperation } from "../../../../cells/graph/elementwise.ts";
import { isElementwise, isOp, sizeOf, type Tensor } from "../../../../cells/graph/tensor.ts";
import { type Epilogue, type Locations, vectorType, type VectorWidth } from "./kernel.ts";
import type { Task } from "../plan/tasks.ts";

/** A float literal that WGSL takes as f32, whatever its size. */
function literal(value: number): string {
  const text = String(value);
  return `f32(${/[.e]/.test(text) ? text : text + ".0"})`;
}

export interface BuiltEpilogue extends Epilogue {
  readonly words: readonly number[];
}

/** How an operand of another shape is read: at the element itself, at the scalar, at the element of the last axis. */
function modeOf(source: Tensor, shape: Tensor["shape"]): "same" | "scalar" | "vector" {
  const size = sizeOf(source.shape);
  if (size === sizeOf(shape)) return "same";
  return size === 1 ? "scalar" : "vector";
}

/** Whether an epilogue reads vectors of the last axis, so that the template must tell the column. */
export function readsVectors({ heads, epilogue, value }: Task): boolean {
  const shape = (value ?? epilogue[0])?.shape;
  return heads.some((head) => isOp(head, "linear")) ||
    epilogue.some(({ inputs }) => inputs.some((x) => !isOp(x, "constant") && modeOf(x, shape!) === "vector"));
}

/** Whether all that an epilogue reads and writes element by element is whole vectors of four floats: rows of a larger tensor need not be. */
export function areVectorAligned(task: Task, { locate, scalar }: Locations): boolean {
  const { epilogue, value, nodes, writes } = task, own = new Set(nodes), elements = sizeOf((value ?? nodes[0]).shape);
  const read = epilogue.flatMap(({ inputs }) => inputs)
    .filter((x) => !own.has(x) && !isOp(x, "constant") && scalar(x) === undefined);
  return elements % 4 === 0 && [...read, ...writes].every((x) => locate(x) % 4 === 0);
}

/**
 * The epilogue of a task, in vectors of `vectorWidth` floats.
 *
 * @param first number of the instance's word that the epilogue's first word becomes
 */
export function buildEpilogue(
  task: Task,
  locations: Locations,
  vectorWidth: VectorWidth,
  first: number,
): BuiltEpilogue {
  const { heads, epilogue, value, writes, target } = task;
  const builder = new EpilogueBuilder((value ?? task.nodes[0]).shape, locations, vectorWidth);
  if (value) builder.names.set(value, "value");
  // The templates leave the bias to the epilogue.
  for (const head of heads) {
    if (isOp(head, "linear") || isOp(head, "embedding")) {
      builder.names.set(value!, builder.line(`${builder.names.get(value!)} + ${builder.read(head.inputs.at(-1)!)}`));
    }
  }
  if (target) builder.write(target, builder.read(task.nodes[0]));
  // All is read before anything is written: a result may lie where an operand was.
  for (const node of epilogue) for (const x of node.inputs) if (!isOp(x, "constant")) builder.read(x, epilogue);
  for (const node of epilogue) builder.compute(node);
  for (const result of writes) builder.write(result, builder.names.get(result)!);
  const { lines, words } = builder;
  return { key: lines.join(" "), lines, words, firstWord: first, wordCount: words.length };
}

class EpilogueBuilder {
  readonly names = new Map<Tensor, string>();
  readonly lines: string[] = [];
  readonly words: number[] = [];
  readonly #V: string;
  readonly #computed = new Set<Tensor>();
  #values = 0;

  constructor(
    private readonly shape: Tensor["shape"],
    private readonly locations: Locations,
    private readonly vectorWidth: VectorWidth,
  ) {
    this.#V = vectorType(vectorWidth);
  }

  #word(value: number): string {
    return `w${this.words.push(value) - 1}`;
  }

  /** Offset of a tensor in vectors: tensors start at multiples of a whole vector, and rows of others where {@linkcode areVectorAligned} says so. */
  #offset(tensor: Tensor): string {
    const at = this.locations.locate(tensor);
    if (at % this.vectorWidth === 0) return this.#word(at / this.vectorWidth);
    throw new TypeError(
      `Cannot read '${tensor.op}' in vectors of ${this.vectorWidth}: it starts at float ${at}, must be at a multiple`,
    );
  }

  /** Adds a line that names a new value; returns the name. */
  line(expression: string): string {
    const name = `v${this.#values++}`;
    this.lines.push(`let ${name} = ${expression};`);
    return name;
  }

  /** The name of an operand, which is read where it was not yet; those that the epilogue computes itself come later. */
  read(source: Tensor, own: readonly Tensor[] = []): string {
    const known = this.names.get(source);
    if (known || own.includes(source)) return known ?? "";
    const name = this.line(this.#load(source));
    this.names.set(source, name);
    return name;
  }

  #load(source: Tensor): string {
    const scalar = this.locations.scalar(source);
    if (scalar !== undefined) return `step_scalar(${this.#word(scalar)})`;
    switch (modeOf(source, this.shape)) {
      case "same":
        return `arena[${this.#offset(source)} + f]`;
      case "vector":
        return `arena[${this.#offset(source)} + column]`;
      case "scalar":
        return `stored_scalar(${this.#offset(source)})`;
    }
  }

  compute(node: Tensor): void {
    if (!isElementwise(node)) throw new TypeError(`Cannot join '${node.op}' with elementwise operations`);
    this.#computed.add(node);
    this.names.set(node, this.line(this.#fused(node) ?? this.#expression(node)));
  }

  #expression(node: Tensor<ElementwiseOp>): string {
    const record: ElementwiseOperation = ELEMENTWISE[node.op], [a, b] = this.#operands(node);
    return record.arity === 1 ? record.wgsl(a, this.#V) : record.wgsl(a, b);
  }

  #operands({ inputs: [a, b] }: Tensor): [string, string] {
    const name = (x: Tensor | undefined) =>
      x === undefined ? "" : isOp(x, "constant") ? `${this.#V}(${literal(x.attributes.value)})` : this.names.get(x)!;
    return [name(a), name(b)];
  }

  /**
   * A sum or difference with a product as one fused operation. A compiler may fuse such a pair or not, and may decide otherwise
   * in another kernel; said here, a run has the same bits whatever kernel its epilogue is compiled into.
   */
  #fused(node: Tensor): string | undefined {
    if (!isOp(node, "add") && !isOp(node, "sub")) return undefined;
    const isSub = isOp(node, "sub");
    const [a, b] = node.inputs, [nameA, nameB] = this.#operands(node);
    // Only what this epilogue multiplies: an operand that is read from memory is a number by itself.
    const factors = (x: Tensor) => isOp(x, "mul") && this.#computed.has(x) ? this.#operands(x) : undefined;
    const left = factors(a), right = factors(b);
    if (left) return `fma(${left[0]}, ${left[1]}, ${isSub ? `-${nameB}` : nameB})`;
    if (right) return `fma(${isSub ? `-${right[0]}` : right[0]}, ${right[1]}, ${nameA})`;
    return undefined;
  }

  write(result: Tensor, name: string): void {
    this.lines.push(`arena[${this.#offset(result)} + f] = ${name};`);
  }
}
