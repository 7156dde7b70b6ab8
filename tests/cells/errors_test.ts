import assert from "node:assert/strict";
import { messageOf, UserError } from "../../cells/errors.ts";
import { oneLine } from "../../cells/visible_text.ts";

const RUNTIME = "Non-zero status code returned while running Gemm node.\nStatus Message:\n\n  dimensions\tdiffer\r\n";

Deno.test("UserError and messageOf() make one line of what a runtime or a file says in several", () => {
  const line = "Non-zero status code returned while running Gemm node. Status Message: dimensions differ";
  for (const message of [new UserError(RUNTIME).message, messageOf(new Error(RUNTIME)), messageOf(RUNTIME)]) {
    assert.equal(message, line);
  }
  assert.equal(messageOf(new Error("a\u2028b\u2029c")), "a b c");
  // What a report shows of a result's text is made harmless in the same way, and cut.
  assert.equal(oneLine(RUNTIME), line);
  assert.equal(oneLine(" a\v\fb \n\n c "), "a b c");
  assert.equal(oneLine("abc", 2), "ab…");
  assert.equal(new UserError("a".repeat(5000)).message.length, 5000);
});

Deno.test("UserError draws characters that a terminal would obey, and keeps all others", () => {
  assert.equal(
    new UserError("Cannot read \u001b[2Jx\u0007\u0000: ü 日 😀").message,
    "Cannot read ␛[2Jx␇␀: ü 日 😀",
  );
});
