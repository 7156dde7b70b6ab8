/** The effects of the switches as lines of printed cells, for the terminal and the page. */
import type { Interval } from "./bootstrap.ts";
import type { Effects, SwitchEffect } from "./effects.ts";
import type { Measure } from "./matched.ts";
import { layOut } from "./tables.ts";
import { formatCount, formatDifference, formatP } from "./theme.ts";

/** What the measures are called, with their units. */
export const MEASURE_NAMES: Readonly<Record<Measure, string>> = {
  min_loss: "least training loss, nats per byte",
  test_bits_per_byte: "test, bits per byte",
};

/** One switch: everything as it is printed. */
export interface EffectLine {
  label: string;
  difference: string;
  interval: string;
  p: string;
  lower: string;
  seeds: string;
}

/** Headings of {@linkcode EffectLine}, in the order of its fields. */
export const EFFECT_HEADINGS = [
  "switch",
  "on − off",
  "95 % interval",
  "corrected p",
  "pairs lower with on",
  "seeds",
] as const;

const NONE = "–";

/** The switches' effects, ready to print; a dash stands for what too few pairs cannot tell. */
export function effectLines(effects: readonly SwitchEffect[]): EffectLine[] {
  return effects.map(({ label, pairs, difference, interval, p_holm, lower, seeds }) => ({
    label,
    difference: difference === undefined ? NONE : formatDifference(difference),
    interval: interval ? formatInterval(interval) : NONE,
    p: p_holm === undefined ? NONE : formatP(p_holm),
    lower: pairs ? `${formatCount(lower)} of ${formatCount(pairs)}` : "no pair",
    seeds: !pairs ? NONE : seeds.least === seeds.most ? `${seeds.most}` : `${seeds.least} to ${seeds.most}`,
  }));
}

/** `−0.042 to +0.013`. */
export function formatInterval({ low, high }: Interval): string {
  return `${formatDifference(low)} to ${formatDifference(high)}`;
}

/** What each switch changes, by both measures, as text tables; the second is left out where no pair has a test score. */
export function effectTables(effects: Effects): string {
  const measures = (["min_loss", "test_bits_per_byte"] as const).filter((measure) =>
    measure === "min_loss" || effects[measure].some(({ pairs }) => pairs)
  );
  return measures.map((measure) => {
    const lines = effectLines(effects[measure]).map((line) => Object.values(line));
    const table = layOut([[...EFFECT_HEADINGS], ...lines], EFFECT_HEADINGS.map((_, i) => i > 0));
    return `${MEASURE_NAMES[measure]}:\n${table}`;
  }).join("\n\n");
}
