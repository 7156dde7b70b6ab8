/** The page's parts on single runs: each cell with its picture and equations, and under it the configurations that have it. */
import type { Space } from "../../cells/space.ts";
import { cellJson, cellKey, cellPicture, equationsOf } from "../../cells/portrait.ts";
import { describeSizesIn } from "../../cells/config.ts";
import { forwardInWords } from "../../cells/forward_words.ts";
import { commandOn } from "../../experiments/study/commands.ts";
import type { Criterion } from "../../experiments/study/criterion.ts";
import type { Experiment } from "../../experiments/study/schema.ts";
import { HIGHEST_ORDER } from "../../train/corpus/ngrams/baselines.ts";
import { RESETS } from "../../train/scoring/state_resets.ts";
import { ANY_STUDY } from "../../train/terminal/advice.ts";
import { type CurveFrame, curveFrame } from "./curve.ts";
import { type DynamicsParts, dynamicsParts } from "./dynamics.ts";
import { escapeHtml, listOf, visibleText } from "./html.ts";
import type { Level } from "../data/levels.ts";
import { cellTitleIn } from "../data/cell_names.ts";
import { trainingFactors } from "../../cells/factor.ts";
import { trainingPhrase, withDefaults } from "../data/training_factors.ts";
import { criterionOfRows, type MergedRow, numbered } from "../data/merged.ts";
import { distinct, type RunRow } from "../data/rows.ts";
import { rankedByText } from "../tables/criterion_words.ts";
import { testScore } from "../tables/metric_text.ts";
import { counted, formatCount } from "../../cells/counts.ts";
import { formatLoss, formatSeconds, formatSpread } from "../tables/format.ts";

/** A configuration with its rank among all, from 1. */
interface Ranked {
  row: MergedRow;
  rank: number;
}

/**
 * One part per cell, the one with the best configuration first and open: all sizes share picture and equations, which so
 * stand on the page once.
 */
export function cellsInFull(
  experiment: Experiment,
  rows: readonly MergedRow[],
  levels: readonly Level[],
  table: Space,
): string {
  const frame = curveFrame(rows, levels), criterion = criterionOfRows(rows);
  const ranked = rows.map((row, i): Ranked => ({ row, rank: i + 1 }));
  // How it is trained makes no other cell.
  const training = trainingFactors(table), cellOf = ({ row }: Ranked) => withDefaults(row.config, training);
  const cells = [...Map.groupBy(ranked, (one) => cellJson(cellOf(one), table)).values()];
  const anchors = numbered(cells.map(([one]) => cellKey(cellOf(one), table))), dynamics = dynamicsParts(rows);
  const parts = cells.map((own, i) =>
    cellPart(anchors[i], own, { experiment, criterion, isOpen: i === 0, frame, dynamics, table })
  );
  return `${frame.note}${frame.symbol}\n${dynamics.symbols}${parts.join("\n")}`;
}

interface PartOptions {
  readonly experiment: Experiment;
  /** What is best is chosen by. */
  readonly criterion: Criterion;
  readonly isOpen: boolean;
  readonly frame: CurveFrame;
  readonly dynamics: DynamicsParts;
  readonly table: Space;
}

function cellPart(anchor: string, configurations: readonly Ranked[], options: PartOptions): string {
  const [{ row: best, rank }] = configurations;
  const { config, reads } = best, { table } = options;
  const title = cellTitleIn(table, withDefaults(config, trainingFactors(table)));
  const parts = equationsOf(config, "any", reads, table).map(({ title, lines }) =>
    `<p>${escapeHtml(title)}</p>\n<div class="equations" tabindex="0">${escapeHtml(lines.join("\n"))}</div>`
  );
  const count = counted(configurations.length, "configuration");
  return `<details id="cell-${anchor}"${options.isOpen ? " open" : ""}>
<summary><b>${escapeHtml(title)}</b>: ${count}, best ${rankedByText(best, options.criterion)} (rank ${rank})</summary>
<div>
<div class="scroll" tabindex="0">${cellPicture(config, `Cell: ${title}`, table).inline}</div>
${inWords(best, table)}
${parts.join("\n")}
${configurations.map((one) => runPart(one, options)).join("\n")}
</div>
</details>`;
}

function inWords({ config, reads }: MergedRow, table: Space): string {
  const { lead, layer } = forwardInWords(config, reads, table);
  return [`<p>${escapeHtml(lead)}</p>`, ...listOf(layer)].join("\n");
}

function runPart({ row, rank }: Ranked, { experiment, criterion, frame, dynamics, table }: PartOptions): string {
  const { name, config, runs } = row, trained = trainingPhrase(table, row);
  const what = [describeSizesIn(table, config), trained].filter(Boolean).join(", ");
  return `<article id="run-${name}" data-run="${name}">
<h4>Rank ${rank}: ${escapeHtml(what)}, ${rankedByText(row, criterion)}</h4>
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
  if (order < 0) return "not as good as the n-gram baseline of order 0, which knows no context";
  const least = order < HIGHEST_ORDER ? "" : "at least ", bytes = `${order.toFixed(2)} bytes`;
  return reads === "byte"
    ? `as good as ${least}${bytes} of context (n-gram baselines)`
    : `as good as ${least}about ${
      (order / bytes_per_token).toFixed(2)
    } ${reads}s of context (n-gram baselines, ${bytes})`;
}

/** What the first seed's model writes, behind what it was given to read. */
function sampleOf(experiment: Experiment, runs: readonly RunRow[]): string {
  const run = runs.find(({ sample }) => sample);
  if (!run) {
    const draw = commandOn("evaluate", ANY_STUDY, experiment, { again: true });
    return `<p class="muted">No sample of its text: ${escapeHtml(draw)} draws one.</p>`;
  }
  const { text, prompt, bytes, temperature } = run.sample!;
  return `<p class="sample"><b>${visibleText(prompt)}</b>${visibleText(text)}</p>
<p class="muted">${
    counted(bytes, "byte")
  } that seed ${run.seed} writes at temperature ${temperature}, behind the prompt in grey.</p>`;
}
