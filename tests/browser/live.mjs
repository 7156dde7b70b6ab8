// Run by Node.js (see browser.ts): opens the page of a study that trains, and tells what became of it while the test lets the study go on.
import assert from "node:assert/strict";
import { keepOneOfEach, violations } from "./axe.mjs";
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
 * @property {string} saved path of a file that the page is saved as
 * @property {string} axe
 */

await inChromium(
  ["--disable-gpu", "--host-resolver-rules=MAP rebound.example 127.0.0.1"],
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
    // What is saved is whole without the server, whatever is selected now.
    const saving = page.waitForEvent("download");
    await page.getByRole("button", { name: "save as one file" }).click();
    await (await saving).saveAs(facts.saved);
    const saved = await (await browser.newContext({ offline: true })).newPage();
    await saved.goto(`file://${facts.saved}`);
    await saved.getByText(`all ${facts.done} configurations`, { exact: true }).waitFor();
    assert.equal(await saved.locator("#live").count(), 0);
    assert.equal(await saved.locator("article[data-run]").count(), facts.done);
    await saved.locator(".filters [name=only]").fill(facts.only);
    await saved.keyboard.press("Enter");
    await saved.getByText(`${facts.rows} of ${facts.done} configurations`, { exact: true }).waitFor();
    for (const box of [0, 1]) await saved.locator("#runs tbody input[type=checkbox]").nth(box).check();
    await saved.locator("#compare svg").first().waitFor();
    await saved.close();

    // A name of somebody's that leads here: DNS rebinding.
    const other = await browser.newPage();
    const answer = await other.goto(told.page.replace("127.0.0.1", "rebound.example"));
    assert.equal(answer?.status(), 403);
    await other.close();
    // The parts of a page as a whole are looked at in `page_checks.mjs`.
    assert.ok(await page.evaluate(keepOneOfEach) > 20, "hardly anything of the page is left to look at");
    const broken = await violations(page, facts.axe);
    assert.deepEqual(wrong, []);
    return { before, connected, grown, tasks, violations: broken };
  },
);
