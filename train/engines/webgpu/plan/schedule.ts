/**
 * One schedule for a whole group: the tasks of all runs, level by level, instances of one kernel at one level in one
 * dispatch. The table says for each workgroup which instance it serves, and for each instance where its tensors lie.
 */
import type { Graph } from "../../../../cells/graph/graph.ts";
import { isOp, type Tensor } from "../../../../cells/graph/tensor.ts";
import type { TextRead, TrainingStep } from "../../../../cells/language_model.ts";
import {
  type Chain,
  type Frame,
  type Kernel,
  kernelKey,
  type KernelUse,
  type Place,
  recordWords,
  scalarWord,
} from "../kernels/kernel.ts";
import { type MemoryPlan, planMemory } from "./memory.ts";
import { usesOf } from "../kernels/operations.ts";
import { gatherProducts, separateCarried } from "./rewrite.ts";
import { type TaskGraph, toTasks } from "./tasks.ts";

/** Most steps of one submit: the losses of so many are kept on the GPU. */
export const MAX_STEPS_PER_SUBMIT = 100;

/**
 * What makes a dispatch. `chain`: one frame with one chain, whose code is small and whose source does not depend on the group.
 * `frame`: all chains of a frame, which instances tell apart by a tag: few and full dispatches where configurations differ.
 */
export type Merging = "chain" | "frame";

/** What a run does in a step and what memory it needs, before it has a place. */
export interface RunPlan {
  /** The step's graph as it is carried out. Its inputs are those of the step. */
  readonly graph: Graph;
  readonly tasks: TaskGraph;
  readonly memory: MemoryPlan;
  /** Inputs that are written anew at each step: the word of each in the run's record of the step. */
  readonly scalars: ReadonlyMap<string, number>;
  /** Inputs that are tokens: how far ahead of the position each is found. */
  readonly reads: ReadonlyMap<string, number>;
}

const plans = new WeakMap<TrainingStep, RunPlan>();

/** Plans a step; each once. */
export function planRun(step: TrainingStep): RunPlan {
  const known = plans.get(step);
  if (known) return known;
  const plan = planGraph(step.graph, step.optimizer.scalarNames, step.reads);
  plans.set(step, plan);
  return plan;
}

/** Plans any graph; a step's is one. */
export function planGraph(
  given: Graph,
  scalarNames: readonly string[] = [],
  textReads: readonly TextRead[] = [],
): RunPlan {
  const scalars = new Map(scalarNames.map((name, i) => [name, scalarWord(i)]));
  const reads = new Map(textReads.map(({ name, offset }) => [name, offset]));
  const fed = new Set([...scalars.keys(), ...reads.keys()]);
  const graph = gatherProducts(separateCarried(given));
  const tasks = toTasks(graph, fed);
  return { graph, tasks, memory: planMemory(graph, tasks, fed), scalars, reads };
}

/** A run with its number in the group and its place in the group's memory. */
export interface PlacedRun {
  readonly plan: RunPlan;
  readonly number: number;
  /** First float of the run in the arena. */
  readonly base: number;
}

/** Sizes that all places of a group have in common: where step data and losses lie follows from them. */
export interface GroupSizes {
  readonly places: number;
  readonly batch: number;
  /** Bytes of a token in the text that all read. */
  readonly tokenBytes: number;
  /** The most scalars that a run's optimizer has. */
  readonly scalars: number;
  /** How many tokens ahead of its position a run reads at most. */
  readonly reach: number;
}

/**
 * Where a group's numbers lie in its buffers. The step data are the row offsets of all places, then a record per place for
 * each step of a submit; the losses are those of every row, by place and step, then their means.
 */
export function layoutOf({ places, batch, scalars }: Pick<GroupSizes, "places" | "batch" | "scalars">) {
  const recordSize = recordWords(scalars);
  const records = places * batch;
  const lossesPerPlace = MAX_STEPS_PER_SUBMIT * batch;
  const means = places * lossesPerPlace;
  return {
    rows: (place: number) => place * batch,
    /** First word of the records of a step of the submit, and of a place's record within them. */
    records: (step: number) => records + step * places * recordSize,
    record: (place: number) => place * recordSize,
    recordSize,
    stepDataWords: records + MAX_STEPS_PER_SUBMIT * places * recordSize,
    losses: (place: number) => place * lossesPerPlace,
    means: (place: number) => means + place * MAX_STEPS_PER_SUBMIT,
    lossWords: means + places * MAX_STEPS_PER_SUBMIT,
  };
}

export type Layout = ReturnType<typeof layoutOf>;

export interface Dispatch {
  readonly level: number;
  readonly kernel: Kernel;
  /** First entry of its workgroups in the tables, and their number. */
  readonly first: number;
  readonly workgroups: number;
}

export interface Schedule {
  readonly dispatches: readonly Dispatch[];
  readonly tables: Uint32Array<ArrayBuffer>;
}

/** Where a run's tensors and step numbers are. */
export function placeOf({ plan, number, base }: PlacedRun, layout: Layout): Place {
  const nameOf = (tensor: Tensor) => isOp(tensor, "input") ? tensor.attributes.name : "";
  return {
    locate(tensor) {
      const offset = plan.memory.offsets.get(tensor);
      if (offset === undefined) {
        throw new Error(`Cannot place '${tensor.op}': it has no memory, its shape is [${tensor.shape}]`);
      }
      return base + offset;
    },
    scalar(tensor) {
      const at = plan.scalars.get(nameOf(tensor));
      return at === undefined ? undefined : layout.record(number) + at;
    },
    index(tensor) {
      const ahead = plan.reads.get(nameOf(tensor));
      if (ahead === undefined) throw new TypeError(`Cannot read '${nameOf(tensor)}': it is no tokens of the text`);
      return [layout.rows(number), layout.record(number), ahead];
    },
    losses: layout.losses(number),
  };
}

/**
 * The chains of each frame in the order of their tags. It only ever grows, so that a kernel that holds more chains than a
 * group needs serves it all the same.
 */
export class ChainBook {
  readonly #chains = new Map<string, Map<string, { chain: Chain; tag: number }>>();

  constructor(readonly merging: Merging) {}

  /** The tag of a chain in its frame's kernel. */
  tag({ frame, chain }: KernelUse): number {
    if (this.merging === "chain") return 0;
    const known = this.#chains.get(frame.key) ?? new Map<string, { chain: Chain; tag: number }>();
    this.#chains.set(frame.key, known);
    const entry = known.get(chain.key) ?? { chain, tag: known.size };
    known.set(chain.key, entry);
    return entry.tag;
  }

  /** The kernel that serves a use, as far as chains are known by now. */
  kernel({ frame, chain }: KernelUse): Kernel {
    const known = this.#chains.get(frame.key);
    return { frame, chains: known ? [...known.values()].map((entry) => entry.chain) : [chain] };
  }
}

/**
 * Levels of a group: losses of all runs stand at one level, and so does the work that nobody waits for, whatever way each run
 * has to them; a dispatch there serves all. Order within a run stays, and with it what its memory plan builds on.
 */
function alignLevels(graphs: readonly TaskGraph[]): (graph: TaskGraph, level: number) => number {
  const most = (of: (graph: TaskGraph) => number) => graphs.reduce((a, graph) => Math.max(a, of(graph)), 0);
  const loss = most(({ lossLevel }) => lossLevel);
  const last = loss + most(({ lossLevel, lastLevel }) => lastLevel - lossLevel);
  return ({ lossLevel, lastLevel }, level) =>
    level >= lastLevel ? level - lastLevel + last : level >= lossLevel ? level - lossLevel + loss : level;
}

/** Schedules the runs that are there. */
export function buildSchedule(runs: readonly PlacedRun[], layout: Layout, book: ChainBook): Schedule {
  const align = alignLevels(runs.map(({ plan }) => plan.tasks));
  const uses = runs.flatMap((run) => {
    const place = placeOf(run, layout), { tasks } = run.plan;
    return tasks.tasks.flatMap((task) => usesOf(task, place).map((use) => ({ level: align(tasks, task.level), use })));
  });
  const tagged = uses.map(({ level, use }) => ({ level, use, tag: book.tag(use) }));
  const dispatchKey = ({ level, use: { frame, chain } }: typeof tagged[number]) =>
    `${String(level).padStart(6, "0")} ${frame.key}${book.merging === "chain" ? ` ${chain.key}` : ""}`;
  const byDispatch = [...Map.groupBy(tagged, dispatchKey)].sort(([a], [b]) => (a < b ? -1 : 1));

  const size = uses.reduce((total, { use }) => total + 1 + use.words.length + 2 * use.workgroups, 0);
  const tables = new Uint32Array(size);
  let at = 0;
  const dispatches = byDispatch.map(([, instances]): Dispatch => {
    // The longest first: what is left at the end are short ones, and the GPU runs dry for a moment only.
    instances.sort((a, b) => b.use.cost - a.use.cost);
    const starts = instances.map(({ use, tag }) => {
      const start = at;
      tables.set([tag, ...use.words], start);
      at += 1 + use.words.length;
      return start;
    });
    const first = at;
    instances.forEach(({ use }, i) => {
      for (let group = 0; group < use.workgroups; group++) {
        tables[at++] = starts[i];
        tables[at++] = group;
      }
    });
    const [{ level, use }] = instances;
    return { level, kernel: book.kernel(use), first, workgroups: (at - first) / 2 };
  });
  return { dispatches, tables };
}

/** Kernels of a schedule, each once. */
export function kernelsOf({ dispatches }: Schedule): Kernel[] {
  return [...new Map(dispatches.map(({ kernel }): [string, Kernel] => [kernelKey(kernel), kernel])).values()];
}

/** What a frame is called in tables for people: its key without sizes. */
export const frameName = ({ key }: Frame): string => key.replace(/ f32x\d$/, "");
