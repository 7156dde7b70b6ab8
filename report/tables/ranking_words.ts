/** In plain words: whether the ranking holds where configurations are trained otherwise. */
import { type Factor, type FactorTable, type FactorValue, formatLevel, isTuned } from "../../cells/factor.ts";
import { counted, formatCount } from "../../cells/counts.ts";
import { labelIn, ownCellName } from "../data/cell_names.ts";
import { atLevel, withDefaults } from "../data/training_factors.ts";
import type { RankingPair, TrainedRow, TrainingRanking } from "../statistics/training_rankings.ts";
import { criterionInWords } from "../../experiments/study/criterion.ts";
import { rankedBy } from "../data/merged.ts";
import { criterionAxis } from "./criterion_words.ts";
import { nounOf as nameOfFactor } from "./factor_words.ts";
import { formatSpread, formatTau, NONE } from "./format.ts";

/** `Does the ranking hold at another learning rate?` */
export function rankingHeading({ factor }: TrainingRanking): string {
  return `Does the ranking hold at another ${nameOfFactor(factor)}?`;
}

/** Up to so many configurations it is said how far one exchange of neighbours moves τ. */
const FEW = 12;

/** A line for each two values, then one on which value is best. */
export function rankingWords(ranking: TrainingRanking, table: FactorTable): string[] {
  const noun = nounOf(ranking, table);
  return [
    ...ranking.pairs.map((pair) => pairWords(pair, ranking.factor, noun)),
    ...howToRead(ranking),
    ...(isTuned(ranking.factor) ? bestValues(ranking, noun, table) : []),
  ];
}

/** What is ranked; in a study without the table's own cell all configurations are. */
function nounOf({ trained }: TrainingRanking, table: FactorTable): string {
  const isOwn = trained.some(({ isBaseline, rows: [[, { config }]] }) => isBaseline || table.isOwnCell(config));
  return isOwn ? `${ownCellName(table)} configuration` : "configuration";
}

/** What τ is of, where there is one, and why it may be low. */
function howToRead({ pairs, criterion }: TrainingRanking): string[] {
  const known = pairs.filter(({ tau }) => tau !== undefined);
  if (!known.length) return [];
  const few = known.some(({ both, either }) => both < either)
    ? " The few configurations that were trained at both may be the best ones: these have close values and swap ranks more easily."
    : "";
  return [
    `τ-b compares the orders by ${
      criterionInWords(criterion)
    }, a mean over common seeds: 1 is the same order, 0 no relation, ` +
    `−1 the reverse.${few}`,
  ];
}

function pairWords({ from, to, both, either, tau, best }: RankingPair, factor: Factor, noun: string): string {
  const values = `${atLevel(factor, from)} and ${formatLevel(factor, to)}`;
  if (!best) return `${values}: no ${noun} was trained at both with a common seed`;
  const count = `${counted(both, noun)} trained at both` +
    (both < either ? ` (of ${formatCount(either)} at either)` : "");
  if (both < 2) return `${values}: ${count}, too few for a ranking`;
  const agreement = tau === undefined ? "τ-b is undefined, since all tie" : `Kendall's τ-b ${formatTau(tau)}`;
  const few = both <= FEW ? ` (swapping two neighbours changes it by ${formatTau(4 / (both * (both - 1)))})` : "";
  const winner = best.same
    ? `the best one is the same, ${best.from.name}`
    : `the best one is not the same: ${best.from.name} at ${formatLevel(factor, from)}, ${best.to.name} at ${
      formatLevel(factor, to)
    }`;
  return `${values}: ${count}, ${agreement}${few}; ${winner}`;
}

function bestValues(
  { factor, criterion, trained, levels }: TrainingRanking,
  noun: string,
  table: FactorTable,
): string[] {
  const own = trained.filter(({ isBaseline }) => !isBaseline), others = trained.filter(({ isBaseline }) => isBaseline);
  const counts = levels.map((value) => [value, own.filter(({ best }) => best === value).length] as const)
    .filter(([, count]) => count > 0).map(([value, count]) =>
      `${formatLevel(factor, value)} for ${formatCount(count)}`
    );
  const ofOwn = own.length
    ? [
      `Best ${factor.label} by ${criterionInWords(criterion)}: ${counts.join(", ")} of ${
        counted(own.length, noun)
      } trained at several${edgeWords(own)}`,
    ]
    : [];
  const ofOthers = others.length
    ? [
      `Best ${factor.label} of baselines: ${
        others.map((row) => `${formatLevel(factor, row.best)} for ${nameOf(row, factor, table)}`).join("; ")
      }${edgeWords(others)}`,
    ]
    : [];
  return [...ofOwn, ...ofOthers];
}

/** A best value at the end of those that were tried may be exceeded beyond it. */
function edgeWords(trained: readonly TrainedRow[]): string {
  const [lowest, highest] = (["lowest", "highest"] as const).map((end) =>
    trained.filter(({ edge }) => edge === end).length
  );
  const ends = [
    ...(lowest ? [`${formatCount(lowest)} at the lowest`] : []),
    ...(highest ? [`${formatCount(highest)} at the highest`] : []),
  ];
  return ends.length ? `; ${ends.join(" and ")} value tried, so a better one may lie beyond` : "";
}

/** What a configuration is called without the factor: `GRU, 1 layer × 252`. */
function nameOf({ rows }: TrainedRow, factor: Factor, table: FactorTable): string {
  const [[, { config }]] = rows;
  return labelIn(table, withDefaults(config, [factor]));
}

/** Each configuration's mean by value, ready to print, best first. */
export function rankingCells(
  { factor, criterion, levels, trained }: TrainingRanking,
  table: FactorTable,
): { headings: string[]; lines: string[][] } {
  const { short, unit } = criterionAxis(criterion, [...trained[0].rows.values()][0].reads);
  const cell = (row: TrainedRow, value: FactorValue) => {
    const found = row.rows.get(value);
    const spread = found && rankedBy(found, criterion);
    return spread ? formatSpread(spread) : NONE;
  };
  return {
    headings: [
      `${short}, ${unit}, by ${factor.label}`,
      ...levels.map((value) => formatLevel(factor, value)),
      ...(isTuned(factor) ? ["best"] : []),
    ],
    lines: trained.map((row) => [
      nameOf(row, factor, table),
      ...levels.map((value) => cell(row, value)),
      ...(isTuned(factor) ? [formatLevel(factor, row.best)] : []),
    ]),
  };
}
