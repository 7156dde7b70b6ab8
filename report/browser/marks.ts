/// <reference lib="dom" />
/** Marks a configuration in the table, in its part and in every picture, and says which it is. */

type Shape = HTMLElement | SVGElement;

const nameOf = (shape: Element | null) => (shape as Shape | null)?.dataset.run;

/** What is marked on the page. */
export class Marks {
  readonly #note = document.getElementById("marked")!;
  #shapes: Map<string, Shape[]> | undefined;
  #marked: string | undefined;

  constructor() {
    const markAt = ({ target }: Event) =>
      this.mark(nameOf(target instanceof Element ? target.closest("[data-run]") : null));
    document.addEventListener("mouseover", markAt);
    document.addEventListener("focusin", markAt);
    document.addEventListener("keydown", ({ key }) => key === "Escape" && this.mark(undefined));
  }

  /** The page has more pieces now. */
  stale(): void {
    this.#shapes = undefined;
  }

  /** The page has other pieces now. */
  forget(): void {
    this.mark(undefined);
    this.#shapes = undefined;
  }

  /** Marks this configuration and no other; nothing where it is undefined. */
  mark(name: string | undefined): void {
    if (name === this.#marked) return;
    for (const shape of this.#shapesOf(this.#marked)) shape.classList.remove("marked");
    this.#marked = name;
    this.#note.hidden = name === undefined;
    if (name === undefined) return;
    for (const shape of this.#shapesOf(name)) {
      shape.classList.add("marked");
      // What is drawn last lies above: a marked curve must not be hidden by the others.
      if (shape instanceof SVGElement) shape.parentNode!.append(shape);
    }
    const part = document.getElementById(`run-${name}`), cell = part?.closest("details")?.querySelector("summary b");
    this.#note.textContent = part ? `${name}: ${cell?.textContent}. ${part.querySelector("h3")?.textContent}` : name;
  }

  #shapesOf(name: string | undefined): readonly Shape[] {
    if (name === undefined) return [];
    this.#shapes ??= Map.groupBy(document.querySelectorAll<Shape>("[data-run]"), (shape) => shape.dataset.run!);
    return this.#shapes.get(name) ?? [];
  }
}
