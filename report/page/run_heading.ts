/** What the page's part on a configuration is headed by. */
import { describeSizesIn } from "../../cells/config.ts";
import type { FactorTable } from "../../cells/factor.ts";
import type { Criterion } from "../../experiments/study/criterion.ts";
import type { MergedRow } from "../data/merged.ts";
import { trainingPhrase } from "../data/training_factors.ts";
import { rankedByText } from "../tables/criterion_words.ts";
import { escapeHtml } from "./html.ts";

/** A configuration with its rank among all, from 1. */
export interface Ranked {
  row: MergedRow;
  rank: number;
}

/** Its rank, its sizes, how it is trained, and what it is ranked by: HTML. @param criterion of all that are ranked */
export function runHeading({ row, rank }: Ranked, criterion: Criterion, table: FactorTable): string {
  const what = [describeSizesIn(table, row.config), trainingPhrase(table, row)].filter(Boolean).join(", ");
  return `Rank ${rank}: ${escapeHtml(what)}, ${rankedByText(row, criterion)}`;
}
