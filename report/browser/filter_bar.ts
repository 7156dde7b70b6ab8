/// <reference lib="dom" />
/** The bar that says which configurations the page shows. */
import { keyOfPart, selectionParts, withPart } from "../../experiments/study/selection_text.ts";
import { counted } from "../../cells/counts.ts";
import { setText } from "./set_text.ts";

/** The bar; hidden until it is made. */
export class FilterBar {
  readonly #form = document.querySelector<HTMLFormElement>("form.filters")!;
  readonly #input = this.#form.elements.namedItem("only") as HTMLInputElement;
  readonly #count = this.#form.querySelector("output")!;
  readonly #wrong = this.#form.querySelector<HTMLElement>("[role=alert]")!;
  readonly #choices = [...this.#form.querySelectorAll<HTMLSelectElement>("select[data-key]")];

  /** @param onChoice told the expression that a person asks for; empty for all */
  constructor(onChoice: (only: string) => void) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      onChoice(this.#input.value.trim());
    });
    this.#form.addEventListener("reset", (event) => {
      event.preventDefault();
      onChoice("");
    });
    for (const select of this.#choices) {
      select.addEventListener("change", () => {
        const key = select.dataset.key!, part = select.value && `${key}=${select.value}`;
        onChoice(withPart(this.#input.value, key, part));
      });
    }
    this.#form.hidden = false;
    // What stays in view below the bar, and what is gone to, must not lie behind it.
    new ResizeObserver(() => document.documentElement.style.setProperty("--bar", `${this.#form.offsetHeight}px`))
      .observe(this.#form);
  }

  /** Shows an expression as the one that is asked for, in the place of what is being typed. */
  ask(only: string): void {
    this.#input.value = only;
    const parts = new Map(selectionParts(only).map((part) => [keyOfPart(part), part]));
    for (const select of this.#choices) {
      const key = select.dataset.key!, values = [...select.options].map(({ value }) => value);
      select.value = values.find((value) => value && parts.get(key) === `${key}=${value}`) ?? "";
    }
    this.#say(undefined);
    this.#count.textContent = "working …";
  }

  /** Says how many configurations are shown. */
  shown(shown: number, all: number): void {
    this.#say(undefined);
    setText(
      this.#count,
      shown === all ? `all ${counted(all, "configuration")}` : `${shown} of ${counted(all, "configuration")}`,
    );
  }

  /** Says why what is asked for cannot be shown; what was shown before still is. */
  refuse(why: string, shown: number, all: number): void {
    this.shown(shown, all);
    this.#say(why);
  }

  #say(why: string | undefined): void {
    if (why === undefined && this.#wrong.hidden) return;
    this.#wrong.hidden = why === undefined;
    this.#wrong.textContent = why ?? "";
    this.#input.ariaInvalid = why === undefined ? null : "true";
  }
}
