/** Made-up dynamics of finished runs, plausible and from a seed: input for the report's tests, and for a look at its pictures. */
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { RunDynamics } from "../../experiments/study/dynamics_file.ts";
import type { FinishedResult } from "../../experiments/study/result.ts";
import type { Estimate } from "../../train/dynamics/estimate.ts";

const STREAMS = { streams: 8, tokens: 4096, warm_up: 512 } as const;
/** H(x) of the text, bits. */
const ENTROPY = 4.78;
/** Of the text, the most frequent first. */
const TOKENS = [...new TextEncoder().encode(" etoahsrnil\ndum")];
const STEPS_BACK = [1, 2, 4, 8, 16, 32];

type Random = () => number;

/** What a test wants otherwise. */
export interface PlantedOptions {
  /** λ₁, nats per byte; null: −∞. */
  readonly largest?: number | null;
}

/** Dynamics of a run: shorter memory without a forget gate or an old state, and the longer it is the better the score. */
export function plantedDynamics(result: FinishedResult, { largest }: PlantedOptions = {}): RunDynamics {
  const random = randomOf(result), time = forgettingTime(result, random);
  const first = largest === undefined ? -1 / time : largest, layers = result.n_layers, n = result.state_size;
  const whole = Math.min(layers * n, 2 + 5 * time * (0.8 + 0.4 * random()));
  return {
    id: result.id,
    seed: result.seed,
    cellspace_version: "0.0.0",
    model_sha256: "0".repeat(64),
    settings: { streams: STREAMS.streams, tokens: STREAMS.tokens, exponents: 32 },
    not_measured: {},
    seconds: 4.2,
    lyapunov: lyapunov(first, layers, n, random),
    echo_state: {
      streams: 8,
      starts: 16,
      tokens: 4096,
      tolerance: 1e-6,
      merged_share: { value: 1, standard_error: 0 },
      responses: { value: 1, standard_error: 0 },
      merged_after: around(14 * time, 0.05, random),
      diverged: 0,
    },
    byte_recall: recall(time, random),
    fixed_points: {
      tolerance: 1e-12,
      slow_tolerance: 1e-6,
      tokens: TOKENS.map((token, i) => fixedPoints(token, 0.15 / (i + 1), random)),
    },
    participation_ratio: {
      ...STREAMS,
      whole: { ...around(whole, 0.03, random), numbers: layers * n },
      layers: Array.from({ length: layers }, () => ({ ...around(whole / layers, 0.04, random), numbers: n })),
    },
    gates: { ...STREAMS, gates: gates(result, random) },
    truncation_gap: {
      ...STREAMS,
      tokens: 512,
      loss: result.test_loss ?? 2,
      gaps: STEPS_BACK.map((bptt) => ({ bptt, whole: agreement(bptt, time, random), weights: {} })),
      untrained_at_1: [],
    },
  };
}

function randomOf({ id, seed }: FinishedResult): Random {
  const generator = xoroshiro128plus(parseInt(id.slice(0, 7), 16) + seed);
  const random = () => uniformFloat64(generator);
  for (let i = 0; i < 8; i++) random();
  return random;
}

/** Bytes: what the made-up parts of a cell multiply it by. */
function forgettingTime(result: FinishedResult, random: Random): number {
  const parts: [boolean, number][] = [
    [result.use_state_gate, 2.6],
    [result.use_forget_gate, 0.7],
    [result.use_old_state, 1.5],
    [result.use_residual, 1.1],
    [result.use_input_gate, 0.9],
  ];
  return parts.reduce((time, [on, factor]) => on ? time * factor : time, 1.4) * (0.85 + 0.3 * random());
}

function around(value: number, share: number, random: Random): Estimate {
  return { value: value * (1 + share * (random() - 0.5)), standard_error: Math.abs(value) * share * (0.5 + random()) };
}

function lyapunov(first: number | null, layers: number, n: number, random: Random): RunDynamics["lyapunov"] {
  const none: Estimate = { value: null, standard_error: null };
  const spectra = Array.from({ length: layers }, (_, layer) => ({
    numbers: n,
    exponents: Array.from(
      { length: Math.min(n, 32) },
      (_, i): Estimate =>
        first === null ? none : around(first - 0.05 * layer - 0.12 * i ** 1.2 * Math.max(0.05, -first), 0.02, random),
    ),
  }));
  const largest = first === null ? none : spectra[0].exponents[0], lambda = largest.value;
  const time = lambda === null || lambda >= 0 ? null : -1 / lambda;
  return {
    ...STREAMS,
    layers: spectra,
    largest,
    forgetting_time: first === null
      ? { value: 0, standard_error: null }
      : { value: time, standard_error: time && time ** 2 * largest.standard_error! },
  };
}

function recall(time: number, random: Random): RunDynamics["byte_recall"] {
  const bits = Array.from({ length: 60 }, (_, lag) => ENTROPY * Math.exp(-((lag / (0.6 * time + 1)) ** 1.3)));
  const kept = bits.filter((value) => value > 0.02),
    lags = kept.map((value, lag) => ({
      lag,
      bits: { value: value - 0.005 * random(), standard_error: 0.01 + 0.02 * random() },
      shuffled: -0.02,
    }));
  const total = kept.reduce((sum, value) => sum + value, 0);
  return {
    ...STREAMS,
    fitted: 16_384,
    scored: 16_384,
    entropy: ENTROPY,
    lags,
    total: around(total, 0.02, random),
    horizon: lags.length - 1,
  };
}

function fixedPoints(token: number, share: number, random: Random) {
  const starts = 32,
    slow = Math.floor(4 * random()),
    failed = Math.floor(6 * random()),
    converged = starts - slow - failed;
  const several = random() > 0.7, second = several ? Math.floor(converged / 3) : 0;
  return {
    token,
    share,
    starts,
    converged,
    slow,
    failed,
    points: [
      { found_from: converged - second, spectral_radius: 0.9, unstable: 0 },
      ...(several ? [{ found_from: second, spectral_radius: 1.2, unstable: 1 }] : []),
    ],
  };
}

function gates(result: FinishedResult, random: Random): NonNullable<RunDynamics["gates"]>["gates"] {
  const names: [boolean, string][] = result.cell === undefined
    ? [
      [result.use_input_gate, "input_gate_nn"],
      [result.use_input_gate, "state_input_gate_nn"],
      [result.use_state_gate, "z"],
      [result.use_forget_gate && result.use_state_gate, "f"],
      [result.use_output_gate, "output_gate_nn"],
    ]
    : [[true, "r"], [true, "z"]];
  const own = names.filter(([has]) => has).map(([, gate]) => gate);
  return Array.from({ length: result.n_layers }, (_, layer) => layer).flatMap((layer) =>
    own.map((gate) => {
      const below = 0.4 * random(), above = 0.5 * random();
      return {
        layer,
        gate,
        mean: { value: 0.5 * (1 - below - above) + 0.95 * above + 0.05 * below, standard_error: 0.004 },
        below: { value: below, standard_error: 0.006 },
        above: { value: above, standard_error: 0.006 },
      };
    })
  );
}

function agreement(bptt: number, time: number, random: Random) {
  const lost = 1 - Math.exp(-(bptt - 1) / (2 * time));
  return {
    cosine: 1 - 0.5 * lost,
    ratio: 1 - 0.4 * lost,
    cosine_standard_error: bptt === 1 ? 0 : 0.004 + 0.01 * random(),
    ratio_standard_error: bptt === 1 ? 0 : 0.004 + 0.01 * random(),
  };
}
