/** In plain words: whether the best configuration is better than the baselines. */
import { describeSizesIn } from "../../cells/config.ts";
import { type FactorTable, valueOf } from "../../cells/factor.ts";
import { counted, formatCount } from "../../cells/counts.ts";
import { criterionInWords } from "../../experiments/study/criterion.ts";
import { metricOfCriterion } from "../data/criterion.ts";
import type { MergedRow, Spread } from "../data/merged.ts";
import { type BaselineComparison, type BestAgainst, comparedRows } from "../statistics/baseline_comparison.ts";
import { trainedAt, variedTraining } from "../data/training_factors.ts";
import { formatInterval } from "./effect_tables.ts";
import { formatDifference, formatSpread, NONE } from "./format.ts";
import { unitOfMeasure } from "./measure_words.ts";

/** Whether these are baselines of a cell of the table's own: a study may have other cells alone. */
function hasOwnCell({ best }: BestAgainst, table: FactorTable): boolean {
  return table.isOwnCell(best.config);
}

/** What is said of one comparison: who is compared, then a line for each other cell's best configuration, then how sure that is. */
export function againstWords(answer: BestAgainst, table: FactorTable): string[] {
  return [
    leadOf(answer, table),
    ...bestOfEach(answer).map((one) => comparisonWords(one, answer, table)),
    caution(answer),
  ];
}

/** The first comparison of each cell: rows are best first. */
export function bestOfEach({ comparisons }: BestAgainst): BaselineComparison[] {
  return [...Map.groupBy(comparisons, ({ name }) => name).values()].map(([first]) => first);
}

function leadOf(answer: BestAgainst, table: FactorTable): string {
  const { best, criterion, cell, of, trained, measure } = answer;
  const at = trained ? ` at ${trained}` : "";
  const chosen = of === 1
    ? `The only ${cell} configuration${at}`
    : `The best of ${formatCount(of)} ${cell} configurations${at}, by ${criterionInWords(criterion)},`;
  const without = hasOwnCell(answer, table) ? "" : "The cells are compared with the best of them. ";
  const scores = measure === "test_bits_per_byte"
    ? "Compared by their scores on the test split"
    : "None is scored on the test split, so the lowest training loss is compared";
  return `${without}${chosen} is ${best.name} (${best.label}): ` +
    `${
      [...waysWords(answer, best), `${formatCount(best.parameters)} parameters`, scoreText(best, answer)].join(", ")
    }.` +
    `${severalWays(answer)} ${scores}, paired by seed.`;
}

/** Of how many training settings a configuration's is the best: a baseline that had one is not given what the best one was. */
function waysWords({ ways }: BestAgainst, row: MergedRow): string[] {
  if (!ways) return [];
  const count = ways.get(row)!;
  return [count > 1 ? `the best of ${count} training settings` : "trained with one setting"];
}

/** How many of those that the best one was chosen from were trained in several ways, where not all were. */
function severalWays({ ways, from }: BestAgainst): string {
  if (!ways) return "";
  const several = from.filter((row) => ways.get(row)! > 1).length;
  return several < from.length
    ? ` Of the ${formatCount(from.length)}, ${formatCount(several)} were trained with several settings.`
    : "";
}

/** A configuration's score by the measure of a comparison. */
export function scoreText(row: MergedRow, answer: BestAgainst): string {
  const spread: Spread | undefined = row[answer.measure];
  return spread
    ? `${formatSpread(spread)} ${unitOfMeasure(answer.measure, answer.best.reads)}`
    : "not scored on the test split";
}

function comparisonWords(one: BaselineComparison, answer: BestAgainst, table: FactorTable): string {
  const { name, baseline } = one, { comparisons, best } = answer;
  const varied = variedTraining(table, comparedRows(answer)),
    sizes = comparisons.filter((other) => other.name === name).length;
  const which = [
    describeSizesIn(table, baseline.config),
    ...(varied.length ? [trainedAt(varied, baseline)] : []),
    ...waysWords(answer, baseline),
    ...(sizes > 1 ? [`the best of its ${sizes}`] : []),
    `${formatCount(baseline.parameters)} parameters, ${
      percentOf(baseline.parameters, best.parameters)
    } of the best one's`,
    scoreText(baseline, answer),
  ];
  return `${name} (${which.join(", ")}): ${verdictOf(one, answer)}`;
}

function percentOf(part: number, whole: number): string {
  return `${Math.round(100 * part / whole)} %`;
}

/** Whether it is better, by how much, how sure; nothing of the kind with one seed. */
function verdictOf({ difference, interval, seeds, sameSettings }: BaselineComparison, answer: BestAgainst): string {
  const { cell } = answer, best = `the best ${cell} one`;
  if (!sameSettings) {
    return "not compared, since its steps, corpus, batch size or logging interval differ";
  }
  if (difference === undefined) return `not compared, since it shares no scored seed with ${best}`;
  const by = `${formatDifference(difference)} ${unitOfMeasure(answer.measure, answer.best.reads)}`;
  if (!interval) {
    return `${best} is ${
      difference < 0 ? "lower" : difference > 0 ? "higher" : "equal"
    }, ${by} (one seed: no interval)`;
  }
  const known = `${by} (95 % interval ${formatInterval(interval)}, ${counted(seeds.length, "seed")})`;
  if (interval.high < 0) return `${best} is better, ${known}`;
  if (interval.low > 0) return `${best} is worse, ${known}`;
  return `no significant difference, ${known}`;
}

function caution({ of, measure, criterion, comparisons, cell }: BestAgainst): string {
  const intervals = comparisons.filter(({ interval }) => interval).length;
  const chosen = of === 1 ? [] : [
    measure !== metricOfCriterion(criterion)
      ? `It is the best of ${formatCount(of)}, so its lead is slightly overestimated (selection).`
      : `It is the best of ${formatCount(of)} by the compared number itself, so its lead is overestimated (selection).`,
  ];
  const sure = intervals
    ? [
      `Intervals are Student's t over seeds${
        intervals > 1 ? `; the ${formatCount(intervals)} intervals are not corrected for multiple comparisons` : ""
      }.`,
    ]
    : [];
  return [`Differences are best ${cell} − other; negative: the best ${cell} one is lower.`, ...chosen, ...sure].join(
    " ",
  );
}

/** All comparisons, ready to print: headings, then the best one, then a line for each other configuration, best first. */
export function comparisonCells(
  answer: BestAgainst,
  table: FactorTable,
): { headings: string[]; lines: string[][] } {
  const { best, cell, comparisons } = answer;
  const unit = answer.measure === "test_bits_per_byte" ? "test, bits/byte" : `lowest loss, nats/${best.reads}`;
  const factors = variedTraining(table, comparedRows(answer));
  const score = (row: MergedRow) => {
    const spread = row[answer.measure];
    return spread ? formatSpread(spread) : NONE;
  };
  const cells = (name: string, row: MergedRow) => [
    name,
    row.name,
    describeSizesIn(table, row.config),
    ...factors.map((factor) => `${valueOf(factor, row.config)}`),
    formatCount(row.parameters),
    score(row),
  ];
  return {
    headings: [
      "cell",
      "id",
      "size",
      ...factors.map(({ label }) => label),
      "parameters",
      unit,
      `best ${cell} − other`,
      "95 % interval",
      "seeds in common",
    ],
    lines: [
      [...cells(`best ${cell}`, best), NONE, NONE, NONE],
      ...comparisons.map(({ name, baseline, difference, interval, seeds }) => [
        ...cells(name, baseline),
        difference === undefined ? NONE : formatDifference(difference),
        interval ? formatInterval(interval) : NONE,
        `${seeds.length}`,
      ]),
    ],
  };
}
