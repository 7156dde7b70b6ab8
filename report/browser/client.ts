/// <reference lib="dom" />
/**
 * What the page does beyond showing itself. Without it the page has the same content. It makes no request and keeps nothing: what a person has chosen
 * stands in the page's address.
 */
import { CellsView } from "./cells_view.ts";
import { ColumnsView } from "./columns_view.ts";
import { FilterBar } from "./filter_bar.ts";
import { Marks } from "./marks.ts";
import { hashOf, type PageState, stateIn } from "./page_state.ts";
import { PartsView } from "./parts_view.ts";
import { RunsTable } from "./runs_table.ts";
import { WorkerClient } from "./worker_client.ts";

/** The page, and what is chosen on it. */
class Page {
  readonly #parts = new PartsView();
  readonly #cells = new CellsView();
  readonly #marks = new Marks();
  readonly #worker = new WorkerClient();
  readonly #bar = new FilterBar((only) => this.#choose({ only }));
  readonly #all =
    new Set([...document.querySelectorAll<HTMLElement>("#runs tbody tr")].map((row) => row.dataset.run)).size;
  readonly #columns = new ColumnsView((columns) => this.#choose({ columns }));
  #table = this.#newTable();
  #state: PageState = stateIn(location.hash);
  /** What is shown; another expression may be asked for. */
  #shown = { only: "", configurations: this.#all };
  /** Questions so far: an answer to an earlier one comes too late. */
  #asked = 0;

  constructor() {
    document.documentElement.classList.add("script");
    addEventListener("hashchange", () => this.#follow(stateIn(location.hash)));
    document.addEventListener("click", (event) => this.#onClick(event));
    this.#bar.shown(this.#all, this.#all);
    this.#table.sort(this.#state.sort);
    this.#columns.show(this.#state.columns);
    void this.#select().then(() => this.#reveal());
  }

  /** Takes over what the address says. */
  #follow(state: PageState): void {
    const former = this.#state;
    this.#state = state;
    if (state.sort !== former.sort) this.#table.sort(state.sort);
    if (`${state.columns}` !== `${former.columns}`) this.#columns.show(state.columns);
    if (state.only !== former.only) void this.#select().then(() => this.#reveal());
    else this.#reveal();
  }

  /** Changes what is chosen, and the address with it. */
  #choose(change: Partial<PageState>): void {
    const state = { ...this.#state, ...change }, hash = hashOf(state);
    if (hash !== location.hash && (hash || location.hash)) {
      history.pushState(null, "", hash || location.pathname + location.search);
    }
    const isAsked = state.only !== this.#state.only || state.only !== this.#shown.only;
    this.#state = state;
    if (isAsked) void this.#select();
  }

  /** Shows the configurations that are chosen. */
  async #select(): Promise<void> {
    const { only } = this.#state, number = ++this.#asked;
    if (only === this.#shown.only) return this.#bar.shown(this.#shown.configurations, this.#all);
    this.#bar.ask(only);
    const outcome = only ? await this.#worker.select(only) : undefined;
    if (number !== this.#asked) return;
    if (outcome && "error" in outcome) return this.#bar.refuse(outcome.error, this.#shown.configurations, this.#all);
    this.#marks.forget();
    if (outcome) {
      await this.#cells.show(outcome.value.inFull);
      await this.#parts.show(outcome.value.parts);
    } else {
      this.#cells.restore();
      await this.#parts.restore();
    }
    this.#shown = { only, configurations: outcome?.value.configurations ?? this.#all };
    this.#table = this.#newTable();
    this.#table.sort(this.#state.sort);
    this.#columns.show(this.#state.columns);
    this.#bar.shown(this.#shown.configurations, this.#all);
  }

  #newTable(): RunsTable {
    return new RunsTable((sort) => this.#choose({ sort }));
  }

  #onClick(event: MouseEvent): void {
    if (!(event.target instanceof Element)) return;
    const shape = event.target.closest<SVGElement>("svg [data-run]");
    const link = event.target.closest<HTMLAnchorElement>("a[href^='#']:not([download])");
    const at = shape ? `run-${shape.dataset.run}` : link ? stateIn(link.hash).at : "";
    if (!at) return;
    // A plain link would take what is chosen out of the address.
    event.preventDefault();
    this.#choose({ at });
    this.#reveal();
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
  }
}

new Page();
