/** What the table of runs says of their dynamics: a column for each metric, and one for its standard error where it has one. */
import type { DynamicsSettings } from "../../train/dynamics/measure.ts";
import type { RunDynamics } from "../../experiments/study/dynamics_file.ts";
import {
  DYNAMICS_METRICS,
  type DynamicsMetric,
  errorColumn,
  settingsColumn,
} from "../../experiments/study/dynamics_metrics.ts";
import { runKey } from "../../experiments/study/run_key.ts";
import type { RunResult } from "../../experiments/study/result.ts";
import type { Column, Value } from "../data/table.ts";

/** How runs were measured; the table of single numbers has no place for it. */
const SETTINGS: Readonly<Record<keyof DynamicsSettings, string>> = {
  streams: "parallel streams of the test split that dynamics were measured on",
  tokens: "measured bytes or tokens (see tokens) per stream, at most",
  exponents: "Lyapunov exponents of each layer, at most",
};

/** The columns; none where nothing was measured, so that such a table is as it always was. @param measured by the runs' keys */
export function dynamicsColumns(measured: ReadonlyMap<string, RunDynamics>): Column<RunResult>[] {
  if (!measured.size) return [];
  const column = (
    name: string,
    type: "int" | "double",
    about: string,
    of: (dynamics: RunDynamics) => Value | undefined,
  ): Column<RunResult> => ({
    name,
    type,
    about,
    of: ({ id, seed }) => {
      const dynamics = measured.get(runKey(id, seed));
      return (dynamics && of(dynamics)) ?? null;
    },
  });
  const ofMetric = (metric: DynamicsMetric) => {
    const { key, about, hasError, of } = metric;
    return [
      column(key, "double", about, (dynamics) => of(dynamics)?.value),
      ...(hasError
        ? [
          column(errorColumn(metric), "double", `standard error of ${key} over streams`, (dynamics) =>
            of(dynamics)?.standard_error),
        ]
        : []),
    ];
  };
  const settings = Object.entries(SETTINGS) as [keyof DynamicsSettings, string][];
  return [
    ...DYNAMICS_METRICS.flatMap(ofMetric),
    ...settings.map(([key, about]) => column(settingsColumn(key), "int", about, ({ settings }) => settings[key])),
  ];
}
