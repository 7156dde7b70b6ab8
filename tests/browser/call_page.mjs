// Run by Node.js (see browser.ts): calls a function that a page's module has put on the window, on SwiftShader's WebGPU, and tells what it
// returns and what the page complained of.
import { complaintsOf, inChromium } from "./chromium.mjs";

await inChromium(["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"], async (browser, told) => {
  const page = await browser.newPage();
  const wrong = complaintsOf(page, (url) => url.startsWith(told.page));
  await page.goto(told.page);
  /** @param {{ name: string, given: unknown }} call */
  const call = ({ name, given }) => /** @type {any} */ (globalThis)[name](given);
  return { returned: await page.evaluate(call, told.call), wrong };
});
