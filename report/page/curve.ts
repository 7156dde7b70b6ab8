/** Small training curves for the parts on single runs, all in one frame, so that they can be compared. */
import { maxOf } from "../../cells/extremes.ts";
import { escapeHtml } from "./html.ts";
import { curveAxis, curveOn } from "../data/curve_axis.ts";
import type { MergedRow } from "../data/merged.ts";
import { type Level, levelsOn } from "../data/levels.ts";
import { passesOf } from "../data/passes.ts";
import { lossRange } from "../statistics/means.ts";
import { type Point, polyline } from "../figures/svg_paths.ts";
import { formatCount } from "../../cells/counts.ts";
import { formatOnAxis } from "../tables/format.ts";

/** Draws curves in one frame. */
export interface CurveFrame {
  /** Grid and labels, once for the page. */
  symbol: string;
  /** What its vertical lines are, in a paragraph; empty where there is nothing to say. */
  note: string;
  /** A configuration's mean curve, with a band from the lowest to the highest of its seeds. */
  draw(row: MergedRow): string;
}

const WIDTH = 320, HEIGHT = 150;
const PLOT = { left: 36, right: 8, top: 8, bottom: 20 } as const;
/** Of the text in it, in pixels. */
const TEXT_HEIGHT = 11;
/** Points of one curve: a page holds hundreds. */
const POINTS = 45;

/**
 * @param rows at least one configuration, best first
 * @param levels of the study; those that belong beside a training loss and lie within the frame are drawn
 */
export function curveFrame(rows: readonly MergedRow[], levels: readonly Level[] = []): CurveFrame {
  const { low, high } = lossRange(rows);
  const span = Math.max(high - low, 0.01);
  const axis = curveAxis(rows), last = maxOf(rows.map((row) => axis.at(row, row.steps_done)));
  const x = (step: number) => Math.round(PLOT.left + step / last * (WIDTH - PLOT.left - PLOT.right));
  // What is above the frame runs along its top.
  const y = (loss: number) => {
    const share = Math.min(1, Math.max(0, (loss - low) / span));
    return Math.round(HEIGHT - PLOT.bottom - share * (HEIGHT - PLOT.top - PLOT.bottom));
  };
  // Above its line, or below it where it would leave the picture.
  const labelled = (line: number) => line < PLOT.top + TEXT_HEIGHT ? line + TEXT_HEIGHT : line - 3;
  const grid = [0, 0.5, 1].map((share) => low + share * span).map((loss) =>
    `<path class="curve-grid" d="M${PLOT.left},${y(loss)}H${WIDTH - PLOT.right}"/>` +
    `<text class="curve-text" x="${PLOT.left - 4}" y="${y(loss) + 4}" text-anchor="end">${
      formatOnAxis(loss, span, 2)
    }</text>`
  );
  const held = levelsOn("training", levels, rows[0]).filter(({ value }) => value >= low && value <= high).map((
    { label, value },
  ) =>
    `<path class="curve-level" d="M${PLOT.left},${y(value)}H${WIDTH - PLOT.right}"/>` +
    `<text class="curve-text" x="${WIDTH - PLOT.right}" y="${labelled(y(value))}" text-anchor="end">${
      escapeHtml(label)
    }</text>`
  );
  const passes = passesOf(rows, axis);
  const ends = passes.ends.map((end) =>
    `<path class="curve-level" d="M${x(end)},${PLOT.top}V${HEIGHT - PLOT.bottom}"/>`
  );
  const steps = `<text class="curve-text" x="${PLOT.left}" y="${HEIGHT - 4}">0</text>` +
    `<text class="curve-text" x="${WIDTH - PLOT.right}" y="${HEIGHT - 4}" text-anchor="end">${
      formatCount(last)
    } ${axis.noun}</text>`;
  return {
    symbol: `<svg class="curve" width="0" height="0" style="position:absolute" aria-hidden="true">` +
      `<symbol id="curve-frame" viewBox="0 0 ${WIDTH} ${HEIGHT}">${grid.join("")}${ends.join("")}${
        held.join("")
      }${steps}</symbol></svg>`,
    note: passes.note.length ? `<p class="muted">Small curves. ${escapeHtml(passes.note.join(" "))}</p>\n` : "",
    draw(row) {
      const points = curveOn(axis, row, POINTS);
      const at = (loss: "loss" | "least" | "most") => points.map((point): Point => [x(point.step), y(point[loss])]);
      const band = row.runs.length > 1
        ? `<path class="band" d="${polyline([...at("most"), ...at("least").reverse()])}z"/>`
        : "";
      const [only] = points;
      const line = points.length > 1
        ? `<path class="line" d="${polyline(at("loss"))}"/>`
        : `<circle class="line" cx="${x(only.step)}" cy="${y(only.loss)}" r="3"/>`;
      return `<svg class="curve" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="training curve">` +
        `<use href="#curve-frame"/>${band}${line}</svg>`;
    },
  };
}
