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
 * Takes rows, items, and parts on a run or a cell from the page where an earlier one has the same elements, with the same attributes and
 * classes, in the same surroundings: they differ in texts and numbers alone, and have the same colours. Runs inside the page, so it can use
 * nothing from outside.
 *
 * @returns {number} how many are left
 */
export function keepOneOfEach() {
  /** Attributes whose values say which run or cell it is, what it leads to and where it lies, not how it looks. */
  const named = /^(id|href|for|title|value|aria-label(ledby)?|aria-describedby|data-(run|cell|compare|key))$/;
  /** @param {Element} element */
  const alone = (element) =>
    `<${element.localName} ${
      [...element.attributes].map(({ name, value }) => named.test(name) ? name : `${name}=${value}`)
    }>`;
  /** Of a picture no inner part: rules on colours pass over it. @param {Element} element @returns {string} */
  const kindOf = (element) =>
    element.localName === "svg" ? "<svg>" : `${alone(element)}${[...element.children].map(kindOf).join("")}</>`;
  /** @param {Element | null} element @returns {string} */
  const around = (element) =>
    element
      ? `${around(element.parentElement)}${element.matches("article, details") ? "" : element.id}${alone(element)}`
      : "";
  let left = 0;
  // Inner parts first: then one that has more of the same rows is like another.
  for (const parts of ["tr, li", "article", "details"]) {
    const seen = new Set();
    for (const part of document.querySelectorAll(parts)) {
      const kind = around(part.parentElement) + kindOf(part);
      if (seen.has(kind)) part.remove();
      else left++;
      seen.add(kind);
    }
  }
  return left;
}
