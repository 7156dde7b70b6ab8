/**
 * How an effect depends on another factor. A mean effect whose sign turns with another factor, or that is smaller than what another factor changes
 * of it, says little by itself (design, section 10): whoever states it says where it turns.
 */
import type { Factor, FactorValue } from "../../cells/factor.ts";
import { valueOf } from "../../cells/factor.ts";
import type { Space } from "../../cells/space.ts";
import { levelsIn, ownCellRows, type RunRow, variedIn } from "../data/rows.ts";
import {
  blockName,
  contrastIn,
  contrasts,
  contrastsIn,
  type FactorContrast,
  isActive,
  matchedBlocks,
  type Measure,
} from "./matched.ts";
import { type PairMean, pairMean } from "./pair_means.ts";
import { holmOfKnown } from "./holm.ts";

/** What two factors change together beyond what each changes alone, over matched sets of four configurations. */
export interface Interaction extends PairMean {
  /** In the order of their table. */
  readonly factors: readonly [FactorContrast, FactorContrast];
  /** `p` corrected by Holm over all interactions of the measure. */
  readonly p_holm: number | undefined;
  /** Matched sets in which a switch adds weights that stay as drawn; they are in none of the numbers. */
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

/** The interactions of each two factors that have an effect, in the order of the table: see {@linkcode dependencesOf} for others. */
export function interactionsOf(rows: readonly RunRow[], measure: Measure, space: Space): Interaction[] {
  const compared = contrastsIn(space, rows);
  return corrected(
    compared.flatMap((first, i) =>
      compared.slice(i + 1).map((second) => matchedSets(rows, [first, second], measure, space).interaction)
    ),
  );
}

/** The interaction of two factors, and the matched sets that it is of, by name. */
interface MatchedSets {
  readonly interaction: Interaction;
  readonly names: ReadonlySet<string>;
}

function matchedSets(
  rows: readonly RunRow[],
  factors: readonly [FactorContrast, FactorContrast],
  measure: Measure,
  space: Space,
): MatchedSets {
  const blocks = matchedBlocks(rows, factors, space),
    active = blocks.filter((block) => isActive(block, factors, space));
  const found = contrasts(active, measure), inactive = blocks.length - active.length;
  return {
    interaction: { factors, ...pairMean(found), p_holm: undefined, inactive },
    names: new Set(found.map(({ name }) => name)),
  };
}

function corrected(interactions: readonly Interaction[]): Interaction[] {
  const ps = holmOfKnown(interactions.map(({ p }) => p));
  return interactions.map((one, i) => ({ ...one, p_holm: ps[i] }));
}

/**
 * For each factor that has an effect, how that changes with every other factor that the rows vary: those without an effect of their own (layers,
 * sizes, the learning rate) are compared at their first and their last value.
 */
export function dependencesOf(
  rows: readonly RunRow[],
  measure: Measure,
  space: Space,
): ReadonlyMap<Factor, readonly Dependence[]> {
  const own = ownCellRows(space, rows), varied = variedIn(space, own);
  const all = varied.flatMap((factor) => contrastIn(space, factor, rows) ?? endsOf(factor, own));
  const hasEffect = new Set(contrastsIn(space, rows).map(({ factor }) => factor));
  const pairs = all.flatMap((first, i) => all.slice(i + 1).map((second) => [first, second] as const))
    .filter((two) => two.some(({ factor }) => hasEffect.has(factor)));
  const sets = pairs.map((two) => matchedSets(rows, two, measure, space));
  const interactions = corrected(sets.map(({ interaction }) => interaction));
  const isKnown = ({ pairs, factors }: Interaction, { factor }: FactorContrast) =>
    pairs > 0 && factors.some((one) => one.factor === factor);
  const effects = contrastsIn(space, rows).map((contrast) => {
    const placed = activeContrasts(rows, contrast, measure, space);
    const found = interactions.flatMap((change, i) => isKnown(change, contrast) ? [{ change, ...sets[i] }] : []);
    return [
      contrast.factor,
      found.map(({ change, names }): Dependence => {
        const other = change.factors.find(({ factor }) => factor !== contrast.factor)!;
        const shared = placed.filter(({ config }) => names.has(blockName({ config }, change.factors, space)));
        return { ...other, change, at: effectAtLevels(shared, other.factor, own) };
      }),
    ] as const;
  });
  return new Map(effects);
}

/** The first and the last value that rows have of a factor. */
function endsOf(factor: Factor, rows: readonly RunRow[]): FactorContrast[] {
  const levels = levelsIn(factor, rows);
  return levels.length > 1 ? [{ factor, from: levels[0], to: levels[levels.length - 1] }] : [];
}

/** An active pair's contrast with a configuration of it, which has the values of all other factors. */
interface PlacedContrast {
  readonly config: RunRow["config"];
  readonly contrast: ReturnType<typeof contrasts>[number];
}

function activeContrasts(
  rows: readonly RunRow[],
  contrast: FactorContrast,
  measure: Measure,
  space: Space,
): PlacedContrast[] {
  const active = matchedBlocks(rows, [contrast], space).filter((block) => isActive(block, [contrast], space));
  const placed = new Map(active.map(({ name, seeds: [{ runs: [run] }] }) => [name, run.config]));
  return contrasts(active, measure).map((one) => ({ config: placed.get(one.name)!, contrast: one }));
}

function effectAtLevels(
  blocks: readonly PlacedContrast[],
  factor: Factor,
  rows: readonly RunRow[],
): Dependence["at"] {
  return levelsIn(factor, rows).flatMap((value) => {
    const own = blocks.filter(({ config }) => valueOf(factor, config) === value);
    return own.length ? [{ value, effect: pairMean(own.map(({ contrast }) => contrast)) }] : [];
  });
}

/** Whether a change of an effect outweighs the effect: then its sign, or most of it, hangs on the other factor. */
export function outweighs({ change }: Dependence, { difference }: Pick<PairMean, "difference">): boolean {
  return change.difference !== undefined && difference !== undefined &&
    Math.abs(change.difference) > Math.abs(difference);
}
