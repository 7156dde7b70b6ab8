// What must be true of configurations side by side in a browser.
import assert from "node:assert/strict";
import { violations } from "./axe.mjs";

/** @typedef {import("playwright-core").Page} Page */

/** @param {Page} page @param {number} i */
const choiceAt = (page, i) => page.locator("#runs tbody tr").nth(i).getByRole("checkbox");

/** @param {Page} page @returns {Promise<string[]>} */
const namesAt = (page, indices) =>
  page.locator("#runs tbody tr").evaluateAll(
    (rows, indices) => indices.map((i) => rows[i].dataset.run),
    indices,
  );

/** Waits until these are compared, best first. @param {Page} page @param {readonly string[]} names */
async function assertCompared(page, names) {
  await page.locator(`#compare th[scope=col]:has-text("${names.at(-1)}")`).first().waitFor();
  const scores = page.locator("#compare .scroll").first().locator("th[scope=col] code");
  assert.deepEqual(await scores.allInnerTexts(), names);
}

/** @param {Page} page */
const said = (page) => page.locator(".chosen output").innerText();

/** @type {Readonly<Record<string, import("./page_checks.mjs").Check>>} */
export const COMPARE_CHECKS = {
  "compares what is chosen in the table and in a part: curves, scores, differences, equations, samples": {
    options: { viewport: { width: 1280, height: 800 } },
    async act(page) {
      const names = await namesAt(page, [0, 3]);
      await choiceAt(page, 3).press("Space");
      assert.match(await said(page), /^1 configuration chosen to compare, choose another$/);
      assert.ok(await page.locator("#compare").isHidden());
      const part = page.locator(`#run-${names[0]}`);
      await part.getByRole("button", { name: "compare" }).press("Enter");
      await assertCompared(page, names);
      assert.ok(await choiceAt(page, 0).isChecked());
      assert.equal(await said(page), "2 configurations chosen to compare");
      await page.locator(".chosen").getByRole("button", { name: "compare" }).click();
      assert.ok((await page.locator("#compare").boundingBox()).y < 200);
      for (const name of names) assert.equal(await page.locator(`#compare figure [data-run="${name}"]`).count(), 1);
      assert.ok(await page.locator("#compare b", { hasText: "best" }).count() > 0);
      assert.match(await page.locator("#compare").innerText(), /In common: .*state size 256/);
      // The cells come from the page's own part on them; lines that differ carry a sign.
      const cells = page.locator("#compare [data-cell-copy]");
      for (const cell of await cells.all()) {
        assert.equal(await cell.locator("svg.cell-picture").count(), 1);
        const original = await page.locator("details[data-cell]").evaluateAll(
          (all, key) =>
            [...all.find((one) => one.dataset.cell === key).querySelectorAll(".equations")].map((one) =>
              one.textContent
            ),
          await cell.getAttribute("data-cell-copy"),
        );
        assert.deepEqual(await cell.locator(".equations").allTextContents(), original);
      }
      assert.ok(await cells.count() === 1 || await cells.locator("mark").count() > 0);
      assert.equal(await page.locator("#compare .sample").count(), 2);
      assert.equal(await page.evaluate(() => "hacked" in globalThis), false);
      await page.locator(".chosen").getByRole("button", { name: "clear" }).click();
      assert.ok(await page.locator("#compare").isHidden() && await page.locator(".chosen").isHidden());
      assert.equal(await page.locator("#runs :checked").count(), 0);
      assert.ok(!page.url().includes("runs="), page.url());
    },
  },

  "restores a comparison from its address, keeps it where a filter hides what is compared, and says so": {
    options: {},
    async act(page, { configs }) {
      const names = configs.filter(({ n_layers }) => n_layers === 1).slice(0, 2).map(({ name }) => name);
      await page.goto(`${page.url().split("#")[0]}#runs=${names.join(",")}`);
      await page.reload();
      await page.locator("#compare figure").waitFor();
      const before = await page.locator("#compare").innerHTML();
      await page.locator(".filters input[name=only]").fill("n_layers=2");
      await page.locator(".filters input[name=only]").press("Enter");
      await page.getByText("2 configurations chosen to compare, 2 of them hidden by the filter").waitFor({
        timeout: 60_000,
      });
      assert.equal(await page.locator("#compare").innerHTML(), before);
      assert.equal(await page.locator("#parts > *").nth(1).getAttribute("id"), "compare");
      assert.ok(page.url().includes("only=") && page.url().includes("runs="), page.url());
      await page.getByRole("button", { name: "show all" }).click();
      await page.getByText("2 configurations chosen to compare", { exact: true }).waitFor({ timeout: 60_000 });
      assert.equal(await page.locator("#runs :checked").count(), 2);
      assert.equal(await page.locator("#compare").innerHTML(), before);
    },
  },

  "compares at most eight, and says so where one more is chosen": {
    options: { viewport: { width: 1280, height: 800 } },
    async act(page, { axe }) {
      const names = await namesAt(page, [0, 1, 2, 3, 4, 5, 6, 7]);
      for (let i = 0; i < 8; i++) {
        await choiceAt(page, i).check();
        // What is drawn moves the table: a pointer that is under way would meet another row.
        if (i > 0) await assertCompared(page, names.slice(0, i + 1));
      }
      await choiceAt(page, 8).click();
      assert.match(await said(page), /^At most 8 configurations are compared/);
      assert.equal(await choiceAt(page, 8).isChecked(), false);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= 1280, `${width}`);
      const tables = await page.locator("#compare table").evaluateAll((all) =>
        all.map((table) => table.offsetWidth - table.parentElement.clientWidth)
      );
      assert.ok(tables.every((over) => over <= 0), `${tables}`);
      assert.deepEqual(await violations(page, axe), []);
    },
  },

  "compares on a phone and on paper: nothing leaves the page, and the choice is not printed": {
    options: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
    async act(page) {
      const names = await namesAt(page, [0, 5, 9]);
      await page.goto(`${page.url().split("#")[0]}#runs=${names.join(",")}`);
      await page.reload();
      await page.locator("#compare figure").waitFor();
      const widthOf = () => page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(await widthOf() <= 390, `${await widthOf()}`);
      await page.setViewportSize({ width: 718, height: 1047 });
      await page.emulateMedia({ media: "print" });
      assert.ok(await widthOf() <= 718, `${await widthOf()}`);
      assert.ok(await page.locator(".chosen").isHidden() && await page.locator("#compare figure").isVisible());
      assert.ok(await page.locator("#runs input").first().isHidden());
    },
  },
};
