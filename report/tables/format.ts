/** How tables, words and pictures write numbers. */

/** What stands for a value that there is not. */
export const NONE = "–";

/** A number to so many decimals, with a true minus sign. What rounds to nothing has no sign. */
export function formatFixed(value: number, decimals: number): string {
  const text = value.toFixed(decimals);
  return text.replace("-", Number(text) === 0 ? "" : "−");
}

/** Nats or bits, to three decimals, with a true minus sign. */
export function formatLoss(loss: number): string {
  return formatFixed(loss, 3);
}

/**
 * A number on an axis that is `span` long: to the decimals of {@linkcode formatLoss}, or to so many more that the axis' numbers differ; as a
 * power of ten where it would be wider than a picture has room for.
 */
export function formatOnAxis(value: number, span: number, decimals = 3): string {
  const needed = span > 0 ? Math.max(decimals, 1 - Math.floor(Math.log10(span))) : decimals;
  const text = needed > 5 || Math.abs(value) >= 1e6 ? `${Number(value.toPrecision(3))}` : value.toFixed(needed);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace(/^-/, "−");
}

/** The mean of a loss over its seeds, and their standard deviation where there are several: `1.812 ± 0.004`. */
export function formatSpread({ mean, deviation }: { mean: number; deviation: number | undefined }): string {
  return deviation === undefined ? formatLoss(mean) : `${formatLoss(mean)} ± ${formatLoss(deviation)}`;
}

/** Less than this is what rounding leaves of zero. */
const ROUNDING = 1e-9;

/**
 * A difference in nats or bits, with its sign: to three decimals, and one that these would show as nothing to two significant digits. Zero, and what
 * rounding leaves of it, has no sign.
 */
export function formatDifference(difference: number): string {
  const size = Math.abs(difference);
  if (size < ROUNDING) return formatLoss(0);
  return (difference < 0 ? "−" : "+") + formatSize(size);
}

/** How large a difference is, without its sign: see {@linkcode formatDifference}. */
export function formatSize(size: number): string {
  return size < 0.0005 && size >= ROUNDING ? `${Number(size.toPrecision(2))}`.replace("-", "−") : formatLoss(size);
}

/** A p-value, to three decimals. */
export function formatP(p: number): string {
  return p < 0.001 ? "< 0.001" : p.toFixed(3);
}

/** A rank correlation, to two decimals, with a true minus sign. */
export function formatTau(tau: number): string {
  return formatFixed(tau, 2);
}

/** Seconds as a person says them: `38 s`, `12 min`, `2 h 05 min`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 99.5) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 100) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** A text as a sentence begins with it. */
export function capital(text: string): string {
  return text[0].toUpperCase() + text.slice(1);
}
