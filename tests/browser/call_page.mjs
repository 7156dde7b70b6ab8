// Run by Node.js (see browser.ts): calls functions that a page's module has put on the window, each on a page of its own, on SwiftShader's
// WebGPU, and tells what they return and what the pages complained of.
import { complaintsOf, inChromium } from "./chromium.mjs";

await inChromium(["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"], async (browser, told) => {
  /** @param {{ name: string, given: unknown }} call */
  const call = ({ name, given }) => /** @type {any} */ (globalThis)[name](given);
  const called = [];
  for (const asked of told.calls) {
    const page = await browser.newPage();
    const wrong = complaintsOf(page, (url) => url.startsWith(told.page));
    try {
      await page.goto(told.page);
      called.push({ returned: await page.evaluate(call, asked), wrong });
    } catch (error) {
      called.push({ error: error instanceof Error ? error.message : String(error), wrong });
    }
    await page.close();
  }
  return called;
});
