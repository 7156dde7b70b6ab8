/** The report as one HTML page: no network, whole without its script, readable in the dark, on a small screen and on paper. */
import { GATED_SPACE } from "../../cells/catalog/catalog.ts";
import type { Space } from "../../cells/space.ts";
import { accountOnPage } from "./account.ts";
import type { AccountEntry } from "../data/account.ts";
import type { Experiment } from "../../experiments/study/schema.ts";
import type { MergedRow } from "../data/merged.ts";
import type { Effects } from "../statistics/effects.ts";
import { effectsInFigures, effectsInWords } from "./effects.ts";
import { figure } from "./figure.ts";
import { escapeHtml } from "./html.ts";
import type { Level } from "../data/levels.ts";
import { cellsInFull } from "./cells.ts";
import pageScript from "./client.js" with { type: "text" };
import { promotionOnPage } from "./promotion.ts";
import { pictureOf, questionsOnPage } from "./questions.ts";
import type { Question } from "../tables/questions.ts";
import { STUDIES_HEADING } from "../tables/study_words.ts";
import { runsTable } from "./runs.ts";
import { DYNAMICS_STYLE, PAGE_STYLE } from "./style.ts";
import type { PromotionAudit } from "../statistics/promotion_audit.ts";
import type { StepsBackAnswers } from "../statistics/steps_back.ts";
import type { DynamicsAnswers } from "../statistics/dynamics_effects.ts";
import type { Picture } from "../figures/pictures.ts";
import { contrastWords } from "../tables/factor_words.ts";
import { headline } from "../tables/headline.ts";
import { ANY_STUDY } from "../../train/terminal/advice.ts";

/** What the page tells. */
export interface PageContent {
  experiment: Experiment;
  title: string;
  /** At least one configuration, best first. */
  rows: readonly MergedRow[];
  /** What losses are held against, nats per what the models read. */
  levels?: readonly Level[];
  /** Where the study varies the number of steps back. */
  stepsBack?: StepsBackAnswers;
  effects: Effects;
  /** What has no part in it. */
  account: readonly AccountEntry[];
  /** The runs' corpus and training settings, in a sentence. */
  settings: string;
  pictures: readonly Picture[];
  /** Of an experiment that was chosen by the ranking of another. */
  promotion?: PromotionAudit;
  /** Beside which factors matter. */
  questions?: readonly Question[];
  /** On other studies. */
  studies?: readonly Question[];
  /** What was measured of the runs' dynamics. */
  dynamics?: DynamicsAnswers;
  dynamicsQuestions?: readonly Question[];
  /** Whose factors are shown. */
  table?: Space;
}

/** The parts of the page, as its navigation names them. */
function partsOf({ effects, questions, studies, dynamicsQuestions }: PageContent) {
  const { noun: [one, several] } = contrastWords(effects.min_loss);
  return {
    ...(questions?.length ? { questions: "Baselines and ways of training" } : {}),
    ...(studies?.length ? { studies: STUDIES_HEADING } : {}),
    answer: `Which ${several} matter`,
    pictures: "Pictures",
    effects: `What each ${one} changes`,
    ...(dynamicsQuestions?.length ? { dynamicsQuestions: "Dynamics" } : {}),
    all: "All configurations",
    cells: "Each cell and its runs",
  } as const;
}

/** Nothing is loaded from anywhere, whatever a result's text holds. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/** The whole page. All text from outside is escaped; nothing on it changes from one call to the next. */
export function pageOf(content: PageContent): string {
  const parts = partsOf(content), { table = GATED_SPACE } = content;
  const links = Object.entries(parts).map(([id, title]) => `<li><a href="#${id}">${title}</a></li>`).join("\n");
  const heading = (part: keyof typeof parts) => `<h2 id="${part}">${parts[part]}</h2>`;
  const asked = (part: "questions" | "studies" | "dynamicsQuestions") =>
    content[part]?.length ? `${heading(part)}\n${questionsOnPage(content[part], content.pictures)}\n` : "";
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${escapeHtml(content.title)}</title>
<style>${PAGE_STYLE}${content.dynamics ? DYNAMICS_STYLE : ""}</style>
</head>
<body>
<main>
<h1>${escapeHtml(content.title)}</h1>
<p class="lead">${escapeHtml(headline({ ...content, table, study: ANY_STUDY }))}</p>
<p>${escapeHtml(content.settings)}</p>
${accountOnPage(content.account)}
<nav aria-label="Parts of this page">
<ul>
${links}
</ul>
</nav>
${promotionOnPage(content.promotion)}
${asked("questions")}${asked("studies")}${heading("answer")}
${effectsInWords(content.effects, content.experiment)}
${heading("pictures")}
${picturesApart(content).filter(({ notes }) => !notes).map(figure).join("\n")}
${heading("effects")}
${effectsInFigures(content.effects)}
${asked("dynamicsQuestions")}${picturesOfDynamics(content)}${heading("all")}
${runsTable(content.rows, table)}
${heading("cells")}
${cellsIntroduction(content.rows[0])}
${cellsInFull(content.experiment, content.rows, content.levels ?? [], table)}
</main>
<p id="marked" role="status" hidden></p>
<script>
${pageScript}</script>
</body>
</html>
`;
}

const cellsIntroduction = ({ reads }: MergedRow) =>
  `<p>W_… and b_… are the weight and the bias of that name, σ the logistic function, ⊙ the elementwise product (× in the
pictures), [a, b] joined features; ⟵ sets what is carried to the next ${reads}. In the pictures, round boxes are gates and dashed ends are
what a layer reads and hands on.</p>
<p class="on-paper">Of the cells below, those that were open on the screen are printed in full.</p>`;

/** The pictures of dynamics that stand behind no question on these; nothing where nothing was measured. */
function picturesOfDynamics(content: PageContent): string {
  return picturesApart(content).filter(({ notes }) => notes).map((picture) => `${figure(picture)}\n`).join("");
}

/** The pictures that stand behind no question. */
function picturesApart({ pictures, questions = [], dynamicsQuestions = [] }: PageContent): Picture[] {
  const shown = [...questions, ...dynamicsQuestions].map((question) => pictureOf(question, pictures));
  return pictures.filter((picture) => !shown.includes(picture));
}
