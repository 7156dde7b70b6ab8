// Run by Node.js (see browser.ts): a headless Chromium as root, in a container, with nothing to say to anybody. All that it asks for is the
// page's doing.
import { text } from "node:stream/consumers";
import process from "node:process";

const FLAGS = [
  "--headless=new",
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * Hands what standard input tells, and a browser, to some work; writes what it returns to standard output.
 *
 * @param {readonly string[]} flags
 * @param {(browser: import("playwright-core").Browser, told: any) => Promise<unknown>} work
 */
export async function inChromium(flags, work) {
  const told = JSON.parse(await text(process.stdin));
  /** @type {{ chromium: import("playwright-core").BrowserType }} */
  const { chromium } = await import(told.playwright);
  const browser = await chromium.launch({ executablePath: told.browser, args: [...FLAGS, ...flags] });
  try {
    process.stdout.write(JSON.stringify(await work(browser, told)));
  } finally {
    await browser.close();
  }
}

/**
 * Keeps what a page complains of, and asks for elsewhere than where it may.
 *
 * @param {import("playwright-core").Page} page
 * @param {(url: string) => boolean} mayAsk
 */
export function complaintsOf(page, mayAsk) {
  /** @type {string[]} */
  const wrong = [];
  page.on("console", (message) => wrong.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
  page.on("request", (request) => mayAsk(request.url()) || wrong.push(`request: ${request.url()}`));
  return wrong;
}
