/** Timing: rounds, medians, and the models that are measured. */
import type { CellConfig } from "../../cells/config.ts";
import { input, makeNode } from "../../cells/graph/builder.ts";
import { buildGraph, type Graph } from "../../cells/graph/graph.ts";
import { isOp, type Tensor } from "../../cells/graph/tensor.ts";
import { randomStream } from "../../train/corpus/random.ts";
import type { Engine, EngineRun } from "../../train/engines/engine.ts";
import type { TrainingSettings } from "../../train/settings.ts";
import { median } from "./median.ts";
import { cellJob, prepare } from "../../train/trainer.ts";

/** The best configuration of the original study: 2 layers, 256 states, state gate, forget gate, new state, residual. */
export const BEST_CONFIG: CellConfig = {
  use_input_gate: false,
  use_forget_gate: true,
  use_output_gate: false,
  use_state_gate: true,
  use_new_state: true,
  use_old_state: false,
  use_residual: true,
  n_layers: 2,
  state_size: 256,
};

/** The same switches, small: what a first look at a corpus trains. */
export const SMALL_CONFIG: CellConfig = { ...BEST_CONFIG, n_layers: 1, state_size: 32 };

export const BATCH = 256;
export const MEASURED_SETTINGS: TrainingSettings = { steps: 1, batch: BATCH, history: 1000, log_every: 1 };

/** Noise to train on: a step's time does not depend on what the bytes are. */
export function noise(bytes: number): Uint8Array {
  const stream = randomStream(0, "bench");
  return new Uint8Array(bytes).map(() => stream.integer(0, 255));
}

/** Copies of one configuration with different seeds, as an engine takes them. */
export function copies(config: CellConfig, count: number): EngineRun[] {
  return Array.from({ length: count }, (_, seed) => prepare(cellJob({ config, seed }), MEASURED_SETTINGS));
}

/**
 * Milliseconds per step of a group, the median over rounds of about `roundSeconds` each, after a warm-up of two rounds.
 *
 * @param threads for engines on the CPU
 */
export async function timeSteps(
  engine: Engine,
  runs: readonly EngineRun[],
  { rounds = 9, roundSeconds = 0.5, threads }: { rounds?: number; roundSeconds?: number; threads?: number } = {},
): Promise<number> {
  const group = await engine.open(runs, noise(100_000), threads);
  try {
    const offsets = new Uint32Array(BATCH).map((_, row) => row * 300);
    for (const i of runs.keys()) group.beginPass(i, offsets);
    const time = async (steps: number) => {
      const start = performance.now();
      await group.advance(steps);
      return (performance.now() - start) / steps;
    };
    await time(2);
    const perStep = await time(2);
    const steps = Math.max(1, Math.min(100, Math.round(1000 * roundSeconds / perStep)));
    const times: number[] = [];
    for (let round = -2; round < rounds; round++) {
      const perStepOfRound = await time(steps);
      if (round >= 0) times.push(perStepOfRound);
    }
    return median(times);
  } finally {
    await group.close();
  }
}

/** The matrix products of a graph alone, each with inputs of its own that are joined already: the least that a step can take. */
export function bareProducts(graph: Graph): Graph {
  const outputs: Record<string, Tensor> = {};
  const fresh = (tensor: Tensor, name: string) => input(name, tensor.shape);
  const join = (xs: readonly Tensor[], name: string) =>
    input(name, [xs[0].shape[0], xs.reduce((sum, x) => sum + x.shape[1], 0)]);
  graph.nodes.forEach((node, i) => {
    if (isOp(node, "linear")) {
      const [weight, bias] = node.inputs.slice(-2);
      const inputs = [join(node.inputs.slice(0, -2), `x${i}`), fresh(weight, `w${i}`), fresh(bias, `b${i}`)];
      outputs[`y${i}`] = makeNode("linear", inputs, {});
    } else if (isOp(node, "linear_input_gradient")) {
      const [dy, weight] = node.inputs;
      const { width } = node.attributes;
      const part = input(`w${i}`, [weight.shape[0], width]);
      outputs[`y${i}`] = makeNode("linear_input_gradient", [fresh(dy, `dy${i}`), part], { offset: 0, width });
    } else if (isOp(node, "linear_weight_gradient")) {
      const [dy, ...xs] = node.inputs;
      outputs[`y${i}`] = makeNode("linear_weight_gradient", [fresh(dy, `dy${i}`), join(xs, `x${i}`)], {});
    }
  });
  return buildGraph(outputs);
}
