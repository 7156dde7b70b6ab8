/** The parts of the report's page that change with the configurations that are shown. */
import { accountOnPage } from "./account.ts";
import type { ReportContent } from "../content/report_content.ts";
import type { MergedRow } from "../data/merged.ts";
import { effectsInFigures, effectsInWords } from "./effects.ts";
import { figure } from "./figure.ts";
import { escapeHtml } from "./html.ts";
import { promotionOnPage } from "./promotion.ts";
import { pictureOf, questionsOnPage } from "./questions.ts";
import { STUDIES_HEADING } from "../tables/study_words.ts";
import { runsTable } from "./runs.ts";
import type { Picture } from "../figures/pictures.ts";
import { contrastWords } from "../tables/factor_words.ts";
import { headline } from "../tables/headline.ts";
import { ANY_STUDY } from "../../train/terminal/advice.ts";

/** The parts of the page, as its navigation names them. */
function partsOf({ effects, questions, studies, dynamicsQuestions }: ReportContent) {
  const { noun: [one, several] } = contrastWords(effects.min_loss);
  return {
    ...(questions.length ? { questions: "Baselines and training settings" } : {}),
    ...(studies.length ? { studies: STUDIES_HEADING } : {}),
    answer: `Which ${several} matter`,
    pictures: "Pictures",
    effects: `Effect of each ${one}`,
    ...(dynamicsQuestions.length ? { dynamicsQuestions: "Dynamics" } : {}),
    all: "All configurations",
    cells: "Each cell and its runs",
  } as const;
}

/** A part of the page that can be replaced alone. */
export interface PagePart {
  /** Unlike any other of the page. */
  readonly id: string;
  readonly html: string;
}

/** All that changes with the configurations that are shown, in the order of the page; a part without text is left out. */
export function pageParts(content: ReportContent): PagePart[] {
  const parts = partsOf(content), { table } = content;
  const heading = (part: keyof typeof parts) => `<h2 id="${part}">${parts[part]}</h2>`;
  const asked = (part: "questions" | "studies" | "dynamicsQuestions"): PagePart[] =>
    content[part].length
      ? [{ id: part, html: `${heading(part)}\n${questionsOnPage(content[part], content.pictures)}` }]
      : [];
  const figures = (pictures: readonly Picture[]) =>
    pictures.map((picture): PagePart => ({ id: `picture-${picture.name}`, html: figure(picture) }));
  const apart = picturesApart(content);
  const links = Object.entries(parts).map(([id, title]) => `<li><a href="#${id}">${title}</a></li>`).join("\n");
  return [
    {
      id: "lead",
      html: `<h1>${escapeHtml(content.title)}</h1>
<p class="lead">${escapeHtml(headline({ ...content, study: ANY_STUDY }))}</p>
<p>${escapeHtml(content.settings)}</p>
${accountOnPage(content.account(ANY_STUDY))}
<nav aria-label="Parts of this page">
<ul>
${links}
</ul>
</nav>`,
    },
    { id: "promotion", html: promotionOnPage(content.promotion) },
    ...asked("questions"),
    ...asked("studies"),
    { id: "part-answer", html: `${heading("answer")}\n${effectsInWords(content.effects, content.experiment)}` },
    { id: "part-pictures", html: heading("pictures") },
    ...figures(apart.filter(({ notes }) => !notes)),
    { id: "part-effects", html: `${heading("effects")}\n${effectsInFigures(content.effects)}` },
    ...asked("dynamicsQuestions"),
    ...figures(apart.filter(({ notes }) => notes)),
    { id: "part-all", html: `${heading("all")}\n${runsTable(content.rows, table)}` },
    { id: "part-cells", html: `${heading("cells")}\n${cellsIntroduction(content.rows[0])}` },
  ].filter(({ html }) => html);
}

const cellsIntroduction = ({ reads }: MergedRow) =>
  `<p>W_… and b_… are the weight and the bias of that name, σ is the logistic function, ⊙ the elementwise product (× in the
pictures), [a, b] a concatenation; ⟵ sets the state for the next ${reads}. In the pictures, round boxes are gates, and dashed boxes are the
inputs and outputs of a layer.</p>
<p class="on-paper">Of the cells below, those that were open on the screen are printed in full.</p>`;

/** The pictures that stand behind no question. */
function picturesApart({ pictures, questions, dynamicsQuestions }: ReportContent): Picture[] {
  const shown = [...questions, ...dynamicsQuestions].map((question) => pictureOf(question, pictures));
  return pictures.filter((picture) => !shown.includes(picture));
}
