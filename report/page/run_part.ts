/** The page's parts on single configurations: curve, facts seed by seed, and what the model writes. */
import { type CellConfig, describeSizesIn } from "../../cells/config.ts";
import { cellJson } from "../../cells/cell_name.ts";
import { counted, formatCount } from "../../cells/counts.ts";
import { trainingFactors } from "../../cells/factor.ts";
import type { Space } from "../../cells/space.ts";
import { commandOn } from "../../experiments/study/commands.ts";
import type { Criterion } from "../../experiments/study/criterion.ts";
import type { Experiment } from "../../experiments/study/experiment.ts";
import { HIGHEST_ORDER } from "../../train/corpus/ngrams/baselines.ts";
import { RESETS } from "../../train/scoring/state_resets.ts";
import { ANY_STUDY } from "../../train/terminal/advice.ts";
import type { ReportContent } from "../content/report_content.ts";
import { criterionOfRows, type MergedRow } from "../data/merged.ts";
import { distinct, type RunRow } from "../data/rows.ts";
import { trainingPhrase, withDefaults } from "../data/training_factors.ts";
import { rankedByText } from "../tables/criterion_words.ts";
import { formatLoss, formatSeconds, formatSpread } from "../tables/format.ts";
import { testScore } from "../tables/metric_text.ts";
import { type CurveFrame, curveFrame } from "./curve.ts";
import { type DynamicsParts, dynamicsParts } from "./dynamics.ts";
import { escapeHtml, visibleText, WITH_SCRIPT } from "./html.ts";

/** The part on one configuration. */
export interface ShownRun {
  /** What the page calls the configuration. */
  readonly name: string;
  readonly config: CellConfig;
  /** Its cell: equal for equal cells alone. */
  readonly cell: string;
  /** Among all that are shown, from 1. */
  readonly rank: number;
  /** What it is ranked by. */
  readonly best: string;
  /** An article. */
  readonly html: string;
}

/** The parts on all configurations that are shown. */
export interface RunsInFull {
  /** Best first. */
  readonly runs: readonly ShownRun[];
  /** Axes and labels of their small pictures, once for the page: HTML. */
  readonly symbols: string;
}

/** What such parts have in common. */
interface PartOptions {
  readonly experiment: Experiment;
  /** What is best is chosen by. */
  readonly criterion: Criterion;
  readonly frame: CurveFrame;
  readonly dynamics: DynamicsParts;
  readonly table: Space;
}

/** The parts on all configurations of a report. */
export function runsInFull({ experiment, rows, levels, table }: ReportContent): RunsInFull {
  const frame = curveFrame(rows, levels), criterion = criterionOfRows(rows), dynamics = dynamicsParts(rows);
  const options = { experiment, criterion, frame, dynamics, table };
  return {
    symbols: `${frame.note}${frame.symbol}\n${dynamics.symbols}`,
    runs: rows.map((row, i): ShownRun => ({
      name: row.name,
      config: row.config,
      cell: cellIn(table, row.config),
      rank: i + 1,
      best: rankedByText(row, criterion),
      html: runPart(row, i + 1, options),
    })),
  };
}

/** A configuration's cell: equal for equal cells alone. How it is trained makes no other. */
export function cellIn(table: Space, config: CellConfig): string {
  return cellJson(withDefaults(config, trainingFactors(table)), table);
}

function runPart(row: MergedRow, rank: number, { experiment, criterion, frame, dynamics, table }: PartOptions): string {
  const { name, config, runs } = row;
  const what = [describeSizesIn(table, config), trainingPhrase(table, row)].filter(Boolean).join(", ");
  return `<article id="run-${name}" data-run="${name}">
<h3>Rank ${rank}: ${escapeHtml(what)}, ${rankedByText(row, criterion)}</h3>
<p class="${WITH_SCRIPT}"><button type="button" data-compare="${name}" aria-pressed="false">compare</button></p>
<div class="beside">
${frame.draw(row)}
<div>
${facts(row)}
</div>
</div>
${dynamics.of(row)}${sampleOf(experiment, runs)}
</article>`;
}

function facts(row: MergedRow): string {
  const texts = distinct(row.runs, ({ dataset, corpus_sha1 }) => `${dataset}, SHA-1 ${corpus_sha1}`);
  const seeds = row.runs.length > 1
    ? [
      `lowest training loss: ${formatSpread(row.min_loss)} nats per ${row.reads}`,
      `test split: ${row.test_bits_per_byte ? `${testScore(row)} bits per byte` : "not scored"}`,
    ]
    : [];
  return [
    `id <code>${row.id}</code>`,
    ...texts.map((text) => `corpus ${escapeHtml(text)}`),
    ...(row.reads === "token" ? [`tokens ${escapeHtml(row.runs[0].tokens)}`] : []),
    `${formatCount(row.parameters)} parameters, ${counted(row.steps_done, "step")}`,
    ...seeds,
    ...row.runs.map((run) => escapeHtml(seedInWords(run))),
  ].join("<br>\n");
}

function seedInWords(run: RunRow): string {
  const test = run.test_bits_per_byte === undefined
    ? "not scored"
    : `test split ${formatLoss(run.test_bits_per_byte)} bits per byte`;
  const validation = run.validation_bits_per_byte === undefined
    ? ""
    : `, validation split ${formatLoss(run.validation_bits_per_byte)} bits per byte`;
  return `seed ${run.seed}: lowest training loss ${
    formatLoss(run.min_loss)
  } nats per ${run.reads}, ${test}${validation}, ${formatSeconds(run.train_seconds)} by ${run.engine} ` +
    `on ${run.adapter}${memoryInWords(run)}`;
}

/** How much context the score stands for, what memory gives, and the loss increase under state resets; nothing where none is known. */
function memoryInWords(run: RunRow): string {
  const { context_order: order, gain_over_order_1: gain, memory, reads } = run;
  const context = order === undefined ? "" : `; ${contextInWords(order, run)}`;
  const below = gain === undefined
    ? ""
    : `; ${formatLoss(Math.abs(gain))} bits per byte ${gain < 0 ? "above" : "below"} the n-gram baseline of order 1`;
  const reached = context + below;
  if (!memory) return reached;
  const enough = memory.context === null
    ? `more than ${counted(RESETS[RESETS.length - 1] / 2, reads)} of context help`
    : `more than ${counted(memory.context, reads)} of context do not help`;
  return `${reached}; loss increase under state resets: ${formatLoss(memory.gain)} bits per byte, ${enough}`;
}

/**
 * Which n-gram baseline a score reaches. Baselines are of bytes: what a model of tokens reaches comes to about so many tokens of its own.
 *
 * @param order of that baseline, bytes
 */
export function contextInWords(
  order: number,
  { reads, bytes_per_token }: Pick<RunRow, "reads" | "bytes_per_token">,
): string {
  if (order < 0) return "worse than the n-gram baseline of order 0, which sees no context";
  const least = order < HIGHEST_ORDER ? "" : "at least ", bytes = `${order.toFixed(2)} bytes`;
  return reads === "byte"
    ? `as good as ${least}${bytes} of context (n-gram baselines)`
    : `as good as ${least}about ${
      (order / bytes_per_token).toFixed(2)
    } ${reads}s of context (n-gram baselines, ${bytes})`;
}

/** What the first seed's model writes, behind what it was given to read. */
export function sampleOf(experiment: Experiment, runs: readonly RunRow[]): string {
  const run = runs.find(({ sample }) => sample);
  if (!run) {
    const draw = commandOn("evaluate", ANY_STUDY, experiment, { again: true });
    return `<p class="muted">No sample of its text: ${escapeHtml(draw)} draws one.</p>`;
  }
  const { text, prompt, bytes, temperature } = run.sample!;
  return `<p class="sample"><b>${visibleText(prompt)}</b>${visibleText(text)}</p>
<p class="muted">${
    counted(bytes, "byte")
  } generated by seed ${run.seed} at temperature ${temperature}, after the prompt in grey.</p>`;
}
