/** Run by hand: playwright-core reads /proc, which Deno gives with -A alone. The page in a real browser. A machine may lack one: then the tests are skipped, which CI takes for a failure. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { writeReport } from "../../report/write_report.ts";
import { syntheticResults } from "../report/synthetic_results.ts";

const BROWSERS = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];
const executablePath = BROWSERS.find((path) => existsSync(path));
if (!executablePath) console.log(`page in a browser: skipped, none of ${BROWSERS.join(", ")} is there`);

/** What the model is said to write: markup and a control character must be shown, not obeyed. */
const TEXT = `</p><script>globalThis.hacked = 1</script>\u0000 &amp; end`;
const sample = { text: TEXT, prompt: "First\n", bytes: 200, temperature: 0.8, seed: 0 };
const results = [0, 1].flatMap((seed) => syntheticResults({ layers: [1, 2], steps: 500, seed }))
  .map((result) => ({ ...result, sample }));

/** Writes a report, opens its page in a fresh browser and acts on it; then nothing may have gone wrong in it. */
function onPage(name: string, options: BrowserContextOptions, act: (page: Page) => Promise<void>): void {
  Deno.test({ name, ignore: !executablePath, fn: () => openAndAct(options, act) });
}

async function openAndAct(options: BrowserContextOptions, act: (page: Page) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "cellspace_page_" });
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  try {
    await writeReport({ results, unreadable: [], dir, experiment: "01", below: 1.9 });
    const page = await browser.newPage(options);
    const url = pathToFileURL(join(dir, "report_01_all.html")).href, wrong: string[] = [];
    page.on("console", (message) => wrong.push(`console: ${message.text()}`));
    page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
    page.on("request", (request) => request.url().split("#")[0] === url || wrong.push(`request: ${request.url()}`));
    await page.goto(url);
    await act(page);
    assert.deepEqual(wrong, []);
  } finally {
    await browser.close();
    await Deno.remove(dir, { recursive: true });
  }
}

/** Of the first element that the selector finds. */
const styleOf = (page: Page, selector: string, property: string) =>
  page.evaluate<string>(`getComputedStyle(document.querySelector(${JSON.stringify(selector)})).${property}`);
const shownRows = (page: Page) => page.locator("#runs tbody tr:visible");
const column = async (page: Page, heading: string) => {
  const headings = await page.locator("#runs th").allInnerTexts();
  return headings.findIndex((text) => text.replace(/\s+/g, " ").replace(/ [▲▼]$/, "") === heading);
};
const cellsOf = async (page: Page, heading: string) =>
  await shownRows(page).locator(`td:nth-child(${await column(page, heading) + 1})`).allInnerTexts();

onPage("the page filters its table by switches, and the pictures with it", {}, async (page) => {
  const all = await shownRows(page).count();
  assert.equal(all, new Set(results.map(({ id }) => id)).size);
  await page.locator(".filters").getByLabel("state gate").selectOption("on");
  await page.locator(".filters").getByLabel("layers").selectOption("2");
  const wanted = new Set(
    results.filter((run) => run.use_state_gate && run.n_layers === 2).map(({ id }) => id.slice(0, 8)),
  );
  assert.deepEqual(new Set(await cellsOf(page, "id")), wanted);
  assert.deepEqual(new Set(await cellsOf(page, "state gate")), new Set(["on"]));
  assert.equal(await page.locator(".filters output").innerText(), `${wanted.size} of ${all} shown`);
  const drawn = await page.locator("#results_01_all [data-run]:not(.out)").evaluateAll((shapes) =>
    shapes.map((shape) => shape.getAttribute("data-run"))
  );
  assert.deepEqual(new Set(drawn), wanted);
  await page.getByRole("button", { name: "show all" }).click();
  await page.getByText(`${all} of ${all} shown`).waitFor();
  assert.equal(await page.locator(".out").count(), 0);
});

onPage("the page sorts its table up and down, by numbers, when a heading is pressed", {}, async (page) => {
  const numbers = async (heading: string) =>
    (await cellsOf(page, heading)).map((text) => parseFloat(text.replaceAll(",", "")));
  const heading = page.getByRole("button", { name: "parameters" });
  await heading.focus();
  await page.keyboard.press("Enter");
  const up = await numbers("parameters");
  assert.ok(new Set(up).size > 2 && up.every((count, i) => i === 0 || up[i - 1] <= count), `${up}`);
  assert.equal(await page.locator("#runs th[aria-sort=ascending]").innerText(), "parameters");
  await page.keyboard.press("Enter");
  assert.deepEqual(await numbers("parameters"), up.toReversed());
  await page.getByRole("button", { name: "rank" }).click();
  const ranks = await numbers("rank");
  assert.deepEqual(ranks, ranks.map((_, i) => i + 1));
});

onPage(
  "the page marks a run in every picture when it is hovered or focused, and none after Escape",
  {},
  async (page) => {
    const row = shownRows(page).nth(4), name = (await row.getAttribute("data-run"))!;
    const all = await page.locator(`[data-run="${name}"]`).count();
    const figures = await page.locator(`figure:has([data-run="${name}"])`).count();
    assert.ok(figures >= 6 && all > 15, `${figures} figures, ${all} marks`);
    await row.hover();
    assert.equal(await page.locator(`.marked[data-run="${name}"]`).count(), all);
    assert.equal(await page.locator(".marked").count(), all);
    assert.match(await page.locator("#marked").innerText(), new RegExp(`^${name}: .*Rank 5: `));
    const stroke = await styleOf(page, "#results_01_all .marked", "stroke");
    assert.equal(stroke, "rgb(194, 0, 107)");
    await page.keyboard.press("Escape");
    assert.equal(await page.locator(".marked").count(), 0);
    assert.ok(await page.locator("#marked").isHidden());
    await shownRows(page).nth(2).locator("a").focus();
    const focused = await shownRows(page).nth(2).getAttribute("data-run");
    assert.deepEqual(
      new Set(await page.locator(".marked").evaluateAll((all) => all.map((one) => one.getAttribute("data-run")))),
      new Set([focused]),
    );
  },
);

onPage(
  "the page opens a run's part, with curve, equations, score and text as text, when its id is followed",
  {},
  async (page) => {
    const row = shownRows(page).nth(30), name = (await row.getAttribute("data-run"))!;
    const part = page.locator(`#run-${name}`);
    assert.ok(await part.isHidden());
    await row.locator("a").press("Enter");
    await part.waitFor({ state: "visible" });
    const run = results.find(({ id }) => id.startsWith(name))!, text = await part.innerText();
    for (const shown of [run.id, run.corpus_sha1, "seed 1:", run.engine, run.adapter]) {
      assert.ok(
        text.includes(shown),
        shown,
      );
    }
    assert.ok(text.includes(TEXT.replace("\u0000", "␀")), text);
    assert.equal(await page.evaluate(() => "hacked" in globalThis), false);
    assert.equal(await part.locator("svg.curve .line").count(), 1);
    const cell = page.locator(`details:has(#run-${name})`);
    assert.equal((await cell.locator(".equations").allInnerTexts()).join("\n").includes("z = σ"), run.use_state_gate);
    assert.equal(await cell.locator("svg.cell-picture").count(), 1);
  },
);

onPage(
  "the page holds everything, filters hidden, when JavaScript is off",
  { javaScriptEnabled: false },
  async (page) => {
    assert.equal(await shownRows(page).count(), new Set(results.map(({ id }) => id)).size);
    assert.ok(await page.locator(".filters").isHidden() && await page.locator("#marked").isHidden());
    assert.ok(await page.locator("details[open] article").first().isVisible());
    await page.locator("details summary").nth(3).click();
    assert.ok(await page.locator("details").nth(3).locator("article").first().isVisible());
  },
);

onPage(
  "the page fits a phone in the dark: no sideways scrolling of the whole, light text, pictures as dark as the page",
  { viewport: { width: 360, height: 740 }, colorScheme: "dark" },
  async (page) => {
    const width = await page.evaluate<number>("document.documentElement.scrollWidth");
    assert.ok(width <= 360, `${width}`);
    const colours = {
      text: await styleOf(page, "body", "color"),
      picture: await styleOf(page, "#results_01_all rect", "fill"),
      title: await styleOf(page, "#results_01_all svg > text", "fill"),
    };
    assert.deepEqual(colours, { text: "rgb(232, 232, 232)", picture: "rgb(31, 34, 38)", title: "rgb(232, 232, 232)" });
  },
);
