/// <reference lib="dom" />
/** The page, and what a person has chosen on it, which stands in its address: so it can be sent. */
import { CellsView } from "./cells_view.ts";
import { ColumnsView } from "./columns_view.ts";
import { CompareView } from "./compare_view.ts";
import { download, downloadAt } from "./downloads.ts";
import { FilterBar } from "./filter_bar.ts";
import { Marks } from "./marks.ts";
import { COMPARE_ID } from "../page/ids.ts";
import { hashOf, type PageState, stateIn } from "./page_state.ts";
import { PartsView } from "./parts_view.ts";
import type { Selected } from "./protocol.ts";
import { RunsTable } from "./runs_table.ts";
import { WorkerClient } from "./worker_client.ts";

/** How a page differs from that of a report which does not change. */
export interface PageOptions {
  /** Whether all that it shows comes from the worker: it came with nothing. */
  readonly isDrawnHere: boolean;
  /** Called with what a selection has come to. */
  readonly onSelected?: (selected: Selected) => void;
}

/** Shows what is chosen. */
export class Page {
  readonly worker = new WorkerClient();
  readonly marks = new Marks();
  readonly cells = new CellsView();
  readonly #parts = new PartsView();
  readonly #bar = new FilterBar((only) => this.#choose({ only }));
  /** Configurations that there are. */
  #all = countOf([...document.querySelectorAll<HTMLElement>("#runs tbody tr")].map((row) => row.dataset.run!));
  readonly #columns = new ColumnsView((columns) => this.#choose({ columns }));
  readonly #compare = new CompareView({
    worker: this.worker,
    onChoice: (runs) => this.#choose({ runs }),
    onGo: () => this.#go(COMPARE_ID),
    onDrawn: () => this.marks.forget(),
  });
  #table = this.#newTable();
  #state: PageState = stateIn(location.hash);
  /** What is shown; another expression may be asked for. */
  #shown = { only: "", configurations: this.#all };
  /** Questions so far. */
  #asked = 0;
  /** What is being shown, and whether data have changed since. */
  #turn: Promise<void> = Promise.resolve();
  #isStale = false;

  constructor(private readonly options: PageOptions) {
    document.documentElement.classList.add("script");
    addEventListener("hashchange", () => this.#follow(stateIn(location.hash)));
    document.addEventListener("click", (event) => this.#onClick(event));
    this.#bar.shown(this.#all, this.#all);
    this.#arrangeTable();
    const drawn = [this.#compare.show(this.#state.runs), ...(options.isDrawnHere ? [] : [this.#select()])];
    void Promise.all(drawn).then(() => this.#reveal());
  }

  /** Puts in the cells of a page that came without them. */
  async setCells(html: string): Promise<void> {
    this.#turn = this.#turn.then(() => this.cells.setCells(html));
    await this.#turn;
    this.#compare.cellsCame();
  }

  /** Shows what is chosen of data that have changed. @param all configurations that there are now */
  async refresh(all: number): Promise<void> {
    const isFirst = this.#all === 0;
    this.#all = all;
    await this.#select(true);
    await this.#compare.refresh();
    if (isFirst) this.#reveal();
  }

  /** Takes over what the address says. */
  #follow(state: PageState): void {
    const former = this.#state;
    this.#state = state;
    if (state.sort !== former.sort || `${state.columns}` !== `${former.columns}`) this.#arrangeTable();
    if (`${state.runs}` !== `${former.runs}`) void this.#compare.show(state.runs);
    const revealed = state.at === former.at ? () => {} : () => this.#reveal();
    if (state.only !== former.only) void this.#select().then(revealed);
    else revealed();
  }

  /** Changes what is chosen, and the address with it. @param isNew whether it is to be shown, and a step to go back over */
  #choose(change: Partial<PageState>, isNew = true): void {
    const state = { ...this.#state, ...change }, hash = hashOf(state);
    if (hash !== location.hash && (hash || location.hash)) {
      // How a table is arranged is nothing to go back over.
      const isArrangement = !isNew || change.sort !== undefined || change.columns !== undefined;
      history[isArrangement ? "replaceState" : "pushState"](null, "", hash || location.pathname + location.search);
    }
    this.#state = state;
    if (change.only !== undefined && isNew) void this.#select();
    if (change.runs) void this.#compare.show(state.runs);
  }

  /**
   * Shows the configurations that are chosen, after what is being shown: of several questions that wait, the last one alone is answered.
   *
   * @param isNew whether the data have changed
   */
  #select(isNew = false): Promise<void> {
    const number = ++this.#asked;
    this.#isStale ||= isNew;
    if (!isNew) this.#bar.ask(this.#state.only);
    return this.#turn = this.#turn.then(() => number === this.#asked ? this.#show() : undefined);
  }

  async #show(): Promise<void> {
    const { only } = this.#state;
    if (only === this.#shown.only && !this.#isStale) return this.#bar.shown(this.#shown.configurations, this.#all);
    this.#isStale = false;
    const outcome = only || this.options.isDrawnHere ? await this.worker.select(only) : undefined;
    if (outcome && "error" in outcome) {
      // The address says what is shown; what is wrong stays where it is typed.
      this.#choose({ only: this.#shown.only }, false);
      return this.#bar.refuse(outcome.error, this.#shown.configurations, this.#all);
    }
    this.marks.forget();
    if (outcome) {
      this.options.onSelected?.(outcome.value);
      await this.cells.show(outcome.value.inFull);
      await this.#parts.show(outcome.value.parts);
    } else {
      this.cells.restore();
      await this.#parts.restore();
    }
    document.documentElement.classList.toggle("filtered", only !== "");
    this.#shown = { only, configurations: outcome?.value.configurations ?? this.#all };
    this.#table = this.#newTable();
    this.#arrangeTable();
    this.#compare.redrawn();
    this.#bar.shown(this.#shown.configurations, this.#all);
  }

  #newTable(): RunsTable | undefined {
    const table = document.querySelector<HTMLTableElement>("#runs table");
    return table ? new RunsTable(table, (sort) => this.#choose({ sort })) : undefined;
  }

  #arrangeTable(): void {
    this.#table?.sort(this.#state.sort);
    this.#columns.show(this.#state.columns);
  }

  #onClick(event: MouseEvent): void {
    const isPlain = !event.defaultPrevented && event.button === 0 && !event.ctrlKey && !event.metaKey &&
      !event.shiftKey;
    if (!(event.target instanceof Element) || !isPlain) return;
    const wanted = downloadAt(event.target);
    if (wanted) {
      event.preventDefault();
      return void this.#download(wanted);
    }
    const shape = event.target.closest<SVGElement>("svg [data-run]");
    const link = event.target.closest<HTMLAnchorElement>("a[href^='#']");
    const at = shape ? `run-${shape.dataset.run}` : link ? stateIn(link.hash).at : "";
    if (!at) return;
    // A plain link would take what is chosen out of the address.
    event.preventDefault();
    this.#go(at);
  }

  #go(at: string): void {
    this.#choose({ at });
    this.#reveal();
  }

  async #download(link: HTMLAnchorElement): Promise<void> {
    const { only, configurations } = this.#shown;
    const problem = await download(link, only ? "_selected" : "", (name, as) => this.worker.picture(name, as, only));
    if (problem !== undefined) this.#bar.refuse(problem, configurations, this.#all);
  }

  /** Goes to a place on the page, which may lie in a closed part. */
  #reveal(): void {
    const { at } = this.#state, place = at ? document.getElementById(at) : null;
    for (const former of document.querySelectorAll(".target")) former.classList.remove("target");
    if (!place) return;
    place.classList.add("target");
    const closed = place.closest<HTMLDetailsElement>("details:not([open])");
    if (closed) closed.open = true;
    place.scrollIntoView();
    // Where a link leads, there the keyboard goes on.
    if (!place.hasAttribute("tabindex")) place.tabIndex = -1;
    place.focus({ preventScroll: true });
  }
}

/** Configurations: one that was trained in several ways has several rows, whose names end in a number. */
function countOf(names: readonly string[]): number {
  return new Set(names.map((name) => name.replace(/-\d+$/, ""))).size;
}
