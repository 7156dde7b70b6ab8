/** What pictures of dynamics say alike: what was measured, on how much text, and what error bars are. */
import { counted, formatCount } from "../../../cells/counts.ts";
import type { FactorTable } from "../../../cells/factor.ts";
import { extentOf } from "../../../cells/extremes.ts";
import type { RunDynamics } from "../../../experiments/study/dynamics_file.ts";
import type { MergedRow } from "../../data/merged.ts";
import { measuresOf } from "../../data/seed_estimates.ts";
import { corpusText, finishedRuns } from "../../tables/report_words.ts";
import type { FigureOptions } from "../svg.ts";

/** Which configurations: `153 configurations, 2 seeds each (306 runs), on tinyshakespeare.` Runs that were not measured do not count. */
export function measuredText(rows: readonly MergedRow[], table?: FactorTable): string {
  const only = rows.map((row) => ({ ...row, runs: row.runs.filter(({ dynamics }) => dynamics) }));
  return `Measured: ${finishedRuns(only, table)} on ${corpusText(only)}.`;
}

/** How much text a measure has read. */
interface Extent {
  readonly streams: number;
  readonly tokens: number;
  readonly warm_up?: number;
}

/** `8 streams of 4,096 bytes of the test split each, after 512 of warm-up`; of runs that differ from the least to the most. */
export function extentText(
  rows: readonly MergedRow[],
  of: (dynamics: RunDynamics) => Extent | undefined,
): string {
  const extents = rows.flatMap((row) => measuresOf(row, of)), [{ reads }] = rows;
  const range = (key: keyof Extent) => {
    const [least, most] = extentOf(extents.map((one) => one[key] ?? 0));
    return { least: least < most ? `${formatCount(least)} to ` : "", most };
  };
  const [streams, tokens, warmUp] = [range("streams"), range("tokens"), range("warm_up")];
  const before = warmUp.most ? `, after ${warmUp.least}${formatCount(warmUp.most)} of warm-up` : "";
  return `${streams.least}${counted(streams.most, "stream")} of ${tokens.least}${
    counted(tokens.most, reads)
  } of the test split each${before}`;
}

/**
 * The texts above a figure of one measure: the options' own, how much text the measure has read, and what is to be said of the figure.
 *
 * @param lines further lines of the subtitle
 */
export function measureTexts(
  { name, title, subtitle }: FigureOptions,
  rows: readonly MergedRow[],
  of: (dynamics: RunDynamics) => Extent | undefined,
  lines: readonly string[],
): { readonly name: string; readonly title: string; readonly subtitle: string[] } {
  return { name, title, subtitle: [subtitle, `Read: ${extentText(rows, of)}.`, ...lines] };
}

/** What error bars are, for a subtitle. */
export const ERRORS = "± one standard error over streams, of the mean over seeds";
