/** The ONNX engine: each run's training step as an ONNX model on ONNX Runtime's CPU provider, one worker per run at a time. */
import { checkWhole } from "../../../cells/bounds.ts";
import { countedLevel } from "../../../cells/factor.ts";
import { STEPS_BACK } from "../../../cells/factors.ts";
import type { TrainingStep } from "../../../cells/language_model.ts";
import { sharedText } from "../../corpus/shared_text.ts";
import type { Tokens } from "../../corpus/tokens/tokenizer.ts";
import {
  checkRuns,
  type Engine,
  type EngineOptions,
  type EngineRun,
  initialTensors,
  isAsked,
  type OrdinaryEngineEntry,
  Pass,
  runInSlot,
  type TensorMap,
  type TrainingGroup,
} from "../engine.ts";
import { AskedWorker, WorkerPool } from "../../process/worker_pool.ts";
import { checkMemory, memoryBytes } from "./memory.ts";
import { planStep } from "./plan.ts";
import type { OpenRequest, Reply, Request } from "./protocol.ts";

/** How an ONNX engine is opened. */
export interface OnnxOptions extends Pick<EngineOptions, "keepWorkers"> {
  /** Bytes that a run may take; absent: all that this machine has, with its swap, where it may be asked; else no limit. */
  readonly memory?: number;
}

/** Bytes of this machine, with its swap: beyond them the system ends the whole program, silently. */
function machineMemory(): number {
  if (Deno.permissions.querySync({ name: "sys", kind: "systemMemoryInfo" }).state !== "granted") return Infinity;
  const { total, swapTotal } = Deno.systemMemoryInfo();
  return total + swapTotal;
}

/** Bytes that a run takes at least: of its own memory, and of what ONNX Runtime works in. */
function bytesOf({ graph, sizes, reads, bptt }: TrainingStep): { own: number; working: number } {
  const { locations, workingBytes } = planStep(graph);
  return { own: memoryBytes(locations, reads.length, bptt * sizes.batch), working: workingBytes };
}

type OnnxWorker = AskedWorker<Request, Reply>;

const openWorkers = () =>
  new WorkerPool<OnnxWorker>(() => new AskedWorker(new URL("./worker.ts", import.meta.url), "ONNX worker"));

/**
 * The engine for CPUs, in float32: each run is a session of ONNX Runtime in a worker of its own.
 *
 * @param cores processor cores to share among groups that are open at once
 * @throws {RangeError} if they are no whole number of at least 1
 */
// deno-lint-ignore require-await -- a wrong number is to reject
export async function openOnnxEngine(
  cores: number = navigator.hardwareConcurrency,
  { keepWorkers = false, memory = machineMemory() }: OnnxOptions = {},
): Promise<Engine> {
  checkWhole("open the onnx engine", "cores", cores, 1);
  const kept = keepWorkers ? openWorkers() : undefined;
  return {
    name: ONNX_ENGINE.name,
    capabilities: ONNX_ENGINE.capabilities,
    adapter: `ONNX Runtime CPU, ${cores} cores`,
    defaultParallel: cores,
    layout: (parallel) => ({ groups: parallel, runsPerGroup: 1 }),
    memory,
    footprint(step) {
      const { own, working } = bytesOf(step);
      return own + working;
    },
    open: (runs, text, { threads = Math.max(1, Math.floor(cores / runs.length)) } = {}) =>
      OnnxGroup.open(runs, { text, threads, memory }, kept),
    close: () => Promise.resolve(kept?.[Symbol.dispose]()),
  };
}

/** The ONNX engine in the registry. */
export const ONNX_ENGINE = {
  name: "onnx",
  capabilities: { trainsOnCpu: true, isolatedRuns: true },
  tolerance: 1e-4,
  casesPerGroup: 8,
  study: { parallel: "workers", defaultParallel: "cores" },
  open: ({ cores, keepWorkers }: EngineOptions = {}): Promise<Engine> => openOnnxEngine(cores, { keepWorkers }),
} as const satisfies OrdinaryEngineEntry;

/** A run at work: its worker, and where it is in the text. */
interface OpenRun {
  readonly run: EngineRun;
  readonly worker: OnnxWorker;
  readonly pass: Pass;
  stepsDone: number;
  /** What the run carries, and the other outputs of its graph. */
  readonly names: readonly string[];
}

/** What the runs of a group share. */
interface Shared {
  readonly text: Tokens;
  /** Processor threads of each run. */
  readonly threads: number;
  /** Bytes that a run may take. */
  readonly memory: number;
}

class OnnxGroup implements TrainingGroup {
  /** The requests that began passes: an error of one comes out with the next steps. */
  #begun: Promise<unknown>[] = [];
  #closed = false;

  private constructor(
    private readonly slots: (OpenRun | undefined)[],
    private readonly shared: Shared,
    private readonly workers: WorkerPool<OnnxWorker>,
    private readonly ownsWorkers: boolean,
  ) {}

  /** @param kept workers of the engine's; absent: the group has its own */
  static async open(
    runs: readonly EngineRun[],
    shared: Shared,
    kept?: WorkerPool<OnnxWorker>,
  ): Promise<OnnxGroup> {
    checkRuns(runs);
    const workers = kept ?? openWorkers();
    const opened = await Promise.allSettled(runs.map((run) => openRun(run, shared, workers)));
    const failed = opened.find(({ status }) => status === "rejected");
    const slots = opened.flatMap((result) => result.status === "fulfilled" ? [result.value] : []);
    const group = new OnnxGroup(slots, shared, workers, kept === undefined);
    if (failed?.status === "rejected") {
      await group.close();
      throw failed.reason;
    }
    return group;
  }

  beginPass(run: number, offsets: Uint32Array, position = 0): void {
    const { worker, pass } = runInSlot(this.slots, run);
    pass.begin(offsets, position);
    const begun = worker.ask({ kind: "begin_pass", offsets, position });
    begun.catch(() => {});
    this.#begun.push(begun);
  }

  async advance(count: number, bptt?: number): Promise<Float64Array[]> {
    if (this.#closed) throw new Error("Cannot advance: the group was closed");
    const asked = this.slots.map((slot) => slot && isAsked(slot.run, bptt) ? slot : undefined);
    for (const slot of asked) slot?.pass.advance(count);
    const replies = Promise.all(
      asked.map((slot) => slot?.worker.ask({ kind: "advance", count, scalars: nextScalars(slot, count) })),
    );
    const [losses] = await Promise.all([replies, ...this.#begun.splice(0)]);
    return losses.map((reply) => reply?.losses ?? new Float64Array());
  }

  async read(run: number): Promise<TensorMap> {
    const { worker, names } = runInSlot(this.slots, run);
    return new Map((await worker.ask({ kind: "read", names })).tensors);
  }

  async replace(run: number, next?: EngineRun): Promise<boolean> {
    if (this.#closed) throw new Error("Cannot replace a run: the group was closed");
    const left = this.slots[run];
    this.slots[run] = undefined;
    await this.#leave(left);
    if (next) this.slots[run] = await openRun(next, this.shared, this.workers);
    return true;
  }

  async close(): Promise<void> {
    // Another group may have the workers by now.
    this.#closed = true;
    await Promise.all(this.slots.splice(0).map((slot) => this.#leave(slot)));
    if (this.ownsWorkers) this.workers[Symbol.dispose]();
  }

  /** Lets a run's worker give its memory back. Only then can it take another run. */
  async #leave(left: OpenRun | undefined): Promise<void> {
    if (!left) return;
    await left.worker.ask({ kind: "close" }).catch(() => {});
    this.workers.giveBack(left.worker);
  }
}

async function openRun(
  run: EngineRun,
  { text, threads, memory }: Shared,
  workers: WorkerPool<OnnxWorker>,
): Promise<OpenRun> {
  const pass = new Pass(run, text), tensors = initialTensors(run), { graph, bptt } = run.step;
  checkMemory(bytesOf(run.step), memory, countedLevel(STEPS_BACK.unit, bptt));
  const request = openRequest(run, tensors, sharedText(text), threads), worker = workers.take();
  try {
    await worker.ask(request);
  } catch (error) {
    workers.giveBack(worker);
    throw error;
  }
  const results = graph.outputs.keys().filter((name) => !graph.inputs.has(name));
  return { run, worker, pass, stepsDone: run.stepsDone, names: [...tensors.keys(), ...results] };
}

/** The optimizer's scalars of a run's next steps, one step after the other. */
function nextScalars(open: OpenRun, count: number): Float64Array {
  const { step: { optimizer }, learningRate } = open.run;
  return Float64Array.from(
    Array.from({ length: count }, () => optimizer.scalars(++open.stepsDone, learningRate)).flat(),
  );
}

function openRequest(run: EngineRun, tensors: TensorMap, text: Tokens, threads: number): OpenRequest {
  const { graph, states, sizes, reads, bptt, optimizer } = run.step;
  return {
    kind: "open",
    plan: planStep(graph),
    tensors,
    states: states.map(({ name }) => name),
    reads,
    scalarNames: optimizer.scalarNames,
    batch: sizes.batch,
    bptt,
    text,
    threads,
  };
}
