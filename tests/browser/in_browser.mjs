// Run by Node.js (see browser.ts): does each check on a fresh page, and tells what became of them.
import assert from "node:assert/strict";
import { complaintsOf, inChromium } from "./chromium.mjs";
import { CHECKS } from "./page_checks.mjs";

await inChromium(["--disable-gpu"], async (browser, told) => {
  /** @param {import("./page_checks.mjs").Check} check */
  async function outcomeOf({ on = "small", options, act }) {
    const { page: address, facts } = told.pages[on];
    const context = await browser.newContext(options);
    try {
      const page = await context.newPage();
      page.setDefaultTimeout(60_000);
      // The worker of the page is made of a part of it.
      const wrong = complaintsOf(page, (url) => url.split("#")[0] === address || url.startsWith("blob:"));
      await page.goto(address);
      await act(page, facts, told.pictures);
      assert.deepEqual(wrong, []);
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    } finally {
      await context.close();
    }
  }

  /** @type {Record<string, string | null>} */
  const outcomes = {};
  for (const [name, check] of Object.entries(CHECKS)) outcomes[name] = await outcomeOf(check);
  return outcomes;
});
