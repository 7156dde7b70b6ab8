/** The ONNX engine: each run's training step as an ONNX model on ONNX Runtime's CPU provider, one worker per session. */
import { checkWhole } from "../../../cells/bounds.ts";
import { sharedText } from "../../corpus/shared_text.ts";
import type { Tokens } from "../../corpus/tokens/tokenizer.ts";
import {
  type Engine,
  type EngineRun,
  initialTensors,
  occupant,
  Pass,
  type TensorMap,
  type TrainingGroup,
} from "../engine.ts";
import { checkWorker } from "../../open_files.ts";
import { memoryBytes } from "./memory.ts";
import { planStep } from "./plan.ts";
import type { NumberedRequest, Reply, Request } from "./protocol.ts";

/**
 * The engine for CPUs, in float32: each run is a session of ONNX Runtime in a worker of its own.
 *
 * @param cores processor cores to share among groups that are open at once
 * @throws {RangeError} if they are no whole number of at least 1
 */
export function openOnnxEngine(cores: number = navigator.hardwareConcurrency): Engine {
  checkWhole("open the onnx engine", "cores", cores, 1);
  return {
    name: "onnx",
    adapter: `ONNX Runtime CPU, ${cores} cores`,
    lanes: (parallel) => ({ groups: parallel, runs: 1 }),
    // The system's memory is shared and swapped: it sets no limit that could be named. A run by itself has one of 4 GiB.
    memory: Infinity,
    footprint: () => 0,
    open: (runs, text, threads = Math.max(1, Math.floor(cores / runs.length))) => OnnxGroup.open(runs, text, threads),
    close: () => Promise.resolve(),
  };
}

/** A run at work: its worker, and where it is in the text. */
interface Place {
  readonly worker: OnnxWorker;
  readonly pass: Pass;
  /** What the run carries, and the other outputs of its graph. */
  readonly names: readonly string[];
}

class OnnxGroup implements TrainingGroup {
  /** The requests that began passes: an error of one comes out with the next steps. */
  #begun: Promise<unknown>[] = [];

  private constructor(
    private readonly places: (Place | undefined)[],
    private readonly text: Tokens,
    private readonly threads: number,
  ) {}

  static async open(runs: readonly EngineRun[], text: Tokens, threads: number): Promise<OnnxGroup> {
    const opened = await Promise.allSettled(runs.map((run) => openPlace(run, text, threads)));
    const failed = opened.find(({ status }) => status === "rejected");
    const places = opened.flatMap((result) => result.status === "fulfilled" ? [result.value] : []);
    if (failed?.status === "rejected") {
      for (const { worker } of places) worker.terminate();
      throw failed.reason;
    }
    return new OnnxGroup(places, text, threads);
  }

  beginPass(run: number, offsets: Uint32Array, position = 0): void {
    const { worker, pass } = occupant(this.places, run);
    pass.begin(offsets, position);
    const begun = worker.ask({ kind: "begin_pass", offsets, position });
    begun.catch(() => {});
    this.#begun.push(begun);
  }

  async advance(count: number): Promise<Float64Array[]> {
    for (const place of this.places) place?.pass.advance(count);
    const replies = Promise.all(this.places.map((place) => place?.worker.ask({ kind: "advance", count })));
    const [losses] = await Promise.all([replies, ...this.#begun.splice(0)]);
    return losses.map((reply) => reply?.losses ?? new Float64Array());
  }

  async read(run: number): Promise<TensorMap> {
    const { worker, names } = occupant(this.places, run);
    return new Map((await worker.ask({ kind: "read", names })).tensors);
  }

  async replace(run: number, next?: EngineRun): Promise<boolean> {
    const left = this.places[run];
    this.places[run] = undefined;
    await left?.worker.close();
    if (next) this.places[run] = await openPlace(next, this.text, this.threads);
    return true;
  }

  async close(): Promise<void> {
    await Promise.all(this.places.map((place) => place?.worker.close()));
  }
}

async function openPlace(run: EngineRun, text: Tokens, threads: number): Promise<Place> {
  const pass = new Pass(run, text), tensors = initialTensors(run);
  checkWorker();
  memoryBytes(planStep(run.step.graph).slots, run.step.sizes.batch);
  const worker = new OnnxWorker();
  try {
    await worker.ask(openRequest(run, tensors, sharedText(text), threads));
  } catch (error) {
    worker.terminate();
    throw error;
  }
  const { inputs, outputs } = run.step.graph;
  return { worker, pass, names: [...tensors.keys(), ...outputs.keys().filter((name) => !inputs.has(name))] };
}

function openRequest(run: EngineRun, tensors: TensorMap, text: Tokens, threads: number): Request {
  const { graph, states, sizes } = run.step;
  return {
    kind: "open",
    plan: planStep(graph),
    tensors,
    states: states.map(({ name }) => name),
    batch: sizes.batch,
    text,
    threads,
    stepsDone: run.stepsDone,
    learningRate: run.learningRate,
  };
}

/** The near end of a worker: numbers requests and matches replies. */
class OnnxWorker {
  readonly #worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  readonly #waiting = new Map<number, { resolve: (reply: Reply) => void; reject: (error: Error) => void }>();
  #last = 0;
  #closed = false;

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<Reply>) => {
      const waiting = this.#waiting.get(data.number);
      this.#waiting.delete(data.number);
      if (data.error === undefined) waiting?.resolve(data);
      else waiting?.reject(new Error(data.error));
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      // A dead worker answers nothing: whoever asked it would wait for ever.
      this.#closed = true;
      for (const { reject } of this.#waiting.values()) reject(new Error(`ONNX worker stopped: ${event.message}`));
      this.#waiting.clear();
    };
  }

  ask(request: Request): Promise<Reply> {
    if (this.#closed) return Promise.reject(new Error("ONNX worker was closed"));
    const number = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
      this.#worker.postMessage({ ...request, number } satisfies NumberedRequest);
    });
  }

  /** Lets the worker give its memory back, then ends it. A worker that has failed already is ended all the same. */
  async close(): Promise<void> {
    await this.ask({ kind: "close" }).catch(() => {});
    this.terminate();
  }

  terminate(): void {
    this.#closed = true;
    this.#worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(new Error("ONNX worker was closed"));
    this.#waiting.clear();
  }
}
