// How well text can be read: contrast as WCAG 2.2 defines it (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio).

/**
 * Of all text in pictures that is shown, what contrasts least with what lies behind it. Of other text axe-core says it, which does not know what
 * lies behind text in an SVG.
 *
 * Runs inside the page, so it can use nothing from outside. Text lies on the last filled shape that was drawn before it and covers its
 * middle. What fades (an opacity) is mixed with what is behind.
 *
 * @returns {{ texts: number, least: number, where: string }}
 */
export function leastContrast() {
  /** @typedef {[number, number, number, number]} Colour red, green, blue from 0 to 255, and alpha */
  /** @param {string} css @returns {Colour} */
  const parse = (css) => {
    const [r, g, b, alpha = 1] = (css.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
    return [r, g, b, css.startsWith("rgb") ? alpha : 0];
  };
  /** @param {Colour} top @param {Colour} below @returns {Colour} */
  const over = (top, below) => {
    const mix = [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3]));
    return [mix[0], mix[1], mix[2], 1];
  };
  /** @param {Colour} colour */
  const luminance = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((channel) => channel / 255).map((c) =>
      c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
    );
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  /** @param {Colour} a @param {Colour} b */
  const contrast = (a, b) => {
    const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (light + 0.05) / (dark + 0.05);
  };
  /** @param {Element} element @returns {Colour} */
  const behind = (element) => {
    const around = [];
    for (let at = element; at; at = at.parentElement) around.push(at);
    return around.reduceRight(
      (below, at) => over(parse(getComputedStyle(at).backgroundColor), below),
      [255, 255, 255, 1],
    );
  };
  /** @param {Element} element of a picture @param {string} key @returns {Colour} */
  const painted = (element, key) => {
    const style = getComputedStyle(element), [r, g, b, alpha] = parse(style.getPropertyValue(key));
    return [r, g, b, alpha * Number(style.getPropertyValue(`${key}-opacity`)) * Number(style.opacity)];
  };
  const shapesOf = new Map();
  /** @param {SVGSVGElement} svg */
  const shapes = (svg) => {
    if (!shapesOf.has(svg)) {
      shapesOf.set(
        svg,
        [...svg.querySelectorAll("rect, path, circle, ellipse, polygon")].map((shape) => ({
          shape,
          box: shape.getBoundingClientRect(),
        })),
      );
    }
    return shapesOf.get(svg);
  };
  /** @param {SVGElement} text @returns {Colour} */
  const behindInPicture = (text) => {
    const svg = text.ownerSVGElement, own = text.getBoundingClientRect();
    const x = own.x + own.width / 2, y = own.y + own.height / 2;
    let below = behind(svg);
    for (const { shape, box } of shapes(svg)) {
      if (!(shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING)) break;
      if (x < box.left || x > box.right || y < box.top || y > box.bottom) continue;
      const fill = painted(shape, "fill");
      if (fill[3] === 0) continue;
      // The outline of a curve covers much that the curve does not.
      const at = new DOMPoint(x, y).matrixTransform(shape.getScreenCTM().inverse());
      if (shape.isPointInFill(at)) below = over(fill, below);
    }
    return below;
  };
  /** The broad outline that text in a picture may have to set it off. @param {SVGElement} text */
  const halo = (text) => {
    const { paintOrder, strokeWidth } = getComputedStyle(text), colour = painted(text, "stroke");
    return paintOrder.startsWith("stroke") && parseFloat(strokeWidth) >= 3 && colour[3] === 1 ? colour : undefined;
  };

  let texts = 0, least = Infinity, where = "";
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement, text = node.textContent?.trim();
    if (!element || !text || element.closest("script, style, title, symbol")) continue;
    if (!element.checkVisibility({ opacityProperty: false, visibilityProperty: true })) continue;
    if (!(element instanceof SVGElement)) continue;
    const ground = halo(element) ?? behindInPicture(element), ink = painted(element, "fill");
    if (ink[3] === 0) continue;
    texts++;
    const ratio = contrast(over(ink, ground), ground);
    if (ratio < least) {
      [least, where] = [ratio, `"${text.slice(0, 60)}" ${ink} on ${ground} in ${element.closest("[id]")?.id}`];
    }
  }
  return { texts, least, where };
}
