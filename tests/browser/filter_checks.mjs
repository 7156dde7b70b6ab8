// What must be true of the page's filter: it shows what a report of the same expression does. The page lies on a disk, and no server is there.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

/**
 * @typedef {import("playwright-core").Page} Page
 * @typedef {import("./page_checks.mjs").Check} Check
 */

/** @param {Page} page @param {string} only */
async function ask(page, only) {
  await page.locator(".filters [name=only]").fill(only);
  await page.keyboard.press("Enter");
}

/** @param {Page} page @param {string} says */
const shows = (page, says) => page.locator(".filters output").getByText(says, { exact: true }).waitFor();

/**
 * The parts of the page as they stand there, against HTML; the names of those that differ.
 *
 * @param {Page} page @param {readonly { id: string, html: string }[]} parts
 * @returns {Promise<string[]>}
 */
function differing(page, parts) {
  return page.evaluate((parts) => {
    /** @param {string} html */
    const normal = (html) => {
      const holder = document.createElement("div");
      holder.innerHTML = html;
      return holder.innerHTML.trim();
    };
    /** What the script adds to a table: a heading's button, its order. @param {Element} part */
    const bare = (part) => {
      const copy = /** @type {Element} */ (part.cloneNode(true));
      for (const button of copy.querySelectorAll("th button")) button.replaceWith(...button.childNodes);
      for (const heading of copy.querySelectorAll("th[aria-sort]")) heading.removeAttribute("aria-sort");
      for (const added of copy.querySelectorAll("[data-added]")) added.remove();
      return normal(copy.innerHTML);
    };
    const there = [...document.querySelectorAll("#parts > [data-part]")].filter((part) =>
      /** @type {HTMLElement} */ (part).dataset.part !== "cells"
    );
    const names = there.map((part) => /** @type {HTMLElement} */ (part).dataset.part);
    if (names.join() !== parts.map(({ id }) => id).join()) return [`parts ${names.join()}`];
    return parts.flatMap(({ id, html }, i) => bare(there[i]) === normal(html) ? [] : [id]);
  }, parts);
}

/** @type {Readonly<Record<string, Check>>} */
export const FILTER_CHECKS = {
  "recomputes all that it shows for an expression, as a report of that does, and goes back": {
    on: "whole",
    options: {},
    async act(page, { configs, filtered }, pictures) {
      const bar = page.locator(".filters");
      assert.ok(await bar.isVisible());
      const { y, height } = /** @type {{ y: number, height: number }} */ (await bar.boundingBox());
      assert.ok(y >= 0 && y + height < 120, `the bar is at ${y}`);
      const before = await page.locator("main").innerHTML();
      await ask(page, filtered.only);
      await shows(page, `${filtered.count} of ${configs.length} configurations`);
      assert.deepEqual(await differing(page, filtered.parts), []);
      const visible = await page.locator("article[data-run]:not([hidden])").evaluateAll((all) =>
        all.filter((one) => !one.closest("details[hidden]")).map((one) => one.outerHTML)
      );
      assert.equal(visible.length, filtered.count);
      assert.deepEqual(
        new Set(
          await page.evaluate((html) =>
            html.map((one) => {
              const template = document.createElement("template");
              template.innerHTML = one;
              return template.innerHTML;
            }), filtered.articles),
        ),
        new Set(visible),
      );
      if (pictures) await page.screenshot({ path: `${pictures}/filtered.png` });
      await page.getByRole("button", { name: "show all" }).click();
      await shows(page, `all ${configs.length} configurations`);
      assert.equal(await page.locator("main").innerHTML(), before);
      assert.equal(new URL(page.url()).hash, "");
    },
  },

  "stays in view, and keeps what is looked at where it is": {
    options: {},
    async act(page, { configs, filtered }) {
      await page.locator("#results_01_all_test").scrollIntoViewIfNeeded();
      assert.ok(await page.locator(".filters").isVisible());
      const { y } = /** @type {{ y: number }} */ (await page.locator(".filters").boundingBox());
      assert.equal(Math.round(y), 0);
      assert.ok(await page.evaluate(() => scrollY) > 1000);
      const offset = () =>
        page.locator("#results_01_all_test").evaluate((figure) => figure.getBoundingClientRect().top);
      const top = await offset();
      await ask(page, filtered.only);
      await shows(page, `${filtered.count} of ${configs.length} configurations`);
      assert.ok(Math.abs(await offset() - top) < 400, `${top} → ${await offset()}`);
    },
  },

  "restores what was chosen from its address, also with the buttons of the browser": {
    options: {},
    async act(page, { configs, filtered }) {
      await ask(page, filtered.only);
      await shows(page, `${filtered.count} of ${configs.length} configurations`);
      const address = page.url();
      assert.equal(new URLSearchParams(new URL(address).hash.slice(1)).get("only"), filtered.only);
      await page.getByRole("link", { name: "Pictures" }).click();
      assert.equal(new URLSearchParams(new URL(page.url()).hash.slice(1)).get("only"), filtered.only);
      await page.goBack();
      await page.goBack();
      await shows(page, `all ${configs.length} configurations`);
      await page.goForward();
      await shows(page, `${filtered.count} of ${configs.length} configurations`);
      const other = await page.context().newPage();
      await other.goto(address);
      await shows(other, `${filtered.count} of ${configs.length} configurations`);
      assert.equal(await other.locator(".filters [name=only]").inputValue(), filtered.only);
      assert.deepEqual(await differing(other, filtered.parts), []);
      await other.close();
    },
  },

  "writes the expression for whoever chooses from lists, and says what is wrong with one": {
    options: {},
    async act(page, { configs }) {
      const input = page.locator(".filters [name=only]"), wrong = page.getByRole("alert");
      await page.locator(".filters summary").click();
      await page.locator(".filters").getByLabel("state gate").selectOption("on");
      await page.locator(".filters").getByLabel("layers").selectOption("2");
      assert.equal(await input.inputValue(), "use_state_gate=true,n_layers=2");
      const wanted = configs.filter(({ state_gate, n_layers }) => state_gate && n_layers === 2);
      await shows(page, `${wanted.length} of ${configs.length} configurations`);
      assert.equal(await page.locator("#runs tbody tr").count(), wanted.length);
      await ask(page, "use_state_gate=true,layers=2");
      await wrong.waitFor();
      assert.match(
        await wrong.innerText(),
        /^Cannot show 'use_state_gate=true,layers=2': 'layers=2' names no key; keys are /,
      );
      assert.equal(await page.locator("#runs tbody tr").count(), wanted.length);
      // The address says what is shown.
      assert.equal(
        new URLSearchParams(new URL(page.url()).hash.slice(1)).get("only"),
        "use_state_gate=true,n_layers=2",
      );
      await ask(page, "n_layers=2");
      await shows(page, `${configs.length / 2} of ${configs.length} configurations`);
      assert.ok(await wrong.isHidden());
      assert.equal(await page.locator(".filters").getByLabel("state gate").inputValue(), "");
    },
  },

  "has what each picture shows to download: the files of an export and of a report, of what is selected": {
    on: "whole",
    options: {},
    async act(page, { configs, filtered }) {
      /** @param {{ name: string, svg: string, csv: string }[]} files */
      const assertFiles = async (files, suffix = "") => {
        assert.ok(files.length > 2);
        for (const file of files) {
          for (const kind of /** @type {const} */ (["csv", "svg"])) {
            const waiting = page.waitForEvent("download");
            await page.locator(`figure[id="${file.name}"] [data-download=${kind}]`).click();
            const download = await waiting;
            assert.equal(download.suggestedFilename(), `${file.name}${suffix}.${kind}`);
            const got = await readFile(await download.path(), "utf8");
            assert.ok(
              got === file[kind],
              `${file.name}.${kind}: ${got.length} characters, must be ${file[kind].length}`,
            );
          }
        }
      };
      await assertFiles(filtered.files.all);
      await ask(page, filtered.only);
      await shows(page, `${filtered.count} of ${configs.length} configurations`);
      await assertFiles(filtered.files.filtered, "_selected");
    },
  },
};
