/**
 * The part of the built-in table that the original study and the first version had. Tests that count switches, name panels or compare with
 * recorded numbers are of these: they hold when the table gets another factor.
 */
import { GATED_SPACE } from "../cells/catalog/catalog.ts";
import type { Space } from "../cells/space.ts";
import type { FactorValue } from "../cells/factor.ts";
import { type FACTORS, GATED, type NamedFactor, ORIGINAL_KEYS, SWITCHES, type SwitchKey } from "../cells/factors.ts";

type WithDefault = Extract<typeof FACTORS[number], { readonly default: FactorValue }>["key"];

/** The name of one of {@linkcode ORIGINAL_SWITCHES}. */
export type OriginalSwitchKey = Exclude<SwitchKey, WithDefault>;

/** The seven switches of the original study: those without a default. */
export const ORIGINAL_SWITCHES = SWITCHES.filter(({ key }) => ORIGINAL_KEYS.includes(key)) as readonly NamedFactor<
  OriginalSwitchKey
>[];

/** The original study's nine factors, the inputs of the gates and the cell. */
export const ORIGINAL: Space = {
  ...GATED_SPACE,
  factors: GATED.factors.filter(({ key }) => [...ORIGINAL_KEYS, "gate_inputs", "cell"].includes(key)),
};
