/** How a long measure is watched and stopped. */

/** Hooks of a measure; all of it may be absent. */
export interface Watched {
  /** Called now and then with how much of all is done. The unit is the measure's own. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Stops it: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}
