/**
 * What was measured of the dynamics of one run's model, as it stands in `dynamics_*\/<id>.json`. Results stay as they are: this file is bound to
 * the model by its SHA-256, and is measured again where the model is another one.
 */
import * as z from "zod";
import type { ByteRecall } from "../../train/dynamics/byte_recall.ts";
import type { EchoState } from "../../train/dynamics/echo_state.ts";
import type { Estimate } from "../../train/dynamics/estimate.ts";
import type { FixedPoints } from "../../train/dynamics/fixed_points.ts";
import type { GateActivities } from "../../train/dynamics/gates.ts";
import type { LyapunovSpectrum } from "../../train/dynamics/lyapunov.ts";
import type { ParticipationRatio } from "../../train/dynamics/participation_ratio.ts";
import type { TruncationGap } from "../../train/dynamics/truncation_gap.ts";
import {
  type DynamicsSettings,
  type Measure,
  type MeasuredDynamics,
  type MeasuredModel,
  type MeasureResults,
  MEASURES,
} from "../../train/dynamics/measure.ts";
import { parseWith } from "../../cells/config.ts";
import { UserError } from "../../cells/errors.ts";
import { runKey } from "./run_key.ts";
import { idSchema } from "./result.ts";

const count = z.number().int().nonnegative();
const positive = z.number().int().positive();
const share = z.number().min(0).max(1);
const optionalNumber = z.number().nullable();

const estimateSchema: z.ZodType<Estimate> = z.object({ value: optionalNumber, standard_error: optionalNumber });
const streamFields = { streams: positive, tokens: positive, warm_up: count };

const lyapunovSchema: z.ZodType<LyapunovSpectrum> = z.object({
  ...streamFields,
  layers: z.array(z.object({ numbers: positive, exponents: z.array(estimateSchema) })),
  largest: estimateSchema,
  forgetting_time: estimateSchema,
});

const echoStateSchema: z.ZodType<EchoState> = z.object({
  streams: positive,
  starts: positive,
  tokens: positive,
  tolerance: z.number().positive(),
  merged_share: estimateSchema,
  responses: estimateSchema,
  merged_after: estimateSchema,
  diverged: count,
});

const byteRecallSchema: z.ZodType<ByteRecall> = z.object({
  ...streamFields,
  fitted: positive,
  scored: positive,
  entropy: z.number(),
  lags: z.array(z.object({ lag: count, bits: estimateSchema, shuffled: z.number() })),
  total: estimateSchema,
  horizon: count.nullable(),
});

const fixedPointsSchema: z.ZodType<FixedPoints> = z.object({
  tolerance: z.number().positive(),
  slow_tolerance: z.number().positive(),
  tokens: z.array(z.object({
    token: count,
    share,
    starts: positive,
    converged: count,
    slow: count,
    failed: count,
    points: z.array(z.object({ found_from: positive, spectral_radius: z.number().nonnegative(), unstable: count })),
  })),
});

const participation = z.object({ value: optionalNumber, standard_error: optionalNumber, numbers: positive });
const participationSchema: z.ZodType<ParticipationRatio> = z.object({
  ...streamFields,
  whole: participation,
  layers: z.array(participation),
});

const gatesSchema: z.ZodType<GateActivities> = z.object({
  ...streamFields,
  gates: z.array(z.object({
    layer: count,
    gate: z.string().min(1),
    mean: estimateSchema,
    below: estimateSchema,
    above: estimateSchema,
  })),
});

const agreementSchema = z.object({
  cosine: optionalNumber,
  ratio: optionalNumber,
  cosine_standard_error: optionalNumber,
  ratio_standard_error: optionalNumber,
});
const truncationGapSchema: z.ZodType<TruncationGap> = z.object({
  ...streamFields,
  loss: z.number(),
  gaps: z.array(z.object({ bptt: positive, whole: agreementSchema, weights: z.record(z.string(), agreementSchema) })),
  untrained_at_1: z.array(z.string()),
});

const MEASURE_SCHEMAS: { readonly [M in Measure]: z.ZodType<MeasureResults[M]> } = {
  lyapunov: lyapunovSchema,
  echo_state: echoStateSchema,
  byte_recall: byteRecallSchema,
  fixed_points: fixedPointsSchema,
  participation_ratio: participationSchema,
  gates: gatesSchema,
  truncation_gap: truncationGapSchema,
};

const settingsSchema: z.ZodType<DynamicsSettings> = z.object({
  streams: positive,
  tokens: positive,
  exponents: positive,
});

const optionalMeasures = Object.fromEntries(
  MEASURES.map((measure) => [measure, MEASURE_SCHEMAS[measure].optional()]),
) as { readonly [M in Measure]: z.ZodOptional<(typeof MEASURE_SCHEMAS)[M]> };

/** What was measured of the dynamics of one run's model; a measure that could not be taken is absent. */
export interface RunDynamics extends MeasuredDynamics, Omit<MeasuredModel, "measured"> {
  /** Of the configuration. */
  readonly id: string;
  /** Of the run. */
  readonly seed: number;
  /** Of the version that has measured it. */
  readonly cellspace_version: string;
  /** Of the `.onnx` file that was measured. */
  readonly model_sha256: string;
  /** With other settings the run is measured again only if asked. */
  readonly settings: DynamicsSettings;
}

/** A file of `dynamics_*`. */
export const dynamicsSchema: z.ZodType<RunDynamics> = z.object({
  id: idSchema,
  seed: count,
  cellspace_version: z.string(),
  model_sha256: z.string().regex(/^[0-9a-f]{64}$/),
  settings: settingsSchema,
  not_measured: z.partialRecord(z.enum(MEASURES), z.string()),
  seconds: z.number().nonnegative(),
  ...optionalMeasures,
});

/**
 * @param key of the run that the file must be of
 * @throws {UserError} naming the file, and each wrong key of what was parsed from it
 */
export function parseDynamics(value: unknown, file: string, key: string): RunDynamics {
  const dynamics = parseWith(dynamicsSchema, value, file), named = runKey(dynamics.id, dynamics.seed);
  if (named === key) return dynamics;
  throw new UserError(`Cannot read ${file}: it is of run ${named}, must be of ${key}`);
}
