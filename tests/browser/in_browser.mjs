// Run by Node.js (see browser.ts): reads from standard input where everything is, does each check on a fresh page, writes what
// became of them to standard output.
import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import process from "node:process";
import { CHECKS } from "./page_checks.mjs";

/** The browser as root, in a container, with nothing to say to anybody: all that it asks for is the page's doing. */
const FLAGS = [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const told = JSON.parse(await text(process.stdin));
/** @type {{ chromium: import("playwright-core").BrowserType }} */
const { chromium } = await import(told.playwright);
const browser = await chromium.launch({ executablePath: told.browser, args: FLAGS });

/** @param {import("./page_checks.mjs").Check} check */
async function outcomeOf({ options, act }) {
  const context = await browser.newContext(options);
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    /** @type {string[]} */
    const wrong = [];
    page.on("console", (message) => wrong.push(`console: ${message.text()}`));
    page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
    page.on(
      "request",
      (request) => request.url().split("#")[0] === told.page || wrong.push(`request: ${request.url()}`),
    );
    await page.goto(told.page);
    await act(page, told.facts, told.pictures);
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
await browser.close();
process.stdout.write(JSON.stringify(outcomes));
