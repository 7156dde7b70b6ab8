/// <reference lib="dom" />
/** The choice of configurations to compare, and the part of the page that shows them side by side. */
import { CELL_COPY, COMPARE_ID, PARTS_ID } from "../page/ids.ts";
import { chosenInWords, MOST_COMPARED, withRun } from "./chosen_runs.ts";
import { comparedLines } from "./equation_lines.ts";
import type { WorkerClient } from "./worker_client.ts";

/** What of the page this part needs. */
export interface CompareOptions {
  readonly worker: WorkerClient;
  /** Called with the names of what is chosen. */
  onChoice(runs: readonly string[]): void;
  /** A person asks to go to the comparison. */
  onGo(): void;
  /** The part has other pieces now. */
  onDrawn(): void;
}

/** Shows what is chosen to compare. */
export class CompareView {
  readonly #section = document.createElement("section");
  readonly #content = document.createElement("div");
  readonly #bar = document.createElement("aside");
  readonly #count = document.createElement("output");
  readonly #go = buttonWith("compare");
  #chosen: readonly string[] = [];
  #html = "";
  /** Questions so far: an answer to an earlier one comes too late. */
  #asked = 0;

  constructor(private readonly options: CompareOptions) {
    const clear = buttonWith("clear");
    this.#section.id = COMPARE_ID;
    this.#section.hidden = true;
    this.#section.append(this.#content);
    this.#bar.className = "chosen";
    this.#bar.ariaLabel = "Configurations to compare";
    this.#bar.hidden = true;
    this.#bar.append(this.#count, this.#go, clear);
    this.#place();
    document.body.append(this.#bar);
    this.#go.addEventListener("click", () => options.onGo());
    clear.addEventListener("click", () => options.onChoice([]));
    document.addEventListener("change", ({ target }) => {
      if (target instanceof HTMLInputElement && target.dataset.compare) {
        this.#choose(target.dataset.compare, target.checked);
      }
    });
    document.addEventListener("click", ({ target }) => {
      const button = target instanceof Element ? target.closest<HTMLElement>("button[data-compare]") : null;
      if (button) this.#choose(button.dataset.compare!, button.ariaPressed !== "true");
    });
  }

  /** Shows these configurations side by side; nothing where there are not two. */
  async show(chosen: readonly string[]): Promise<void> {
    this.#chosen = chosen;
    this.redrawn();
    await this.refresh();
  }

  /** The rest of the page has other pieces now: these must say what is chosen. */
  redrawn(): void {
    this.#place();
    const chosen = new Set(this.#compared), rows = document.querySelectorAll<HTMLElement>("#runs tbody tr");
    for (const choice of document.querySelectorAll<HTMLElement>("[data-compare]")) {
      const isChosen = chosen.has(choice.dataset.compare!);
      if (choice instanceof HTMLInputElement) choice.checked = isChosen;
      else choice.ariaPressed = `${isChosen}`;
    }
    this.#say(chosenInWords(this.#compared, new Set([...rows].map((row) => row.dataset.run!))));
    if (this.#chosen.length > MOST_COMPARED) {
      this.#say(`Of ${this.#chosen.length} the first ${MOST_COMPARED} are compared`);
    }
    this.#bar.hidden = !this.#chosen.length;
    this.#go.disabled = chosen.size < 2;
  }

  /** Draws the comparison, whose data may have changed. */
  async refresh(): Promise<void> {
    const number = ++this.#asked, runs = this.#compared;
    if (runs.length < 2) return this.#draw("");
    this.#section.setAttribute("aria-busy", "true");
    const outcome = await this.options.worker.compare(runs);
    if (number !== this.#asked) return;
    this.#section.removeAttribute("aria-busy");
    if ("error" in outcome) {
      this.#draw("");
      this.#say(outcome.error);
    } else this.#draw(outcome.value.html);
  }

  /** The page has its cells now: these can be copied. */
  cellsCame(): void {
    const html = this.#html;
    this.#html = "";
    this.#draw(html);
  }

  /** What of the choice is compared: an address may name any number. */
  get #compared(): readonly string[] {
    return this.#chosen.slice(0, MOST_COMPARED);
  }

  #choose(name: string, isChosen: boolean): void {
    const chosen = withRun(this.#compared, name, isChosen);
    if (chosen) return this.options.onChoice(chosen);
    this.redrawn();
    this.#say(`At most ${MOST_COMPARED} configurations are compared: choose one less before another`);
  }

  #say(text: string): void {
    this.#count.textContent = text;
  }

  #draw(html: string): void {
    this.#section.hidden = !html;
    if (html === this.#html) return;
    this.#html = html;
    this.#content.innerHTML = html;
    this.#copyCells();
    this.options.onDrawn();
  }

  /** Pictures and equations of the cells stand on the page once, where each cell and its runs are. */
  #copyCells(): void {
    const places = [...this.#content.querySelectorAll<HTMLElement>(`[${CELL_COPY}]`)].flatMap((place) => {
      const cell = document.querySelector(`details[data-cell="${CSS.escape(place.getAttribute(CELL_COPY)!)}"] > div`);
      return cell ? [{ place, pieces: [...cell.children].filter((one) => !one.matches("article")) }] : [];
    });
    const isEquations = (piece: Element) => piece.matches(".equations");
    const lines = comparedLines(
      places.map(({ pieces }) => pieces.filter(isEquations).flatMap((piece) => piece.textContent!.split("\n"))),
    );
    for (const [i, { place, pieces }] of places.entries()) {
      const left = [...lines[i]];
      for (const piece of pieces) {
        const copy = piece.cloneNode(true) as HTMLElement;
        if (isEquations(piece)) {
          const own = left.splice(0, piece.textContent!.split("\n").length);
          copy.textContent = "";
          for (const [at, { text, isDifferent }] of own.entries()) {
            copy.append(isDifferent ? marked(text) : text, at < own.length - 1 ? "\n" : "");
          }
        }
        place.append(copy);
      }
    }
  }

  /** Behind the page's first part, which says what the page is about. */
  #place(): void {
    const parts = document.getElementById(PARTS_ID)!, [first] = parts.children;
    if (first && first !== this.#section && this.#section.previousElementSibling !== first) first.after(this.#section);
  }
}

function marked(text: string): HTMLElement {
  const mark = document.createElement("mark");
  mark.textContent = text;
  return mark;
}

function buttonWith(text: string): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = text;
  return button;
}
