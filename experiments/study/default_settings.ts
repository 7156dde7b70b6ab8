/** Settings of a new study, where nothing else is asked for. */
import type { StudySettings } from "./schema.ts";

/** Training settings of a new study (design, sections 2 and 3). */
export const DEFAULT_TRAINING: StudySettings["training"] = {
  steps: { "01": 10_000, "02": 50_000 },
  log_every: { "01": 50, "02": 100 },
  batch: 256,
  history: 1000,
};

/** Seeds of a new study: with one no interval can be given, with two it is wide (docs/statistics.md). */
export const DEFAULT_SEEDS = 3;
