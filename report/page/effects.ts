/** What the page says on factors: the answer in words, and its tables. */
import { ANY_STUDY } from "../../train/terminal/advice.ts";
import type { Experiment } from "../../experiments/study/experiment.ts";
import type { Effects } from "../statistics/effects.ts";
import { seedsOfPairs } from "../tables/significant_effects.ts";
import { effectCells, measuresOf, regressionCells } from "../tables/effect_tables.ts";
import { measureWithUnit } from "../tables/measure_words.ts";
import { effectWords, regressionWords } from "../tables/effect_words.ts";
import { areSwitches, contrastWords, differenceName } from "../tables/factor_words.ts";
import { sharesQuestion } from "../tables/share_words.ts";
import { escapeHtml, listOf, textTable } from "./html.ts";
import { questionsOnPage } from "./questions.ts";

/** Which factors matter, by how much, how sure. @param experiment of which the effects are */
export function effectsInWords(effects: Effects, experiment: Experiment): string {
  const { lead, factors, notes } = effectWords(effects, ANY_STUDY, experiment);
  const paragraphs = notes.map((note) => `<p>${escapeHtml(note)}</p>`);
  return [`<p>${escapeHtml(lead)}</p>`, ...listOf(factors), ...paragraphs].join("\n");
}

/** How to read the first two columns of numbers, where all factors are switches, and where others are among them. */
function differenceInWords({ min_loss }: Effects): string {
  const mean = "the mean difference over pairs of otherwise identical configurations and over their common seeds";
  if (areSwitches(min_loss)) return `“on − off” is ${mean}; negative: the value is lower with the switch on.`;
  const names = [...new Set(min_loss.map(differenceName))].map((name) => `“${name}”`);
  return `${names.join(", ")}: ${mean}; negative: the value is lower at the value named first.`;
}

/** What intervals and p are of; with one seed, why there are none. */
function certaintyInWords(effects: Effects): string {
  if (seedsOfPairs(effects).most < 2) {
    return "One seed gives no interval and no p: runs of one seed share initial weights and text, so seed noise cannot be separated " +
      "from an effect.";
  }
  const { noun: [, several] } = contrastWords(effects.min_loss);
  return "The 95 % interval covers other configurations like these with other seeds, on this text, trained for as long; not other texts, sizes or " +
    "numbers of layers. Runs of one seed share initial weights and text, so errors are correlated within a seed; interval and p account for pairs and " +
    "seeds (variance components, Student’s t with Satterthwaite’s degrees of freedom). p is two-sided and corrected by Holm over the " +
    `${several}. “These pairs, other seeds” is Student’s t over the means of single seeds: it covers only these configurations.`;
}

/** The tables of effects, of shares of variance and of the regression, and how to read them. */
export function effectsInFigures(effects: Effects): string {
  const { regression } = effects;
  return `${effects.min_loss.length ? `${effectsOverPairs(effects)}\n` : ""}${
    questionsOnPage([sharesQuestion(effects)])
  }
<h3>Regression</h3>
<p>${
    escapeHtml(regressionWords(regression))
  } A standardised coefficient is the change of the logarithm, in standard deviations, when
the hyperparameter changes by one standard deviation and the others stay. Unlike pairs, the regression assumes that effects add up.</p>
${regression ? textTable(regressionCells(regression)) : ""}`;
}

function effectsOverPairs(effects: Effects): string {
  const tables = measuresOf(effects).map((measure) =>
    `<h3>${escapeHtml(measureWithUnit(measure, effects.reads))}</h3>\n${textTable(effectCells(effects[measure]))}`
  );
  return [`<p>${escapeHtml(`${differenceInWords(effects)} ${certaintyInWords(effects)}`)}</p>`, ...tables].join("\n");
}
