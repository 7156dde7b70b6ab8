/** The page's parts on single runs: each cell with its picture and equations, and under it the configurations that have it. */
import type { CellConfig } from "../../cells/config.ts";
import { cellJson, cellKey } from "../../cells/cell_name.ts";
import { trainingFactors } from "../../cells/factor.ts";
import { forwardInWords } from "../../cells/forward_words.ts";
import { cellPicture, equationsOf } from "../../cells/portrait.ts";
import type { Space } from "../../cells/space.ts";
import type { Unit } from "../../cells/unit.ts";
import { cellTitleIn } from "../data/cell_names.ts";
import { numbered } from "../data/merged.ts";
import { withDefaults } from "../data/training_factors.ts";
import { cellSummary } from "./cell_summary.ts";
import { escapeHtml, listOf } from "./html.ts";
import type { RunsInFull } from "./run_part.ts";

/** What a page has of a cell beside its runs. */
interface CellShell {
  /** Equal for equal cells alone. */
  readonly cell: string;
  readonly config: CellConfig;
}

/** How the shells of cells are drawn. */
interface ShellOptions {
  readonly reads: Unit;
  readonly table: Space;
}

/** A configuration's cell, whatever its sizes and its training. */
function cellOf(config: CellConfig, table: Space): CellConfig {
  return withDefaults(config, trainingFactors(table));
}

/**
 * One part per cell, the one with the best configuration first and open: all sizes share picture and equations, which so
 * stand on the page once.
 */
export function cellsInFull({ symbols, runs }: RunsInFull, options: ShellOptions): string {
  const own = [...Map.groupBy(runs, ({ cell }) => cell)].map(([cell, runs]) => ({
    cell,
    config: runs[0].config,
    runs,
  }));
  const anchors = anchorsOf(own, options);
  const parts = own.map(({ cell, config, runs }, i) => {
    const { title, body } = partOf(config, options), [{ best, rank }] = runs;
    const summary = cellSummary(title, runs.length, best, rank);
    return `<details id="cell-${anchors[i]}" data-cell="${escapeHtml(cell)}"${i ? "" : " open"}>
<summary>${summary}</summary>
<div>
${body}
${runs.map(({ html }) => html).join("\n")}
</div>
</details>`;
  });
  return `<div data-symbols>${symbols}</div>\n${parts.join("\n")}`;
}

/**
 * The same of configurations of which no run is known so far: the page's script puts these in as they finish. Hundreds of pictures take seconds, in which
 * others have their turns.
 */
export async function cellsWithoutRuns(configs: readonly CellConfig[], options: ShellOptions): Promise<string> {
  const cells = new Map(configs.map((config) => [cellJson(cellOf(config, options.table), options.table), config]));
  const shells = [...cells].map(([cell, config]): CellShell => ({ cell, config }));
  const anchors = anchorsOf(shells, options), parts: string[] = [];
  for (const [i, { cell, config }] of shells.entries()) {
    const { title, body } = partOf(config, options);
    parts.push(`<details id="cell-${anchors[i]}" data-cell="${escapeHtml(cell)}" hidden>
<summary>${title}</summary>
<div>
${body}
</div>
</details>`);
    await new Promise((resolve) => setTimeout(resolve));
  }
  return `<div data-symbols></div>\n${parts.join("\n")}`;
}

/** Of each cell an anchor unlike the others. */
function anchorsOf(shells: readonly CellShell[], { table }: ShellOptions): string[] {
  return numbered(shells.map(({ config }) => cellKey(cellOf(config, table), table)));
}

/** A cell's title, and its picture, words and equations. */
function partOf(config: CellConfig, { reads, table }: ShellOptions) {
  const title = cellTitleIn(table, cellOf(config, table));
  const equations = equationsOf(config, "any", reads, table).map(({ title, lines }) =>
    `<p>${escapeHtml(title)}</p>\n<div class="equations" tabindex="0">${escapeHtml(lines.join("\n"))}</div>`
  );
  const { lead, layer } = forwardInWords(config, reads, table);
  const picture = cellPicture(config, `Cell: ${title}`, table).inline;
  return {
    title: `<b>${escapeHtml(title)}</b>`,
    body: [
      `<div class="scroll" tabindex="0">${picture}</div>`,
      `<p>${escapeHtml(lead)}</p>`,
      ...listOf(layer),
      ...equations,
    ].join("\n"),
  };
}
