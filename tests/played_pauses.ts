/** Pauses that pass at once. */
export interface PlayedPauses extends Disposable {
  /** Milliseconds of each, in their order. */
  readonly pauses: readonly number[];
}

/**
 * Until it is disposed of, timers are due at once, and `performance.now()` goes on by what they were to wait.
 *
 * @param longest milliseconds; longer ones, which are there to be cleared, wait as ever
 */
export function playPauses(longest: number = Infinity): PlayedPauses {
  const { setTimeout } = globalThis, { now } = performance, pauses: number[] = [];
  let time = now.call(performance);
  performance.now = () => time;
  globalThis.setTimeout = Object.assign((run: () => void, wait: number = 0) => {
    if (wait > longest) return setTimeout(run, wait);
    time += wait;
    pauses.push(wait);
    return setTimeout(run, 0);
  }, setTimeout);
  return {
    pauses,
    [Symbol.dispose]() {
      performance.now = now;
      globalThis.setTimeout = setTimeout;
    },
  };
}
