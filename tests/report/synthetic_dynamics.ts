/** Made-up dynamics of made-up runs: nothing of it was measured. */
import type { RunDynamics } from "../../experiments/study/dynamics_file.ts";
import type { Estimate } from "../../train/dynamics/estimate.ts";

/** What a run's dynamics are to say; the rest follows. */
export interface PlantedDynamics {
  /** λ₁, nats per byte; null: −∞. Absent: −0.1. */
  readonly largest?: number | null;
  /** Byte recall at lag 0, bits; at each further lag half of it. Absent: 4. */
  readonly recall?: number;
  /** Layers; absent: 1. */
  readonly layers?: number;
  /** Symbols of gates in each layer; absent: `z`. */
  readonly gates?: readonly string[];
}

const STREAMS = { streams: 8, tokens: 4096, warm_up: 512 };
const estimate = (value: number | null, standard_error: number | null = 0.01): Estimate => ({
  value,
  standard_error: value === null ? null : standard_error,
});

/** All measures of one run, as its file has them. */
export function syntheticDynamics(
  { id, seed }: { readonly id: string; readonly seed: number },
  { largest = -0.1, recall = 4, layers = 1, gates = ["z"] }: PlantedDynamics = {},
  more: Partial<RunDynamics> = {},
): RunDynamics {
  const numbers = 32, each = Array.from({ length: layers }, (_, layer) => layer);
  const bits = [recall, recall / 2, recall / 4],
    exponent = (layer: number) => largest === null ? null : largest - layer;
  return {
    id,
    seed,
    cellspace_version: "0.0.0",
    model_sha256: "0".repeat(64),
    settings: { streams: STREAMS.streams, tokens: STREAMS.tokens, exponents: 2 },
    not_measured: {},
    seconds: 1,
    lyapunov: {
      ...STREAMS,
      layers: each.map((layer) => ({ numbers, exponents: [estimate(exponent(layer)), estimate(null)] })),
      largest: estimate(largest),
      forgetting_time: estimate(largest === null ? 0 : largest < 0 ? -1 / largest : null, 0.5),
    },
    echo_state: {
      streams: 8,
      starts: 16,
      tokens: 4096,
      tolerance: 1e-6,
      merged_share: estimate(1, 0),
      responses: estimate(1, 0),
      merged_after: estimate(120, 3),
      diverged: 0,
    },
    byte_recall: {
      ...STREAMS,
      fitted: 16_384,
      scored: 16_384,
      entropy: 4.8,
      lags: bits.map((value, lag) => ({ lag, bits: estimate(value), shuffled: 0.001 })),
      total: estimate(recall * 1.75, 0.02),
      horizon: 2,
    },
    fixed_points: {
      tolerance: 1e-12,
      slow_tolerance: 1e-6,
      tokens: [
        {
          token: 32,
          share: 0.15,
          starts: 16,
          converged: 16,
          slow: 0,
          failed: 0,
          points: [{ found_from: 16, spectral_radius: 0.8, unstable: 0 }],
        },
        {
          token: 101,
          share: 0.05,
          starts: 16,
          converged: 12,
          slow: 1,
          failed: 3,
          points: [
            { found_from: 8, spectral_radius: 1.2, unstable: 2 },
            { found_from: 4, spectral_radius: 1.1, unstable: 1 },
          ],
        },
      ],
    },
    participation_ratio: {
      ...STREAMS,
      whole: { value: 5, standard_error: 0.1, numbers: numbers * layers },
      layers: each.map(() => ({ value: 5, standard_error: 0.1, numbers })),
    },
    gates: {
      ...STREAMS,
      gates: each.flatMap((layer) =>
        gates.map((gate) => ({ layer, gate, mean: estimate(0.5), below: estimate(0.2), above: estimate(0.3) }))
      ),
    },
    truncation_gap: {
      ...STREAMS,
      loss: 1.5,
      gaps: [1, 16].map((bptt) => {
        const agreement = {
          cosine: bptt === 1 ? 1 : 0.7,
          ratio: bptt === 1 ? 1 : 0.9,
          cosine_standard_error: bptt === 1 ? 0 : 0.02,
          ratio_standard_error: bptt === 1 ? 0 : 0.03,
        };
        return { bptt, whole: agreement, weights: { "layers.0.state_nn.weight": agreement } };
      }),
      untrained_at_1: [],
    },
    ...more,
  };
}
