// Run by Node.js (see browser.ts): opens the page of a study that trains, and tells what became of it while the test lets the study go on.
import assert from "node:assert/strict";
import { violations } from "./axe.mjs";
import { complaintsOf, inChromium } from "./chromium.mjs";

/**
 * @typedef {object} Facts
 * @property {string[]} growing keys of runs whose curves grow
 * @property {number} values of each of these at the end
 * @property {number} done runs that are done at the end
 * @property {number} total listed runs
 * @property {string} only an expression
 * @property {number} selected listed configurations that it selects
 * @property {number} rows done configurations that it selects
 * @property {string} axe
 */

await inChromium(
  ["--disable-gpu"],
  async (browser, /** @type {{ page: string, facts: Facts, pictures: string }} */ told) => {
    const { facts, pictures } = told, page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    page.setDefaultTimeout(120_000);
    const wrong = complaintsOf(page, (url) => url.startsWith(told.page) || url.startsWith(`blob:${told.page}`));
    await page.addInitScript(() => {
      const seen = /** @type {any} */ (globalThis);
      seen.tasks = [];
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) seen.tasks.push(Math.round(duration));
      }).observe({ type: "longtask", buffered: true });
    });
    await page.goto(told.page);
    await page.locator("#parts .lead").waitFor();
    await page.locator("article[data-run]").first().waitFor({ state: "attached" });

    // From here on each path is known: a drawing from scratch would put others in their places.
    await page.evaluate(() => {
      const seen = /** @type {any} */ (globalThis), svg = document.querySelector("[data-live=curves]");
      seen.paths = [...svg.querySelectorAll(".live-curve")];
      seen.grown = [];
      seen.tasks.length = 0;
      new MutationObserver((records) => {
        for (const { target } of records) {
          const points = (target.getAttribute("d").match(/L/g)?.length ?? 0) + 1;
          seen.grown.push([target.dataset.run, points, Date.now()]);
        }
      }).observe(svg, { subtree: true, attributeFilter: ["d"] });
    });
    const before = await page.locator(".live-curve").count();
    process.stderr.write("ready\n");

    await page.waitForFunction(
      ({ growing, values }) =>
        growing.every((key) =>
          (document.querySelector(`.live-curve[data-run="${key.slice(0, 8)}"]`)?.getAttribute("d").match(/L/g)
                ?.length ?? 0) + 1 >= values
        ),
      facts,
    );
    await page.locator("[data-live=counts]").getByText(`${facts.done} of ${facts.total} runs done`).waitFor();
    // The rest of the page follows when there is time.
    await page.waitForFunction((done) => document.querySelectorAll("#runs tbody tr").length === done, facts.done);
    const { grown, tasks, connected } = await page.evaluate(() => {
      const { grown, tasks, paths } = /** @type {any} */ (globalThis);
      return { grown, tasks, connected: paths.filter((/** @type {Element} */ path) => path.isConnected).length };
    });
    if (pictures) await page.screenshot({ path: `${pictures}/live.png` });

    await page.locator(".filters [name=only]").fill(facts.only);
    await page.keyboard.press("Enter");
    await page.waitForFunction(
      (selected) => document.querySelectorAll(".live-curve:not(.out)").length === selected,
      facts.selected,
    );
    await page.waitForFunction((rows) => document.querySelectorAll("#runs tbody tr").length === rows, facts.rows);
    if (pictures) await page.screenshot({ path: `${pictures}/live_filtered.png` });
    const broken = await violations(page, facts.axe);
    assert.deepEqual(wrong, []);
    return { before, connected, grown, tasks, violations: broken };
  },
);
