/// <reference lib="dom" />

/** Writes only what changes: a screen reader tells what is written. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
