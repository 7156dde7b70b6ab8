import assert from "node:assert/strict";
import { messageOf, UserError } from "../../cells/errors.ts";

const RUNTIME = "Non-zero status code returned while running Gemm node.\nStatus Message:\n\n  dimensions\tdiffer\r\n";

Deno.test("UserError and messageOf() make one line of what a runtime or a file says in several", () => {
  const line = "Non-zero status code returned while running Gemm node. Status Message: dimensions differ";
  for (const message of [new UserError(RUNTIME).message, messageOf(new Error(RUNTIME)), messageOf(RUNTIME)]) {
    assert.equal(message, line);
  }
  assert.equal(messageOf(new Error("a\u2028b\u2029c")), "a b c");
});

Deno.test("UserError draws characters that a terminal would obey, and keeps all others", () => {
  assert.equal(
    new UserError("Cannot read \u001b[2Jx\u0007\u0000: ü 日 😀").message,
    "Cannot read ␛[2Jx␇␀: ü 日 😀",
  );
});
