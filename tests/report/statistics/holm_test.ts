import assert from "node:assert/strict";
import { holm, holmOfKnown } from "../../../report/statistics/holm.ts";

Deno.test("holm() gives the values of the published example of four hypotheses", () => {
  // https://en.wikipedia.org/wiki/Holm–Bonferroni_method rejects the 1st and the 4th of these at 0.05, and neither other one.
  const rounded = (ps: number[]) => holm(ps).map((value) => Number(value.toFixed(10)));
  assert.deepEqual(rounded([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02]);
  assert.deepEqual(rounded([0.5, 0.9]), [1, 1]);
  assert.deepEqual(rounded([0.02]), [0.02]);
  assert.deepEqual(holm([]), []);
});

Deno.test("holmOfKnown() corrects those that there are, and leaves the others' places empty", () => {
  assert.deepEqual(holmOfKnown([undefined, 0.01, undefined, 0.5]), [undefined, 0.02, undefined, 0.5]);
  assert.deepEqual(holmOfKnown([undefined]), [undefined]);
});
