/**
 * How an effect depends on another factor. A mean effect whose sign changes with another factor, or that is smaller than what another factor changes
 * of it, says little by itself (docs/statistics.md, "Effects that change sign"): whoever states it says where it turns.
 */
import type { Factor, FactorValue } from "../../cells/factor.ts";
import { valueOf } from "../../cells/factor.ts";
import { levelsIn, ownCellRows, type RunRow, variedIn } from "../data/rows.ts";
import {
  type Contrast,
  contrastIn,
  contrasts,
  contrastsIn,
  type FactorContrast,
  type Matching,
  type RunNumber,
} from "./matched.ts";
import { type PairMean, pairMean } from "./pair_means.ts";
import { holmOfKnown } from "./holm.ts";

/** What two factors change together beyond what each changes alone, over matched sets of four configurations. */
export interface Interaction extends PairMean {
  /** In the order of their table. */
  readonly factors: readonly [FactorContrast, FactorContrast];
  /** `p` corrected by Holm over all interactions of the measure, those with sizes and training settings included. */
  readonly p_holm: number | undefined;
  /** How many these are. */
  readonly tested: number;
  /** Matched sets in which a switch adds weights that are never trained; they are in none of the numbers. */
  readonly inactive: number;
}

/** How an effect changes with another factor. */
export interface Dependence {
  readonly factor: Factor;
  /** The effect less the one at `from`, where the other factor is at `to`: the interaction of both. */
  readonly from: FactorValue;
  readonly to: FactorValue;
  readonly change: Interaction;
  /**
   * The effect at each value of the other factor, in the order of its values, over pairs that a matched set of `change` has: so, without gaps,
   * `change` is the difference of the effects at `to` and `from`.
   */
  readonly at: readonly { readonly value: FactorValue; readonly effect: PairMean }[];
}

/**
 * The interactions of each two factors of which one has an effect, their p corrected for their number. One that has none of its own (layers, sizes, the
 * learning rate) is compared at its first and its last value.
 */
export function interactionsOf(matching: Matching, measure: RunNumber): Interaction[] {
  const { rows, space } = matching, own = ownCellRows(space, rows);
  const hasEffect = new Set(contrastsIn(space, rows).map(({ factor }) => factor));
  const all = variedIn(space, own).flatMap((factor) => contrastIn(space, factor, rows) ?? endsOf(factor, own));
  return corrected(
    all.flatMap((first, i) =>
      all.slice(i + 1).filter((second) => hasEffect.has(first.factor) || hasEffect.has(second.factor))
        .map((second) => interactionOf(matching, [first, second], measure))
    ),
  );
}

function interactionOf(
  matching: Matching,
  factors: readonly [FactorContrast, FactorContrast],
  measure: RunNumber,
): Interaction {
  const { active, inactive } = matching.blocks(factors);
  return { factors, ...pairMean(contrasts(active, measure)), p_holm: undefined, tested: 0, inactive: inactive.length };
}

function corrected(interactions: readonly Interaction[]): Interaction[] {
  const ps = holmOfKnown(interactions.map(({ p }) => p)), tested = ps.filter((p) => p !== undefined).length;
  return interactions.map((one, i) => ({ ...one, p_holm: ps[i], tested }));
}

/** Of these, the interactions of two factors that both have an effect. */
export function betweenEffects(interactions: readonly Interaction[], { rows, space }: Matching): Interaction[] {
  const compared = new Set(contrastsIn(space, rows).map(({ factor }) => factor));
  return interactions.filter(({ factors }) => factors.every(({ factor }) => compared.has(factor)));
}

/**
 * For each factor that has an effect, how that changes with every other factor that the rows vary.
 *
 * @param interactions of the same rows and measure
 */
export function dependencesOf(
  interactions: readonly Interaction[],
  matching: Matching,
  measure: RunNumber,
): ReadonlyMap<Factor, readonly Dependence[]> {
  const { rows, space } = matching, own = ownCellRows(space, rows);
  return new Map(
    contrastsIn(space, rows).map((contrast) => {
      const pairs = placedContrasts(matching, contrast, measure);
      const changes = interactions.filter(({ factors, pairs }) =>
        pairs > 0 && factors.some(({ factor }) => factor === contrast.factor)
      );
      const dependences = changes.map((change): Dependence => {
        const other = change.factors.find(({ factor }) => factor !== contrast.factor)!;
        const matched = inSets(pairs, change, matching);
        return { ...other, change, at: effectAtLevels(matched, other.factor, own) };
      });
      return [contrast.factor, dependences] as const;
    }),
  );
}

/** The first and the last value that rows have of a factor. */
function endsOf(factor: Factor, rows: readonly RunRow[]): FactorContrast[] {
  const levels = levelsIn(factor, rows);
  return levels.length > 1 ? [{ factor, from: levels[0], to: levels[levels.length - 1] }] : [];
}

/** An active pair's contrast with a configuration of it, which has the values of all other factors. */
interface PlacedContrast {
  readonly config: RunRow["config"];
  readonly contrast: Contrast;
}

function placedContrasts(matching: Matching, contrast: FactorContrast, measure: RunNumber): PlacedContrast[] {
  const { active } = matching.blocks([contrast]);
  const placed = new Map(active.map(({ name, seeds: [{ runs: [run] }] }) => [name, run.config]));
  return contrasts(active, measure).map((one) => ({ config: placed.get(one.name)!, contrast: one }));
}

/** Those that lie in a matched set, or would with another value of the other factor. */
function inSets(pairs: readonly PlacedContrast[], { factors }: Interaction, matching: Matching): PlacedContrast[] {
  const { rows, space } = matching, compared = new Set(factors.map(({ factor }) => factor));
  const others = variedIn(space, ownCellRows(space, rows)).filter((factor) => !compared.has(factor));
  const nameOf = (config: RunRow["config"]) => JSON.stringify(others.map((factor) => valueOf(factor, config)));
  const names = new Set(matching.blocks(factors).active.map(({ seeds: [{ runs: [run] }] }) => nameOf(run.config)));
  return pairs.filter(({ config }) => names.has(nameOf(config)));
}

function effectAtLevels(
  pairs: readonly PlacedContrast[],
  factor: Factor,
  rows: readonly RunRow[],
): Dependence["at"] {
  return levelsIn(factor, rows).flatMap((value) => {
    const own = pairs.filter(({ config }) => valueOf(factor, config) === value);
    return own.length ? [{ value, effect: pairMean(own.map(({ contrast }) => contrast)) }] : [];
  });
}

/** Whether a change of an effect outweighs the effect: then its sign, or most of it, hangs on the other factor. */
export function outweighs({ change }: Dependence, { difference }: Pick<PairMean, "difference">): boolean {
  return change.difference !== undefined && difference !== undefined &&
    Math.abs(change.difference) > Math.abs(difference);
}
