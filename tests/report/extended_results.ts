/** Made-up results over the table with two factors more, whose effects are known to rounding. */
import type { CellConfig } from "../../cells/config.ts";
import { configIdIn } from "../../cells/config.ts";
import { contrastOf, type Factor, type FactorValue } from "../../cells/factor.ts";
import type { RunResult } from "../../experiments/study/result.ts";
import { EXTENDED } from "../extended_table.ts";
import { syntheticResults } from "./synthetic_results.ts";

/** The further switch, and the number. */
export const SWITCH: Factor = EXTENDED.factors.at(-2)!, NUMBER: Factor = EXTENDED.factors.at(-1)!;

/** What each adds to the loss, and what both add beside, nats per byte. */
const ADDED = { switch: -0.11, number: 0.07, both: -0.05 } as const;

/** Over the other factor's two values, and of the two together: what statistics must find. */
export const PLANTED = {
  switch: ADDED.switch + ADDED.both / 2,
  number: ADDED.number + ADDED.both / 2,
  both: ADDED.both,
} as const;

/** The configurations of one layer, each with the four combinations of both factors' values; or with their defaults alone. */
export function extendedResults(vary = true): RunResult[] {
  const valuesOf = (factor: Factor): readonly FactorValue[] => vary ? contrastOf(factor)! : [factor.default!];
  return syntheticResults({ layers: [1], steps: 1000 }).flatMap((result) =>
    valuesOf(SWITCH).flatMap((on) =>
      valuesOf(NUMBER).map((value) => withFactors(result, { [SWITCH.key]: on, [NUMBER.key]: value }))
    )
  );
}

/** The same run with both factors set; values of defaults are absent, as files have them. */
function withFactors(result: RunResult, values: Readonly<Record<string, FactorValue>>): RunResult {
  const [on, high] = [SWITCH, NUMBER].map(({ key, default: usual }) => values[key] !== usual);
  const added = (on ? ADDED.switch : 0) + (high ? ADDED.number : 0) + (on && high ? ADDED.both : 0);
  const set = Object.fromEntries(
    [SWITCH, NUMBER].filter(({ key, default: usual }) => values[key] !== usual).map(({ key }) => [key, values[key]]),
  );
  const config = Object.fromEntries(EXTENDED.factors.map(({ key }) => [key, { ...result, ...set }[key]]));
  const loss = result.loss!.map((value) => value + added);
  return {
    ...result,
    ...set,
    id: configIdIn(EXTENDED, config as CellConfig),
    loss,
    "min loss": Math.min(...loss),
    test_loss: result.test_loss! + added,
    test_bits_per_byte: (result.test_loss! + added) / Math.LN2,
  };
}
