/** The page's part on configurations that a person has chosen to compare: curves, scores, differences, cells and samples side by side. */
import { counted } from "../../cells/counts.ts";
import { maxOf, minOf } from "../../cells/extremes.ts";
import { trainingFactors } from "../../cells/factor.ts";
import type { Space } from "../../cells/space.ts";
import { criterionInWords } from "../../experiments/study/criterion.ts";
import type { Experiment } from "../../experiments/study/experiment.ts";
import { cellTitleIn } from "../data/cell_names.ts";
import type { Level } from "../data/levels.ts";
import { countConfigurations, criterionOfRows, type MergedRow } from "../data/merged.ts";
import { distinct } from "../data/rows.ts";
import { withDefaults } from "../data/training_factors.ts";
import { figureCompared } from "../figures/compared.ts";
import { figureDocument } from "../figures/svg.ts";
import { differencesBySeed, pairedBySeed } from "../statistics/baseline_comparison.ts";
import type { Measure } from "../statistics/matched.ts";
import { differencesOf, type OnePair, onePairOf } from "../tables/differences.ts";
import { differenceName } from "../tables/factor_words.ts";
import { formatDifference, NONE } from "../tables/format.ts";
import { corpusAndSteps, finishedRuns } from "../tables/report_words.ts";
import { escapeHtml, table as tableOfHtml, textTable } from "./html.ts";
import { columnsFor, type MeasuredOfRuns, type RunColumn } from "./run_columns.ts";
import { CELL_COPY } from "./ids.ts";
import { cellIn, sampleOf } from "./run_part.ts";

/** What configurations are compared in. */
export interface ComparedData {
  readonly experiment: Experiment;
  /** All of the report, best first: ranks and what is ranked by are theirs. */
  readonly rows: readonly MergedRow[];
  readonly levels?: readonly Level[];
  readonly table: Space;
}

/** A configuration with its rank among all. */
interface Ranked {
  readonly row: MergedRow;
  readonly rank: number;
}

/**
 * The comparison of some configurations, best first. Picture and equations of cells are left to the page, which has them.
 *
 * @param names of at least two configurations as the page has them; others are named as unknown
 */
export function compared(names: readonly string[], { experiment, rows, levels, table }: ComparedData): string {
  const wanted = new Set(names), known = new Set(rows.map(({ name }) => name));
  const ranked = rows.map((row, i): Ranked => ({ row, rank: i + 1 })).filter(({ row }) => wanted.has(row.name));
  const unknown = names.filter((name) => !known.has(name));
  const missing = unknown.length
    ? `<p>Not among the finished configurations: ${unknown.map((name) => escapeHtml(name)).join(", ")}.</p>`
    : "";
  const title = "<h2>Comparison</h2>";
  if (ranked.length < 2) {
    return `${title}\n${missing}<p>Nothing to compare: choose at least two configurations.</p>`;
  }
  const chosen = ranked.map(({ row }) => row);
  return [
    title,
    `<p>${chosen.length} of ${counted(countConfigurations(rows), "configuration")}, best first by ${
      escapeHtml(criterionInWords(criterionOfRows(rows)))
    }. Ranks are among all configurations, not only those selected above.</p>`,
    missing,
    curves(chosen, levels, table),
    "<h3>Scores</h3>",
    scores(ranked, table),
    "<h3>Differences</h3>",
    differences(ranked, table),
    "<h3>Cells</h3>",
    cells(ranked, table),
    "<h3>Generated text</h3>",
    `<div class="columns-beside">\n${
      ranked.map((one) => `<section>\n${heading(one)}\n${sampleOf(experiment, one.row.runs)}\n</section>`).join("\n")
    }\n</div>`,
  ].filter(Boolean).join("\n");
}

const link = ({ name }: MergedRow) => `<a href="#run-${name}"><code>${name}</code></a>`;

const heading = ({ row, rank }: Ranked) => `<h4>${link(row)}, rank ${rank}: ${escapeHtml(row.label)}</h4>`;

function curves(rows: readonly MergedRow[], levels: readonly Level[] | undefined, table: Space): string {
  const svg = figureCompared(figureDocument(), rows, {
    name: "compared",
    title: "Training loss of the compared configurations",
    subtitle: `${finishedRuns(rows, table)} on ${corpusAndSteps(rows)}.`,
    levels,
  }, table);
  return `<figure id="compared">
<div class="card" tabindex="0">
${svg.trim()}
</div>
<figcaption>The training curves of the compared configurations, on the same axes.</figcaption>
</figure>`;
}

/** A table with a column for each configuration. */
function tableOfColumns(ranked: readonly Ranked[], body: readonly string[]): string {
  const head = ranked.map(({ row, rank }) => `<th scope="col">${link(row)}<br>rank ${rank}</th>`);
  return tableOfHtml(`<td></td>${head.join("")}`, body.join("\n"));
}

function tableRow(label: string, cells: readonly string[], kind = ""): string {
  return `<tr${kind && ` class="${kind}"`}><th scope="row" class="text turn">${escapeHtml(label)}</th>${
    cells.map((cell) => `<td>${cell}</td>`).join("")
  }</tr>`;
}

/** A column of the page's table that holds what was measured. */
type MeasuredColumn = RunColumn & { readonly measured: MeasuredOfRuns };

const isMeasured = (column: RunColumn): column is MeasuredColumn => column.measured !== undefined;

function scores(ranked: readonly Ranked[], table: Space): string {
  const rows = ranked.map(({ row }) => row), columns = columnsFor(rows, table).filter(isMeasured);
  const isAnyBest = columns.some((column) => bestOf(rows, column).size > 0);
  const note = isAnyBest
    ? "<p>“Best” is the best mean among those compared; if seeds differ by as much, it may be chance.</p>"
    : "";
  return `${note}\n${tableOfColumns(ranked, columns.flatMap((column) => scoreRows(ranked, column)))}`;
}

/** The means over the seeds with the best one named, and below them each seed's number. */
function scoreRows(ranked: readonly Ranked[], column: MeasuredColumn): string[] {
  const rows = ranked.map(({ row }) => row), best = bestOf(rows, column);
  const means = ranked.map(({ row, rank }) => (best.has(row) ? "<b>best</b> " : "") + column.cell(row, rank));
  const seeds = distinct(rows.flatMap(({ runs }) => runs), ({ seed }) => seed);
  if (seeds.length < 2 || column.measured.isShared) return [tableRow(column.heading, means)];
  const bySeed = seeds.map((wanted) =>
    tableRow(
      `seed ${wanted}`,
      rows.map(({ runs }) => {
        const run = runs.find(({ seed }) => seed === wanted);
        return run ? column.measured.text(run) : NONE;
      }),
      "by-seed",
    )
  );
  return [tableRow(column.heading, means), ...bySeed];
}

/** Those with the best mean, where one is better than another. */
export function bestOf(rows: readonly MergedRow[], { measured: { better, mean } }: MeasuredColumn): Set<MergedRow> {
  const means = rows.flatMap((row) => mean(row) ?? []);
  if (better === undefined || new Set(means).size < 2) return new Set();
  const best = better === "lower" ? minOf(means) : maxOf(means);
  return new Set(rows.filter((row) => mean(row) === best));
}

function differences(ranked: readonly Ranked[], table: Space): string {
  const rows = ranked.map(({ row }) => row), { different, common } = differencesOf(rows, table);
  const pair = onePairOf(rows, table);
  return [
    different.length
      ? tableOfColumns(ranked, different.map(({ label, values }) => tableRow(label, values.map(escapeHtml))))
      : "<p>In no recorded setting.</p>",
    `<p>In common: ${escapeHtml(common.join(", "))}.</p>`,
    pair ? pairBySeed(pair, columnsFor(rows, table)) : "",
  ].filter(Boolean).join("\n");
}

/** Measures that less is better of, by what their columns are called. */
const MEASURES: readonly Measure[] = ["test_bits_per_byte", "min_loss"];

/** What one factor changes in these two configurations, seed by seed. */
function pairBySeed({ rows: [from, to], ...contrast }: OnePair, columns: readonly RunColumn[]): string {
  const measures = MEASURES.map((measure) => ({
    heading: columns.find(({ key }) => key === measure)!.heading,
    bySeed: new Map(differencesBySeed(to, from, measure).map(({ seed, difference }) => [seed, difference])),
    paired: pairedBySeed(to, from, measure),
  })).filter(({ paired }) => paired.seeds.length);
  if (!measures.length) return "";
  const seeds = distinct(measures.flatMap(({ paired }) => paired.seeds), (seed) => seed);
  const isSeveral = seeds.length > 1;
  const lines = measures.map(({ heading, bySeed, paired: { difference, interval } }) => [
    heading,
    ...seeds.map((seed) => bySeed.has(seed) ? formatDifference(bySeed.get(seed)!) : NONE),
    ...(isSeveral
      ? [
        formatDifference(difference!),
        interval ? `${formatDifference(interval.low)} to ${formatDifference(interval.high)}` : NONE,
      ]
      : []),
  ]);
  const headings = ["", ...seeds.map((seed) => `seed ${seed}`), ...(isSeveral ? ["mean", "95 % interval"] : [])];
  const about = isSeveral
    ? "Paired by seed. Interval: Student's t over the seeds, so for these two configurations with other seeds."
    : "One seed: how much other seeds would differ is unknown.";
  return `<h4>${escapeHtml(`${contrast.factor.label}, ${differenceName(contrast)}`)}</h4>
${textTable({ headings, lines })}
<p class="muted">${escapeHtml(about)}</p>`;
}

/** A place for each distinct cell, with the configurations that have it. */
function cells(ranked: readonly Ranked[], table: Space): string {
  const groups = [...Map.groupBy(ranked, ({ row }) => cellIn(table, row.config))];
  const places = groups.map(([cell, own]) => {
    const title = cellTitleIn(table, withDefaults(own[0].row.config, trainingFactors(table)));
    const names = own.map(({ row }) => link(row)).join(", ");
    return `<section>
<h4>${escapeHtml(title)}: ${names}</h4>
<div ${CELL_COPY}="${escapeHtml(cell)}"></div>
</section>`;
  });
  const legend = groups.length > 1
    ? "<p>Lines of the equations marked with <mark>≠</mark> differ between these cells.</p>"
    : "<p>All of them have the same cell.</p>";
  return `${legend}\n<div class="columns-beside">\n${places.join("\n")}\n</div>`;
}
