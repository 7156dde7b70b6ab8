/** The dynamics of runs as rows have them: of one run, and of a configuration over its seeds. */
import { DYNAMICS_METRICS, type DynamicsMetric } from "../../experiments/study/dynamics_metrics.ts";
import type { RunDynamics } from "../../experiments/study/dynamics_file.ts";
import { runKey } from "../../experiments/study/run_key.ts";
import { type MergedRow, type Spread, spreadOf } from "./merged.ts";
import type { RunRow, RunTable } from "./rows.ts";

/** The rows of a table, each with its run's dynamics where these were measured. @param measured by the runs' keys */
export function withDynamics(table: RunTable, measured: ReadonlyMap<string, RunDynamics>): RunTable {
  if (!measured.size) return table;
  const rows = table.rows.map((row): RunRow => {
    const dynamics = measured.get(runKey(row.id, row.seed));
    return dynamics ? { ...row, dynamics } : row;
  });
  return { ...table, rows };
}

/** Runs whose dynamics were measured. */
export type MeasuredRun = RunRow & { readonly dynamics: RunDynamics };

export function isMeasured(run: RunRow): run is MeasuredRun {
  return run.dynamics !== undefined;
}

/** A metric of a run's dynamics; undefined where it was not measured, or has no value. */
export function dynamicsOfRun({ dynamics }: RunRow, metric: DynamicsMetric): number | undefined {
  return (dynamics && metric.of(dynamics)?.value) ?? undefined;
}

/** The same of a configuration, over the seeds that have it; undefined where none has. */
export function dynamicsOf({ runs }: MergedRow, metric: DynamicsMetric): Spread | undefined {
  const values = runs.flatMap((run) => dynamicsOfRun(run, metric) ?? []);
  return values.length ? spreadOf(values) : undefined;
}

/** The metrics that some of these rows have. */
export function metricsMeasured(
  rows: readonly MergedRow[],
  metrics: readonly DynamicsMetric[] = DYNAMICS_METRICS,
): DynamicsMetric[] {
  return metrics.filter((metric) => rows.some((row) => dynamicsOf(row, metric) !== undefined));
}
