/// <reference lib="dom" />
/** The choice of the table's columns. */
import { EXTRA } from "../page/html.ts";
import { type ChoosableColumn, shownColumns, withColumn } from "./shown_columns.ts";

/** What is chosen of the columns; of one table for all, as the filter changes it. */
export class ColumnsView {
  readonly #sheet = new CSSStyleSheet();
  readonly #fits = new ResizeObserver(() => this.#fit());
  #changes: readonly string[] = [];

  /** @param onChange told what is chosen beside the usual columns, and what of these is not */
  constructor(private readonly onChange: (changes: readonly string[]) => void) {
    document.adoptedStyleSheets.push(this.#sheet);
    document.addEventListener("change", ({ target }) => {
      if (!(target instanceof HTMLInputElement) || !target.closest(".columns")) return;
      this.#choose(withColumn(this.#columns, this.#changes, target.name, target.checked));
    });
    document.addEventListener("click", ({ target }) => {
      if (target instanceof Element && target.closest(".columns button")) this.#choose([]);
    });
  }

  /** Shows the columns of the table that is there now. */
  show(changes: readonly string[]): void {
    this.#changes = changes;
    const shown = shownColumns(this.#columns, changes);
    // A rule for a column, and not a mark on each of its cells, of which there are thousands. On paper the usual ones are shown.
    const rules = this.#headings.flatMap((heading) => {
      const { key } = heading.dataset, display = key && !shown.has(key) ? "none" : "table-cell";
      return key ? [`.script #runs tr > :nth-child(${heading.cellIndex + 1}) { display: ${display}; }`] : [];
    });
    this.#sheet.replaceSync(`@media screen { ${rules.join(" ")} }`);
    for (const input of document.querySelectorAll<HTMLInputElement>(".columns input")) {
      input.checked = shown.has(input.name);
    }
    this.#fits.disconnect();
    for (const element of document.querySelectorAll("#runs, #runs table")) this.#fits.observe(element);
  }

  #choose(changes: readonly string[]): void {
    this.show(changes);
    this.onChange(changes);
  }

  /** Says to the style sheet whether the table is as narrow as its place. */
  #fit(): void {
    const runs = document.getElementById("runs"), table = runs?.querySelector("table");
    if (!runs || !table) return;
    document.documentElement.classList.toggle("table-fits", table.offsetWidth <= runs.clientWidth);
  }

  get #headings(): HTMLTableCellElement[] {
    return [...document.querySelectorAll<HTMLTableCellElement>("#runs thead th")];
  }

  get #columns(): ChoosableColumn[] {
    return this.#headings.flatMap(({ dataset: { key }, classList }) =>
      key ? [{ key, isUsual: !classList.contains(EXTRA) }] : []
    );
  }
}
