/** How long measuring the dynamics of runs will take: plain numbers, from the runs that this call has measured. */
import { stepSeconds, type StepTime } from "./pace.ts";

/** A run under way. */
interface UnderWay {
  readonly cost: number;
  /** Milliseconds. */
  readonly begun: number;
  /** How much of it is done, from 0 to 1. */
  share: number;
}

/** Follows the runs that one call measures, and tells how long the rest will take. */
export class DynamicsPace {
  readonly #waiting: Map<string, number>;
  readonly #running = new Map<string, UnderWay>();
  readonly #measured: StepTime[] = [];

  /**
   * @param costs of all runs, by key
   * @param parallel runs that are measured at once
   * @param now milliseconds, of a clock that never goes back
   */
  constructor(
    costs: ReadonlyMap<string, number>,
    private readonly parallel: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#waiting = new Map(costs);
  }

  begin(key: string): void {
    this.#running.set(key, { cost: this.#waiting.get(key)!, begun: this.now(), share: 0 });
    this.#waiting.delete(key);
  }

  progress(key: string, share: number): void {
    const run = this.#running.get(key);
    if (run) run.share = share;
  }

  /** @param seconds that it took; absent where it was not measured */
  end(key: string, seconds?: number): void {
    const run = this.#running.get(key);
    if (run && seconds !== undefined) this.#measured.push({ cost: run.cost, seconds });
    this.#running.delete(key);
  }

  /** Of the runs under way, how much of each is done, from 0 to 1. */
  get shares(): readonly number[] {
    return [...this.#running.values()].map(({ share }) => share);
  }

  /** Seconds for what is left; undefined where nothing is known yet. Before a run has been measured, those under way tell. */
  get secondsLeft(): number | undefined {
    const running = [...this.#running.values()];
    const known = this.#measured.length ? this.#measured : running.filter(({ share }) => share > 0)
      .map(({ cost, begun, share }) => ({ cost, seconds: (this.now() - begun) / 1000 / share }));
    if (!known.length) return undefined;
    const pace = { times: meanByCost(known), atATime: this.parallel };
    const left = [...this.#waiting.values()].map((cost) => stepSeconds(pace, cost))
      .concat(running.map(({ cost, share }) => (1 - share) * stepSeconds(pace, cost)));
    return left.reduce((sum, seconds) => sum + seconds, 0) / Math.max(1, Math.min(this.parallel, left.length));
  }
}

/** Each cost once, the lowest first. */
function meanByCost(times: readonly StepTime[]): StepTime[] {
  return [...Map.groupBy(times, ({ cost }) => cost)]
    .map(([cost, group]) => ({ cost, seconds: group.reduce((sum, { seconds }) => sum + seconds, 0) / group.length }))
    .sort((a, b) => a.cost - b.cost);
}
