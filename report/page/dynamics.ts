/** What the page says of the dynamics of one configuration: small pictures, and tables with standard errors. */
import { quantile } from "simple-statistics";
import { extentOf, maxOf } from "../../cells/extremes.ts";
import {
  DYNAMICS_METRICS,
  type DynamicsMetric,
  dynamicsUnit,
  FORGETTING_TIME,
  LARGEST_EXPONENT,
} from "../../experiments/study/dynamics_metrics.ts";
import type { Estimate } from "../../train/dynamics/estimate.ts";
import { meanGates } from "../data/gates.ts";
import type { MergedRow } from "../data/merged.ts";
import { meanRecall } from "../data/recall.ts";
import { meanOverSeeds, measuredRows, measuresOf } from "../data/seed_estimates.ts";
import { meanSpectrum } from "../data/spectrum.ts";
import { dynamicsHeading, wordsIn } from "../tables/dynamics_text.ts";
import { formatFixed, formatOnAxis, NONE } from "../tables/format.ts";
import { type Point, polyline } from "../figures/svg_paths.ts";
import { escapeHtml, textTable } from "./html.ts";

/** What the page has of dynamics. */
export interface DynamicsParts {
  /** Axes and labels of the pictures, once for the page; empty where nothing was measured. */
  readonly symbols: string;
  /** A folded part; empty where nothing was measured. */
  of(row: MergedRow): string;
}

/** Parts whose pictures have common axes. @param rows all of the page */
export function dynamicsParts(rows: readonly MergedRow[]): DynamicsParts {
  const measured = new Set(measuredRows(rows));
  if (!measured.size) return { symbols: "", of: () => "" };
  const pictures = PICTURES.map((picture) => framed(picture, [...measured]));
  return {
    symbols: `<svg class="curve" width="0" height="0" style="position:absolute" aria-hidden="true">${
      pictures.map(({ symbol }) => symbol).join("")
    }</svg>\n`,
    of: (row) => measured.has(row) ? partOf(row, pictures) : "",
  };
}

function partOf(row: MergedRow, pictures: readonly FramedPicture[]): string {
  return `<details>
<summary>${escapeHtml(summaryOf(row))}</summary>
<div>
<div class="beside">
${pictures.map(({ draw }) => draw(row)).join("\n")}
</div>
${textTable(metricCells(row))}
${gateTable(row)}<p class="muted">${NOTE}</p>
</div>
</details>
`;
}

const NOTE =
  "Means over the seeds ± standard error over streams of the test split: the precision for these models, not the spread of other seeds.";

/** λ₁ and forgetting time, where they have a value. */
function summaryOf(row: MergedRow): string {
  const told = [LARGEST_EXPONENT, FORGETTING_TIME].flatMap((metric) => {
    const mean = meanOf(row, metric);
    return mean && mean.value !== null
      ? [`${metric.heading} ${estimateText(mean, metric.decimals)} ${dynamicsUnit(metric, row.reads)}`]
      : [];
  });
  return ["Dynamics", told.join(", ")].filter(Boolean).join(": ");
}

/** The mean over the seeds; undefined where none was measured. */
function meanOf(row: MergedRow, { of }: DynamicsMetric): Estimate | undefined {
  const found = measuresOf(row, of);
  return found.length ? meanOverSeeds(found) : undefined;
}

function estimateText({ value, standard_error }: Estimate, decimals: number): string {
  if (value === null) return NONE;
  const error = standard_error === null ? "" : ` ± ${formatFixed(standard_error, decimals)}`;
  return formatFixed(value, decimals) + error;
}

/** A line for each metric: its mean, then each seed by itself where there are several. */
function metricCells(row: MergedRow) {
  const seeds = row.runs.filter(({ dynamics }) => dynamics), isSeveral = seeds.length > 1;
  const lines = DYNAMICS_METRICS.flatMap((metric) => {
    const mean = meanOf(row, metric);
    if (!mean) return [];
    const each = seeds.map(({ dynamics }) => estimateText(metric.of(dynamics!) ?? NOTHING, metric.decimals));
    return [[dynamicsHeading(metric, row.reads), ...(isSeveral ? [estimateText(mean, metric.decimals)] : []), ...each]];
  });
  const headings = ["measure", ...(isSeveral ? ["mean"] : []), ...seeds.map(({ seed }) => `seed ${seed}`)];
  return { headings, lines };
}

const NOTHING: Estimate = { value: null, standard_error: null };

function gateTable(row: MergedRow): string {
  const gates = meanGates(row);
  if (!gates.length) return "";
  const headings = ["layer and gate", "mean", "share below 0.1", "share above 0.9"];
  const lines = gates.map(({ label, mean, below, above }) => [
    label,
    ...[mean, below, above].map((estimate) => estimateText(estimate, 3)),
  ]);
  return `${textTable({ headings, lines })}\n`;
}

/** A curve with its standard errors, by configuration. */
interface SmallPicture {
  readonly id: string;
  /** Written for models that read bytes: see {@linkcode wordsIn}. */
  readonly label: string;
  readonly points: (row: MergedRow) => readonly (Estimate & { readonly x: number })[];
  /** So much of all values may lie below the frame, on whose edge they are drawn; absent: none. */
  readonly least?: number;
  /** The end of the axis of x, as its text. */
  readonly end: (x: number) => string;
}

/** The lowest exponents of a few cells would press all others together. */
const SHOWN_LOWEST = 0.1;

const PICTURES: readonly SmallPicture[] = [
  {
    id: "spectrum-frame",
    label: "exponents by rank",
    points: (row) => meanSpectrum(row).map(({ share, ...estimate }) => ({ ...estimate, x: share })),
    least: SHOWN_LOWEST,
    end: (share) => `${Math.round(100 * share)} % of all`,
  },
  {
    id: "recall-frame",
    label: "byte recall by lag, bits",
    points: (row) => meanRecall(row).map(({ lag, ...estimate }) => ({ ...estimate, x: lag })),
    end: (lag) => `${lag} back`,
  },
];

const WIDTH = 240, HEIGHT = 110;
const PLOT = { left: 40, right: 8, top: 20, bottom: 20 } as const;

interface FramedPicture {
  readonly symbol: string;
  /** Empty where the configuration has no curve. */
  draw(row: MergedRow): string;
}

/** Pictures in one frame, which all have room in. */
function framed(
  { id, points, least, end, ...picture }: SmallPicture,
  rows: readonly MergedRow[],
): FramedPicture {
  const label = wordsIn(rows[0].reads, picture.label);
  const all = rows.flatMap(points), last = maxOf(all.map(({ x }) => x), 0) || 1;
  const values = all.map(({ value }) => value!), [lowest, high] = extentOf([0, ...values]);
  const low = least && values.length ? Math.min(0, quantile(values, least)) : lowest, span = high - low || 1;
  const atX = (x: number) => Math.round(PLOT.left + x / last * (WIDTH - PLOT.left - PLOT.right));
  const atY = (value: number) => {
    const share = Math.min(1, Math.max(0, (value - low) / span));
    return Math.round(10 * (HEIGHT - PLOT.bottom - share * (HEIGHT - PLOT.top - PLOT.bottom))) / 10;
  };
  const text = (x: number, y: number, content: string, anchor = "start") =>
    `<text class="curve-text" x="${x}" y="${y}" text-anchor="${anchor}">${escapeHtml(content)}</text>`;
  const frame =
    [low, high].map((value) =>
      `<path class="curve-grid" d="M${PLOT.left},${atY(value)}H${WIDTH - PLOT.right}"/>` +
      text(PLOT.left - 4, atY(value) + 4, formatOnAxis(value, span, 1), "end")
    ).join("") + text(PLOT.left, 12, label) + text(PLOT.left, HEIGHT - 5, "0") +
    text(WIDTH - PLOT.right, HEIGHT - 5, end(last), "end");
  const draw = (row: MergedRow) => {
    const found = points(row);
    if (!found.length) return "";
    const at = (sign: number) =>
      found.map(({ x, value, standard_error }): Point => [atX(x), atY(value! + sign * (standard_error ?? 0))]);
    return `<svg class="curve" style="width:15rem" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}">` +
      `<use href="#${id}"/><path class="band" d="${polyline([...at(1), ...at(-1).reverse()], 1)}z"/>` +
      `<path class="line" d="${polyline(at(0), 1)}"/></svg>`;
  };
  return { symbol: `<symbol id="${id}" viewBox="0 0 ${WIDTH} ${HEIGHT}">${frame}</symbol>`, draw };
}
