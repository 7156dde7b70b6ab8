/** The parts of a DOM that figures use. */

/** The part of a DOM element that figures use. The DOM's own types are the browser's, which Deno does not load. */
export interface SvgElement {
  readonly tagName: string;
  readonly outerHTML: string;
  readonly children: Iterable<SvgElement>;
  textContent: string;
  append(...nodes: (SvgElement | string)[]): void;
  before(...nodes: SvgElement[]): void;
  remove(): void;
  getAttribute(name: string): string | null;
  getAttributeNames(): string[];
  setAttribute(name: string, value: string): void;
  removeAttribute(name: string): void;
  querySelectorAll(selectors: string): Iterable<SvgElement>;
}

/** The part of a DOM document that figures use. */
export interface SvgDocument {
  createElementNS(namespace: string, name: string): SvgElement;
}
