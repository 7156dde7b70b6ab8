import assert from "node:assert/strict";
import { wrapped } from "../../../train/terminal/wrap.ts";

Deno.test("wrapped() breaks at spaces, and indents what follows as the line is", () => {
  assert.equal(wrapped("one two three", 8), "one two\nthree");
  assert.equal(wrapped("  - one two three", 11), "  - one two\n    three");
  assert.equal(wrapped("  12  gru   0.001\nshort", 12), "  12  gru\n  0.001\nshort");
});

Deno.test("wrapped() fills a line to its last character, and leaves what fits as it is", () => {
  assert.equal(wrapped("one two three", 7), "one two\nthree");
  assert.equal(wrapped("a  table   of  words", 20), "a  table   of  words");
  assert.equal(wrapped("one\n\ntwo", 3), "one\n\ntwo");
});

Deno.test("wrapped() leaves words whole that are longer than a line, and all lines where no width is known", () => {
  assert.equal(wrapped("  /a/very/long/path and more", 10), "  /a/very/long/path\n  and more");
  assert.equal(wrapped("see /a/very/long/path", 6), "see\n/a/very/long/path");
  assert.equal(wrapped("one two three", undefined), "one two three");
});
