/// <reference lib="dom" />
/** The page's part on each cell and its runs: which are shown, in which order, and with which rank. */
import { CELLS_PART } from "../page/ids.ts";
import { cellSummary } from "../page/cell_summary.ts";
import type { ShownRun } from "./protocol.ts";

/** What a piece of the part was like when the page came. */
interface Original {
  readonly cells: readonly HTMLDetailsElement[];
  readonly html: ReadonlyMap<Element, string>;
}

/** Shows some runs of the part. */
export class CellsView {
  readonly #part = document.querySelector<HTMLElement>(`[data-part="${CELLS_PART}"]`)!;
  #original: Original | undefined;

  /** Shows these configurations, best first, and no others. */
  show(runs: readonly ShownRun[]): void {
    const original = this.#original ??= this.#read();
    const articles = [...this.#part.querySelectorAll<HTMLElement>("article[data-run]")];
    const shown = new Map<HTMLElement, { readonly run: ShownRun; readonly rank: number }>();
    for (const [i, run] of runs.entries()) {
      // Among fewer configurations a shorter start of an id may be unlike all others.
      const article = articles.find(({ dataset }) => dataset.run!.startsWith(run.name));
      if (article) shown.set(article, { run, rank: i + 1 });
    }
    for (const article of articles) {
      article.hidden = !shown.has(article);
      article.querySelector("h4")!.innerHTML = shown.get(article)?.run.heading ?? "";
    }
    const ranked = original.cells.flatMap((cell) => {
      const own = [...cell.querySelectorAll<HTMLElement>("article[data-run]:not([hidden])")].map((one) =>
        shown.get(one)!
      );
      cell.hidden = !own.length;
      const [best] = own.toSorted((a, b) => a.rank - b.rank);
      if (!best) return [];
      const title = cell.querySelector("summary b")!.outerHTML;
      cell.querySelector("summary")!.innerHTML = cellSummary(title, own.length, best.run.best, best.rank);
      return [{ cell, rank: best.rank }];
    });
    for (const { cell } of ranked.sort((a, b) => a.rank - b.rank)) this.#part.append(cell);
  }

  restore(): void {
    if (!this.#original) return;
    const { cells, html } = this.#original;
    for (const [element, text] of html) element.innerHTML = text;
    for (const hidden of this.#part.querySelectorAll<HTMLElement>("article[hidden], details[hidden]")) {
      hidden.hidden = false;
    }
    for (const cell of cells) this.#part.append(cell);
  }

  #read(): Original {
    const cells = [...this.#part.querySelectorAll<HTMLDetailsElement>("details[id^=cell-]")];
    const changed = [...this.#part.querySelectorAll("article[data-run] h4, details[id^=cell-] > summary")];
    return { cells, html: new Map(changed.map((element) => [element, element.innerHTML])) };
  }
}
