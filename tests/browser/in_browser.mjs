// Run by Node.js (see browser.ts): does each check on a page loaded anew, and tells what became of them.
import assert from "node:assert/strict";
import { complaintsOf, inChromium } from "./chromium.mjs";
import { CHECKS } from "./page_checks.mjs";

/** What a context of Playwright has where a check names nothing else. */
const USUAL = { viewport: { width: 1280, height: 720 }, colorScheme: /** @type {const} */ ("light") };

await inChromium(["--disable-gpu"], async (browser, told) => {
  /**
   * Tabs by what cannot be changed in one. A tab of its own for each check costs more than what most of them do. The page keeps nothing but
   * its address, so that a document loaded anew is as fresh.
   *
   * @type {Map<string, Promise<import("playwright-core").Page>>}
   */
  const tabs = new Map();

  /** @param {import("playwright-core").BrowserContextOptions} options */
  async function openTab(options) {
    const page = await (await browser.newContext(options)).newPage();
    page.setDefaultTimeout(60_000);
    return page;
  }

  /** @param {import("playwright-core").BrowserContextOptions} options */
  async function tabWith({ viewport = USUAL.viewport, colorScheme = USUAL.colorScheme, ...fixed }) {
    const key = JSON.stringify(fixed), opening = tabs.get(key) ?? openTab(fixed), page = await opening;
    tabs.set(key, opening);
    await page.goto("about:blank");
    await page.setViewportSize(/** @type {import("playwright-core").ViewportSize} */ (viewport));
    await page.emulateMedia({ media: null, colorScheme });
    await page.mouse.move(0, 0);
    return { page, key };
  }

  /** @param {import("./page_checks.mjs").Check} check */
  async function outcomeOf({ on = "small", options, act }) {
    const { page: address, facts } = told.pages[on];
    const { page, key } = await tabWith(options);
    try {
      // The worker of the page is made of a part of it.
      const wrong = complaintsOf(page, (url) => url.split("#")[0] === address || url.startsWith("blob:"));
      await page.goto(address);
      await act(page, facts, told.pictures);
      assert.deepEqual(wrong, []);
      return null;
    } catch (error) {
      // What a check leaves half done is not the next one's.
      await page.context().close();
      tabs.delete(key);
      return error instanceof Error ? error.message : String(error);
    } finally {
      page.removeAllListeners();
    }
  }

  /** @type {Record<string, string | null>} */
  const outcomes = {};
  for (const [name, check] of Object.entries(CHECKS)) outcomes[name] = await outcomeOf(check);
  return outcomes;
});
