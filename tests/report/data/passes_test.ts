/** Where passes end is marked in the pictures of curves, and said. */
import assert from "node:assert/strict";
import { GATED } from "../../../cells/factors.ts";
import type { RunResult } from "../../../experiments/study/result.ts";
import { curveAxis } from "../../../report/data/curve_axis.ts";
import { type MergedRow, mergeSeeds } from "../../../report/data/merged.ts";
import { passesOf } from "../../../report/data/passes.ts";
import { tableOf } from "../../../report/data/rows.ts";
import { figureBest } from "../../../report/figures/best.ts";
import { figureDocument } from "../../../report/figures/svg.ts";
import { figureTrainingRuns } from "../../../report/figures/training_runs.ts";
import { curveFrame } from "../../../report/page/curve.ts";
import { stepsBackResults } from "../steps_back_results.ts";
import { syntheticResults } from "../synthetic_results.ts";

const NAMES = { name: "picture", title: "A title", subtitle: "Some runs." };
const rowsOf = (results: readonly RunResult[]) => mergeSeeds(tableOf(results).rows);
const passesIn = (rows: readonly MergedRow[]) => passesOf(rows, curveAxis(rows));

/** Runs that went through the text so many times, 1000 bytes a pass. */
function ofPasses(count: number, more: Partial<RunResult> = {}): MergedRow[] {
  const made = syntheticResults({ layers: [1], state_sizes: [256], steps: 999 * count });
  return rowsOf(made.slice(0, 12).map((run) => ({ ...run, "history size": 1000, steps_done: 999 * count, ...more })));
}

Deno.test("passesOf() has the end of each pass but the last, and nothing where there is one pass", () => {
  assert.deepEqual(passesIn(ofPasses(1)), { ends: [], note: [] });
  const { ends, note } = passesIn(ofPasses(4));
  assert.deepEqual(ends, [999, 1998, 2997]);
  assert.match(note[0], /^Vertical dotted lines: states are reset, every 999 steps\./);
  assert.match(note[1], /^new sequences start at random offsets in the text, with a zero state\.$/);
});

Deno.test("passesOf() marks nothing where passes are many or differ, and says it all the same", () => {
  const { ends, note } = passesIn(ofPasses(14));
  assert.deepEqual([ends, note[0].slice(0, 38)], [[], "States are reset every 999 steps. The "]);
  const other = ofPasses(4, { "history size": 501, seed: 7 });
  const differing = passesIn([...ofPasses(4), ...other]);
  assert.deepEqual([differing.ends, differing.note[0].slice(0, 44)], [
    [],
    "States are reset every 500 to 999 steps. The",
  ]);
});

Deno.test("passesOf() is on the axis of what was read where runs go back by several numbers of steps", () => {
  const rows = rowsOf(stepsBackResults()), axis = curveAxis(rows), { note } = passesOf(rows, axis);
  assert.match(
    note[0],
    /^(States are reset|Vertical dotted lines: states are reset,) every [\d,]+( to [\d,]+)? bytes read\./,
  );
});

Deno.test("pictures of curves and the page's small ones mark the ends of passes, and say what they are; with one pass none does", () => {
  const pictures = (rows: readonly MergedRow[]) => [
    figureTrainingRuns(figureDocument(), rows, NAMES, GATED),
    figureBest(figureDocument(), rows, NAMES, GATED),
  ];
  for (const svg of pictures(ofPasses(3))) {
    assert.match(svg, />Vertical dotted lines: states are reset, every 999 steps\./);
    assert.match(svg, /stroke-dasharray="1,3"/);
  }
  assert.match(pictures(ofPasses(3))[0], />2nd pass</);
  for (const svg of pictures(ofPasses(1))) {
    assert.doesNotMatch(svg, /[Ss]tates are reset|2nd pass|stroke-dasharray="1,3"/);
  }
  const { symbol, note } = curveFrame(ofPasses(3));
  assert.match(note, /^<p class="muted">Small curves\. Vertical dotted lines/);
  assert.equal(symbol.match(/class="curve-level" d="M\d+,8V130"/g)!.length, 2);
  assert.equal(curveFrame(ofPasses(1)).note, "");
});
