// What must be true of the page in a browser. Each check gets a fresh page; it may not end with a message on the console, an
// exception, or a request beside the page itself.
import assert from "node:assert/strict";
import { keepOneOfEach, violations } from "./axe.mjs";
import { COMPARE_CHECKS } from "./compare_checks.mjs";
import { leastContrast } from "./contrast.mjs";
import { FILTER_CHECKS } from "./filter_checks.mjs";
import { TABLE_CHECKS } from "./table_checks.mjs";

/**
 * @typedef {import("playwright-core").Page} Page
 * @typedef {object} Facts what the page was made from
 * @property {{ name: string, id: string, n_layers: number, state_gate: boolean }[]} configs
 * @property {{ only: string, count: number, parts: { id: string, html: string }[], articles: string[], files: Record<"all" | "filtered", { name: string, svg: string, csv: string }[]> }} filtered what a report of this expression says
 * @property {string} axe address of axe-core's script
 * @property {string[]} told what the part of the run `configs[0]` must say, its sample among it
 * @typedef {object} Check
 * @property {"whole" | "small"} [on] the page; the small one where none is named
 * @property {import("playwright-core").BrowserContextOptions} options
 * @property {(page: Page, facts: Facts, pictures: string) => Promise<void>} act `pictures`: a folder for them, or nothing
 */

/** WCAG 2.2, level AA, for text of any size. */
const LEAST_CONTRAST = 4.5;

/** The width of a common phone, CSS pixels. */
const PHONE = { width: 390, height: 844 };

/** @param {Page} page */
const shownRows = (page) => page.locator("#runs tbody tr:visible");

/** @param {Page} page @param {string} heading */
async function cellsOf(page, heading) {
  const headings = await page.locator("#runs th").allInnerTexts();
  const column = headings.findIndex((text) => text.replace(/\s+/g, " ").replace(/ [▲▼]$/, "") === heading);
  assert.ok(column >= 0, `no column ${heading} among ${headings}`);
  const place = await page.locator("#runs th").nth(column).evaluate((cell) => cell.cellIndex);
  return await shownRows(page).locator(`td:nth-child(${place + 1})`).allInnerTexts();
}

/** The distinct runs of what a selector finds. @param {Page} page @param {string} selector */
async function runsIn(page, selector) {
  const names = await page.locator(selector).evaluateAll((all) => all.map((one) => one.getAttribute("data-run")));
  return [...new Set(names)].sort();
}

/** That all shapes of one run are marked, in every picture that has it, and nothing else is. @param {Page} page @param {string} name */
async function assertMarked(page, name) {
  assert.deepEqual(await runsIn(page, ".marked"), [name]);
  const all = await page.locator(`[data-run="${name}"]`).count();
  assert.equal(await page.locator(`.marked[data-run="${name}"]`).count(), all);
  const drawn = await page.locator(`figure:has([data-run="${name}"])`).count();
  assert.ok(drawn >= 6, `${name} is in ${drawn} pictures`);
  assert.equal(await page.locator("figure:has(.marked)").count(), drawn);
}

/**
 * That axe-core finds nothing, and that text in pictures contrasts with what lies behind it. The whole page takes axe-core long: where another
 * check has it look at that, it looks at one of all parts that are alike.
 *
 * @param {Page} page @param {Facts} facts @param {{ whole?: boolean }} [options]
 */
async function assertReadable(page, { axe }, { whole = false } = {}) {
  await openAll(page);
  const { texts, least, where } = await page.evaluate(leastContrast);
  if (!whole) assert.ok(await page.evaluate(keepOneOfEach) > 20);
  assert.deepEqual(await violations(page, axe), []);
  assert.ok(texts > 1000, `${texts} texts`);
  assert.ok(least >= LEAST_CONTRAST, `contrast ${least.toFixed(2)}: ${where}`);
}

/** @param {Page} page */
const openAll = (page) => page.evaluate(() => document.querySelectorAll("details").forEach((part) => part.open = true));

/** All text of the page but that of the filters, which are of no use without the script. @param {Page} page @returns {Promise<string>} */
const textOf = (page) =>
  page.evaluate(() => {
    const main = document.querySelector("main")?.cloneNode(true);
    main.querySelector(".filters")?.remove();
    return main.textContent ?? "";
  });

/** The page's text with the script on: what it must be with the script off. @param {Page} page */
async function textWithScript(page) {
  const context = await page.context().browser().newContext();
  const other = await context.newPage();
  await other.goto(page.url());
  const text = await textOf(other);
  await context.close();
  return text;
}

/** @type {Readonly<Record<string, Check>>} */
export const CHECKS = {
  "sorts its table up and down, by numbers, with the keyboard": {
    options: {},
    async act(page) {
      /** @param {string} heading */
      const numbers = async (heading) =>
        (await cellsOf(page, heading)).map((text) => parseFloat(text.replaceAll(",", "")));
      await page.getByRole("button", { name: "parameters" }).focus();
      await page.keyboard.press("Enter");
      const up = await numbers("parameters");
      assert.ok(new Set(up).size > 1 && up.every((count, i) => i === 0 || up[i - 1] <= count), `${up}`);
      assert.match(await page.locator("#runs th[aria-sort=ascending]").innerText(), /^parameters/);
      await page.keyboard.press("Enter");
      assert.deepEqual(await numbers("parameters"), [...up].reverse());
      await page.getByRole("button", { name: "rank" }).click();
      const ranks = await numbers("rank");
      assert.deepEqual(ranks, ranks.map((_, i) => i + 1));
    },
  },

  "marks a run in every picture when it is hovered, in the table or in a picture, and none after Escape": {
    options: {},
    async act(page) {
      const row = shownRows(page).nth(4), name = await row.getAttribute("data-run");
      await row.hover();
      await assertMarked(page, name);
      assert.match(await page.locator("#marked").innerText(), new RegExp(`^${name}: .*Rank 5: `));
      const stroke = await page.locator("#results_01_all .marked").first().evaluate((shape) =>
        getComputedStyle(shape).stroke
      );
      assert.equal(stroke, "rgb(194, 0, 107)");
      await page.keyboard.press("Escape");
      assert.equal(await page.locator(".marked").count(), 0);
      assert.ok(await page.locator("#marked").isHidden());
      // What is drawn last lies on top, so the pointer meets it.
      const dot = page.locator("figure[id=results_01_all_test] svg [data-run]").last();
      await dot.hover();
      await assertMarked(page, await dot.getAttribute("data-run"));
    },
  },

  "marks a run in every picture when the keyboard comes to it, with a ring around what has the focus": {
    options: {},
    async act(page) {
      const first = shownRows(page).nth(0), second = shownRows(page).nth(1);
      await first.locator("a").focus();
      await assertMarked(page, await first.getAttribute("data-run"));
      await page.keyboard.press("Tab");
      await assertMarked(page, await second.getAttribute("data-run"));
      // Past the choice to compare it.
      await page.keyboard.press("Tab");
      const ring = await second.locator("a").evaluate((link) => getComputedStyle(link).outline);
      assert.match(ring, /solid 3px/);
    },
  },

  "leads the keyboard to everything that can be used, in the order of the page": {
    options: {},
    async act(page) {
      const met = [];
      for (let press = 0; press < 60; press++) {
        await page.keyboard.press("Tab");
        met.push(await page.evaluate(() => document.activeElement?.tagName));
      }
      assert.deepEqual(met.slice(0, 4), ["INPUT", "BUTTON", "BUTTON", "SUMMARY"], "the bar");
      assert.deepEqual(met.slice(4, 9), ["A", "A", "A", "A", "A"], "the parts of the page");
      const second = page.locator("details[id^=cell-]").nth(1);
      await second.locator(":scope > summary").press("Enter");
      assert.ok(await second.locator("article").first().isVisible());
    },
  },

  "opens a run's part, with curve, cell picture, equations, score and text as text, when its id is followed": {
    options: {},
    async act(page, { configs, told }) {
      const [{ name, state_gate }] = configs;
      const part = page.locator(`#run-${name}`);
      assert.ok(await part.isHidden());
      await page.locator(`#runs tr[data-run="${name}"] a`).press("Enter");
      await part.waitFor({ state: "visible" });
      const text = await part.innerText();
      for (const shown of told) assert.ok(text.includes(shown), `${shown} in ${text}`);
      assert.equal(await page.evaluate(() => "hacked" in globalThis), false);
      assert.equal(await part.locator(":scope > .beside svg.curve .line").count(), 1);
      const cell = page.locator(`details:has(#run-${name})`);
      assert.equal((await cell.locator(".equations").allInnerTexts()).join("\n").includes("z = σ"), state_gate);
      const picture = cell.locator("svg.cell-picture");
      assert.equal(await picture.count(), 1);
      assert.ok((await picture.boundingBox())?.width ?? 0 > 100);
    },
  },

  "holds everything, filters hidden, when JavaScript is off": {
    on: "whole",
    options: { javaScriptEnabled: false },
    async act(page, { configs }) {
      assert.equal(await shownRows(page).count(), configs.length);
      assert.ok(await page.locator(".filters").isHidden() && await page.locator("#marked").isHidden());
      assert.equal(await textOf(page), await textWithScript(page));
      assert.equal(await page.locator("article").count(), configs.length);
      assert.ok(await page.locator("details[open] article").first().isVisible());
      const second = page.locator("details[id^=cell-]").nth(1);
      await second.locator(":scope > summary").click();
      assert.ok(await second.locator("article").first().isVisible());
    },
  },

  "fits a phone: the page does not scroll sideways, and what is wider scrolls by itself": {
    on: "whole",
    options: { viewport: PHONE, isMobile: true, hasTouch: true },
    async act(page, _, pictures) {
      if (pictures) await page.screenshot({ path: `${pictures}/phone.png` });
      await openAll(page);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= PHONE.width, `${width}`);
      const outside = await page.evaluate(() =>
        [...document.querySelectorAll("body *")].filter((element) =>
          element.getBoundingClientRect().right > innerWidth + 1 &&
          !element.closest(".card, .scroll, .equations, symbol, svg")
        ).map((element) => element.outerHTML.slice(0, 100))
      );
      assert.deepEqual(outside, []);
      const small = await page.evaluate(() =>
        [...document.querySelectorAll("p, li, td, summary, figcaption")].filter((element) =>
          parseFloat(getComputedStyle(element).fontSize) < 12
        ).length
      );
      assert.equal(small, 0);
    },
  },

  "shows each picture whole on a phone, and as large as can be read where that is asked for": {
    on: "whole",
    options: { viewport: PHONE, isMobile: true, hasTouch: true },
    async act(page, _, pictures) {
      const cropped = () =>
        page.locator(".card").evaluateAll((cards) =>
          cards.filter((card) => card.scrollWidth > card.clientWidth).map((card) => card.closest("figure").id)
        );
      assert.deepEqual(await cropped(), []);
      const figure = page.locator("#results_01_all"), enlarge = figure.getByLabel("enlarge");
      await enlarge.check();
      assert.deepEqual(await cropped(), ["results_01_all"]);
      const title = figure.locator("svg text").nth(1), height = (await title.boundingBox())?.height ?? 0;
      assert.ok(height >= 12, `${height} pixels`);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= PHONE.width, `${width}`);
      if (pictures) await page.screenshot({ path: `${pictures}/phone_enlarged.png` });
      await enlarge.uncheck();
      assert.deepEqual(await cropped(), []);
    },
  },

  "can be read in the light: all text contrasts with what lies behind it": {
    on: "whole",
    options: { colorScheme: "light" },
    async act(page, facts, pictures) {
      if (pictures) await page.screenshot({ path: `${pictures}/light.png`, fullPage: true });
      await assertReadable(page, facts, { whole: true });
    },
  },

  "can be read in the dark: all text contrasts with what lies behind it, which is dark": {
    on: "whole",
    options: { colorScheme: "dark" },
    async act(page, facts, pictures) {
      if (pictures) await page.screenshot({ path: `${pictures}/dark.png`, fullPage: true });
      const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      assert.equal(ground, "rgb(22, 24, 27)");
      // Of a picture the first shape is its ground. No card may stay white.
      const pale = await page.locator("figure .card").evaluateAll((cards) =>
        cards.filter((card) =>
          getComputedStyle(card).backgroundColor !== "rgb(31, 34, 38)" ||
          getComputedStyle(card.querySelector("svg > rect")).fill !== "rgb(31, 34, 38)"
        ).map((card) => card.closest("figure").id)
      );
      assert.deepEqual(pale, []);
      await assertReadable(page, facts);
    },
  },

  "shows its content on paper, dark on white, without what only a screen can use": {
    on: "whole",
    options: { colorScheme: "dark" },
    async act(page, facts, pictures) {
      const { configs } = facts;
      await page.emulateMedia({ media: "print" });
      assert.ok(await page.locator("nav").isHidden() && await page.locator(".filters").isHidden());
      assert.equal(await shownRows(page).count(), configs.length);
      assert.ok(await page.locator("figure").count() >= 9);
      for (const figure of await page.locator("figure svg").all()) assert.ok(await figure.isVisible());
      assert.equal(await page.locator(".enlarge:visible").count(), 0);
      const ink = await page.evaluate(() => getComputedStyle(document.body).color);
      assert.equal(ink, "rgb(0, 0, 0)");
      // An A4 sheet less margins, at 96 pixels per inch.
      await page.setViewportSize({ width: 718, height: 1047 });
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= 718, `${width}`);
      assert.ok(await page.locator("#runs th:visible").filter({ hasText: "test, bits/byte" }).count());
      await assertReadable(page, facts);
      if (pictures) await page.pdf({ path: `${pictures}/paper.pdf`, format: "A4" });
    },
  },

  ...TABLE_CHECKS,
  ...COMPARE_CHECKS,
  ...FILTER_CHECKS,
};
