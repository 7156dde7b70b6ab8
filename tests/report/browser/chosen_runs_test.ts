import assert from "node:assert/strict";
import { chosenInWords, MOST_COMPARED, withRun } from "../../../report/browser/chosen_runs.ts";
import { comparedLines } from "../../../report/browser/equation_lines.ts";

Deno.test("withRun() adds and takes away, in the order of the choice, up to so many", () => {
  assert.deepEqual(withRun(["a"], "b", true), ["a", "b"]);
  assert.deepEqual(withRun(["a", "b"], "a", false), ["b"]);
  assert.deepEqual(withRun(["a", "b"], "a", true), ["b", "a"]);
  const many = Array.from({ length: MOST_COMPARED }, (_, i) => `run${i}`);
  assert.equal(withRun(many, "one more", true), undefined);
  assert.equal(withRun(many, "run3", true)?.length, MOST_COMPARED);
  assert.equal(withRun(many, "run3", false)?.length, MOST_COMPARED - 1);
});

Deno.test("chosenInWords() says how many are chosen, and how many of them the page does not show now", () => {
  const shown = new Set(["a", "b"]);
  assert.equal(chosenInWords(["a"], shown), "1 configuration chosen to compare, choose another");
  assert.equal(chosenInWords(["a", "b"], shown), "2 configurations chosen to compare");
  assert.equal(
    chosenInWords(["a", "c", "d"], shown),
    "3 configurations chosen to compare, 2 of them hidden by the filter",
  );
});

Deno.test("comparedLines() marks the lines that some other cell lacks, wherever they stand", () => {
  const lines = comparedLines([["n = tanh(x)", "h = n"], ["z = σ(x)", "n = tanh(x)", "h = z"]]);
  assert.deepEqual(lines.map((cell) => cell.filter(({ isDifferent }) => isDifferent).map(({ text }) => text)), [
    ["h = n"],
    ["z = σ(x)", "h = z"],
  ]);
  assert.deepEqual(comparedLines([["h = n"]]), [[{ text: "h = n", isDifferent: false }]]);
});
