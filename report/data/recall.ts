/** Byte recall by lag, over the seeds of a configuration. */
import type { Estimate } from "../../train/dynamics/estimate.ts";
import type { MergedRow } from "./merged.ts";
import { meanOverSeeds, measuresOf } from "./seed_estimates.ts";

/** The recall of what was read so many steps ago, bits. */
export interface RecallPoint extends Estimate {
  /** 0 is what was read last. */
  readonly lag: number;
}

/** The mean over the seeds at each lag that all of them have. */
export function meanRecall(row: MergedRow): RecallPoint[] {
  const [first = [], ...others] = measuresOf(row, ({ byte_recall }) => byte_recall?.lags);
  return first.flatMap(({ lag, bits }) => {
    const same = others.flatMap((lags) => lags.find((one) => one.lag === lag)?.bits ?? []);
    const point = meanOverSeeds([bits, ...same]);
    return same.length === others.length && point.value !== null ? [{ ...point, lag }] : [];
  });
}
