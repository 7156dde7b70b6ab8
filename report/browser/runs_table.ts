/// <reference lib="dom" />
/** The table of all configurations: sorts by a column, up and down. */

/** What tells columns apart in the page's address. */
const keyOf = (heading: HTMLTableCellElement) => heading.dataset.key;

/** Numbers with thousands separated, true minus signs, and a spread behind them; a dash: no number. */
function numberIn(cell: HTMLTableCellElement): number {
  return parseFloat((cell.dataset.value ?? cell.textContent!).replace(/,/g, "").replace("−", "-"));
}

function compare(a: HTMLTableCellElement, b: HTMLTableCellElement): number {
  const [x, y] = [numberIn(a), numberIn(b)];
  if (Number.isNaN(x) && Number.isNaN(y)) return a.textContent! < b.textContent! ? -1 : 1;
  return Number.isNaN(x) ? 1 : Number.isNaN(y) ? -1 : x - y;
}

const isMissing = (cell: HTMLTableCellElement) => cell.textContent === "–";

/** The table as it stands on the page now; another one takes its place where configurations are selected. */
export class RunsTable {
  readonly #table: HTMLTableElement;

  /** @param onSort told the key of a column, with `-` before it for descending */
  constructor(table: HTMLTableElement, onSort: (sort: string) => void) {
    this.#table = table;
    for (const heading of this.#headings) {
      if (!keyOf(heading) || heading.querySelector("button")) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const key = keyOf(heading)!, sort = heading.ariaSort === "ascending" ? `-${key}` : key;
        this.sort(sort);
        onSort(sort);
      });
    }
  }

  /** Sorts; by rank where nothing is asked for, or what is asked for is no column. */
  sort(by: string): void {
    const headings = this.#headings, isDescending = by.startsWith("-"), key = by.replace(/^-/, "");
    const named = (key: string) => headings.find((one) => keyOf(one) === key);
    const ranks = named("rank")!, heading = key && named(key) || ranks, column = heading.cellIndex;
    for (const other of headings) other.ariaSort = null;
    heading.ariaSort = isDescending && keyOf(heading) === key ? "descending" : "ascending";
    const sign = heading.ariaSort === "descending" ? -1 : 1, [body] = this.#table.tBodies;
    const rows = [...body.rows].map((row) => ({
      row,
      rank: numberIn(row.cells[ranks.cellIndex]),
      cell: row.cells[column],
    }));
    rows.sort((a, b) => {
      if (isMissing(a.cell) !== isMissing(b.cell)) return isMissing(a.cell) ? 1 : -1;
      return sign * compare(a.cell, b.cell) || a.rank - b.rank;
    });
    // In order as they came they are not touched: there may be hundreds.
    if (rows.some(({ row }, i) => row !== body.rows[i])) { for (const { row } of rows) body.append(row); }
  }

  get #headings(): HTMLTableCellElement[] {
    return [...this.#table.tHead!.rows[0].cells];
  }
}
