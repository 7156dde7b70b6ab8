// What must be true of the table of all configurations in a browser.
import assert from "node:assert/strict";

/** @typedef {import("playwright-core").Page} Page */

/** Keys of the columns that are shown, from left to right. @param {Page} page @returns {Promise<string[]>} */
const shownKeys = (page) =>
  page.locator("#runs th:visible").evaluateAll((all) => all.map((one) => one.dataset.key).filter(Boolean));

/** @param {Page} page @param {string} heading */
const choice = (page, heading) => page.locator(".columns").getByLabel(heading, { exact: true });

/** That what a column's heading says stands above its cells. @param {Page} page @param {string} key */
async function assertAligned(page, key) {
  const wrong = await page.locator("#runs table").evaluate((table, key) => {
    const heading = [...table.tHead.rows[0].cells].find((one) => one.dataset.key === key);
    const side = (cell) => Math.round(cell.getBoundingClientRect().right);
    return [...table.tBodies[0].rows].filter((row) => side(row.cells[heading.cellIndex]) !== side(heading)).length;
  }, key);
  assert.equal(wrong, 0, `${wrong} cells of ${key} do not stand below it`);
}

/** @type {Readonly<Record<string, import("./page_checks.mjs").Check>>} */
export const TABLE_CHECKS = {
  "shows what matters at 1,280 px: the usual columns without scrolling, scores beside the loss": {
    options: { viewport: { width: 1280, height: 800 } },
    async act(page, { configs }) {
      const keys = await shownKeys(page), at = keys.indexOf("min_loss");
      assert.equal(keys[at + 1], "test_bits_per_byte");
      assert.ok(keys.filter((key) => key.startsWith("use_")).length === 7 && !keys.includes("engine"), keys.join());
      const place = await page.locator("#runs .scroll").evaluate(({ scrollWidth, clientWidth }) => [
        scrollWidth,
        clientWidth,
      ]);
      assert.ok(place[0] <= place[1], `the table is ${place[0]} wide, its place ${place[1]}`);
      assert.ok(place[1] > 1100, `${place[1]}`);
      // Headings stay in view, below the filter bar.
      await page.locator("#runs tbody tr").nth(configs.length - 1).scrollIntoViewIfNeeded();
      const bar = await page.locator(".filters").boundingBox(),
        head = await page.locator("#runs th").first()
          .boundingBox();
      assert.ok(bar && head && Math.abs(bar.y + bar.height - head.y) <= 2, JSON.stringify([bar, head]));
    },
  },

  "shows the columns that are chosen, with the keyboard too; the address has them, and restores them": {
    options: { viewport: { width: 1280, height: 800 } },
    async act(page) {
      const usual = await shownKeys(page);
      await page.locator(".columns summary").press("Enter");
      await choice(page, "engine").press("Space");
      await choice(page, "input gate").click();
      const chosen = [...usual.filter((key) => key !== "use_input_gate"), "engine"];
      assert.deepEqual(await shownKeys(page), chosen);
      await assertAligned(page, "engine");
      const parameters = new URLSearchParams(new URL(page.url()).hash.slice(1));
      assert.deepEqual(parameters.get("columns"), "+engine,-use_input_gate");
      await page.reload();
      assert.deepEqual(await shownKeys(page), chosen);
      assert.ok(await choice(page, "engine").isChecked() && !await choice(page, "input gate").isChecked());
      await page.locator(".columns summary").click();
      await choice(page, "input gate").click();
      assert.deepEqual(await shownKeys(page), [...usual, "engine"]);
      await page.getByRole("button", { name: "the usual ones" }).click();
      assert.deepEqual(await shownKeys(page), usual);
      assert.ok(!page.url().includes("columns="), page.url());
    },
  },

  "has all columns where JavaScript is off, and no choice of them": {
    options: { javaScriptEnabled: false },
    async act(page) {
      const keys = await shownKeys(page);
      assert.ok(keys.includes("engine") && keys.includes("train_seconds") && keys.includes("rank"), keys.join());
      assert.ok(await page.locator(".columns").isHidden());
    },
  },

  "prints the usual columns, whatever is chosen": {
    options: { viewport: { width: 718, height: 1047 } },
    async act(page) {
      const usual = await shownKeys(page);
      await page.locator(".columns summary").click();
      await choice(page, "engine").click();
      await choice(page, "input gate").click();
      await page.emulateMedia({ media: "print" });
      assert.deepEqual(await shownKeys(page), usual);
      assert.ok(await page.locator(".columns").isHidden());
    },
  },
};
