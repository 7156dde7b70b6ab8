/**
 * What each factor changes, by how much, and how sure that is: statistics over matched pairs of configurations. A factor is
 * compared by the two values of its contrast: a switch off and on. What follows speaks of switches; it holds for all.
 *
 * **The unit is a pair of configurations** of one seed, identical but for one switch and trained with the same settings. Pairs and seeds are
 * crossed: runs of one seed share weights and text, so their errors are common to all pairs, and more pairs do not make them smaller.
 * Interval and p allow for both ({@linkcode crossedMean}); with one seed there is neither.
 *
 * **Active pairs** alone are an effect: those in which every weight that the switch adds is trained. Where it adds a part that stays as it was
 * drawn, the pair compares a random gate with none; these stand apart.
 *
 * **What the interval covers**: other configurations like these, with other seeds, on this text, trained so long. Of other layer counts,
 * sizes or texts it knows nothing.
 */
import { sum, variance } from "simple-statistics";
import type { Space } from "../../cells/space.ts";
import { GATED_SPACE } from "../../cells/catalog/catalog.ts";
import { type Factor, type FactorTable, type FactorValue, namesCell, valueOf } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import type { Unit } from "../../cells/unit.ts";
import { levelsIn, ownCellRows, type RunRow, settingsName } from "../data/rows.ts";
import { betweenEffects, type Dependence, dependencesOf, type Interaction, interactionsOf } from "./dependences.ts";
import {
  contrasts,
  contrastsIn,
  type FactorContrast,
  type MatchedBlock,
  Matching,
  type Measure,
  type RunNumber,
} from "./matched.ts";
import { type PairMean, pairMean } from "./pair_means.ts";
import { holmOfKnown } from "./holm.ts";
import { type LogLossRegression, logLossRegression } from "./regression.ts";
import { type TrainingEffects, trainingEffects } from "./training_effects.ts";
import { type MissingShares, type VarianceShares, varianceShares } from "./variance_shares.ts";

/** The values of a factor that some pairs have. */
export interface FactorLevels {
  readonly factor: Factor;
  readonly levels: readonly FactorValue[];
}

/** The mean over pairs whose added weights are never trained, and the values that tell them from active pairs. */
export interface InactivePairs extends PairMean {
  /** Of other factors: what all of these have and no active pair has; where there is none, what no active pair has together. */
  readonly at: readonly { readonly factor: Factor; readonly value: FactorValue }[];
}

/** What one factor alone changes, in the measure's unit; less than 0: the measure is lower at the contrast's second value. */
export interface FactorEffect extends FactorContrast, PairMean {
  /** `p` corrected by Holm over the factors, each measure by itself. */
  readonly p_holm: number | undefined;
  /** `p_seeds` corrected in the same way. */
  readonly p_seeds_holm: number | undefined;
  /** Of pairs whose added weights are never trained; undefined where there is none. */
  readonly inactive: InactivePairs | undefined;
  /** Of each other factor the values that its active pairs have. */
  readonly over: readonly FactorLevels[];
  /** How it changes with each other factor that the study varies, in the order of the table. */
  readonly dependences: readonly Dependence[];
}

/** How much runs of one configuration differ by their seed. */
export interface SeedNoise {
  /** Configurations with at least two seeds. */
  readonly configurations: number;
  /** Pooled standard deviation within a configuration, in the measure's unit: `√(Σ (y − ȳ_configuration)² / Σ (n_configuration − 1))`. */
  readonly deviation: number;
}

/** Everything that a report says on factors. */
export interface Effects {
  /** What the runs' models read: `min_loss` is in nats per that. */
  readonly reads: Unit;
  /** What sentences are about: the test score, where pairs have it. */
  readonly primary: Measure;
  readonly min_loss: readonly FactorEffect[];
  readonly test_bits_per_byte: readonly FactorEffect[];
  /** Of the primary measure, as all that follows. */
  readonly interactions: readonly Interaction[];
  /** Undefined where no complete part of the grid has been trained: then {@linkcode Effects.missing_shares} says what lacks. */
  readonly shares: VarianceShares | undefined;
  readonly missing_shares: MissingShares | undefined;
  /** Undefined where no configuration has two seeds: then seed noise is unknown. */
  readonly seed_noise: SeedNoise | undefined;
  /** For each way of training that the study varies, as the learning rate. */
  readonly training: readonly TrainingEffects[];
  /** Of the lowest training loss, as the original study's. */
  readonly regression: LogLossRegression | undefined;
}

/** Everything that a report says on factors. The order of `rows` does not matter. */
export function effectsOf(rows: readonly RunRow[], space: Space = GATED_SPACE): Effects {
  const matching = new Matching(rows, space);
  const interactions = {
    min_loss: interactionsOf(matching, "min_loss"),
    test_bits_per_byte: interactionsOf(matching, "test_bits_per_byte"),
  };
  const min_loss = factorEffects(matching, "min_loss", interactions.min_loss);
  const test = factorEffects(matching, "test_bits_per_byte", interactions.test_bits_per_byte);
  const primary = test.some(({ pairs }) => pairs > 0) ? "test_bits_per_byte" : "min_loss";
  const shares = varianceShares(rows, primary, space);
  return {
    reads: rows[0]?.reads ?? "byte",
    primary,
    min_loss,
    test_bits_per_byte: test,
    interactions: betweenEffects(interactions[primary], matching),
    ...("lacks" in shares ? { shares: undefined, missing_shares: shares } : { shares, missing_shares: undefined }),
    seed_noise: seedNoise(rows, primary, space),
    training: trainingEffects(rows, primary, space),
    regression: logLossRegression(rows, space),
  };
}

/**
 * What each factor alone changes, in the order of the table; p are corrected over those that have one.
 *
 * @param interactions of the same rows and measure
 */
export function factorEffects(
  matching: Matching,
  measure: RunNumber,
  interactions: readonly Interaction[] = interactionsOf(matching, measure),
): FactorEffect[] {
  const dependences = dependencesOf(interactions, matching, measure);
  const effects = contrastsIn(matching.space, matching.rows).map((contrast) => {
    const { active } = matching.blocks([contrast]), found = pairMean(contrasts(active, measure));
    return {
      ...contrast,
      ...found,
      inactive: inactivePairs(matching, contrast, measure),
      over: levelsOver(countedIn(found, active), contrast, matching.space),
      dependences: dependences.get(contrast.factor) ?? [],
    };
  });
  const p_holm = holmOfKnown(effects.map(({ p }) => p));
  const p_seeds_holm = holmOfKnown(effects.map(({ p_seeds }) => p_seeds));
  return effects.map((effect, i) => ({ ...effect, p_holm: p_holm[i], p_seeds_holm: p_seeds_holm[i] }));
}

function inactivePairs(matching: Matching, contrast: FactorContrast, measure: RunNumber): InactivePairs | undefined {
  const { active, inactive } = matching.blocks([contrast]), random = pairMean(contrasts(inactive, measure));
  if (!random.pairs) return undefined;
  const own = levelsOver(countedIn(random, inactive), contrast, matching.space);
  const rows = ownCellRows(matching.space, matching.rows);
  const shared = own.flatMap(({ factor, levels: [value, ...more] }) =>
    more.length || levelsIn(factor, rows).length < 2 ? [] : [{ factor, value }]
  );
  return { ...random, at: tellingApart(shared, active) };
}

/** Of values that some blocks have in common, each that none of the others has; else the fewest that none of the others has together. */
function tellingApart(shared: InactivePairs["at"], others: readonly MatchedBlock[]): InactivePairs["at"] {
  const haveNot = (values: InactivePairs["at"]) =>
    others.every(({ seeds: [{ runs: [{ config }] }] }) =>
      values.some(({ factor, value }) => valueOf(factor, config) !== value)
    );
  const alone = shared.filter((one) => haveNot([one]));
  if (alone.length || !haveNot(shared)) return alone;
  return shared.reduce((kept, one) => {
    const fewer = kept.filter((other) => other !== one);
    return haveNot(fewer) ? fewer : kept;
  }, shared);
}

/** The blocks that a mean is of: without those that lack the measure or a seed. */
function countedIn({ names }: PairMean, blocks: readonly MatchedBlock[]): MatchedBlock[] {
  const counted = new Set(names);
  return blocks.filter(({ name }) => counted.has(name));
}

/** The values of each other factor than the contrast's, in the order of the table. */
function levelsOver(
  blocks: readonly MatchedBlock[],
  { factor: compared }: FactorContrast,
  space: Space,
): FactorLevels[] {
  const rows = blocks.map(({ seeds: [{ runs: [run] }] }) => run);
  return space.factors.filter((factor) => factor !== compared && !namesCell(factor))
    .map((factor) => ({ factor, levels: levelsIn(factor, rows) }));
}

/** The seed noise of a measure in the table's own cell; undefined where no configuration has two seeds. */
export function seedNoise(
  rows: readonly RunRow[],
  measure: Measure = "min_loss",
  table: FactorTable = GATED,
): SeedNoise | undefined {
  const groups = Map.groupBy(ownCellRows(table, rows), (row) => `${row.id} ${settingsName(row)}`);
  const repeated = [...groups].sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, group]) => group.flatMap((row) => row[measure] ?? [])).filter(({ length }) => length > 1)
    .map((values) => values.sort((a, b) => a - b));
  return repeated.length
    ? { configurations: repeated.length, deviation: Math.sqrt(pooledVariance(repeated)) }
    : undefined;
}

/** `Σ (y − ȳ_group)² / Σ (n_group − 1)` over groups, each of at least two values. */
function pooledVariance(groups: readonly (readonly number[])[]): number {
  const squares = groups.map((group) => variance([...group]) * group.length);
  return sum(squares) / sum(groups.map((group) => group.length - 1));
}
