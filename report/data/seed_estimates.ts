/** Measures of the dynamics of a configuration, over its seeds, with their standard errors. */
import type { RunDynamics } from "../../experiments/study/dynamics_file.ts";
import type { Estimate } from "../../train/dynamics/estimate.ts";
import type { MergedRow } from "./merged.ts";

/** A measure of each run of a configuration that has it, by seed. */
export function measuresOf<Value>({ runs }: MergedRow, of: (dynamics: RunDynamics) => Value | undefined): Value[] {
  return runs.map(({ dynamics }) => dynamics && of(dynamics)).filter((one) => one !== undefined);
}

/** The configurations of which a run has a measure. */
export function measuredRows(
  rows: readonly MergedRow[],
  of: (dynamics: RunDynamics) => unknown = (dynamics) => dynamics,
): MergedRow[] {
  return rows.filter((row) => measuresOf(row, of).length > 0);
}

/**
 * The mean of an estimate over the seeds of a configuration. Its standard error is that of the measuring, `√(Σ seᵢ²) / K`: how sure the mean of
 * these very models is, not how far those of other seeds would lie. Null where a seed has no value; no error where one has none.
 */
export function meanOverSeeds(estimates: readonly Estimate[]): Estimate {
  const { length } = estimates, values = estimates.flatMap(({ value }) => value ?? []);
  if (!length || values.length < length) return { value: null, standard_error: null };
  const errors = estimates.flatMap(({ standard_error }) => standard_error ?? []);
  const squares = errors.reduce((sum, error) => sum + error ** 2, 0);
  return {
    value: values.reduce((sum, one) => sum + one, 0) / length,
    standard_error: errors.length < length ? null : Math.sqrt(squares) / length,
  };
}
