/** How runs are trained. */

/** The design's section 2 has the reasons. */
export interface TrainingSettings {
  /** Updates wanted: passes repeat until at least so many are done. */
  readonly steps: number;
  readonly batch: number;
  /** Bytes of one pass: `history − 1` updates. */
  readonly history: number;
  /** Steps between two logged values. */
  readonly log_every: number;
}

/** Updates that a run gets: whole passes, until `steps` are done. One that has done more already ends with the pass it is in. */
export function totalSteps({ steps, history }: TrainingSettings, stepsDone = 0): number {
  return Math.ceil(Math.max(steps, stepsDone) / (history - 1)) * (history - 1);
}
