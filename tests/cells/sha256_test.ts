import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { sha256Hex, sha256Of } from "../../cells/sha256.ts";

Deno.test("sha256Of() gives the bytes of Node's SHA-256 at every length around a block, and of any text", () => {
  const lengths = Array.from({ length: 200 }, (_, length) => "cellspace/0/weights.".repeat(10).slice(0, length));
  // Of two, three and four bytes in UTF-8, and half of a pair, which has no bytes of its own.
  for (const text of [...lengths, "é", "日本", "🙂", "a\ud83db", "x".repeat(100_000)]) {
    assert.deepEqual([...sha256Of(text)], [...createHash("sha256").update(text).digest()], text.slice(0, 20));
  }
});

Deno.test("sha256Hex() is that of bytes, and of a text in UTF-8, as digits", () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i);
  assert.equal(sha256Hex(bytes), createHash("sha256").update(bytes).digest("hex"));
  assert.equal(sha256Hex("日本"), createHash("sha256").update("日本").digest("hex"));
});
