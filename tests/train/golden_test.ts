/** Golden files from outside: what is wrong with one is said in one line. */
import assert from "node:assert/strict";
import { goldenConfig, type GoldenFile, parseGolden } from "../../train/golden.ts";
import { CATALOG_GOLDEN, GOLDEN } from "../cells/catalog/golden_cases.ts";

/** A file of one case of the catalog, with changes. */
function fileWith(change: (golden: GoldenFile["cases"][number]) => void): string {
  const golden = structuredClone(CATALOG_GOLDEN.cases.find(({ cell, n_layers }) => cell === "lstm" && n_layers === 2)!);
  change(golden);
  return JSON.stringify({ settings: CATALOG_GOLDEN.settings, cases: [golden] });
}

Deno.test("parseGolden() reads a case of the catalog, whose states stand layer by layer, and one of the gated cell", () => {
  const { settings, cases: [lstm] } = parseGolden(fileWith(() => {}), "f");
  assert.equal(lstm.final_state.length, 4);
  assert.deepEqual([goldenConfig(settings, lstm).cell, goldenConfig(settings, lstm).n_layers], ["lstm", 2]);
  const [gated] = GOLDEN.cases;
  assert.deepEqual(goldenConfig(GOLDEN.settings, { ...gated, cell: "gated" }).use_residual, gated.use_residual);
});

const FAULTS: readonly (readonly [what: string, text: string, message: RegExp])[] = [
  ["a text that is no JSON", "{", /: it is not JSON$/],
  [
    "a cell that there is not",
    fileWith((golden) => golden.cell = "lstn"),
    /: case 0: Cannot make cell 'lstn': must be/,
  ],
  ["a name that is no text", fileWith((golden) => golden.cell = 3 as never), /'cases.0.cell': expected string/],
  ["too many layers", fileWith((golden) => golden.n_layers = 65), /: case 0: .*'n_layers': Too big/],
  ["a case without switches", fileWith((golden) => delete golden.cell), /: case 0: .*'use_input_gate'/],
  ["a loss too few", fileWith((golden) => golden.losses.pop()), /: case 0: it has 11 losses, must have 12$/],
  [
    "the states of one layer",
    fileWith((golden) => golden.final_state.length = 2),
    /: case 0: its final states have \[12,12\] numbers, must be 4 times 12$/,
  ],
  [
    "a state too short",
    fileWith((golden) => golden.final_state[3].pop()),
    /: case 0: its final states have \[12,12,12,11\] numbers, must be 4 times 12$/,
  ],
];
for (const [what, text, message] of FAULTS) {
  Deno.test(`parseGolden() refuses ${what}`, () => {
    assert.throws(() => parseGolden(text, "f.json"), (error: Error) => {
      assert.equal(error.name, "UserError");
      assert.match(error.message, /^Cannot read golden file f\.json: /);
      assert.match(error.message, message);
      return true;
    });
  });
}
