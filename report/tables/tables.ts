/** Plain-text tables for the terminal, and the best run's forward function in words. */
import { maxOf } from "../../cells/extremes.ts";
import type { CellConfig } from "../../cells/config.ts";
import { SWITCHES } from "../../cells/factors.ts";
import { type MergedRow, mostSeeds } from "../data/merged.ts";
import type { Unit } from "../../cells/unit.ts";
import { formatSeconds, formatSpread, plural } from "../figures/theme.ts";

/** Rows of cells, the first row being the headings; numbers are set to the right. */
export function layOut(lines: readonly string[][], rightAligned: readonly boolean[]): string {
  const widths = lines[0].map((_, column) => maxOf(lines.map((line) => line[column].length)));
  return lines.map((line) =>
    line.map((cell, i) => rightAligned[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i])).join("  ").trimEnd()
  ).join("\n");
}

/** The switches that are on, as the digits that {@linkcode switchLegend} explains: `·2·45·7`. */
export function compactSwitches(row: { config: CellConfig }): string {
  return SWITCHES.map(({ key }, i) => row.config[key] ? `${i + 1}` : "·").join("");
}

/** What the digits of {@linkcode compactSwitches} stand for. */
export function switchLegend(): string {
  return `switches: ${SWITCHES.map(({ label }, i) => `${i + 1} ${label}`).join(", ")}; · is off`;
}

/** Bits per byte on the test split, with how many seeds it is of where some are not scored; a dash where none is. */
export function testScore({ test_bits_per_byte: score, runs }: MergedRow): string {
  if (!score) return "–";
  return formatSpread(score) + (score.count < runs.length ? ` (${score.count} of ${runs.length} seeds)` : "");
}

/**
 * The best configurations as a text table, best first: means over the seeds, `±` their standard deviation.
 *
 * @param rows configurations, best first
 * @param most rows of the table
 */
export function bestRunsTable(rows: readonly MergedRow[], most = 10): string {
  const seeds = mostSeeds(rows) > 1, controls = rows.some(({ control }) => control);
  const cells: string[][] = rows.slice(0, most).map((row, i) => [
    `${i + 1}`,
    row.name,
    ...(controls ? [row.control ? "control" : ""] : []),
    ...(seeds ? [`${row.runs.length}`] : []),
    `${row.config.n_layers}`,
    `${row.config.state_size}`,
    compactSwitches(row),
    formatSpread(row.min_loss),
    testScore(row),
    formatSeconds(row.train_seconds.mean),
  ]);
  const head = [
    "rank",
    "id",
    ...(controls ? ["chosen as"] : []),
    ...(seeds ? ["seeds"] : []),
    "layers",
    "state",
    "switches",
    `min loss (nats/${rows[0].reads})`,
    "test (bits/byte)",
    "time",
  ];
  const textColumns = ["id", "chosen as", "switches"];
  const table = layOut([head, ...cells], head.map((name) => !textColumns.includes(name)));
  const note = seeds ? "\nmeans over seeds, ± their standard deviation" : "";
  return `${table}\n${switchLegend()}${note}`;
}

/** A forward function in words. */
export interface ForwardWords {
  before: string;
  /** What leads in to `layer`, ending in a colon. */
  lead: string;
  /** What each layer does, one clause per switch. */
  layer: string[];
  after: string;
}

/** The forward function of a configuration in words, from the switches' own texts. */
export function forwardInWords({ config, reads = "byte" }: { config: CellConfig; reads?: Unit }): ForwardWords {
  const { n_layers, state_size } = config;
  const through = n_layers === 1
    ? "then goes through one layer"
    : `then goes through ${n_layers} layers, one after the other`;
  const before = `Each ${reads} becomes ${plural(state_size, "number")} (its embedding), ${through}; ` +
    `${n_layers === 1 ? "the layer" : "each layer"} carries a state of ${plural(state_size, "number")} ` +
    `from ${reads} to ${reads}.`;
  const after = `A linear map makes of the ${n_layers === 1 ? "layer" : "last layer"}'s output ` +
    `one logit for each value that the next ${reads} may have.`;
  if (config.cell !== undefined && config.cell !== "gated") {
    return {
      before,
      lead: "In each layer:",
      layer: [`the cell is '${config.cell}', which the switches do not describe`],
      after,
    };
  }
  const gates = config.gate_inputs === "x,h" ? ["the state gate and the forget gate do not read the candidate"] : [];
  const lead = "In each layer, the candidate for the new state is the tanh of a linear map of the input and the old " +
    "state; around it:";
  return { before, lead, layer: [...SWITCHES.map((one) => config[one.key] ? one.on : one.off), ...gates], after };
}

/** {@linkcode forwardInWords} as plain text. */
export function forwardText(row: { config: CellConfig; reads?: Unit }): string {
  const { before, lead, layer, after } = forwardInWords(row);
  return [before, lead, ...layer.map((line) => `  - ${line}`), after].join("\n");
}
