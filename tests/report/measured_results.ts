/** Made-up results of a study whose dynamics were measured: gated configurations and other cells, with numbers that follow from their parts. */
import type { RunDynamics } from "../../experiments/study/dynamics_file.ts";
import { runKey } from "../../experiments/study/run_key.ts";
import type { RunResult } from "../../experiments/study/result.ts";
import { withDynamics } from "../../report/data/dynamics.ts";
import { mergeSeeds } from "../../report/data/merged.ts";
import { type RunTable, tableOf } from "../../report/data/rows.ts";
import type { Estimate } from "../../train/dynamics/estimate.ts";
import { gatedResults, otherResults } from "./compared_results.ts";
import { syntheticDynamics } from "./synthetic_dynamics.ts";

/** 48 gated configurations with two seeds each, GRU and LSTM. */
export function measuredResults(): RunResult[] {
  const cells = ["gru", "lstm"].flatMap((cell, i) => otherResults(cell, { seeds: [0, 1], loss: 1.4 + 0.05 * i }));
  return [...gatedResults([0, 1], [1, 2]), ...cells];
}

/** λ₁ of a made-up run, nats per byte: a state gate halves it, a forget gate makes it larger by a half. */
export function plantedExponent({ use_state_gate, use_forget_gate, seed }: RunResult): number {
  return -0.4 * (use_state_gate ? 0.5 : 1) * (use_forget_gate ? 1.5 : 1) * (1 + 0.05 * seed);
}

/** Bytes that fixed points were looked for of, the most frequent first: some of them have to be shown by a sign. */
export const TRIED = [0x20, 0x65, 0x74, 0x0a, 0x09, 0x00, 0xe2];

/** All measures of a made-up run. */
export function dynamicsOf(result: RunResult, more: Partial<RunDynamics> = {}): RunDynamics {
  const { n_layers: layers, cell } = result, largest = plantedExponent(result);
  const base = syntheticDynamics(result, {
    largest,
    layers,
    gates: cell ? ["r", "z"] : ["input_gate_nn", "state_input_gate_nn", "z"],
  });
  const [first, second] = base.fixed_points!.tokens;
  return {
    ...base,
    lyapunov: { ...base.lyapunov!, layers: base.lyapunov!.layers.map((_, layer) => spectrum(largest - 0.1 * layer)) },
    fixed_points: {
      ...base.fixed_points!,
      tokens: TRIED.map((token, i) => ({ ...i % 2 ? second : first, token, share: 0.2 / (i + 1) })),
    },
    ...more,
  };
}

/** Eight exponents, each lower by as much as the first. */
function spectrum(largest: number) {
  const exponents = Array.from({ length: 8 }, (_, i): Estimate => ({ value: largest * (i + 1), standard_error: 0.01 }));
  return { numbers: 8, exponents };
}

/** The rows of results with dynamics. @param of undefined: the run was not measured */
export function measuredTable(
  results: readonly RunResult[] = measuredResults(),
  of: (result: RunResult) => RunDynamics | undefined = (result) => dynamicsOf(result),
): RunTable {
  const measured = results.flatMap((result): [string, RunDynamics][] => {
    const dynamics = of(result);
    return dynamics ? [[runKey(result.id, result.seed), dynamics]] : [];
  });
  return withDynamics(tableOf(results), new Map(measured));
}

/** The configurations of such a table. */
export function measuredConfigurations(...of: Parameters<typeof measuredTable>) {
  return mergeSeeds(measuredTable(...of).rows);
}
