/// <reference lib="dom" />
/** Shows other parts of the page in the place of those that it has, without a long halt. */
import type { PagePart } from "../page/parts.ts";
import { CELLS_PART, PARTS_ID } from "../page/ids.ts";
import { carriedOver } from "./carried_over.ts";
import { nextTurn } from "./turns.ts";

/** An element or the first part behind it: what is no part stays where it is. */
function nextPart(element: Element | null): Element | null {
  let next = element;
  while (next && !(next instanceof HTMLElement && next.dataset.part !== undefined)) next = next.nextElementSibling;
  return next;
}

/** The parts of a page. */
export class PartsView {
  readonly #main = document.getElementById(PARTS_ID)!;
  /** As the page came. */
  readonly #original: readonly HTMLElement[] = [...this.#main.querySelectorAll<HTMLElement>("[data-part]")];
  /** The HTML of the parts that have been put in. */
  readonly #html = new Map<string, string>();

  /** Puts these parts in, in their order; those that are as they were stay untouched. */
  async show(parts: readonly PagePart[]): Promise<void> {
    const before = new Map(this.#present().map((element) => [element.dataset.part!, element]));
    await this.#arrange([
      ...parts.map(({ id, html }) => () => {
        const there = before.get(id);
        if (there && this.#html.get(id) === html) return there;
        const made = document.createElement("div");
        made.dataset.part = id;
        made.innerHTML = `\n${html}\n`;
        this.#html.set(id, html);
        return made;
      }),
      () => before.get(CELLS_PART)!,
    ]);
  }

  /** Puts back what the page came with. */
  async restore(): Promise<void> {
    this.#html.clear();
    await this.#arrange(this.#original.map((element) => () => element));
  }

  #present(): HTMLElement[] {
    return [...this.#main.children].filter((child): child is HTMLElement =>
      child instanceof HTMLElement && child.dataset.part !== undefined
    );
  }

  /** Each part is made and put in by itself: the page answers in between. What a person looks at stays where it is. */
  async #arrange(makers: readonly (() => HTMLElement)[]): Promise<void> {
    const seen = this.#partInView(), top = seen?.getBoundingClientRect().top;
    this.#main.setAttribute("aria-busy", "true");
    let last: Element | null = null;
    const kept = new Set<Element>();
    for (const make of makers) {
      const element = make(), place = nextPart(last ? last.nextElementSibling : this.#main.firstElementChild);
      const former = this.#named(element.dataset.part!);
      if (former && former !== element) {
        const carry = carriedOver(former);
        former.replaceWith(element);
        carry(element);
      } else if (place !== element) this.#main.insertBefore(element, place);
      kept.add(element);
      last = element;
      await nextTurn();
    }
    for (const element of this.#present()) if (!kept.has(element)) element.remove();
    this.#main.removeAttribute("aria-busy");
    const now = seen && this.#named(seen.dataset.part!);
    if (now && top !== undefined) scrollBy({ top: now.getBoundingClientRect().top - top, behavior: "instant" });
  }

  #named(id: string): HTMLElement | undefined {
    return this.#present().find((element) => element.dataset.part === id);
  }

  /** The part at the top of the window; none at the top of the page, which stays there. */
  #partInView(): HTMLElement | undefined {
    return scrollY === 0 ? undefined : this.#present().find((element) => element.getBoundingClientRect().bottom > 0);
  }
}
