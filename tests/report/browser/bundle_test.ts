/** The page's scripts are those of the modules as they are. */
import assert from "node:assert/strict";
import { bundleOf, BUNDLES, FOLDER } from "../../../report/browser/bundle.ts";

for (const [module, file] of Object.entries(BUNDLES)) {
  Deno.test(`report/page/bundles/${file} is what 'deno task bundle' makes now`, async () => {
    const kept = await Deno.readTextFile(new URL(file, FOLDER)), made = await bundleOf(module);
    // A difference in a line of a megabyte is nothing to print.
    assert.ok(kept === made, `it has ${kept.length} characters, must have ${made.length}: run deno task bundle`);
  });
}

Deno.test("the page's scripts need nothing that a browser lacks", async () => {
  for (const file of Object.values(BUNDLES)) {
    const script = await Deno.readTextFile(new URL(file, FOLDER));
    assert.doesNotMatch(script, /\bDeno\.|(from|import|require\()\s*\(?["']node:/, file);
    // The page holds the client's in a script element.
    if (file.startsWith("client")) assert.doesNotMatch(script, /<\/script/i);
  }
});
