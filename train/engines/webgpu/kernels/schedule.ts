/**
 * One schedule for a whole group: the tasks of all runs, level by level, instances of one kernel at one level in one
 * dispatch. The table says for each workgroup which instance it serves, and for each instance where its tensors lie.
 */
import type { Graph } from "../../../../cells/graph/graph.ts";
import { isOp, type Tensor } from "../../../../cells/graph/tensor.ts";
import type { TextRead, TrainingStep } from "../../../../cells/language_model.ts";
import {
  type Epilogue,
  type Kernel,
  kernelKey,
  type KernelTemplate,
  type KernelUse,
  type Locations,
  recordWords,
  scalarWord,
} from "./kernel.ts";
import { type MemoryPlan, planMemory } from "../plan/memory.ts";
import { usesOf } from "./operations.ts";
import type { Tiles } from "./product_uses.ts";
import { gatherProducts, placeParts, separateCarried, splitProducts } from "../plan/rewrite.ts";
import { type TaskGraph, toTasks } from "../plan/tasks.ts";

/** Most tokens of a row that are read in one submit: the losses of so many are kept on the GPU, and windows of a text are as long. */
export const MAX_TOKENS_PER_SUBMIT = 100;

/** Most steps of one submit, of runs that go so many steps back. */
export const stepsPerSubmit = (bptt: number): number => Math.floor(MAX_TOKENS_PER_SUBMIT / bptt);

/**
 * What makes a dispatch. `epilogue`: one template with one epilogue, whose code is small and whose source does not depend on the group.
 * `template`: all epilogues of a template, which instances tell apart by a tag: few and full dispatches where configurations differ.
 */
export type Merging = "epilogue" | "template";

/** What a run does in a step and what memory it needs, before it has a location. */
export interface RunPlan {
  /** The step's graph as it is carried out. Its inputs are those of the step. */
  readonly graph: Graph;
  readonly tasks: TaskGraph;
  readonly memory: MemoryPlan;
  /** Inputs that are written again at each step: the word of each in the run's record of the step. */
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
  const graph = placeParts(gatherProducts(splitProducts(separateCarried(given))));
  const tasks = toTasks(graph, fed);
  return { graph, tasks, memory: planMemory(graph, tasks, fed), scalars, reads };
}

/** A run with its slot in the group and its location in the group's memory. */
export interface LocatedRun {
  readonly plan: RunPlan;
  readonly slot: number;
  /** First float of the run in the arena. */
  readonly base: number;
}

/** Sizes that all slots of a group have in common: where step data and losses lie follows from them. */
export interface GroupSizes {
  readonly slots: number;
  readonly batch: number;
  /** Bytes of a token in the text that all read. */
  readonly tokenBytes: number;
  /** The most scalars that a run's optimizer has. */
  readonly scalars: number;
  /** How many tokens ahead of its position a run reads at most. */
  readonly reach: number;
}

/**
 * Where a group's numbers lie in its buffers. The step data are the row offsets of all slots, then a record per slot for
 * each step of a submit; the losses are those of every row, by slot and step, then their means.
 */
export function layoutOf({ slots, batch, scalars }: Pick<GroupSizes, "slots" | "batch" | "scalars">) {
  const recordSize = recordWords(scalars);
  const records = slots * batch;
  const lossesPerSlot = MAX_TOKENS_PER_SUBMIT * batch;
  const means = slots * lossesPerSlot;
  return {
    slots,
    batch,
    rows: (slot: number) => slot * batch,
    /** First word of the records of a step of the submit, and of a slot's record within them. */
    records: (step: number) => records + step * slots * recordSize,
    record: (slot: number) => slot * recordSize,
    recordSize,
    stepDataWords: records + MAX_TOKENS_PER_SUBMIT * slots * recordSize,
    losses: (slot: number) => slot * lossesPerSlot,
    means: (slot: number) => means + slot * MAX_TOKENS_PER_SUBMIT,
    lossWords: means + slots * MAX_TOKENS_PER_SUBMIT,
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
export function locationsOf({ plan, slot, base }: LocatedRun, layout: Layout): Locations {
  const nameOf = (tensor: Tensor) => isOp(tensor, "input") ? tensor.attributes.name : "";
  return {
    locate(tensor) {
      const offset = plan.memory.offsets.get(tensor);
      if (offset === undefined) {
        throw new Error(`Cannot locate '${tensor.op}': it has no memory, its shape is [${tensor.shape}]`);
      }
      return base + offset;
    },
    scalar(tensor) {
      const at = plan.scalars.get(nameOf(tensor));
      return at === undefined ? undefined : layout.record(slot) + at;
    },
    index(tensor) {
      const ahead = plan.reads.get(nameOf(tensor));
      if (ahead === undefined) throw new TypeError(`Cannot read '${nameOf(tensor)}': it is no tokens of the text`);
      return [layout.rows(slot), layout.record(slot), ahead, layout.batch];
    },
    losses: layout.losses(slot),
    slots: layout.slots,
  };
}

/**
 * The epilogues of each template in the order of their tags. It only ever grows, so that a kernel that holds more epilogues than a
 * group needs serves it anyway.
 */
export class EpilogueRegistry {
  readonly #epilogues = new Map<string, Map<string, { epilogue: Epilogue; tag: number }>>();

  /** @param tiles what tiles products have: a template for each size of them */
  constructor(readonly merging: Merging, readonly tiles: Tiles = "by fill") {}

  /** The tag of an epilogue in its template's kernel. */
  tag({ template, epilogue }: KernelUse): number {
    if (this.merging === "epilogue") return 0;
    const known = this.#epilogues.get(template.key) ?? new Map<string, { epilogue: Epilogue; tag: number }>();
    this.#epilogues.set(template.key, known);
    const entry = known.get(epilogue.key) ?? { epilogue, tag: known.size };
    known.set(epilogue.key, entry);
    return entry.tag;
  }

  /** The kernel that serves a use, as far as epilogues are known by now. */
  kernel({ template, epilogue }: KernelUse): Kernel {
    const known = this.#epilogues.get(template.key);
    return { template, epilogues: known ? [...known.values()].map((entry) => entry.epilogue) : [epilogue] };
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
export function buildSchedule(runs: readonly LocatedRun[], layout: Layout, registry: EpilogueRegistry): Schedule {
  const align = alignLevels(runs.map(({ plan }) => plan.tasks));
  const uses = runs.flatMap((run) => {
    const locations = locationsOf(run, layout), { tasks } = run.plan;
    return tasks.tasks.flatMap((task) =>
      usesOf(task, locations, registry.tiles).map((use) => ({ level: align(tasks, task.level), use }))
    );
  });
  const tagged = uses.map(({ level, use }) => ({ level, use, tag: registry.tag(use) }));
  const dispatchKey = ({ level, use: { template, epilogue } }: typeof tagged[number]) =>
    `${String(level).padStart(6, "0")} ${template.key}${registry.merging === "epilogue" ? ` ${epilogue.key}` : ""}`;
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
    return { level, kernel: registry.kernel(use), first, workgroups: (at - first) / 2 };
  });
  return { dispatches, tables };
}

/** Kernels of a schedule, each once. */
export function kernelsOf({ dispatches }: Schedule): Kernel[] {
  return [...new Map(dispatches.map(({ kernel }): [string, Kernel] => [kernelKey(kernel), kernel])).values()];
}

/** What a template is called in tables for people: its key without sizes. */
export const templateName = ({ key }: KernelTemplate): string => key.replace(/ f32x\d$/, "");
