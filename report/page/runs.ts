/** The page's table of all configurations, with the filters that its script brings to life. */
import { type Factor, type FactorTable, formatLevel, isSize, isSwitch, valueOf } from "../../cells/factor.ts";
import { escapeHtml, table } from "./html.ts";
import { type MergedRow, mostSeeds } from "../data/merged.ts";
import { distinct, type RunRow, shownIn } from "../data/rows.ts";
import { testScore } from "../tables/tables.ts";
import { counted, formatCount, formatSeconds, formatSpread } from "../figures/theme.ts";

/** A column of the table. */
interface Column {
  heading: string;
  /** Classes of its cells. */
  kind?: "text" | "tick";
  /** A heading that may take several lines. */
  turn?: boolean;
  /** Whether one value of it can be chosen to show alone. */
  filter?: boolean;
  /** HTML. */
  cell(row: MergedRow, rank: number): string;
  /** What the column is sorted by, where that is not the number or text that the cell shows. */
  value?(row: MergedRow): number;
}

/** Heading of the losses, without their unit: that goes with what the models read. */
const LOSS = "least loss";

const CONTEXT = "context order", MEMORY = "memory gain, bits/byte";

/** Over the seeds that have it. */
function meanOf({ runs }: MergedRow, of: (run: RunRow) => number | undefined): number | undefined {
  const values = runs.flatMap((run) => of(run) ?? []);
  return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : undefined;
}

/** A factor's column: of a switch a narrow one, of a choice text. */
function columnOf(factor: Factor): Column {
  return {
    heading: factor.label,
    ...(isSwitch(factor) ? { kind: "tick", turn: true } : factor.kind === "choice" ? { kind: "text" } : {}),
    filter: true,
    cell: ({ config }) => escapeHtml(formatLevel(factor, valueOf(factor, config))),
  };
}

/** What stands before the columns of factors. */
const FIRST_COLUMNS: readonly Column[] = [
  { heading: "rank", cell: (_, rank) => `${rank}` },
  { heading: "id", kind: "text", cell: ({ name }) => `<a href="#run-${name}"><code>${name}</code></a>` },
  { heading: "chosen as", kind: "text", filter: true, cell: ({ control }) => control ? "control" : "promoted" },
  { heading: "seeds", filter: true, cell: ({ runs }) => `${runs.length}` },
];

/** What stands behind them. */
const LAST_COLUMNS: readonly Column[] = [
  { heading: LOSS, turn: true, cell: ({ min_loss }) => formatSpread(min_loss) },
  { heading: "test, bits/byte", turn: true, cell: testScore },
  {
    heading: CONTEXT,
    turn: true,
    cell: (row) => meanOf(row, ({ context_order }) => context_order)?.toFixed(2) ?? "–",
  },
  {
    heading: MEMORY,
    turn: true,
    cell: (row) => meanOf(row, ({ memory }) => memory?.gain)?.toFixed(3) ?? "–",
  },
  { heading: "parameters", cell: ({ parameters }) => formatCount(parameters) },
  { heading: "steps", cell: ({ steps_done }) => formatCount(steps_done) },
  {
    heading: "time",
    cell: ({ train_seconds }) => formatSeconds(train_seconds.mean),
    value: ({ train_seconds }) => Math.round(train_seconds.mean * 10) / 10,
  },
  {
    heading: "engine",
    kind: "text",
    filter: true,
    cell: ({ runs }) => escapeHtml(distinct(runs, ({ engine }) => engine).join(", ")),
  },
];

/** The columns that say something: what was chosen where there are controls, seeds where there are several, factors that vary. */
function columnsFor(rows: readonly MergedRow[], table: FactorTable): Column[] {
  const hidden = new Set([
    ...(rows.some(({ control }) => control) ? [] : ["chosen as"]),
    ...(mostSeeds(rows) > 1 ? [] : ["seeds"]),
    ...(rows.some((row) => meanOf(row, ({ context_order }) => context_order) !== undefined) ? [] : [CONTEXT]),
    ...(rows.some((row) => meanOf(row, ({ memory }) => memory?.gain) !== undefined) ? [] : [MEMORY]),
  ]);
  const shown = shownIn(table, rows);
  const factors = [
    ...shown.filter(isSize),
    ...shown.filter(isSwitch),
    ...shown.filter((factor) => !isSize(factor) && !isSwitch(factor)),
  ];
  const isSaid = ({ heading }: Column) => !hidden.has(heading);
  return [...FIRST_COLUMNS.filter(isSaid), ...factors.map(columnOf), ...LAST_COLUMNS.filter(isSaid)]
    .map((column) => column.heading === LOSS ? { ...column, heading: `${LOSS}, nats/${rows[0].reads}` } : column);
}

/** All configurations, best first. Without the script the table stands in this order, and the filters are hidden. */
export function runsTable(rows: readonly MergedRow[], factors: FactorTable): string {
  const columns = columnsFor(rows, factors);
  const attributes = (...classes: (string | false | undefined)[]) => {
    const all = classes.filter(Boolean).join(" ");
    return all ? ` class="${all}"` : "";
  };
  const head = columns.map(({ heading, kind, turn }) =>
    `<th scope="col"${attributes(kind, turn && "turn")}>${escapeHtml(heading)}</th>`
  );
  const body = rows.map((row, i) => {
    const cells = columns.map(({ kind, cell, value }) => {
      const sorted = value ? ` data-value="${value(row)}"` : "";
      return `<td${attributes(kind)}${sorted}>${cell(row, i + 1)}</td>`;
    });
    return `<tr data-run="${row.name}">${cells.join("")}</tr>`;
  });
  return `${filters(columns, rows)}\n<div id="runs">\n${table(head.join(""), body.join("\n"))}\n</div>`;
}

function filters(columns: readonly Column[], rows: readonly MergedRow[]): string {
  const selects = columns.flatMap(({ heading, filter, cell }, i) => {
    const values = filter ? [...new Set(rows.map((row) => cell(row, 0)))].sort(byNumberOrText) : [];
    if (values.length < 2) return [];
    const options = values.map((value) => `<option>${value}</option>`).join("");
    return [
      `<label>${
        escapeHtml(heading)
      } <select data-column="${i}"><option value="">any</option>${options}</select></label>`,
    ];
  });
  return `<form class="filters" hidden aria-label="Show only configurations with">
${selects.join("\n")}
<button type="reset">show all</button>
<output aria-live="polite">${counted(rows.length, "configuration")}</output>
</form>`;
}

function byNumberOrText(a: string, b: string): number {
  return Number(a) - Number(b) || (a < b ? -1 : a > b ? 1 : 0);
}
