/** The Lyapunov spectrum of a whole model, over the seeds of a configuration. */
import { maxOf, minOf } from "../../cells/extremes.ts";
import type { Estimate } from "../../train/dynamics/estimate.ts";
import type { LyapunovSpectrum } from "../../train/dynamics/lyapunov.ts";
import type { MergedRow } from "./merged.ts";
import { meanOverSeeds, measuresOf } from "./seed_estimates.ts";

/** An exponent of a model's spectrum. */
export interface RankedExponent extends Estimate {
  /** Its rank as a share of all exponents, in the middle of its step: `(i − ½) / n`, i from 1. */
  readonly share: number;
}

/** Where −∞ is sorted to. */
const valueOf = ({ value }: Estimate) => value ?? -Infinity;

/**
 * The largest exponents of a model: a stack's spectrum is the union of its layers' spectra. Where a layer has numbers whose exponents were not measured,
 * or are too small for float64, these lie somewhere below its last known one, and the union ends there. A layer without a known one forgets at once.
 */
export function unionOfLayers({ layers }: Pick<LyapunovSpectrum, "layers">): Estimate[] {
  const unknown = layers.flatMap(({ numbers, exponents }) => {
    if (!exponents.length) return [Infinity];
    const known = exponents.filter(({ value }) => value !== null);
    return known.length && known.length < numbers ? [valueOf(known[known.length - 1])] : [];
  });
  const least = maxOf(unknown);
  return layers.flatMap(({ exponents }) => exponents).filter((one) => valueOf(one) >= least)
    .toSorted((a, b) => valueOf(b) - valueOf(a) || 0);
}

/** The mean over a configuration's seeds, exponent by exponent; those without a value in a seed, and what lies below them, are left out. */
export function meanSpectrum(row: MergedRow): RankedExponent[] {
  const found = measuresOf(row, ({ lyapunov }) => lyapunov), unions = found.map(unionOfLayers);
  const length = minOf(unions.map(({ length }) => length)),
    n = found[0]?.layers.reduce((sum, { numbers }) => sum + numbers, 0);
  const means = Array.from({ length: found.length ? length : 0 }, (_, i): RankedExponent => ({
    ...meanOverSeeds(unions.map((union) => union[i])),
    share: (i + 0.5) / n,
  }));
  const end = means.findIndex(({ value }) => value === null);
  return end < 0 ? means : means.slice(0, end);
}
