/**
 * A plan for the GPU, played on the CPU: tasks run on one flat array at the locations that the plan gives them. So levels,
 * locations and copies are checked without an adapter, and in orders that a GPU takes only by chance.
 */
import { INTERPRETER } from "../../../../cells/graph/interpreter.ts";
import { isOp, type OpName, sizeOf, type Tensor } from "../../../../cells/graph/tensor.ts";
import { type EngineRun, initialTensors, readTokens } from "../../../../train/engines/engine.ts";
import type { MemoryPlan } from "../../../../train/engines/webgpu/plan/memory.ts";
import { planRun, type RunPlan } from "../../../../train/engines/webgpu/kernels/schedule.ts";
import type { Tokens } from "../../../../train/corpus/tokens/tokenizer.ts";
import { isLoss, type Task } from "../../../../train/engines/webgpu/plan/tasks.ts";
import { isView } from "../../../../train/engines/webgpu/plan/views.ts";

/** Tasks of one level may run in any order: of two that get into each other's way, one of these two shows it. */
export type Order = "forward" | "backward";

/** Losses of some steps of one pass. */
export function simulate(
  run: EngineRun,
  text: Tokens,
  offsets: Uint32Array,
  steps: number,
  order: Order,
  { graph: { inputs }, tasks, memory }: RunPlan = planRun(run.step),
): number[] {
  const arena = new Arena(memory);
  for (const [name, values] of initialTensors(run)) arena.write(inputs.get(name)!, values);

  const byLevel = Map.groupBy(tasks.tasks, ({ level }) => level);
  return Array.from({ length: steps }, (_, position) => {
    arena.forget();
    const { optimizer, reads, bptt } = run.step;
    const scalars = optimizer.scalars(run.stepsDone + position + 1, run.learningRate);
    optimizer.scalarNames.forEach((name, i) => {
      if (inputs.has(name)) arena.feed(inputs.get(name)!, [scalars[i]]);
    });
    for (const { name, offset } of reads) {
      const tokens: number[] = [];
      readTokens(text, offsets, position * bptt + offset, bptt, (row, token) => tokens[row] = token);
      arena.feed(inputs.get(name)!, tokens);
    }
    let loss = NaN;
    for (let level = 0; level < tasks.levels; level++) {
      const together = byLevel.get(level) ?? [];
      for (const task of order === "forward" ? together : together.toReversed()) loss = play(task, arena) ?? loss;
    }
    return loss;
  });
}

class Arena {
  readonly #floats: Float64Array;
  /** What comes with each step and lies in no run's memory. */
  readonly #fed = new Map<Tensor, Float64Array>();

  constructor(private readonly memory: MemoryPlan) {
    this.#floats = new Float64Array(memory.size);
  }

  #at(tensor: Tensor): Float64Array {
    const offset = this.memory.offsets.get(tensor);
    if (offset === undefined) throw new Error(`the plan has no location for '${tensor.op}' [${tensor.shape}]`);
    return this.#floats.subarray(offset, offset + sizeOf(tensor.shape));
  }

  read(tensor: Tensor): Float64Array {
    if (isOp(tensor, "constant")) return Float64Array.of(tensor.attributes.value);
    return this.#fed.get(tensor) ?? this.#at(tensor).slice();
  }

  feed(tensor: Tensor, values: readonly number[]): void {
    this.#fed.set(tensor, Float64Array.from(values));
  }

  write(tensor: Tensor, values: ArrayLike<number>): void {
    this.#at(tensor).set(values);
  }

  /** What lives inside a step is gone before the next: NaN shows who reads it nevertheless. */
  forget(): void {
    this.#floats.fill(NaN, this.memory.persistent);
  }
}

/** Does a task; returns the loss if it is the one that makes it. */
function play(task: Task, arena: Arena): number | undefined {
  if (task.target) return void arena.write(task.target, arena.read(task.nodes[0]));
  const values = new Map<Tensor, Float64Array>(task.reads.map((source) => [source, arena.read(source)]));
  for (const node of task.nodes) {
    values.set(node, evaluate(node, node.inputs.map((source) => values.get(source) ?? arena.read(source))));
  }
  // Only what a task says that it writes is there for others.
  for (const result of task.writes) arena.write(result, values.get(result)!);
  const loss = task.nodes.find(isLoss);
  return loss && values.get(loss)![0];
}

function evaluate<K extends OpName>(node: Tensor<K>, inputs: readonly Float64Array[]): Float64Array {
  return INTERPRETER[node.op](node, inputs);
}

/** A tensor's location and the levels at which something there is needed. */
interface Claim {
  readonly tensor: Tensor;
  readonly start: number;
  readonly end: number;
  readonly from: number;
  readonly to: number;
}

/** Pairs of tensors that need one location at one time, as text; empty if the plan is sound. */
export function overlaps({ graph, tasks: { tasks, inPlace }, memory }: RunPlan): string[] {
  const writer = new Map(tasks.flatMap((task) => task.writes.map((tensor): [Tensor, Task] => [tensor, task])));
  const lastReader = (tensor: Tensor) =>
    tasks.filter(({ reads }) => reads.includes(tensor)).reduce((last, { level }) => Math.max(last, level), -1);
  const results = new Set(
    [...graph.outputs].filter(([name]) => !graph.inputs.has(name)).map(([, tensor]) => tensor),
  );

  // Views have no memory of their own: what they show has.
  const stored = [...memory.offsets].filter(([tensor]) => !isView(tensor));
  const claims = stored.map(([tensor, start]): Claim => {
    const end = start + sizeOf(tensor.shape);
    // An input that is overwritten in place is needed up to its last reader; any other through the whole step and after.
    const given = isOp(tensor, "input");
    const replaced = given && [...inPlace.values()].includes(tensor);
    const from = given ? -1 : writer.get(tensor)!.level;
    const kept = results.has(tensor) || inPlace.has(tensor) || (given && !replaced);
    return { tensor, start, end, from, to: kept ? Infinity : Math.max(from, lastReader(tensor)) };
  });

  const found: string[] = [];
  claims.sort((a, b) => a.start - b.start);
  claims.forEach((a, i) => {
    for (let j = i + 1; j < claims.length && claims[j].start < a.end; j++) {
      const b = claims[j];
      if (Math.max(a.from, b.from) > Math.min(a.to, b.to)) continue;
      const [early, late] = a.from <= b.from ? [a, b] : [b, a];
      // Element for element, one task may write over what it reads itself.
      const sameTask = inPlace.get(late.tensor) === early.tensor && early.to === late.from &&
        tasks.every((task) =>
          task === writer.get(late.tensor) || task.level < late.from || !task.reads.includes(early.tensor)
        ) &&
        !writer.get(late.tensor)!.heads.some(({ inputs }) => inputs.includes(early.tensor));
      if (!sameTask) found.push(`${describe(a)} and ${describe(b)}`);
    }
  });
  return found;
}

function describe({ tensor, start, end, from, to }: Claim): string {
  const name = isOp(tensor, "input") ? tensor.attributes.name : tensor.op;
  return `${name} at ${start}…${end} in levels ${from}…${to}`;
}
