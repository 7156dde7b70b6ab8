/**
 * Made-up results of a study that asks what baselines and learning rates are for: gated configurations, other cells beside them, and some of
 * both at other rates. What differs is planted, seed by seed.
 */
import { type CellConfig, configId } from "../../cells/config.ts";
import { catalogConfig } from "../../cells/catalog/catalog.ts";
import { type Factor, factorOf } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import type { RunResult } from "../../experiments/study/result.ts";
import { syntheticResults } from "./synthetic_results.ts";

/** The training factor that these results vary. */
export const RATE: Factor = factorOf(GATED, "learning_rate");

/** Of three seeds what a cell's test score lies above a round number, bits per byte: noise that pairs do not share. */
export const SEED_NOISE = [0, 0.004, -0.002] as const;

/** The gated configurations of one size, each with these seeds. */
export function gatedResults(seeds: readonly number[] = [0, 1, 2], layers: number[] = [2]): RunResult[] {
  return seeds.flatMap((seed) => syntheticResults({ layers, state_sizes: [256], seed, steps: 5000 }))
    .filter(({ use_residual }) => use_residual);
}

/** What a run of another cell comes to. */
export interface OtherRun {
  readonly layers?: number;
  readonly state_size?: number;
  readonly rate?: number;
  readonly parameters?: number;
  readonly seeds?: readonly number[];
  /** Lowest training loss, nats per byte; the test score is as many bits and a tenth. */
  readonly loss: number;
}

/** Runs of a cell of the catalog, a seed each: their losses are the asked one and the seed's planted noise. */
export function otherResults(
  cell: string,
  { layers = 2, state_size = 256, rate = 0.001, parameters = 500_000, seeds = [0, 1, 2], loss }: OtherRun,
): RunResult[] {
  return seeds.map((seed) => {
    const [template] = syntheticResults({ layers: [1], state_sizes: [256], seed, steps: 5000 });
    const lowest = loss + SEED_NOISE[seed % SEED_NOISE.length], by = lowest - template["min loss"]!;
    const config = { ...catalogConfig(cell, layers, state_size), ...(rate === 0.001 ? {} : { [RATE.key]: rate }) };
    return {
      ...template,
      ...config,
      id: configId(config as CellConfig),
      parameters,
      loss: template.loss!.map((value) => value + by),
      "min loss": lowest,
      test_loss: lowest + 0.1,
      test_bits_per_byte: (lowest + 0.1) / Math.LN2,
    } as RunResult;
  });
}

/** The same run at another rate, with so much more of a loss, nats per byte. */
export function atRate(result: RunResult, rate: number, more: number): RunResult {
  const config = Object.fromEntries(
    GATED.factors.flatMap(({ key }) => result[key] === undefined ? [] : [[key, result[key]]]),
  );
  const rated = { ...config, [RATE.key]: rate } as unknown as CellConfig;
  return {
    ...result,
    ...rated,
    id: configId(rated),
    loss: result.loss!.map((value) => value + more),
    "min loss": result["min loss"]! + more,
    test_loss: result.test_loss! + more,
    test_bits_per_byte: (result.test_loss! + more) / Math.LN2,
  };
}

/** The ids of the gated configurations, the lowest mean loss first. */
export function ranked(results: readonly RunResult[]): string[] {
  const means = [...Map.groupBy(results, ({ id }) => id)].map(([id, runs]) =>
    [id, runs.reduce((sum, run) => sum + run["min loss"]!, 0) / runs.length] as const
  );
  return means.sort(([, a], [, b]) => a - b).map(([id]) => id);
}

/** 48 gated configurations with three seeds, three other cells, and the best five and these at three rates. */
export function comparedResults(): RunResult[] {
  const gated = gatedResults(), best = ranked(gated).slice(0, 5);
  const rated = gated.filter(({ id }) => best.includes(id)).flatMap((result) => {
    const place = best.indexOf(result.id);
    return [atRate(result, 0.0003, 0.08 - 0.002 * place), atRate(result, 0.003, -0.03 + 0.012 * place)];
  });
  return [...gated, ...rated, ...baselineResults()];
}

/** GRU, LSTM and minGRU at about equal parameters, each at three rates. */
export function baselineResults(): RunResult[] {
  const cells = [["gru", 1.44, 204], ["lstm", 1.452, 176], ["min_gru", 1.62, 360]] as const;
  return cells.flatMap(([cell, loss, state_size], i) =>
    [[0.0003, 0.07], [0.001, 0], [0.003, -0.02 + 0.02 * i]].flatMap(([rate, more]) =>
      otherResults(cell, { state_size, rate, loss: loss + more, parameters: 510_000 + 1000 * i })
    )
  );
}
