/// <reference lib="dom" />
/** The page's part on each cell and its runs: which are shown, in which order, and what is said of them. */
import { CELLS_PART } from "../page/ids.ts";
import { cellSummary } from "../page/cell_summary.ts";
import type { RunsInFull, ShownRun } from "../page/run_part.ts";
import { nextTurn } from "./turns.ts";

/** A cell as the page came with it. */
interface Original {
  readonly cell: HTMLDetailsElement;
  readonly summary: string;
  /** What its body holds, space between its runs too. */
  readonly nodes: readonly Node[];
}

/** Shows some runs of the part. */
export class CellsView {
  readonly #part: HTMLElement;
  #original: readonly Original[] | undefined;
  #nodes: readonly Node[] = [];
  #symbols = "";
  #shown: RunsInFull = { symbols: "", runs: [] };
  /** The HTML of the articles that have been put in, by the names of their configurations. */
  readonly #html = new Map<string, string>();

  constructor(part: HTMLElement = document.querySelector<HTMLElement>(`[data-part="${CELLS_PART}"]`)!) {
    this.#part = part;
  }

  /** Puts in the cells of a page that came without them. */
  async setCells(html: string): Promise<void> {
    this.#part.innerHTML = html;
    this.#original = undefined;
    this.#html.clear();
    await this.show(this.#shown);
  }

  /** Shows these configurations, best first, and no others. Cells that the page does not have are left out. */
  async show({ symbols, runs }: RunsInFull): Promise<void> {
    this.#shown = { symbols, runs };
    if (!this.#cells.length) return;
    this.#original ??= this.#read();
    this.#setSymbols(symbols);
    const cells = new Map(this.#cells.map((cell) => [cell.dataset.cell!, cell]));
    const shown = Map.groupBy(runs, ({ cell }) => cell), order: HTMLDetailsElement[] = [];
    for (const [key, cell] of cells) cell.hidden = !shown.has(key);
    for (const [key, own] of shown) {
      const cell = cells.get(key);
      if (!cell) continue;
      this.#fill(cell, own);
      order.push(cell);
      await nextTurn();
    }
    // What has the focus must not be moved without need.
    const present = this.#cells.filter((cell) => order.includes(cell));
    if (order.some((cell, i) => cell !== present[i])) { for (const cell of order) this.#part.append(cell); }
  }

  /** Shows what the page came with. */
  restore(): void {
    if (!this.#original) return;
    this.#html.clear();
    this.#setSymbols(this.#symbols);
    for (const { cell, summary, nodes } of this.#original) {
      setNodes(bodyOf(cell), nodes);
      summaryOf(cell).innerHTML = summary;
      cell.hidden = false;
    }
    setNodes(this.#part, this.#nodes);
  }

  /** Puts the runs of a cell in, in their order; those that are as they were stay untouched. */
  #fill(cell: HTMLDetailsElement, runs: readonly ShownRun[]): void {
    const [{ best, rank }] = runs, title = summaryOf(cell).querySelector("b")!.outerHTML;
    summaryOf(cell).innerHTML = cellSummary(title, runs.length, best, rank);
    const before = new Map(articlesOf(cell).map((article) => [article.dataset.run!, article]));
    const articles = runs.map(({ name, html }) => {
      const there = before.get(name);
      if (there && this.#html.get(name) === html) return there;
      this.#html.set(name, html);
      const template = document.createElement("template");
      template.innerHTML = html;
      return template.content.firstElementChild as HTMLElement;
    });
    for (const article of before.values()) if (!articles.includes(article)) article.remove();
    const present = articlesOf(cell);
    if (articles.some((article, i) => article !== present[i])) bodyOf(cell).append(...articles);
  }

  get #cells(): HTMLDetailsElement[] {
    return [...this.#part.querySelectorAll<HTMLDetailsElement>("details[data-cell]")];
  }

  #setSymbols(html: string): void {
    const holder = this.#part.querySelector("[data-symbols]")!;
    if (holder.innerHTML !== html) holder.innerHTML = html;
  }

  #read(): readonly Original[] {
    this.#symbols = this.#part.querySelector("[data-symbols]")!.innerHTML;
    this.#nodes = [...this.#part.childNodes];
    return this.#cells.map((cell) => ({
      cell,
      summary: summaryOf(cell).innerHTML,
      nodes: [...bodyOf(cell).childNodes],
    }));
  }
}

function setNodes(element: Element, nodes: readonly Node[]): void {
  element.replaceChildren();
  for (const node of nodes) element.append(node);
}

const summaryOf = (cell: HTMLDetailsElement) => cell.querySelector(":scope > summary")!;
const bodyOf = (cell: HTMLDetailsElement) => cell.querySelector(":scope > div")!;
const articlesOf = (
  cell: HTMLDetailsElement,
) => [...bodyOf(cell).querySelectorAll<HTMLElement>(":scope > article[data-run]")];
