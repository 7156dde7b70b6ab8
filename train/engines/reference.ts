/** The reference engine: float64 arrays through the graph interpreter. Slow and obvious. */
import { sizeOf } from "../../cells/graph/tensor.ts";
import { interpret } from "../../cells/graph/interpreter.ts";
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import {
  checkRuns,
  type Engine,
  type EngineRun,
  initialTensors,
  isAsked,
  type OrdinaryEngineEntry,
  Pass,
  readTokens,
  runInSlot,
  type TensorMap,
  type TrainingGroup,
} from "./engine.ts";

/** The engine that others are compared with: plain code in float64, far too slow for a study. */
export function openReferenceEngine(): Promise<Engine> {
  return Promise.resolve({
    name: REFERENCE_ENGINE.name,
    capabilities: REFERENCE_ENGINE.capabilities,
    adapter: "float64 interpreter",
    defaultParallel: 1,
    layout: (parallel) => ({ groups: 1, runsPerGroup: parallel }),
    // The system's memory is shared and swapped: it sets no limit that could be named.
    memory: Infinity,
    footprint: () => 0,
    open: (runs, text) => Promise.try(() => new ReferenceGroup(runs, text)),
    close: () => Promise.resolve(),
  });
}

/** The reference engine in the registry. It trains no study: one would take weeks. */
export const REFERENCE_ENGINE = {
  name: "reference",
  capabilities: { trainsOnCpu: true, isolatedRuns: false },
  tolerance: 1e-10,
  casesPerGroup: 1,
  open: (): Promise<Engine> => openReferenceEngine(),
} as const satisfies OrdinaryEngineEntry;

class ReferenceGroup implements TrainingGroup {
  readonly #slots: (ReferenceRun | undefined)[];

  constructor(runs: readonly EngineRun[], private readonly text: Tokens) {
    checkRuns(runs);
    this.#slots = runs.map((run) => new ReferenceRun(run, text));
  }

  beginPass(run: number, offsets: Uint32Array, position = 0): void {
    runInSlot(this.#slots, run).beginPass(offsets, position);
  }

  advance(count: number, bptt?: number): Promise<Float64Array[]> {
    const asked = this.#slots.map((slot) => slot && isAsked(slot.run, bptt) ? slot : undefined);
    return Promise.resolve(asked.map((slot) => slot?.advance(count) ?? new Float64Array()));
  }

  // deno-lint-ignore require-await -- an empty slot is to reject
  async read(run: number): Promise<TensorMap> {
    return new Map(runInSlot(this.#slots, run).tensors);
  }

  replace(run: number, next?: EngineRun): Promise<boolean> {
    this.#slots[run] = next && new ReferenceRun(next, this.text);
    return Promise.resolve(true);
  }

  close(): Promise<void> {
    this.#slots.length = 0;
    return Promise.resolve();
  }
}

class ReferenceRun {
  readonly tensors: TensorMap;
  readonly #pass: Pass;
  #offsets: Uint32Array = new Uint32Array();
  #stepsDone: number;

  constructor(readonly run: EngineRun, private readonly text: Tokens) {
    this.#pass = new Pass(run, text);
    this.tensors = initialTensors(run);
    this.#stepsDone = run.stepsDone;
  }

  beginPass(offsets: Uint32Array, position: number): void {
    this.#pass.begin(offsets, position);
    this.#offsets = offsets;
    if (position > 0) return;
    // Not filled in place: the arrays may be the caller's.
    for (const { name, shape } of this.run.step.states) this.tensors.set(name, new Float64Array(sizeOf(shape)));
  }

  advance(count: number): Float64Array {
    const first = this.#pass.advance(count);
    return new Float64Array(count).map((_, i) => this.#step(first + i * this.run.step.bptt));
  }

  #step(position: number): number {
    const { optimizer, reads, bptt } = this.run.step;
    const scalars = optimizer.scalars(++this.#stepsDone, this.run.learningRate);
    const feeds = new Map<string, ArrayLike<number>>(this.tensors);
    optimizer.scalarNames.forEach((name, i) => feeds.set(name, [scalars[i]]));
    for (const { name, offset } of reads) {
      const tokens = new Array<number>(bptt * this.#offsets.length);
      readTokens(this.text, this.#offsets, position + offset, bptt, (row, token) => tokens[row] = token);
      feeds.set(name, tokens);
    }
    const results = interpret(this.run.step.graph, feeds);
    for (const [name, values] of results) this.tensors.set(name, values);
    return results.get("loss")![0];
  }
}
