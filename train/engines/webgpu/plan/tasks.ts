/**
 * From a graph to tasks: what one run does in one step, as units that become kernel instances. A task is at most one *head*
 * (summed products, a reduction, the loss) and the epilogue of elementwise operations that ends it, so that what a product makes
 * goes to memory as rarely as the data allows. Each task has a level; it needs only what earlier levels made, so all tasks
 * of one level, of all runs of a group, may run at once.
 */
import { ELEMENTWISE } from "../../../../cells/graph/elementwise.ts";
import type { Graph } from "../../../../cells/graph/graph.ts";
import { isElementwise, isOp, sameShape, sizeOf, type Tensor } from "../../../../cells/graph/tensor.ts";
import { isProduct, neededFor, sameProducts } from "./rewrite.ts";
import { isView, readersOf as readersIn, storedIn, viewedIn } from "./views.ts";

export interface Task {
  readonly level: number;
  /** The operations, in topological order; for a copy, the tensor that is copied. */
  readonly nodes: readonly Tensor[];
  /** The operations that are no elementwise ones: products that are added up, or one other; none in a task that is an epilogue alone. */
  readonly heads: readonly Tensor[];
  /** The node whose elements the head hands to the epilogue. */
  readonly value?: Tensor;
  /** The elementwise operations behind it, in topological order. */
  readonly epilogue: readonly Tensor[];
  /** What the task reads from memory. */
  readonly reads: readonly Tensor[];
  /** What of the nodes others read, or the graph returns: only this goes to memory. */
  readonly writes: readonly Tensor[];
  /** Whether it reads or writes rows of a larger tensor: what lies behind their end is not to be touched. */
  readonly inRows?: boolean;
  /** For a copy, the carried input that is written. */
  readonly target?: Tensor;
}

export interface TaskGraph {
  readonly tasks: readonly Task[];
  readonly levels: number;
  /** The level of the loss, and that of the work that nobody waits for: where runs of a group are brought in line. */
  readonly lossLevel: number;
  readonly lastLevel: number;
  /** Carried outputs that may be written straight into the memory of their input. */
  readonly inPlace: ReadonlyMap<Tensor, Tensor>;
}

/** A task in the making. */
interface Cluster {
  level: number;
  readonly heads: Tensor[];
  value?: Tensor;
  nodes: Tensor[];
}

/** @param fed names of the inputs that kernels take from the step's data rather than from the run's memory */
export function toTasks(graph: Graph, fed: ReadonlySet<string>): TaskGraph {
  const users = readersIn(graph), viewed = viewedIn(graph);
  const readLoss = graph.nodes.find((node) => node.inputs.some(isLoss));
  if (readLoss) {
    throw new TypeError(
      `Cannot train on WebGPU: '${readLoss.op}' reads the loss, which must not be an input of an operation`,
    );
  }
  const clusters = new Clustering(graph, users).clusters;
  const order = new Map(graph.nodes.map((node, i) => [node, i]));
  const returned = new Set(graph.outputs.values());
  const repeated = repeatCheap(clusters, users, (x) => returned.has(x) || viewed.has(x));
  const isStored = (x: Tensor) => !isOp(x, "constant") && !(isOp(x, "input") && fed.has(x.attributes.name));

  const nodesOf = clusters.map((cluster) => [...cluster.nodes, ...repeated.get(cluster) ?? []]);
  const readsOf = (nodes: readonly Tensor[]) => {
    const own = new Set(nodes);
    const stored = new Set(nodes.flatMap(({ inputs }) => inputs.flatMap(storedIn)));
    return [...stored].filter((x) => !own.has(x) && isStored(x));
  };
  const read = new Set(nodesOf.flatMap(readsOf));
  // An epilogue that others repeat as a whole has nothing left to do itself: it goes.
  const made = clusters.map(({ level, heads, value, nodes: own }, i): Task => {
    const writes = own.filter((node) => !isLoss(node) && (returned.has(node) || read.has(node)));
    const nodes = neededFor([...writes, ...heads], nodesOf[i]).sort((a, b) => order.get(a)! - order.get(b)!);
    const summed = new Set(sumsOf(nodes, heads));
    return {
      level,
      nodes,
      heads: nodes.filter((node) => heads.includes(node)),
      value,
      epilogue: nodes.filter((node) => !heads.includes(node) && !summed.has(node)),
      reads: readsOf(nodes),
      writes: writes.sort((a, b) => order.get(a)! - order.get(b)!),
      inRows: writes.some((x) => viewed.has(x)) || nodes.some(({ inputs }) => inputs.some(isView)),
    };
  }).filter(({ nodes }) => nodes.length);
  const { tasks, lastLevel } = sinkLast(made);
  const { copies, inPlace } = placeCarried(graph, tasks);
  const all = [...tasks, ...copies];
  const levels = 1 + all.reduce((most, task) => Math.max(most, task.level), 0);
  const lossLevel = tasks.find(({ heads }) => heads.some(isLoss))?.level ?? 0;
  return { tasks: all, inPlace, levels, lossLevel, lastLevel };
}

/**
 * What a later task works out again rather than reads: the derivatives `y(1−y)` and `1−y²`, above all, which belong to the forward
 * pass by their operands, and are one or two operations on what is in memory anyway.
 *
 * @param isKeptAnyway whether a tensor must be in memory as a whole
 * @returns for each task, operations of others that it does too
 */
function repeatCheap(
  clusters: readonly Cluster[],
  users: ReadonlyMap<Tensor, readonly Tensor[]>,
  isKeptAnyway: (tensor: Tensor) => boolean,
): Map<Cluster, Set<Tensor>> {
  const home = new Map(clusters.flatMap((cluster) => cluster.nodes.map((node): [Tensor, Cluster] => [node, cluster])));
  const readersOf = (node: Tensor) =>
    [...new Set(users.get(node)!.map((user) => home.get(user)!))].filter((cluster) => cluster !== home.get(node));
  const isOutside = (x: Tensor) => !home.has(x);
  /** Whether a later task finds the tensor in memory, for another reason than to work this out. */
  const isKept = (x: Tensor) => isOutside(x) || (!isCheap(x) && (isKeptAnyway(x) || readersOf(x).length > 0));
  const isCheap = (node: Tensor) => isElementwise(node) && ELEMENTWISE[node.op].isCheap && !isKeptAnyway(node);
  /** The operations that lead from what is in memory to the node, itself included; undefined if they are more than two. */
  const recipe = (node: Tensor): Tensor[] | undefined => {
    if (!isCheap(node)) return undefined;
    const missing = [...new Set(node.inputs)].filter((x) => !isKept(x));
    if (!missing.length) return [node];
    const [inner] = missing;
    return missing.length === 1 && isCheap(inner) && inner.inputs.every(isKept) ? [inner, node] : undefined;
  };

  const repeated = new Map<Cluster, Set<Tensor>>();
  for (const node of home.keys()) {
    const readers = readersOf(node), steps = recipe(node);
    // Only an epilogue can do it, and only element for element.
    const inEpilogues = readers.every(({ heads, value, nodes }) =>
      sameShape((value ?? nodes[0]).shape, node.shape) && !heads.some(({ inputs }) => inputs.includes(node))
    );
    if (!readers.length || !steps || !inEpilogues || !steps.every((x) => sameShape(x.shape, node.shape))) continue;
    for (const reader of readers) {
      const all = repeated.get(reader) ?? new Set();
      repeated.set(reader, all);
      for (const step of steps) if (home.get(step) !== reader) all.add(step);
    }
  }
  return repeated;
}

/** The additions that the head does itself: those of heads and of such additions. */
function sumsOf(nodes: readonly Tensor[], heads: readonly Tensor[]): Tensor[] {
  if (heads.length < 2) return [];
  const parts = new Set(heads);
  const sums: Tensor[] = [];
  for (const node of nodes) {
    if (!isOp(node, "add") || sums.length === heads.length - 1 || !node.inputs.every((x) => parts.has(x))) continue;
    parts.add(node);
    sums.push(node);
  }
  return sums;
}

/** Work that nobody waits for (weight gradients with their update) goes where it is one full dispatch: to one level at the end. */
function sinkLast(tasks: readonly Task[]): { tasks: Task[]; lastLevel: number } {
  const read = new Set(tasks.flatMap(({ reads }) => reads));
  const isSink = ({ writes }: Task) => !writes.some((tensor) => read.has(tensor));
  const lastLevel = tasks.reduce((most, task) => Math.max(most, isSink(task) ? task.level : task.level + 1), 0);
  return { tasks: tasks.map((task) => isSink(task) ? { ...task, level: lastLevel } : task), lastLevel };
}

class Clustering {
  readonly #of = new Map<Tensor, Cluster>();
  readonly #returned: ReadonlySet<Tensor>;

  constructor(graph: Graph, private readonly users: ReadonlyMap<Tensor, readonly Tensor[]>) {
    this.#returned = new Set(graph.outputs.values());
    for (const node of graph.nodes) {
      if (isOp(node, "input") || isOp(node, "constant") || isView(node)) continue;
      if (isElementwise(node)) this.#placeElementwise(node);
      else this.#placeHead(node);
    }
  }

  get clusters(): Cluster[] {
    return [...new Set(this.#of.values())];
  }

  /** The tasks that make these tensors, or what they are rows of. */
  #makersOf(tensors: readonly Tensor[]): Cluster[] {
    const stored = tensors.flatMap(storedIn);
    return [...new Set(stored.map((source) => this.#of.get(source)).filter((cluster) => cluster !== undefined))];
  }

  #add(cluster: Cluster, node: Tensor): void {
    cluster.nodes.push(node);
    this.#of.set(node, cluster);
  }

  #placeHead(node: Tensor): void {
    // The loss and its gradient come from the same rows: one kernel makes both.
    const twin = isLossPart(node)
      ? this.clusters.find(({ heads: [head] }) =>
        head && isLossPart(head) && head.inputs.every((x, i) => x === node.inputs[i])
      )
      : undefined;
    const cluster = twin ?? { level: 1 + latest(this.#makersOf(node.inputs)), heads: [], nodes: [] };
    cluster.heads.push(node);
    if (!isLoss(node)) cluster.value = node;
    this.#add(cluster, node);
  }

  /** An elementwise operation joins the latest of the tasks that it reads, if that has its shape. */
  #placeElementwise(node: Tensor): void {
    if (this.#sumUp(node)) return;
    const sources = this.#makersOf(node.inputs);
    const level = latest(sources);
    const last = sources.filter((cluster) => cluster.level === level);
    // Through a view it reads other elements than its own.
    const apart = new Set(this.#makersOf(node.inputs.filter(isView)));
    const joinable = last.filter((cluster) =>
      !apart.has(cluster) && shapeOf(cluster) !== undefined && sameShape(shapeOf(cluster)!, node.shape)
    );
    const [headed, epilogues] = [
      joinable.filter(({ heads }) => heads.length),
      joinable.filter(({ heads }) => !heads.length),
    ];
    if (joinable.length === last.length && joinable.length && headed.length < 2) {
      const home = headed[0] ?? epilogues[0];
      for (const other of epilogues) if (other !== home) this.#merge(other, home);
      this.#add(home, node);
      return;
    }
    // A product that nobody has asked for yet may come a level later, and take the operation with it: the operation could not
    // stand earlier anyway, and would be a dispatch of its own.
    const late = headed.find((cluster) => !this.#isRead(cluster));
    if (late) {
      late.level++;
      this.#add(late, node);
    } else this.#add({ level: level + 1, heads: [], nodes: [] }, node);
  }

  /** Adds two products up in one task, if that is all that the node does with them. */
  #sumUp(node: Tensor): boolean {
    if (!isOp(node, "add")) return false;
    const [a, b] = node.inputs.map((source) => this.#of.get(source));
    const bare = (cluster: Cluster | undefined, source: Tensor) =>
      cluster !== undefined && cluster.value === source && isProduct(cluster.heads[0]) &&
      cluster.nodes.length === 2 * cluster.heads.length - 1 && this.users.get(source)!.length === 1 &&
      !this.#returned.has(source);
    if (a === b || !bare(a, node.inputs[0]) || !bare(b, node.inputs[1]) || !sameProducts(a!.heads[0], b!.heads[0])) {
      return false;
    }
    this.#merge(b!, a!);
    this.#add(a!, node);
    a!.value = node;
    return true;
  }

  #merge(from: Cluster, to: Cluster): void {
    to.heads.push(...from.heads);
    to.level = Math.max(to.level, from.level);
    for (const node of from.nodes) this.#add(to, node);
  }

  /** Whether a node outside reads something of the cluster and has its task already. */
  #isRead(cluster: Cluster): boolean {
    return cluster.nodes.some((node) =>
      this.users.get(node)!.some((user) => this.#of.has(user) && this.#of.get(user) !== cluster)
    );
  }
}

/** The loss is the mean of what its kernel gives for each row; it has no location in a run's memory. */
export const isLoss = (node: Tensor) => isOp(node, "softmax_cross_entropy");

const isLossPart = (node: Tensor) => isLoss(node) || isOp(node, "softmax_cross_entropy_gradient");

function latest(clusters: readonly Cluster[]): number {
  return clusters.reduce((most, { level }) => Math.max(most, level), -1);
}

/** The shape of what an epilogue in this task works on; undefined where none may stand. */
function shapeOf({ heads, value, nodes }: Cluster): Tensor["shape"] | undefined {
  return heads.length ? value?.shape : nodes[0].shape;
}

/**
 * Decides how each carried output comes back into its input: straight, if nobody reads the input at that level or later
 * (but the epilogue of the writing task itself, element for element), else by a copy after the last reader.
 */
function placeCarried(graph: Graph, tasks: readonly Task[]) {
  const writerOf = new Map(tasks.flatMap((task) => task.writes.map((node): [Tensor, Task] => [node, task])));
  const copies: Task[] = [];
  const inPlace = new Map<Tensor, Tensor>();
  for (const [name, output] of graph.outputs) {
    const target = graph.inputs.get(name);
    if (!target || output === target) continue;
    const writer = writerOf.get(output);
    const readers = tasks.filter(({ reads }) => reads.includes(target));
    const isOwnEpilogue = (task: Task) =>
      task === writer && !task.heads.some(({ inputs }) => inputs.flatMap(storedIn).includes(target));
    const safe = writer !== undefined && !inPlace.has(output) &&
      readers.every((task) => task.level < writer.level || isOwnEpilogue(task));
    if (safe) inPlace.set(output, target);
    else {
      const last = Math.max(writer?.level ?? 0, ...readers.map(({ level }) => level));
      copies.push({ level: last + 1, nodes: [output], heads: [], epilogue: [], reads: [output], writes: [], target });
    }
  }
  return { copies, inPlace };
}

/** Elements of the value or the epilogue of a task. */
export function elementsOf({ value, nodes }: Task): number {
  return sizeOf((value ?? nodes[0]).shape);
}
