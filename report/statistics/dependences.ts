/**
 * How an effect depends on another factor. A mean effect whose sign turns with another factor, or that is smaller than what another factor changes
 * of it, says little by itself (design, section 10): whoever states it says where it turns.
 */
import type { Factor, FactorValue } from "../../cells/factor.ts";
import { valueOf } from "../../cells/factor.ts";
import type { Space } from "../../cells/space.ts";
import { levelsIn, ownCellRows, type RunRow, variedIn } from "../data/rows.ts";
import {
  contrastIn,
  contrasts,
  contrastsIn,
  type FactorContrast,
  isActive,
  type MatchedBlock,
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

/** Two factors, and the matched sets of four configurations over both: of any measure the same, so they are looked for once. */
export interface FactorPair {
  readonly factors: readonly [FactorContrast, FactorContrast];
  /** Whether both have an effect of their own. */
  readonly isOfEffects: boolean;
  readonly active: readonly MatchedBlock[];
  /** Sets in which a switch adds weights that stay as drawn. */
  readonly inactive: number;
}

/**
 * Each two factors that the rows vary, in the order of the table, of which one has an effect. One that has none of its own (layers, sizes, the learning
 * rate) is compared at its first and its last value.
 */
export function factorPairs(rows: readonly RunRow[], space: Space): FactorPair[] {
  const own = ownCellRows(space, rows);
  const hasEffect = new Set(contrastsIn(space, rows).map(({ factor }) => factor));
  const all = variedIn(space, own).flatMap((factor) => contrastIn(space, factor, rows) ?? endsOf(factor, own));
  return all.flatMap((first, i) => all.slice(i + 1).map((second) => [first, second] as const))
    .filter((two) => two.some(({ factor }) => hasEffect.has(factor)))
    .map((factors) => {
      const sets = matchedBlocks(rows, factors, space), active = sets.filter((set) => isActive(set, factors, space));
      const isOfEffects = factors.every(({ factor }) => hasEffect.has(factor));
      return { factors, isOfEffects, active, inactive: sets.length - active.length };
    });
}

/** The interactions of each two factors that have an effect, in the order of the table: see {@linkcode dependencesOf} for others. */
export function interactionsOf(pairs: readonly FactorPair[], measure: Measure): Interaction[] {
  return corrected(pairs.filter(({ isOfEffects }) => isOfEffects).map((pair) => interactionOf(pair, measure)));
}

function interactionOf({ factors, active, inactive }: FactorPair, measure: Measure): Interaction {
  return { factors, ...pairMean(contrasts(active, measure)), p_holm: undefined, inactive };
}

function corrected(interactions: readonly Interaction[]): Interaction[] {
  const ps = holmOfKnown(interactions.map(({ p }) => p));
  return interactions.map((one, i) => ({ ...one, p_holm: ps[i] }));
}

/** For each factor that has an effect, how that changes with every other factor of its pairs. */
export function dependencesOf(
  pairs: readonly FactorPair[],
  rows: readonly RunRow[],
  measure: Measure,
  space: Space,
): ReadonlyMap<Factor, readonly Dependence[]> {
  const own = ownCellRows(space, rows), varied = variedIn(space, own);
  const interactions = corrected(pairs.map((pair) => interactionOf(pair, measure)));
  const isKnown = ({ pairs, factors }: Interaction, { factor }: FactorContrast) =>
    pairs > 0 && factors.some((one) => one.factor === factor);
  const effects = contrastsIn(space, rows).map((contrast) => {
    const placed = activeContrasts(rows, contrast, measure, space);
    const found = interactions.flatMap((change, i) => isKnown(change, contrast) ? [{ change, ...pairs[i] }] : []);
    return [
      contrast.factor,
      found.map(({ change, factors, active }): Dependence => {
        const other = factors.find(({ factor }) => factor !== contrast.factor)!;
        const others = varied.filter((factor) => factors.every((one) => one.factor !== factor));
        const nameOf = (config: RunRow["config"]) => JSON.stringify(others.map((factor) => valueOf(factor, config)));
        const names = new Set(active.map(({ seeds: [{ runs: [run] }] }) => nameOf(run.config)));
        const shared = placed.filter(({ config }) => names.has(nameOf(config)));
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
