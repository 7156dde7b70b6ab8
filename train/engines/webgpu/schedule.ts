/**
 * One schedule for a whole group: the tasks of all runs, level by level, instances of one kernel at one level in one
 * dispatch. The table says for each workgroup which instance it serves, and for each instance where its tensors lie.
 */
import { INPUTS } from "../../../cells/language_model.ts";
import { isOp, type Tensor } from "../../../cells/graph/tensor.ts";
import type { EngineRun } from "../engine.ts";
import { copyKernel, elementwiseKernel } from "./elementwise.ts";
import type { Kernel, KernelUse, Locate } from "./kernel.ts";
import { INPUT_LEVEL, separateCarried, type Task, type TaskGraph, toTasks } from "./levels.ts";
import { type MemoryPlan, planMemory } from "./memory.ts";
import { logLossKernel, operationKernel, stepInputsKernel } from "./operations.ts";

/** Most steps of one submit: the losses of so many are kept on the GPU. */
export const MAX_STEPS_PER_SUBMIT = 100;

/** Scalars that change from step to step, in the order in which they stand in the step data. */
export const STEP_SCALARS = [INPUTS.step_size, INPUTS.epsilon] as const;

const FED: ReadonlySet<string> = new Set([INPUTS.bytes, INPUTS.targets, ...STEP_SCALARS]);

/** One run with its place in the group's memory. */
export interface PlacedRun {
  readonly run: EngineRun;
  readonly tasks: TaskGraph;
  readonly memory: MemoryPlan;
  /** First float of the run in the arena. */
  readonly base: number;
  /** First word of the run's row offsets in the step data. */
  readonly rowOffsets: number;
}

export interface Dispatch {
  readonly level: number;
  readonly kernel: Kernel;
  /** First entry of its workgroups in the tables, and their number. */
  readonly first: number;
  readonly workgroups: number;
}

export interface Schedule {
  readonly runs: readonly PlacedRun[];
  readonly dispatches: readonly Dispatch[];
  readonly tables: Uint32Array<ArrayBuffer>;
  /** Floats of the arena, words of the step data. */
  readonly arenaSize: number;
  readonly stepDataSize: number;
  /** First word of the scalars in the step data; a step's scalars are those of all runs, one after the other. */
  readonly scalars: number;
}

/** What a run needs, before it has a place. */
export function planRun({ step }: Pick<EngineRun, "step">): { tasks: TaskGraph; memory: MemoryPlan } {
  const graph = separateCarried(step.graph);
  const tasks = toTasks(graph, FED);
  return { tasks, memory: planMemory(graph, tasks) };
}

export function locator({ memory, base }: PlacedRun): Locate {
  return (tensor) => {
    const offset = memory.offsets.get(tensor);
    if (offset === undefined) {
      throw new Error(`Cannot place '${tensor.op}': it has no memory, its shape is [${tensor.shape}]`);
    }
    return base + offset;
  };
}

export function buildSchedule(runs: readonly EngineRun[]): Schedule {
  let arenaSize = 0, rowOffsets = 0;
  const placed = runs.map((run): PlacedRun => {
    const place = { run, ...planRun(run), base: arenaSize, rowOffsets };
    arenaSize += place.memory.size;
    rowOffsets += run.step.sizes.batch;
    return place;
  });
  const scalars = rowOffsets;
  const stride = runs.length * STEP_SCALARS.length;

  const byDispatch = new Map<string, { level: number; uses: KernelUse[] }>();
  const add = (level: number, use: KernelUse) => {
    const key = `${String(level).padStart(6, "0")} ${use.kernel.key}`;
    const known = byDispatch.get(key);
    if (known) known.uses.push(use);
    else byDispatch.set(key, { level, uses: [use] });
  };
  placed.forEach((place, i) => {
    const locate = locator(place);
    const { graph, sizes } = place.run.step;
    const inputAt = (name: string) => locate(graph.inputs.get(name)!);
    // A step without any trained weight has no Adam, and no scalars.
    const fed = STEP_SCALARS.filter((name) => graph.inputs.has(name));
    add(
      INPUT_LEVEL,
      stepInputsKernel({
        batch: sizes.batch,
        rowOffsets: place.rowOffsets,
        bytes: inputAt(INPUTS.bytes),
        targets: inputAt(INPUTS.targets),
        scalars: scalars + i * STEP_SCALARS.length,
        scalarStride: stride,
        scalarTargets: fed.map(inputAt),
      }),
    );
    for (const task of place.tasks.tasks) add(task.level, kernelOf(task, locate));
    const loss = graph.outputs.get("loss")!;
    add(levelOf(place.tasks, loss) + 1, logLossKernel(locate(loss), i * MAX_STEPS_PER_SUBMIT));
  });

  const ordered = [...byDispatch].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, dispatch]) => dispatch);
  return {
    runs: placed,
    arenaSize,
    stepDataSize: scalars + stride * MAX_STEPS_PER_SUBMIT,
    scalars,
    ...writeTables(ordered),
  };
}

function kernelOf(task: Task, locate: Locate): KernelUse {
  switch (task.type) {
    case "elementwise":
      return elementwiseKernel(task, locate);
    case "copy":
      return copyKernel(task, locate);
    case "operation":
      return operationKernel(task.nodes[0], locate);
    default:
      return task.type satisfies never;
  }
}

function levelOf({ tasks }: TaskGraph, tensor: Tensor): number {
  const task = tasks.find(({ nodes, type }) => type !== "copy" && nodes.includes(tensor));
  if (!task) {
    throw new Error(`Cannot log '${isOp(tensor, "input") ? tensor.attributes.name : tensor.op}': nothing computes it`);
  }
  return task.level;
}

/** Instances first, then for each dispatch a pair per workgroup: where its instance starts, its number therein. */
function writeTables(ordered: readonly { level: number; uses: readonly KernelUse[] }[]) {
  const uses = ordered.flatMap((dispatch) => dispatch.uses);
  const instanceWords = uses.reduce((total, { instance }) => total + instance.words.length, 0);
  const workgroups = uses.reduce((total, { instance }) => total + instance.workgroups, 0);
  const tables = new Uint32Array(instanceWords + 2 * workgroups);
  let instanceAt = 0, entryAt = instanceWords;
  const dispatches = ordered.map(({ level, uses }): Dispatch => {
    const first = entryAt;
    for (const { instance } of uses) {
      tables.set(instance.words, instanceAt);
      for (let group = 0; group < instance.workgroups; group++) {
        tables[entryAt++] = instanceAt;
        tables[entryAt++] = group;
      }
      instanceAt += instance.words.length;
    }
    return { level, kernel: uses[0].kernel, first, workgroups: (entryAt - first) / 2 };
  });
  return { dispatches, tables };
}
