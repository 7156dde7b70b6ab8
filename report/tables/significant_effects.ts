/** Which differences are called significant, and which are never stated alone: the rules that words, tables and pictures share. */
import { maxOf, minOf } from "../../cells/extremes.ts";
import { type Dependence, outweighs } from "../statistics/dependences.ts";
import type { Effects, FactorEffect } from "../statistics/effects.ts";
import { significantSide } from "../statistics/pair_means.ts";

/** At or below this corrected p a difference is called significant. */
export const SIGNIFICANT_P = 0.05;

/** Whether a difference is significant: its p, corrected for the number of tests, is at most {@linkcode SIGNIFICANT_P}. */
export function isSignificant({ p_holm }: { readonly p_holm: number | undefined }): boolean {
  return p_holm !== undefined && p_holm <= SIGNIFICANT_P;
}

/** Whether the seeds by themselves differ by more than independent pairs would. */
export function seedsDisagree({ p_seeds_holm }: Pick<FactorEffect, "p_seeds_holm">): boolean {
  return p_seeds_holm !== undefined && p_seeds_holm <= SIGNIFICANT_P;
}

/** The factors, significant differences first, then the others, each from the largest; those without a pair last. */
export function bySize<Effect extends FactorEffect>(effects: readonly Effect[]): Effect[] {
  const rank = (effect: FactorEffect) => effect.difference === undefined ? 2 : isSignificant(effect) ? 0 : 1;
  const size = ({ difference }: FactorEffect) => Math.abs(difference ?? 0);
  return [...effects].sort((a, b) => rank(a) - rank(b) || size(b) - size(a));
}

/** How many seeds the effects of the primary measure have: least and most of any; 0 where there is no pair. */
export function seedsOfPairs({ primary, ...effects }: Effects): { least: number; most: number } {
  const counts = effects[primary].filter(({ pairs }) => pairs > 0).map(({ seeds }) => seeds.length);
  return counts.length ? { least: minOf(counts), most: maxOf(counts) } : { least: 0, most: 0 };
}

/** What an effect must not be stated without (docs/statistics.md). */
export interface Qualification {
  /**
   * `significant`: the effect depends significantly on these factors. `open`: whether it does is unclear, but the change may outweigh the effect.
   * `unknown`: the change outweighs the effect in these runs, and nothing is known of others, as with one seed.
   */
  readonly kind: "significant" | "open" | "unknown";
  /** The largest change first: the two largest, if significant, else the largest alone. */
  readonly dependences: readonly Dependence[];
  /** Further factors of which the same holds. */
  readonly more: number;
}

/** So many factors that an effect depends on are named. */
const MOST_NAMED = 2;

/**
 * What an effect must not be stated without: the factors with which its sign changes, or whose change outweighs it. Of an effect that is not
 * significant, only those whose change is.
 *
 * @returns undefined where it can be stated alone
 */
export function qualificationOf(effect: FactorEffect): Qualification | undefined {
  const outweighing = effect.dependences.filter((one) => outweighs(one, effect) || changesSign(one))
    .sort((a, b) => sizeOf(b) - sizeOf(a));
  const [largest] = outweighing;
  if (!largest) return undefined;
  if (effect.p === undefined) return { kind: "unknown", dependences: [largest], more: 0 };
  const significant = outweighing.filter((one) => isSignificant(one.change) || changesSign(one));
  if (significant.length) {
    return {
      kind: "significant",
      dependences: significant.slice(0, MOST_NAMED),
      more: Math.max(0, significant.length - MOST_NAMED),
    };
  }
  return isSignificant(effect) ? { kind: "open", dependences: [largest], more: 0 } : undefined;
}

function sizeOf({ change: { difference } }: Dependence): number {
  return Math.abs(difference ?? 0);
}

/** Whether the effect is significantly below zero at one value of the other factor, and above at another, be it one between the ends. */
function changesSign({ at }: Dependence): boolean {
  const sides = at.map(({ effect }) => significantSide(effect.interval));
  return sides.includes(-1) && sides.includes(1);
}

/** Whether the effect has both signs over the values of the other factor: significantly, where anything is known of how sure they are. */
export function hasBothSigns(dependence: Dependence): boolean {
  const { at } = dependence;
  if (at.some(({ effect }) => effect.interval)) return changesSign(dependence);
  return at.some(({ effect }) => (effect.difference ?? 0) < 0) && at.some(({ effect }) => (effect.difference ?? 0) > 0);
}
