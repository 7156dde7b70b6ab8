/** Training factors: how a configuration is trained, whatever its cell and its sizes. Which they are follows from the table. */
import {
  type Configuration,
  countedLevel,
  type Factor,
  type FactorTable,
  type FactorValue,
  formatLevel,
  isTuned,
  keysOf,
  trainingFactors,
  valueOf,
  withoutKeys,
} from "../../cells/factor.ts";
import { type Configured, levelsIn } from "./rows.ts";

/** The training factors of which rows have several values. */
export function variedTraining(table: FactorTable, rows: readonly Configured[]): Factor[] {
  return trainingFactors(table).filter((factor) => levelsIn(factor, rows).length > 1);
}

/** A configuration without these factors: with their defaults. */
export function withDefaults<Config extends Configuration>(config: Config, factors: readonly Factor[]): Config {
  return withoutKeys(config, keysOf(factors));
}

/** `learning rate 0.003`; of what is counted and not chosen `16 steps back`. */
export function atLevel(factor: Factor, value: FactorValue): string {
  if (factor.kind === "integer" && factor.unit && !isTuned(factor)) return countedLevel(factor.unit, value);
  return `${factor.label} ${formatLevel(factor, value)}`;
}

/** Several factors at a value each: `new state off, state size 256`; empty where there are none. */
export function atLevels(values: readonly { readonly factor: Factor; readonly value: FactorValue }[]): string {
  return values.map(({ factor, value }) => atLevel(factor, value)).join(", ");
}

/** What is said of how a configuration is trained: the values that are no defaults; mostly nothing. */
export function trainingPhrase(table: FactorTable, row: Configured): string {
  return trainedAt(trainingFactors(table).filter((factor) => valueOf(factor, row.config) !== factor.default), row);
}

/** Values of these factors in words: `learning rate 0.003, optimizer sgd`; empty without a factor. */
export function trainedAt(factors: readonly Factor[], { config }: Configured): string {
  return atLevels(factors.map((factor) => ({ factor, value: valueOf(factor, config) })));
}
