import assert from "node:assert/strict";
import { counted, formatCount } from "../../cells/counts.ts";

Deno.test("formatCount() separates thousands as Intl does, whatever the number", () => {
  const intl = new Intl.NumberFormat("en-US");
  const whole = [0, 1, 9, 10, 99, 100, 999, 1000, 1001, 9999, 10_989, 99_999, 100_000, 999_999, 1_000_000, 123_456_789];
  const numbers = [...whole, Number.MAX_SAFE_INTEGER, 2 ** 53, 1e21, 1e300, 0.5, 1234.5678, 1e-7, Infinity, NaN];
  for (const number of numbers) {
    assert.equal(formatCount(number), intl.format(number));
    assert.equal(formatCount(-number), intl.format(-number));
  }
  assert.equal(formatCount(10_989), "10,989");
});

Deno.test("counted() has one noun for one, and another for all else", () => {
  assert.equal(counted(1, "run"), "1 run");
  assert.equal(counted(1290, "run"), "1,290 runs");
  assert.equal(counted(0, "entry", "entries"), "0 entries");
});
