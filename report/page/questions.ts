/** What the page says against baselines, and on other training settings. */
import type { Picture } from "../figures/pictures.ts";
import { figure } from "./figure.ts";
import { escapeHtml, listOf, textTable } from "./html.ts";
import { moreLines, type Question } from "../tables/questions.ts";

/** The picture that belongs behind a question; undefined where none does. */
export function pictureOf({ picture }: Question, pictures: readonly Picture[]): Picture | undefined {
  return picture === undefined ? undefined : pictures.find(({ name }) => name.endsWith(picture));
}

/**
 * Each question with its answer in words and in a table; nothing where there is none.
 *
 * @param pictures of the page, of which a question may have one
 */
export function questionsOnPage(questions: readonly Question[], pictures: readonly Picture[] = []): string {
  return questions.map((one) => {
    const more = moreLines(one).map((text) => `<p class="muted">${escapeHtml(text)}.</p>`);
    const picture = pictureOf(one, pictures);
    return [
      `<h3>${escapeHtml(one.heading)}</h3>`,
      ...listOf(one.lines),
      ...(one.cells ? [textTable(one.cells)] : []),
      ...more,
      ...(picture ? [figure(picture)] : []),
    ].join("\n");
  }).join("\n");
}
