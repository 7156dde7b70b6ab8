/** How far two gradients agree, and how sure that is. */
import { jackknife } from "./jackknife.ts";

/** How far the mean gradient through one step agrees with that through several. */
export interface GradientAgreement {
  /** Cosine of the angle between them; null where one of them is zero or there is none. */
  readonly cosine: number | null;
  /** Norm of the first by that of the second; 0 where there is no first one, null where the second is zero or there is none. */
  readonly ratio: number | null;
  /** Standard error of the cosine over the streams, by the jackknife; null where there is one stream, or no cosine. */
  readonly cosine_standard_error: number | null;
  /** The same of the ratio. */
  readonly ratio_standard_error: number | null;
}

/** Inner products of two gradients: `g₁·g_k`, `g₁·g₁`, `g_k·g_k`. */
interface Products {
  readonly cross: number;
  readonly first: number;
  readonly second: number;
}

/** Of the gradients summed over all streams; then of those summed over all but one, each left out in turn. */
export type StreamProducts = readonly Products[];

/**
 * Inner products of a tensor's gradients.
 *
 * @param first the gradient of each stream; absent: there is none
 */
export function streamProducts(
  first: readonly Float64Array[] | undefined,
  second: readonly Float64Array[] | undefined,
  streams: number,
): StreamProducts {
  const { length } = (first ?? second)?.[0] ?? [], none = new Float64Array(length);
  const [a, b] = [first, second].map((gradients) => summed(gradients ?? [], length));
  return Array.from({ length: streams + 1 }, (_, i) => {
    const leftOfA = (i && first?.[i - 1]) || none, leftOfB = (i && second?.[i - 1]) || none;
    let cross = 0, one = 0, several = 0;
    for (let at = 0; at < length; at++) {
      const x = a[at] - leftOfA[at], y = b[at] - leftOfB[at];
      cross += x * y;
      one += x * x;
      several += y * y;
    }
    return { cross, first: one, second: several };
  });
}

function summed(gradients: readonly Float64Array[], length: number): Float64Array {
  const total = new Float64Array(length);
  for (const gradient of gradients) {
    for (let i = 0; i < length; i++) total[i] += gradient[i];
  }
  return total;
}

/** Inner products of tensors as one vector, of those of each. */
export function joinedProducts(tensors: readonly StreamProducts[]): StreamProducts {
  return tensors.reduce((sums, tensor) =>
    sums.map(({ cross, first, second }, i) => ({
      cross: cross + tensor[i].cross,
      first: first + tensor[i].first,
      second: second + tensor[i].second,
    }))
  );
}

/** Cosine and ratio do not depend on scale, so sums over streams stand for means. */
export function agreementOf([all, ...others]: StreamProducts): GradientAgreement {
  return {
    cosine: cosine(all),
    ratio: ratio(all),
    cosine_standard_error: jackknife(others.map(cosine)),
    ratio_standard_error: jackknife(others.map(ratio)),
  };
}

/** In this order of operations, equal gradients have a cosine of exactly 1. */
function cosine({ cross, first, second }: Products): number | null {
  if (first === 0 || second === 0) return null;
  return Math.max(-1, Math.min(1, cross / first * (Math.sqrt(first) / Math.sqrt(second))));
}

function ratio({ first, second }: Products): number | null {
  return second === 0 ? null : Math.sqrt(first) / Math.sqrt(second);
}
