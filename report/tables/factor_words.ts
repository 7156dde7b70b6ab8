/** What is said of the two values of a factor that are compared. A switch is on or off; of other factors the values are named. */
import { formatLevel, isSwitch } from "../../cells/factor.ts";
import type { FactorContrast } from "../statistics/matched.ts";

/** What a contrast's difference is called: `on − off`, `0.01 − 0.001`. */
export function differenceName({ factor, from, to }: FactorContrast): string {
  return `${formatLevel(factor, to)} − ${formatLevel(factor, from)}`;
}

/** In which configurations a difference below zero means a lower measure: `with it on`, `with 0.01 instead of 0.001`. */
export function atSecondValue({ factor, from, to }: FactorContrast): string {
  return isSwitch(factor) ? "with it on" : `with ${formatLevel(factor, to)} instead of ${formatLevel(factor, from)}`;
}

/** Words for some contrasts together: those of switches alone have shorter ones. */
export interface ContrastWords {
  /** What is compared, one and several of it. */
  readonly noun: readonly [one: string, several: string];
  /** What all differences are called. */
  readonly difference: string;
  /** Where the measure is lower if the difference is below zero: `with the switch on`. */
  readonly atSecond: string;
  /** Both values of two factors, in an interaction. */
  readonly bothAtSecond: string;
}

const OF_SWITCHES: ContrastWords = {
  noun: ["switch", "switches"],
  difference: "on − off",
  atSecond: "with the switch on",
  bothAtSecond: "both on",
};

const OF_FACTORS: ContrastWords = {
  noun: ["factor", "factors"],
  difference: "difference",
  atSecond: "with the switch on, or at the value named first",
  bothAtSecond: "both changed",
};

/** Whether all of them compare a switch off with it on. */
export function areSwitches(compared: readonly FactorContrast[]): boolean {
  return compared.every(({ factor }) => isSwitch(factor));
}

/** The words for these contrasts. */
export function contrastWords(compared: readonly FactorContrast[]): ContrastWords {
  return areSwitches(compared) ? OF_SWITCHES : OF_FACTORS;
}

/** What is compared of the factors that are no switches, as a sentence; nothing where there are none. */
export function valuesCompared(compared: readonly FactorContrast[]): string[] {
  const others = compared.filter(({ factor }) => !isSwitch(factor));
  if (!others.length) return [];
  const named = others.map((one) => `${one.factor.label} ${differenceName(one)}`);
  const switches = others.length < compared.length ? ["switches on − off"] : [];
  return [`Compared: ${[...named, ...switches].join("; ")}.`];
}

const SPELLED = [
  "zero",
  "one",
  "two",
  "three",
  "four",
  "five",
  "six",
  "seven",
  "eight",
  "nine",
  "ten",
  "eleven",
  "twelve",
];

/** A small number as a word. */
export function spelled(count: number): string {
  return SPELLED[count] ?? `${count}`;
}
