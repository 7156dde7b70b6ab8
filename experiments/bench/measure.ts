/** Timing: rounds, medians, and the models that are measured. */
import * as ort from "../../train/engines/onnx/runtime.ts";
import type { CellConfig } from "../../cells/config.ts";
import { input, makeNode } from "../../cells/graph/builder.ts";
import { buildGraph, type Graph } from "../../cells/graph/graph.ts";
import { isOp, sizeOf, type Tensor } from "../../cells/graph/tensor.ts";
import { randomStream } from "../../train/corpus/random.ts";
import type { Engine, EngineEntry, EngineRun, TrainingGroup } from "../../train/engines/engine.ts";
import { openEntry } from "../../train/engines/registry.ts";
import { exportOnnx } from "../../train/engines/onnx/export.ts";
import { openSession } from "../../train/engines/onnx/session.ts";
import type { TrainingSettings } from "../../train/training/settings.ts";
import { type Contender, CONTEST, contest, type ContestTiming, type Outcome } from "./contest.ts";
import { median } from "./median.ts";
import type { Absent } from "./peers/peer.ts";
import { cellJob, prepare, trainingRun } from "../../train/training/training_run.ts";

export const BATCH = 256;
export const MEASURED_SETTINGS: TrainingSettings = { steps: 1, batch: BATCH, history: 1000, log_every: 1 };

/** Noise to train on: a step's time does not depend on what the bytes are. */
export function noise(bytes: number): Uint8Array {
  const stream = randomStream(0, "bench");
  return new Uint8Array(bytes).map(() => stream.integer(0, 255));
}

/** Copies of one configuration with different seeds, as an engine takes them. */
export function copies(config: CellConfig, count: number): EngineRun[] {
  return Array.from({ length: count }, (_, seed) => prepare(trainingRun(cellJob({ config, seed }), MEASURED_SETTINGS)));
}

/** Opens an engine, does something with it and closes it; or says why this machine has none. */
export async function withEngine<T>(entry: EngineEntry, action: (engine: Engine) => Promise<T>): Promise<T | Absent> {
  const { engine, absence } = await openEntry(entry);
  if (!engine) return { what: entry.name, absent: absence };
  try {
    return await action(engine);
  } finally {
    await engine.close();
  }
}

const OFFSETS = new Uint32Array(BATCH).map((_, row) => row * 300);

/** How long a group is measured, and how. */
export interface Rounds {
  readonly rounds?: number;
  readonly roundSeconds?: number;
}

/**
 * Milliseconds per step of a group: the median over rounds of about `roundSeconds` each, after a warm-up. Steps are queued a round
 * ahead, as training queues them.
 *
 * @param runs number of its runs
 */
export async function timeGroup(
  group: TrainingGroup,
  runs: number,
  { rounds = 9, roundSeconds = 0.5 }: Rounds = {},
): Promise<number> {
  for (let run = 0; run < runs; run++) group.beginPass(run, OFFSETS);
  // The first steps may compile something; the next tell how many make a round.
  await group.advance(2);
  const begun = performance.now();
  await group.advance(2);
  const perStep = (performance.now() - begun) / 2;
  const steps = Math.max(1, Math.min(100, Math.round(1000 * roundSeconds / perStep)));
  const times: number[] = [];
  let ahead = group.advance(steps), last = performance.now();
  for (let round = -2; round < rounds; round++) {
    await group.ready?.();
    const next = group.advance(steps);
    await ahead;
    ahead = next;
    if (round >= 0) times.push((performance.now() - last) / steps);
    last = performance.now();
  }
  await ahead;
  return median(times);
}

/** A group of runs as a contender, and its end. */
export interface OpenContender extends Contender {
  close(): Promise<void>;
}

/** Steps of some runs on an engine, all at once. @param threads for engines on the CPU: of each run */
export async function groupContender(
  engine: Engine,
  runs: readonly EngineRun[],
  threads?: number,
): Promise<OpenContender> {
  const group = await engine.open(runs, noise(100_000), { threads });
  return {
    name: engine.name,
    close: () => group.close(),
    async round(steps) {
      const start = performance.now();
      runs.forEach((_, run) => group.beginPass(run, OFFSETS));
      await group.advance(steps);
      return (performance.now() - start) / steps;
    },
  };
}

/** Opens contenders, lets them take turns, and closes them, so that no thread of one waits busily beside the next. */
export async function takeTurns(
  open: readonly (() => Promise<OpenContender>)[],
  timing: ContestTiming = CONTEST,
): Promise<Outcome[]> {
  const opened: OpenContender[] = [];
  try {
    for (const contender of open) opened.push(await contender());
    return await contest(opened, timing);
  } finally {
    for (const contender of opened) await contender.close();
  }
}

/** The products of a run's step alone, on ONNX Runtime with the engine's own settings. */
export async function bareContender({ step }: EngineRun, threads: number): Promise<OpenContender> {
  const graph = bareProducts(step.graph);
  const session = await openSession(exportOnnx(graph), threads);
  const tensor = (shape: readonly number[]) =>
    new ort.Tensor("float32", new Float32Array(sizeOf(shape)).fill(0.01), shape);
  const feeds = Object.fromEntries([...graph.inputs].map(([name, { shape }]) => [name, tensor(shape)]));
  const fetches = Object.fromEntries([...graph.outputs].map(([name, { shape }]) => [name, tensor(shape)]));
  return {
    name: "bare products",
    close: () => session.release(),
    async round(steps) {
      const start = performance.now();
      for (let i = 0; i < steps; i++) await session.run(feeds, fetches);
      return (performance.now() - start) / steps;
    },
  };
}

/**
 * The matrix products of a graph alone: the least that a step can take. What several of them read is one input, as it is one tensor in the
 * step; inputs that stand side by side are joined already.
 */
export function bareProducts(graph: Graph): Graph {
  const outputs: Record<string, Tensor> = {}, inputs = new Map<string, Tensor>();
  const number = new Map(graph.nodes.map((node, i) => [node, i]));
  const once = (key: string, shape: readonly number[]) => {
    const known = inputs.get(key) ?? input(key, shape);
    inputs.set(key, known);
    return known;
  };
  const stand = (tensor: Tensor) => once(`t${number.get(tensor)}`, tensor.shape);
  const join = (xs: readonly Tensor[]) =>
    once(`t${xs.map((x) => number.get(x)).join("_")}`, [xs[0].shape[0], xs.reduce((sum, x) => sum + x.shape[1], 0)]);
  graph.nodes.forEach((node, i) => {
    if (isOp(node, "linear")) {
      const [weight, bias] = node.inputs.slice(-2);
      outputs[`y${i}`] = makeNode("linear", [join(node.inputs.slice(0, -2)), stand(weight), stand(bias)], {});
    } else if (isOp(node, "linear_input_gradient")) {
      const [dy, weight] = node.inputs, { offset, width } = node.attributes;
      const part = once(`t${number.get(weight)}[${offset}:${offset + width}]`, [weight.shape[0], width]);
      outputs[`y${i}`] = makeNode("linear_input_gradient", [stand(dy), part], { offset: 0, width });
    } else if (isOp(node, "linear_weight_gradient")) {
      const [dy, ...xs] = node.inputs;
      outputs[`y${i}`] = makeNode("linear_weight_gradient", [stand(dy), join(xs)], {});
    }
  });
  return buildGraph(outputs);
}
