/** Results -> the tables for other tools: runs, curves, and what the columns mean. */
import type { RunDynamics } from "../../experiments/study/dynamics_file.ts";
import type { RunResult } from "../../experiments/study/result.ts";
import type { FactorTable } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import type { Column, Table } from "../data/table.ts";
import { CURVE_COLUMNS, type LoggedLoss, runColumns } from "./columns.ts";
import { dynamicsColumns } from "./dynamics_columns.ts";
import { DYNAMICS_COLUMNS, type DynamicsRow, dynamicsRows } from "./dynamics_rows.ts";

/** A run's smoothed loss: value `i`, from 0, was logged after `(i + 1) * log_every` steps. */
export interface LossCurve {
  readonly loss: readonly number[];
  /** Steps that the run did on it, and the key of when it ended; none of a run that is under way. */
  readonly steps: number;
  readonly end: "end time" | "failed_time" | undefined;
}

/** The longer one, where a run was done and failed on its way to more steps: it begins with what was done. */
export function longestCurve(result: RunResult): LossCurve {
  const { loss = [], loss_before_failure = [] } = result;
  return result.failed !== undefined && loss_before_failure.length >= loss.length
    ? { loss: loss_before_failure, steps: result.failed_at_step ?? 0, end: "failed_time" }
    : { loss, steps: result.steps_done ?? 0, end: result["end time"] === undefined ? undefined : "end time" };
}

/** The tables by the names of their files. */
export type ExportTables = {
  readonly runs: Table<RunResult>;
  readonly curves: Table<LoggedLoss>;
  /** Absent where no dynamics were measured. */
  readonly dynamics?: Table<DynamicsRow>;
};

/**
 * The tables of these runs: `runs` has one row per result, and a column for each factor of the table.
 *
 * @param measured dynamics of runs, by the runs' keys
 */
export function tablesOf(
  results: readonly RunResult[],
  table: FactorTable = GATED,
  measured: ReadonlyMap<string, RunDynamics> = new Map(),
): ExportTables {
  const curves = results.flatMap((result) =>
    longestCurve(result).loss.map((smoothed_loss, i): LoggedLoss => ({
      id: result.id,
      seed: result.seed,
      step: (i + 1) * result.log_every,
      smoothed_loss,
    }))
  );
  return {
    runs: { columns: [...runColumns(table), ...dynamicsColumns(measured)], rows: results },
    curves: { columns: CURVE_COLUMNS, rows: curves },
    ...(measured.size ? { dynamics: { columns: DYNAMICS_COLUMNS, rows: dynamicsRows(results, measured) } } : {}),
  };
}

/** A table about the columns of other tables, for formats that cannot say it themselves. */
export function columnsTable(tables: Readonly<Record<string, Pick<Table<never>, "columns">>>): Table<string[]> {
  const rows = Object.entries(tables).flatMap(([table, { columns }]) =>
    columns.map(({ name, type, about }) => [table, name, type, about])
  );
  const columns = ["table", "column", "type", "about"].map((name, i): Column<string[]> => (
    { name, type: "string", about: "", of: (row) => row[i] }
  ));
  return { columns, rows };
}
