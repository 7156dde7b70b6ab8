/** What the page says against baselines, and on other ways of training. */
import { escapeHtml, listOf, textTable } from "./html.ts";
import { moreLines, type Question } from "../tables/questions.ts";

/** Each question with its answer in words and in a table; nothing where there is none. */
export function questionsOnPage(questions: readonly Question[]): string {
  return questions.map((one) => {
    const more = moreLines(one).map((text) => `<p class="muted">${escapeHtml(text)}.</p>`);
    return [
      `<h3>${escapeHtml(one.heading)}</h3>`,
      ...listOf(one.lines),
      ...(one.cells ? [textTable(one.cells)] : []),
      ...more,
    ].join("\n");
  }).join("\n");
}
