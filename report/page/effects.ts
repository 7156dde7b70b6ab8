/** What the page says on factors: the answer in words, and its tables. */
import { ANY_STUDY } from "../../train/terminal/advice.ts";
import { effectCells, measureName, measuresOf, regressionCells } from "../tables/effect_tables.ts";
import { effectWords, regressionWords } from "../tables/effect_words.ts";
import { areSwitches, contrastWords, differenceName } from "../tables/factor_words.ts";
import type { Effects } from "../statistics/effects.ts";
import { escapeHtml, listOf, textTable } from "./html.ts";

/** Which factors matter, by how much, how sure. */
export function effectsInWords(effects: Effects): string {
  const { lead, factors, seeds } = effectWords(effects, ANY_STUDY);
  return [`<p>${escapeHtml(lead)}</p>`, ...listOf(factors), `<p>${escapeHtml(seeds)}</p>`].join("\n");
}

/** How to read the first two columns of numbers, where all factors are switches, and where others are among them. */
function differenceInWords({ min_loss }: Effects): string {
  if (areSwitches(min_loss)) {
    return `“on − off” is the mean difference over pairs of configurations that are alike in everything but the switch, each
pair averaged over the seeds that both have; below zero, the value is lower with the switch on.`;
  }
  const names = [...new Set(min_loss.map(differenceName))].map((name) => `“${name}”`);
  return `${
    escapeHtml(names.join(", "))
  }: the mean difference over pairs of configurations that are otherwise identical, each
pair averaged over the seeds that both have; below zero, the measure is lower at the value named first.`;
}

/** The tables of effects and of the regression, and how to read them. */
export function effectsInFigures(effects: Effects): string {
  const { regression } = effects;
  return `${effects.min_loss.length ? `${effectsOverPairs(effects)}\n` : ""}<h3>Regression</h3>
<p>${
    escapeHtml(regressionWords(regression))
  } A standardised coefficient says by how many standard deviations the logarithm changes when
the hyperparameter changes by one of its own, the others held. Unlike pairs it assumes that effects add up.</p>
${regression ? textTable(regressionCells(regression)) : ""}`;
}

function effectsOverPairs(effects: Effects): string {
  const { noun: [, several] } = contrastWords(effects.min_loss);
  return `<p>${differenceInWords(effects)} The interval (BCa bootstrap over pairs)
covers other configurations like these, on this text, trained as long; not other texts, sizes or numbers of layers. p is that of
flipping the signs of pairs: how often pairs that might as well be swapped would show such a mean; it is corrected by Holm over the
${several}. Both take the pairs as independent; runs of one seed share weights, so errors may be correlated within a seed, which makes them too sure.</p>
${
    measuresOf(effects).map((measure) =>
      `<h3>${escapeHtml(measureName(measure, effects))}</h3>\n${textTable(effectCells(effects[measure]))}`
    ).join("\n")
  }`;
}
