/** What the page says against baselines, and on other ways of training. */
import { escapeHtml, listOf, textTable } from "./html.ts";
import type { Question } from "../tables/questions.ts";

/** Each question with its answer in words and in a table; nothing where there is none. */
export function questionsOnPage(questions: readonly Question[]): string {
  return questions.map(({ heading, lines, cells }) =>
    [`<h3>${escapeHtml(heading)}</h3>`, ...listOf(lines), textTable(cells)].join("\n")
  ).join("\n");
}
