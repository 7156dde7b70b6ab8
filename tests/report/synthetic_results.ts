/** Made-up results with plausible curves, from a seed: input for the report's tests, and for a look at its pictures. */
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { type CellConfig, configId } from "../../cells/config.ts";
import { GATED } from "../../cells/factors.ts";
import type { RunResult } from "../../experiments/study/result.ts";
import { ORIGINAL_SWITCHES, type OriginalSwitchKey } from "../original_table.ts";

/** Which results to make up. */
export interface SyntheticOptions {
  layers?: number[];
  state_sizes?: number[];
  seed?: number;
  steps?: number;
  log_every?: number;
  dataset?: string;
}

/** All valid switch settings, in ORIGINAL_SWITCHES' order, off before on. */
export function switchSettings(): Record<OriginalSwitchKey, boolean>[] {
  const settings = Array.from(
    { length: 2 ** ORIGINAL_SWITCHES.length },
    (_, bits) => Object.fromEntries(ORIGINAL_SWITCHES.map(({ key }, i) => [key, (bits & (1 << i)) !== 0])),
  ) as Record<OriginalSwitchKey, boolean>[];
  return settings.filter(GATED.valid.holds);
}

/** One finished run of each configuration of experiment 01; 32 states only with a residual, so 432 by default. */
export function syntheticResults(options: SyntheticOptions = {}): RunResult[] {
  const { layers = [1, 2, 3], state_sizes = [32, 256] } = options;
  const configs = switchSettings().flatMap((switches) =>
    layers.flatMap((n_layers) => state_sizes.map((state_size) => ({ ...switches, n_layers, state_size })))
  );
  return configs.filter((c) => c.state_size !== 32 || c.use_residual).map((config, i) => finished(config, i, options));
}

/** The same run before its end: without its curve and its scores. */
export function unfinished(result: RunResult): RunResult {
  const gone = ["loss", "min loss", "end time", "steps_done", "train_seconds", "test_loss", "test_bits_per_byte"];
  return Object.fromEntries(Object.entries(result).filter(([key]) => !gone.includes(key))) as RunResult;
}

function finished(config: CellConfig, index: number, options: SyntheticOptions): RunResult {
  const { seed = 0, steps = 10_000, log_every = 50, dataset = "tinyshakespeare" } = options;
  const generator = xoroshiro128plus(1 + index + 1000 * seed);
  const random = () => uniformFloat64(generator);
  for (let i = 0; i < 8; i++) random();
  const loss = curve(floorOf(config) + 0.05 * random(), 350 + 500 * random(), steps / log_every, log_every, random);
  const seconds = 20 + 3 * config.n_layers + config.state_size / 4 + 5 * random();
  return {
    ...config,
    id: configId(config),
    "start time": 1_790_000_000,
    "end time": 1_790_000_000 + seconds,
    "training steps": steps,
    "batch size": 256,
    "history size": 1000,
    dataset,
    corpus_sha1: "0".repeat(40),
    seed,
    log_every,
    engine: "synthetic",
    adapter: "none",
    parameters: 1000 * config.n_layers * config.state_size,
    cellspace_version: "0.0.0",
    loss,
    "min loss": Math.min(...loss),
    steps_done: steps,
    train_seconds: seconds,
    test_loss: Math.min(...loss) + 0.1,
    test_bits_per_byte: (Math.min(...loss) + 0.1) / Math.LN2,
    test_bytes: 55_000,
    test_streams: 64,
    test_warm_up: 100,
  };
}

/** Where a configuration's loss ends, nats per byte: a made-up sum over its parts. */
function floorOf(config: CellConfig): number {
  const parts: [boolean, number][] = [
    [config.use_new_state, -0.28],
    [config.use_old_state, -0.05],
    [config.use_state_gate, -0.12],
    [config.use_forget_gate, -0.04],
    [config.use_input_gate, 0.03],
    [config.use_output_gate, 0],
    [config.use_residual, -0.08],
    [config.use_state_gate && config.use_forget_gate, 0.03],
    [config.use_residual && config.n_layers > 1, -0.06],
  ];
  const width = 0.5 * Math.log(256 / config.state_size) / Math.log(8);
  return 2.05 + width - 0.05 * (config.n_layers - 1) + parts.reduce((sum, [on, change]) => sum + (on ? change : 0), 0);
}

/** A smoothed loss as the trainer logs it: it starts from 3.0, follows the first high losses up, then falls. */
function curve(floor: number, scale: number, count: number, every: number, random: () => number): number[] {
  let smoothed = 3;
  return Array.from({ length: Math.floor(count) }, (_, i) => {
    const raw = floor + (5.5 - floor) / (1 + (i + 1) * every / scale * 5) + 0.06 * (random() - 0.5);
    const kept = 0.95 ** Math.min(every, 50);
    smoothed = kept * smoothed + (1 - kept) * raw;
    return smoothed;
  });
}
