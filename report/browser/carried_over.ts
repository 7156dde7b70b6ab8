/// <reference lib="dom" />
/** What a person has done to a piece of the page, for the piece that takes its place: what is open, large, scrolled, and has the focus. */

const FOCUSABLE = "a[href], button, input, select, summary, [tabindex]";

/** @returns does the same to another piece */
export function carriedOver(from: HTMLElement): (to: HTMLElement) => void {
  const opened = new Set([...from.querySelectorAll("details[open] > summary")].map(titleOf));
  const isLarge = from.querySelector<HTMLInputElement>(".enlarge input")?.checked ?? false;
  const scrolled = [...from.querySelectorAll(".scroll, .card")].map(({ scrollLeft }) => scrollLeft);
  const { activeElement } = document, focused = [...from.querySelectorAll(FOCUSABLE)].indexOf(activeElement!);
  return (to) => {
    for (const summary of to.querySelectorAll("details > summary")) {
      if (opened.has(titleOf(summary))) (summary.parentElement as HTMLDetailsElement).open = true;
    }
    const enlarge = to.querySelector<HTMLInputElement>(".enlarge input");
    if (enlarge) enlarge.checked = isLarge;
    for (const [i, one] of [...to.querySelectorAll(".scroll, .card")].entries()) one.scrollLeft = scrolled[i] ?? 0;
    const next = focused < 0 ? undefined : to.querySelectorAll<HTMLElement>(FOCUSABLE)[focused];
    if (next?.tagName === activeElement?.tagName) next?.focus({ preventScroll: true });
  };
}

/** What tells parts that can be opened from each other; numbers in it change. */
function titleOf(summary: Element): string {
  return summary.textContent!.replace(/\d/g, "");
}
