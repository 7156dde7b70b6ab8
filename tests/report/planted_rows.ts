/** Rows of the 432 configurations of experiment 01 with losses that a test chooses. */
import { type CellConfig, configId } from "../../cells/config.ts";
import { contrastOf, factorOf, type FactorTable } from "../../cells/factor.ts";
import { GATED_SPACE } from "../../cells/catalog/catalog.ts";
import { GATED } from "../../cells/factors.ts";
import { grid } from "../../experiments/study/grid.ts";
import type { RandomStream } from "../../train/corpus/random.ts";
import { type FactorContrast, Matching } from "../../report/statistics/matched.ts";
import { type RunRow, tableOf } from "../../report/data/rows.ts";
import { syntheticResults } from "./synthetic_results.ts";

const [template] = tableOf(syntheticResults({ layers: [1], steps: 100 })).rows;

/** A row of this configuration; its test score is the loss in bits. */
export function plantedRow(config: CellConfig, min_loss: number, more: Partial<RunRow> = {}): RunRow {
  return { ...template, config, id: configId(config), min_loss, test_bits_per_byte: min_loss / Math.LN2, ...more };
}

/** The whole grid, once per seed; `loss` is told the configuration, the seed, and the place in the grid. */
export function plantedRows(
  loss: (config: CellConfig, seed: number, index: number) => number,
  seeds = 1,
): RunRow[] {
  return Array.from({ length: seeds }, (_, seed) => seed).flatMap((seed) =>
    grid().map((config, i) => plantedRow(config, loss(config, seed, i), { seed }))
  );
}

/** A draw from the exponential distribution of mean 1: as skewed as noise of a training run may be. */
export function exponential(stream: RandomStream): number {
  return -Math.log(1 - stream.uniform());
}

/** How far a share of `count` trials may lie from its probability: 2.58 binomial standard errors (1 in 100 leaves them). */
export function samplingError(probability: number, count: number): number {
  return 2.58 * Math.sqrt(probability * (1 - probability) / count);
}

/** The contrasts of these factors, off to on or as their table says. */
export function contrastsOf(keys: readonly string[], table: FactorTable = GATED): FactorContrast[] {
  return keys.map((key) => {
    const factor = factorOf(table, key), [from, to] = contrastOf(factor)!;
    return { factor, from, to };
  });
}

/** Rows whose effects are asked for. */
export function matchingOf(rows: readonly RunRow[]): Matching {
  return new Matching(rows, GATED_SPACE);
}
