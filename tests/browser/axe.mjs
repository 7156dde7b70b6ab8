// What axe-core (https://github.com/dequelabs/axe-core) finds on a page: the rules of WCAG 2.2, levels A and AA, and its best practices.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/**
 * What breaks a rule, a line each; all parts of the page must be open. Rules on colours, which take longer than all others together,
 * look at one of all parts that are alike. Leaves the page with these alone.
 *
 * @param {import("playwright-core").Page} page
 * @param {string} axe the address of its script, a file
 * @returns {Promise<string[]>}
 */
export async function violations(page, axe) {
  await page.addScriptTag({ content: await readFile(fileURLToPath(axe), "utf8") });
  const of = (/** @type {"structure" | "colours"} */ which) =>
    page.evaluate(async (which) => {
      const { axe } = /** @type {any} */ (globalThis), onColours = ["color-contrast", "link-in-text-block"];
      const found = which === "structure"
        ? await axe.run(document, {
          rules: Object.fromEntries(onColours.map((rule) => [rule, { enabled: false }])),
          resultTypes: ["violations"],
        })
        // Of text in pictures axe cannot say what lies behind it: `contrast.mjs` can.
        : await axe.run({ exclude: [["svg"]] }, { runOnly: onColours, resultTypes: ["violations"] });
      if (
        which === "colours" &&
        !found.passes.some((/** @type {any} */ { id, nodes }) => id === onColours[0] && nodes.length)
      ) {
        return ["no text was looked at"];
      }
      return found.violations.flatMap((/** @type {any} */ { id, nodes }) =>
        nodes.slice(0, 3).map((/** @type {any} */ { html, failureSummary }) =>
          `${id}: ${html.slice(0, 200)} ${failureSummary}`
        )
      );
    }, which);
  const structure = await of("structure");
  await page.evaluate(keepOneOfEach);
  return [...structure, ...await of("colours")];
}

/**
 * Takes shapes, rows, items, and parts on a run or a cell from the page where an earlier one has the same elements, with the same attributes
 * and classes, in the same surroundings: they differ in texts, places and numbers alone, and have the same colours. Runs inside the page, so
 * it can use nothing from outside.
 *
 * @returns {number} how many are left, shapes apart
 */
export function keepOneOfEach() {
  /** Attributes whose values say which run or cell it is, what it leads to and where it lies, not how it looks. */
  const named = /^(id|href|for|title|value|aria-label(ledby)?|aria-describedby|data-(run|cell|compare|key))$/;
  /** Those that say where a shape of a picture lies. */
  const placed = /^(d|points|transform|[cdr]?[xy][12]?|r|width|height)$/;
  /** @param {Element} element */
  const alone = (element) =>
    `<${element.localName} ${
      [...element.attributes].map(({ name, value }) =>
        named.test(name) || placed.test(name) ? name : `${name}=${value}`
      )
    }>`;
  /** Of a picture no inner part: rules on colours pass over it. @param {Element} element @returns {string} */
  const kindOf = (element) =>
    element.localName === "svg" ? "<svg>" : `${alone(element)}${[...element.children].map(kindOf).join("")}</>`;
  const surroundings = new Map();
  /** @param {Element | null} element @returns {string} */
  const around = (element) => {
    if (!element) return "";
    const known = surroundings.get(element);
    if (known !== undefined) return known;
    const id = element.matches("article, details") ? "" : element.id;
    const all = `${around(element.parentElement)}${id}${alone(element)}`;
    surroundings.set(element, all);
    return all;
  };
  /** @param {string} parts */
  const keepOne = (parts) => {
    const seen = new Set();
    for (const part of document.querySelectorAll(parts)) {
      const kind = around(part.parentElement) + kindOf(part);
      if (seen.has(kind)) part.remove();
      seen.add(kind);
    }
    return seen.size;
  };
  keepOne("svg :is(path, rect, line, circle, use):empty, svg text");
  // Inner parts first: then one that has more of the same rows is like another.
  return ["tr, li", "article", "details"].map(keepOne).reduce((sum, left) => sum + left);
}
