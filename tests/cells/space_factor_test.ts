import assert from "node:assert/strict";
import { contrastOf } from "../../cells/factor.ts";
import { completed, type SpaceFactor } from "../../cells/space_factor.ts";

const number = (levels: readonly number[], more = {}): SpaceFactor => (
  { key: "leak", kind: "number", label: "leak", about: "a share", levels, above: 0, most: 1, ...more }
);
const choice = (levels: readonly string[]): SpaceFactor => (
  { key: "mix", kind: "choice", label: "mix", about: "how states are mixed", levels }
);

Deno.test("completed() compares the first and the last level of what has an order, and two names", () => {
  const contrasts = [
    number([0.1]),
    number([0.1, 0.5]),
    number([0.1, 0.5, 0.9]),
    choice(["a", "b"]),
    choice(["a", "b", "c"]),
  ]
    .map((factor) => contrastOf(completed(factor)));
  assert.deepEqual(contrasts, [undefined, [0.1, 0.5], [0.1, 0.9], ["a", "b"], undefined]);
  assert.deepEqual(contrastOf(completed(number([0.1, 0.5, 0.9], { contrast: [0.5, 0.9] }))), [0.5, 0.9]);
});

Deno.test("completed() gives a factor its first level as default, and a switch off", () => {
  assert.equal(completed(number([0.5, 0.1])).default, 0.5);
  const gate: SpaceFactor = { key: "use_gate", kind: "switch", label: "gate", about: "whether", on: "a", off: "b" };
  assert.deepEqual([completed(gate).default, completed(gate).levels], [false, [false, true]]);
  assert.deepEqual(completed(number([0.5])).flag, { name: "--leak", help: "levels of leak to list" });
});
