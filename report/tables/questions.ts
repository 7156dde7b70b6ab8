/** The questions that a report answers beside which factors matter, each in words and in a table; none where nobody asked. */
import { ownCellName } from "../data/cell_names.ts";
import { counted } from "../../cells/counts.ts";
import { type FactorTable, isTuned } from "../../cells/factor.ts";
import type { MergedRow } from "../data/merged.ts";
import {
  type BaselineAnswers,
  type BestAgainst,
  compareBaselinesByCondition,
} from "../statistics/baseline_comparison.ts";
import { type TrainingRanking, trainingRankings } from "../statistics/training_rankings.ts";
import { type StepsBackAnswers, stepsBackAnswers } from "../statistics/steps_back.ts";
import { againstWords, comparisonCells } from "./baseline_words.ts";
import { rankingCells, rankingHeading, rankingWords } from "./ranking_words.ts";
import { type Cells, cellsText } from "./effect_tables.ts";

/** A question and its answer. */
export interface Question {
  readonly heading: string;
  /** Sentences, the most important first. */
  readonly lines: readonly string[];
  /** Ready to print; absent where no table belongs to it. */
  readonly cells?: Cells;
  /** Lines that are left out of `cells`: the table of all configurations has their numbers. */
  readonly more: number;
  /** How the name of the picture ends that belongs right behind it; absent where none does. */
  readonly picture?: string;
}

/** Lines of a question's table. */
const MOST_LINES = 24;

/** What questions are answered from. */
export interface Comparisons {
  readonly baselines: BaselineAnswers | undefined;
  /** The same under the other conditions that the study varies, as the number of steps back. */
  readonly elsewhere: readonly BaselineAnswers[];
  readonly rankings: readonly TrainingRanking[];
  /** Where the study varies the number of steps back. */
  readonly stepsBack: StepsBackAnswers | undefined;
}

/** Compares with baselines, and rankings with each other. @param rows configurations, best first */
export function comparisonsOf(rows: readonly MergedRow[], table: FactorTable): Comparisons {
  const [baselines, ...elsewhere] = compareBaselinesByCondition(rows, table);
  return { baselines, elsewhere, rankings: trainingRankings(rows, table), stepsBack: stepsBackAnswers(rows, table) };
}

/** The questions that a study's configurations answer, in order. */
export function questionsOf(
  { baselines, elsewhere, rankings }: Comparisons,
  table: FactorTable,
): Question[] {
  const { equal, tuned, isTunedSame } = baselines ?? {}, better = isBetter(equal ?? tuned, table);
  const against = (heading: string, answer: BestAgainst | undefined, more: readonly string[] = []) =>
    answer ? [question(heading, [...againstWords(answer, table), ...more], comparisonCells(answer, table))] : [];
  const same = isTunedSame ? [`With each at its own best ${labels(rankings)} the comparison is the same.`] : [];
  return [
    ...against(`${better}?`, equal, same),
    ...elsewhere.flatMap(({ equal, tuned }) => {
      const answer = equal ?? tuned;
      return against(`${isBetter(answer, table)}, with ${answer?.trained}?`, answer);
    }),
    ...rankings.map((ranking) =>
      question(rankingHeading(ranking), rankingWords(ranking, table), rankingCells(ranking, table))
    ),
    ...against(`${better}, each at its own best ${labels(rankings)}?`, tuned),
  ];
}

function question(heading: string, lines: readonly string[], { headings, lines: all }: Cells): Question {
  const shown = all.slice(0, MOST_LINES);
  return { heading, lines, cells: { headings, lines: shown }, more: all.length - shown.length };
}

/** What is said below a table that leaves lines out; nothing where it does not. */
export function moreLines({ more }: Question): string[] {
  return more ? [`and ${counted(more, "more line")}, all worse`] : [];
}

/** A study of other cells than the table's own compares them with each other. */
function isBetter(answer: BestAgainst | undefined, table: FactorTable): string {
  return answer && table.isOwnCell(answer.best.config)
    ? `Is the best ${ownCellName(table)} cell better than the baselines`
    : "Which cell is best";
}

function labels(rankings: readonly TrainingRanking[]): string {
  return rankings.filter(({ factor }) => isTuned(factor)).map(({ factor }) => factor.label).join(" and ") || "training";
}

/** The answers as plain text; empty where there is no question. */
export function questionsText(questions: readonly Question[]): string {
  return questions.map((one) => {
    const { heading, lines, cells } = one, table = cells ? ["", cellsText(cells)] : [];
    return [heading, ...lines.map((line) => `  - ${line}`), ...table, ...moreLines(one)].join("\n");
  }).join("\n\n");
}
