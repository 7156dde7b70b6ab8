/** Sources of kernels, as text: nothing here needs an adapter. */
import assert from "node:assert/strict";
import { inRows } from "../../../../train/engines/webgpu/kernels/kernel.ts";

const LINES = [
  "let v0 = arena[w0 + f];",
  "let v1 = arena[w1 + column];",
  "let v2 = step_scalar(w2);",
  "let v3 = v1 * v2;",
  "let v4 = fma(v0, f32(0.5), v3) + value;",
  "arena[w3 + f] = v4;",
  "arena[w4 + f] = v0;",
];

Deno.test("inRows() does once what no row changes, reads all rows before it writes, and writes none that is not there", () => {
  assert.deepEqual(inRows(LINES, 2), [
    "let f_0 = f;",
    "let f_1 = f + min(1u, below - 1u) * stride;",
    "let v0_0 = arena[w0 + f_0];",
    "let v0_1 = arena[w0 + f_1];",
    "let v1 = arena[w1 + column];",
    "let v2 = step_scalar(w2);",
    "let v3 = v1 * v2;",
    "let v4_0 = fma(v0_0, f32(0.5), v3) + value_0;",
    "let v4_1 = fma(v0_1, f32(0.5), v3) + value_1;",
    "arena[w3 + f_0] = v4_0; arena[w4 + f_0] = v0_0;",
    "if (1u < below) { arena[w3 + f_1] = v4_1; arena[w4 + f_1] = v0_1; }",
  ]);
});

Deno.test("inRows() changes nothing when there is one row", () => {
  assert.deepEqual(inRows(LINES, 1), LINES);
});
