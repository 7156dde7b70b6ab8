/** A run as a TensorBoard event file: its curve and scores as scalars, its configuration as hyperparameters. */
import { configIn } from "../../cells/config.ts";
import { type Configuration, type FactorTable, isSize, valueOf } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import { cellName } from "../../cells/cell_name.ts";
import type { Metric } from "../../experiments/study/metric.ts";
import { METRICS } from "../../experiments/study/metrics.ts";
import { dateIn, type RunResult, type TIME_KEYS } from "../../experiments/study/result.ts";
import { encodeEvent, encodeHParams, type Event, type HParamsPluginData, type HParamValue } from "./event_proto.ts";
import { statusOf } from "./columns.ts";
import { longestCurve } from "./tables.ts";
import { encodeRecords } from "./tfrecord.ts";

/** The same for each run and each time: of two event files in one folder, TensorBoard would show both. */
export const EVENT_FILE = "events.out.tfevents.cellspace";

/** TensorBoard's numbers: `Status` of the hparams plugin's api.proto, and `DT_FLOAT`. */
const STATUS = { done: 1, failed: 2 } as const;
const DT_FLOAT = 1;

/**
 * A run's folder, which TensorBoard shows as its name and filters by: `2x256_forget-state-new-residual_seed0_d6f462b5`, with the
 * sizes, {@linkcode cellName}, seed, and the first letters of the id: `-residual`, `^2x256` or `seed0` find what they say.
 */
export function runFolderName(result: RunResult, table: FactorTable = GATED): string {
  const config = configIn(result, table);
  const sizes = table.factors.filter(isSize).map((factor) => `${valueOf(factor, config)}`).join("x");
  return `${sizes}_${cellName(config, table)}_seed${result.seed}_${result.id.slice(0, 8)}`;
}

/**
 * The bytes of a run's event file, with a scalar for each metric that has a tag. A loss has the time that its step would have had at an even
 * pace between the run's start and end: nobody keeps the times of steps.
 */
export function eventFileOf(
  result: RunResult,
  table: FactorTable = GATED,
  metrics: readonly Metric[] = METRICS,
): Uint8Array<ArrayBuffer> {
  return encodeRecords([...eventsOf(result, table, metrics)].map(encodeEvent));
}

function* eventsOf(result: RunResult, table: FactorTable, metrics: readonly Metric[]): Generator<Event> {
  const { loss, steps, end: endKey } = longestCurve(result);
  // A clock may have been wrong, or set back while the run went on: TensorBoard asks for times that are some, in order.
  const started = secondsIn(result, "start time"), ended = endKey && secondsIn(result, endKey);
  const start = started ?? ended ?? 0, end = Math.max(start, ended ?? start);
  const status = statusOf(result);
  yield { wall_time: start, file_version: "brain.Event:2" };
  yield hparamsEvent("_hparams_/session_start_info", start, {
    // Runs of one configuration, which differ by seed alone, are one line of the table.
    session_start_info: {
      hparams: hparamsOf(configIn(result, table), table),
      group_name: result.id,
      start_time_secs: start,
    },
  });
  for (const [i, value] of loss.entries()) {
    const step = (i + 1) * result.log_every;
    yield scalarEvent("loss/smoothed", start + (end - start) * Math.min(1, step / steps), step, value);
  }
  for (const { key, scalar: tag } of metrics) {
    const value = result[key];
    if (tag !== undefined && typeof value === "number") {
      yield scalarEvent(tag, Math.max(start, secondsIn(result, "end time") ?? end), result.steps_done ?? steps, value);
    }
  }
  if (status !== "running") {
    yield hparamsEvent("_hparams_/session_end_info", end, {
      session_end_info: { status: STATUS[status], end_time_secs: end },
    });
  }
}

/** Unix seconds as they stand in the result, where they are a time. */
function secondsIn(result: RunResult, key: typeof TIME_KEYS[number]): number | undefined {
  return dateIn(result, key) ? result[key] : undefined;
}

function scalarEvent(tag: string, wall_time: number, step: number, simple_value: number): Event {
  return { wall_time, step, summary: { value: [{ tag, simple_value }] } };
}

/** What the hparams plugin reads lies in the metadata; the value beside it is an empty vector. */
function hparamsEvent(tag: string, wall_time: number, data: HParamsPluginData): Event {
  const metadata = { plugin_data: { plugin_name: "hparams", content: encodeHParams(data) } };
  const tensor = { dtype: DT_FLOAT, tensor_shape: { dim: [{ size: 0 }] } };
  return { wall_time, summary: { value: [{ tag, metadata, tensor }] } };
}

/** A value for each factor, those first that a configuration may leave out. */
function hparamsOf(config: Configuration, { factors }: FactorTable): Record<string, HParamValue> {
  return Object.fromEntries(
    factors.toSorted((a, b) => Number(b.default !== undefined) - Number(a.default !== undefined))
      .map((factor) => [factor.key, hparamValue(valueOf(factor, config))]),
  );
}

function hparamValue(value: string | number | boolean): HParamValue {
  if (typeof value === "boolean") return { bool_value: value };
  return typeof value === "number" ? { number_value: value } : { string_value: value };
}
