/** Made-up results with several numbers of steps back: gated configurations, GRU and LSTM, with planted scores and losses, seed by seed. */
import { type CellConfig, configId } from "../../cells/config.ts";
import { catalogConfig } from "../../cells/catalog/catalog.ts";
import type { RunResult } from "../../experiments/study/result.ts";
import { syntheticResults } from "./synthetic_results.ts";
import { SEED_NOISE } from "./compared_results.ts";

const HISTORY = 1000, BATCH = 256, LOG_EVERY = 50;
/** What was asked for, updates of a run with one step back. */
const STEPS = 10_000;

/** What a configuration gains from more steps back, bits per byte of the score. */
export const GAIN: Readonly<Record<number, number>> = { 1: 0, 4: 0.25, 16: 0.375 };
/** Of the training loss half as many nats, so that it is seen which of both is compared. */
export const LOSS_GAIN: Readonly<Record<number, number>> = Object.fromEntries(
  Object.entries(GAIN).map(([k, gain]) => [k, gain / 2]),
);
/** Of the baselines, times as much. */
export const BASELINE_GAIN: Readonly<Record<string, number>> = { gru: 2, lstm: 0.5 };
/** What a training loss without its smoothing's start rises with each update, so that a wrong point is seen. */
export const RISE = 2 ** -20;

export interface StepsBackPlan {
  /** In what the runs are equal at their ends. */
  readonly budget?: "tokens" | "updates";
  readonly seeds?: readonly number[];
  readonly levels?: readonly number[];
  /** Without scores. */
  readonly isScored?: boolean;
  readonly cells?: readonly string[];
  /** How many gated configurations. */
  readonly gated?: number;
}

/** Updates of a run, by the rule of its budget. */
export function updatesOf(k: number, budget: "tokens" | "updates"): number {
  const inPass = Math.floor((HISTORY - 1) / k);
  return budget === "tokens" ? inPass * Math.ceil(STEPS / (HISTORY - 1)) : inPass * Math.ceil(STEPS / inPass);
}

/** The training loss after so many updates, nats, without its smoothing's start. */
export function plantedLoss(level: number, gain: number, updates: number): number {
  return level - gain + RISE * updates;
}

/** A run of each configuration with each number of steps back and each seed. */
export function stepsBackResults(plan: StepsBackPlan = {}): RunResult[] {
  const { seeds = [0, 1, 2], levels = [1, 4, 16], cells = ["gru", "lstm"], gated = 3 } = plan;
  const [template] = syntheticResults({ layers: [1], state_sizes: [256], steps: 1000 });
  const own = syntheticResults({ layers: [2], state_sizes: [256], steps: 1000 })
    .filter(({ use_new_state, use_state_gate, use_old_state, use_input_gate }) =>
      use_new_state && use_state_gate && !use_old_state && !use_input_gate
    ).slice(0, gated).map((result, i) => ({ config: configOf(result), level: 2 + 0.0625 * i, times: 1 }));
  const others = cells.map((cell, i) => ({
    config: catalogConfig(cell, 2, 200) as CellConfig,
    level: 1.9375 + 0.0625 * i,
    times: BASELINE_GAIN[cell] ?? 1,
  }));
  return [...own, ...others].flatMap((one) =>
    levels.flatMap((k) => seeds.map((seed) => runOf(template, { ...one, k, seed }, plan)))
  );
}

function configOf(result: RunResult): CellConfig {
  const { use_input_gate, use_state_gate, use_forget_gate, use_new_state, use_old_state } = result;
  const { use_residual, use_output_gate, n_layers, state_size } = result;
  return {
    n_layers,
    state_size,
    use_input_gate,
    use_state_gate,
    use_forget_gate,
    use_new_state,
    use_old_state,
    use_residual,
    use_output_gate,
  } as CellConfig;
}

interface OneRun {
  readonly config: CellConfig;
  readonly level: number;
  readonly times: number;
  readonly k: number;
  readonly seed: number;
}

function runOf(template: RunResult, run: OneRun, { budget = "tokens", isScored = true }: StepsBackPlan): RunResult {
  const { k, seed, times } = run, config = k === 1 ? run.config : { ...run.config, bptt: k };
  const level = run.level + SEED_NOISE[seed % SEED_NOISE.length], gain = times * (GAIN[k] ?? 0);
  const steps_done = updatesOf(k, budget);
  const loss = Array.from({ length: Math.floor(steps_done / LOG_EVERY) }, (_, i) => {
    const updates = (i + 1) * LOG_EVERY, left = 0.95 ** updates;
    return (1 - left) * plantedLoss(level, gain / 2, updates) + left * 3;
  });
  const bits = level + 0.5 - gain;
  const score = isScored
    ? {
      test_loss: bits * Math.LN2,
      test_bits_per_byte: bits,
      validation_bits_per_byte: bits + 0.125,
      validation_bytes: 50_000,
    }
    : { test_loss: undefined, test_bits_per_byte: undefined };
  return {
    ...template,
    ...config,
    id: configId(config),
    seed,
    "training steps": STEPS,
    steps_done,
    "batch size": BATCH,
    "history size": HISTORY,
    log_every: LOG_EVERY,
    loss,
    "min loss": Math.min(...loss),
    ...score,
  } as RunResult;
}

/** What another way of training changes, bits per byte by steps back. */
export interface Changed {
  readonly validation?: Readonly<Record<number, number>>;
  /** The validation's where absent. */
  readonly test?: Readonly<Record<number, number>>;
}

/** Results of the gated cell trained in another way, at another learning rate, say. */
export function trainedAt(
  results: readonly RunResult[],
  way: Pick<CellConfig, "learning_rate" | "optimizer">,
  { validation = {}, test = validation }: Changed = {},
): RunResult[] {
  return results.map((result): RunResult => {
    const k = result.bptt ?? 1, config = { ...configOf(result), ...way, ...(k > 1 && { bptt: k }) } as CellConfig;
    return {
      ...result,
      ...way,
      id: configId(config),
      test_bits_per_byte: result.test_bits_per_byte! + (test[k] ?? 0),
      validation_bits_per_byte: result.validation_bits_per_byte! + (validation[k] ?? 0),
    };
  });
}

/** The runs with one step back cut to 400 updates and without scores, so that those with 16 have no end and no logged loss in common with them. */
export function withoutCommonPoint(results: readonly RunResult[]): RunResult[] {
  return results.map((result): RunResult =>
    result.bptt === 16 ? result : {
      ...result,
      steps_done: 400,
      loss: result.loss!.slice(0, 8),
      test_loss: undefined,
      test_bits_per_byte: undefined,
    }
  );
}
