// What axe-core (https://github.com/dequelabs/axe-core) finds on a page: the rules of WCAG 2.2, levels A and AA, and its best practices.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/**
 * What breaks a rule, a line each; all parts of the page must be open.
 *
 * @param {import("playwright-core").Page} page
 * @param {string} axe the address of its script, a file
 * @returns {Promise<string[]>}
 */
export async function violations(page, axe) {
  await page.addScriptTag({ content: await readFile(fileURLToPath(axe), "utf8") });
  return await page.evaluate(async () => {
    const { axe } = /** @type {any} */ (globalThis);
    // Of text in pictures axe cannot say what lies behind it: `contrast.mjs` can, and axe would look at each of thousands.
    const all = await axe.run(document, {
      rules: { "color-contrast": { enabled: false } },
      resultTypes: ["violations"],
    });
    const contrast = await axe.run({ exclude: [["svg"]] }, {
      runOnly: ["color-contrast"],
      resultTypes: ["violations"],
    });
    if (!contrast.passes.some((/** @type {any} */ { nodes }) => nodes.length)) return ["no text was looked at"];
    return [...all.violations, ...contrast.violations].flatMap((/** @type {any} */ { id, nodes }) =>
      nodes.slice(0, 3).map((/** @type {any} */ { html, failureSummary }) =>
        `${id}: ${html.slice(0, 200)} ${failureSummary}`
      )
    );
  });
}
