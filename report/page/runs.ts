/** The page's table of all configurations. */
import type { FactorTable } from "../../cells/factor.ts";
import type { Unit } from "../../cells/unit.ts";
import { criterionInWords } from "../../experiments/study/criterion.ts";
import type { Metric } from "../../experiments/study/metric.ts";
import { METRICS } from "../../experiments/study/metrics.ts";
import { escapeHtml, EXTRA, table, WITH_SCRIPT } from "./html.ts";
import { criterionOfRows, type MergedRow } from "../data/merged.ts";
import { columnsFor, lossIncreases, type RunColumn } from "./run_columns.ts";

/**
 * All configurations, best first. Without the script the table stands in this order.
 *
 * @param metrics what is measured of each run
 */
export function runsTable(
  rows: readonly MergedRow[],
  factors: FactorTable,
  metrics: readonly Metric[] = METRICS,
): string {
  const columns = columnsFor(rows, factors, metrics);
  const head = columns.map(({ key, heading, kind, turn, isExtra }) =>
    `<th scope="col" data-key="${escapeHtml(key)}"${classes(kind, turn && "turn", isExtra && EXTRA)}>${
      escapeHtml(heading)
    }</th>`
  );
  const body = rows.map((row, i) => {
    const cells = columns.map(({ kind, isExtra, cell, value, isOff }) => {
      const by = value?.(row), sorted = by === undefined ? "" : ` data-value="${by}"`;
      return `<td${classes(kind, isOff?.(row) && "off", isExtra && EXTRA)}${sorted}>${cell(row, i + 1)}</td>`;
    });
    const choice = `<input type="checkbox" data-compare="${row.name}" aria-label="compare ${row.name}">`;
    return `<tr data-run="${row.name}"><td class="${WITH_SCRIPT}">${choice}</td>${cells.join("")}</tr>`;
  });
  return `${introduction(rows)}
${columnsMenu(columns)}
<div id="runs">
${table(`<th scope="col" class="${WITH_SCRIPT}">compare</th>${head.join("")}`, body.join("\n"))}
</div>`;
}

function classes(...names: (string | false | undefined)[]): string {
  const all = names.filter(Boolean).join(" ");
  return all ? ` class="${all}"` : "";
}

/** Which columns are shown: without the script all are. */
function columnsMenu(columns: readonly RunColumn[]): string {
  const choices = columns.map(({ key, heading, isExtra }) =>
    `<label><input type="checkbox" name="${escapeHtml(key)}"${isExtra ? "" : " checked"}> ${
      escapeHtml(heading)
    }</label>`
  );
  return `<details class="columns ${WITH_SCRIPT}"><summary>columns</summary>
<fieldset><legend>Columns of the table</legend>
${choices.join("\n")}
<button type="button">the usual ones</button>
</fieldset>
</details>`;
}

/** By what the table is ranked, and what its two columns on memory are. */
const COMPARING = "Check two or more to compare them side by side at the top of this page.";

function introduction(rows: readonly MergedRow[]): string {
  const gains = rows.some((row) => row.gain_over_order_1) ? [GAIN_IN_WORDS] : [];
  const resets = rows.some((row) => lossIncreases(row).length) ? [resetsInWords(rows[0].reads)] : [];
  const sentences = [`Ranked by ${criterionInWords(criterionOfRows(rows))}.`, ...gains, ...resets];
  return `<p>${escapeHtml(sentences.join(" "))}</p>
<p class="${WITH_SCRIPT}">${COMPARING}</p>`;
}

const GAIN_IN_WORDS =
  "“Below order 1” is the n-gram baseline of order 1 minus the test score: the gain over a model that sees only the last " +
  "byte; above zero, the model uses more context than that byte.";
/** @param reads what the models read */
function resetsInWords(reads: Unit): string {
  return `“Loss increase under state resets” is how much the score worsens when the state is set to zero before each ${reads}; it does not measure ` +
    "the use of memory, since a trained model rarely sees a zero state.";
}
