/** Where an effect changes sign, in words: what a sentence on it must not leave out. */
import { counted } from "../../cells/counts.ts";
import { formatLevel } from "../../cells/factor.ts";
import type { Dependence } from "../statistics/dependences.ts";
import type { FactorEffect } from "../statistics/effects.ts";
import { hasBothSigns, type Qualification, qualificationOf } from "./significant_effects.ts";
import { formatInterval } from "./effect_tables.ts";
import { atValue, inSentence, withUnit } from "./factor_words.ts";
import { formatDifference, formatP } from "./format.ts";

/** What an effect must not be stated without, to be set behind it; empty where it can be stated alone. */
export function qualificationWords(effect: FactorEffect): string {
  const found = qualificationOf(effect);
  return found ? `; ${wordsOf(found, effect)}` : "";
}

function wordsOf({ kind, dependences, more }: Qualification, effect: FactorEffect): string {
  const [largest] = dependences;
  switch (kind) {
    case "open":
      return `whether it depends on ${inSentence(largest.factor)} is unclear (${levelsWords(largest)}; ${
        changeWords(largest)
      })`;
    case "unknown":
      return `in ${onlyRuns(effect)} it ${verbOf(largest)} ${inSentence(largest.factor)}: ${levelsWords(largest)}`;
    case "significant": {
      const named = dependences.map((one) =>
        `${verbOf(one)} ${inSentence(one.factor)}: ${levelsWords(one)} (${changeWords(one)})`
      );
      return `it ${named.join(", and ")}${
        more ? `, and depends significantly on ${counted(more, "more factor")}` : ""
      }`;
    }
    default:
      return kind satisfies never;
  }
}

/** A sign may turn, or an effect all but vanish. */
function verbOf(dependence: Dependence): string {
  return hasBothSigns(dependence) ? "changes sign with" : "depends on";
}

/** The runs of which alone something is known. */
function onlyRuns({ seeds }: Pick<FactorEffect, "seeds">): string {
  return seeds.length > 1 ? "these runs" : "this seed's runs";
}

/** The effect at each value: `+0.021 with it off, −0.041 with it on`. */
function levelsWords({ factor, at }: Dependence): string {
  return at.map(({ value, effect }) => `${formatDifference(effect.difference!)} ${atValue(factor, value)}`).join(", ");
}

function changeWords({ factor, from, to, at, change }: Dependence): string {
  const { difference, interval, p_holm } = change;
  // Of two values it goes without saying which is taken from which.
  const between = at.length > 2 ? ` from ${formatLevel(factor, from)} to ${withUnit(factor, [to])}:` : "";
  const known = interval
    ? [`95 % interval ${formatInterval(interval)}`, `corrected p ${formatP(p_holm!)}`]
    : [`${counted(change.pairs, "matched set")} alone`];
  return [`change${between} ${formatDifference(difference!)}`, ...known].join(", ");
}
