/** The reference engine: float64 arrays through the graph interpreter. Slow and obvious. */
import { adamScalars, INPUTS } from "../../cells/language_model.ts";
import { sizeOf } from "../../cells/graph/tensor.ts";
import { interpret } from "../../cells/graph/interpreter.ts";
import { type Engine, type EngineRun, initialTensors, Pass, type TensorMap, type TrainingGroup } from "./engine.ts";

export function openReferenceEngine(): Engine {
  return {
    name: "reference",
    adapter: "float64 interpreter",
    lanes: (parallel) => ({ groups: 1, runs: parallel }),
    // The system's memory is shared and swapped: it sets no limit that could be named.
    memory: Infinity,
    footprint: () => 0,
    open: (runs, text) => Promise.resolve(new ReferenceGroup(runs, text)),
    close: () => Promise.resolve(),
  };
}

class ReferenceGroup implements TrainingGroup {
  readonly #runs: ReferenceRun[];
  readonly #pass: Pass;

  constructor(runs: readonly EngineRun[], text: Uint8Array) {
    this.#pass = new Pass(runs, text);
    this.#runs = runs.map((run) => new ReferenceRun(run, text));
  }

  beginPass(offsets: readonly Uint32Array[], position = 0): void {
    this.#pass.begin(offsets, position);
    this.#runs.forEach((run, i) => run.beginPass(offsets[i], position));
  }

  advance(count: number): Promise<Float64Array[]> {
    this.#pass.advance(count);
    return Promise.resolve(this.#runs.map((run) => new Float64Array(count).map(() => run.step())));
  }

  read(run: number): Promise<TensorMap> {
    return Promise.resolve(new Map(this.#runs[run].tensors));
  }

  close(): Promise<void> {
    this.#runs.length = 0;
    return Promise.resolve();
  }
}

class ReferenceRun {
  readonly tensors: TensorMap;
  #offsets: Uint32Array = new Uint32Array();
  #position = 0;
  #stepsDone: number;

  constructor(private readonly run: EngineRun, private readonly text: Uint8Array) {
    this.tensors = initialTensors(run);
    this.#stepsDone = run.stepsDone;
  }

  beginPass(offsets: Uint32Array, position: number): void {
    this.#offsets = offsets;
    this.#position = position;
    if (position > 0) return;
    // Not filled in place: the arrays may be the caller's.
    for (const { name, shape } of this.run.step.states) this.tensors.set(name, new Float64Array(sizeOf(shape)));
  }

  step(): number {
    const scalars = adamScalars(++this.#stepsDone, this.run.learningRate);
    const read = (shift: number) => Array.from(this.#offsets, (offset) => this.text[offset + this.#position + shift]);
    const feeds = new Map<string, ArrayLike<number>>(this.tensors);
    feeds.set(INPUTS.bytes, read(0)).set(INPUTS.targets, read(1));
    for (const [name, value] of Object.entries(scalars)) feeds.set(name, [value]);
    const results = interpret(this.run.step.graph, feeds);
    for (const [name, values] of results) this.tensors.set(name, values);
    this.#position++;
    return results.get("loss")![0];
  }
}
