/**
 * From a graph to tasks: what one run does in one step, as units that become kernel instances. Each task has a level;
 * it needs only what earlier levels made, so all tasks of one level, of all runs of a group, may run at once.
 */
import { add, constant } from "../../../cells/graph/builder.ts";
import type { Graph } from "../../../cells/graph/graph.ts";
import { usersOf } from "../../../cells/graph/graph.ts";
import { isElementwise, isOp, sameShape, type Tensor } from "../../../cells/graph/tensor.ts";

/** A chain of elementwise operations of one shape, or one other operation, or a copy into a carried tensor. */
export interface Task {
  readonly type: "elementwise" | "operation" | "copy";
  readonly level: number;
  /** The operations, in topological order; for a copy, the tensor that is copied. */
  readonly nodes: readonly Tensor[];
  /** What the task reads from memory. */
  readonly reads: readonly Tensor[];
  /** What of the nodes others read, or the graph returns: only this goes to memory. */
  readonly writes: readonly Tensor[];
  /** For a copy, the carried input that is written. */
  readonly target?: Tensor;
}

export interface TaskGraph {
  readonly tasks: readonly Task[];
  readonly levels: number;
  /** Carried outputs that may be written straight into the memory of their input. */
  readonly inPlace: ReadonlyMap<Tensor, Tensor>;
}

/** Level at which the inputs that change from step to step (bytes, scalars) are written. */
export const INPUT_LEVEL = 0;

/**
 * A cell may hand a state on as it is: `a ← b`. Then a carried output is another's input, which must be kept until all is
 * read; a copy of its own, made at the start of the step, lets it be treated like any computed tensor.
 */
export function separateCarried(graph: Graph): Graph {
  const zero = constant(0);
  const added: Tensor[] = [];
  const outputs = new Map([...graph.outputs].map(([name, output]) => {
    if (!isOp(output, "input") || graph.inputs.get(name) === output) return [name, output];
    const copy = add(output, zero);
    added.push(copy);
    return [name, copy];
  }));
  return added.length ? { inputs: graph.inputs, outputs, nodes: [...graph.nodes, zero, ...added] } : graph;
}

/** @param fed names of the inputs that are written anew at each step; all others lie in memory from the start */
export function toTasks(graph: Graph, fed: ReadonlySet<string>): TaskGraph {
  const level = assignLevels(graph, fed);
  const users = usersOf(graph);
  const returned = new Set(graph.outputs.values());
  const clusters = clusterElementwise(graph, level);

  const tasks: Task[] = [];
  const taskOf = new Map<Tensor, Task>();
  for (const nodes of clusters) {
    const own = new Set(nodes);
    const reads = [...new Set(nodes.flatMap((node) => node.inputs))].filter((x) => !own.has(x) && !isOp(x, "constant"));
    const writes = nodes.filter((node) => returned.has(node) || users.get(node)!.some((user) => !own.has(user)));
    const type = isElementwise(nodes[0]) ? "elementwise" : "operation";
    const task: Task = { type, level: level.get(nodes[0])!, nodes, reads, writes };
    tasks.push(task);
    for (const node of nodes) taskOf.set(node, task);
  }

  const { copies, inPlace } = placeCarried(graph, users, taskOf);
  tasks.push(...copies);
  return { tasks, inPlace, levels: 1 + tasks.reduce((most, task) => Math.max(most, task.level), INPUT_LEVEL) };
}

/** An elementwise operation may stand at the level of the one before it, if both have one shape: then they are one task. */
function assignLevels(graph: Graph, fed: ReadonlySet<string>): Map<Tensor, number> {
  const level = new Map<Tensor, number>();
  for (const node of graph.nodes) {
    if (isOp(node, "constant")) level.set(node, -1);
    else if (isOp(node, "input")) level.set(node, fed.has(node.attributes.name) ? INPUT_LEVEL : -1);
    else {
      const joins = (source: Tensor) =>
        isElementwise(node) && isElementwise(source) && sameShape(node.shape, source.shape);
      level.set(node, Math.max(0, ...node.inputs.map((source) => level.get(source)! + (joins(source) ? 0 : 1))));
    }
  }
  return level;
}

/** Groups of nodes that form one task: connected elementwise operations of one level and shape, every other node alone. */
function clusterElementwise(graph: Graph, level: ReadonlyMap<Tensor, number>): Tensor[][] {
  const parent = new Map<Tensor, Tensor>();
  const root = (node: Tensor): Tensor => {
    let top = node;
    for (let up = parent.get(top); up; up = parent.get(top)) top = up;
    // Every node on the way is hung below the top, so that long chains stay cheap.
    for (let at = node; at !== top;) {
      const up = parent.get(at)!;
      parent.set(at, top);
      at = up;
    }
    return top;
  };
  const computed = graph.nodes.filter((node) => !isOp(node, "input") && !isOp(node, "constant"));
  for (const node of computed) {
    if (!isElementwise(node)) continue;
    for (const source of node.inputs) {
      const joined = isElementwise(source) && level.get(source) === level.get(node) &&
        sameShape(source.shape, node.shape);
      if (joined && root(source) !== root(node)) parent.set(root(source), root(node));
    }
  }
  const clusters = new Map<Tensor, Tensor[]>();
  for (const node of computed) clusters.set(root(node), [...(clusters.get(root(node)) ?? []), node]);
  return [...clusters.values()];
}

/**
 * Decides how each carried output comes back into its input: straight, if nobody reads the input at that level or later
 * (but the writing task itself, element for element), else by a copy after the last reader.
 */
function placeCarried(graph: Graph, users: ReadonlyMap<Tensor, Tensor[]>, taskOf: ReadonlyMap<Tensor, Task>) {
  const copies: Task[] = [];
  const inPlace = new Map<Tensor, Tensor>();
  for (const [name, output] of graph.outputs) {
    const target = graph.inputs.get(name);
    if (!target || output === target) continue;
    const writer = taskOf.get(output);
    const readers = users.get(target)!.map((user) => taskOf.get(user)!);
    const safe = writer !== undefined && !inPlace.has(output) &&
      readers.every((reader) => reader.level < writer.level || (reader === writer && writer.type === "elementwise"));
    if (safe) inPlace.set(output, target);
    else {
      const last = Math.max(writer?.level ?? INPUT_LEVEL, ...readers.map((reader) => reader.level));
      copies.push({ type: "copy", level: last + 1, nodes: [output], reads: [output], writes: [], target });
    }
  }
  return { copies, inPlace };
}
