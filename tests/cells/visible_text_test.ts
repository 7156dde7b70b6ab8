import assert from "node:assert/strict";
import { visibleByte } from "../../cells/visible_text.ts";

Deno.test("visibleByte() shows letters as they are, what cannot be seen as a sign, and the rest as numbers", () => {
  assert.deepEqual([0x65, 0x20, 0x0a, 0x09, 0x0d, 0x00, 0x7f].map(visibleByte), ["e", "␣", "↵", "⇥", "␍", "␀", "␡"]);
  assert.deepEqual([0x80, 0xff, 300].map(visibleByte), ["0x80", "0xff", "300"]);
});
