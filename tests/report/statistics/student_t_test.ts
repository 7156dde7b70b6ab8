import assert from "node:assert/strict";
import { meanInterval, quantileT, withinT } from "../../../report/statistics/student_t.ts";

Deno.test("quantileT() gives the values of printed tables, for odd and even degrees of freedom", () => {
  // Two-sided 95 % and 99 %.
  const printed: [degrees: number, at95: number, at99: number][] = [
    [1, 12.7062, 63.6567],
    [2, 4.30265, 9.92484],
    [3, 3.18245, 5.84091],
    [4, 2.77645, 4.60409],
    [9, 2.26216, 3.24984],
    [10, 2.22814, 3.16927],
    [30, 2.04227, 2.75],
    [120, 1.97993, 2.61742],
  ];
  for (const [degrees, at95, at99] of printed) {
    assert.ok(Math.abs(quantileT(0.95, degrees) / at95 - 1) < 2e-6, `${degrees}: ${quantileT(0.95, degrees)}`);
    assert.ok(Math.abs(quantileT(0.99, degrees) / at99 - 1) < 2e-6, `${degrees}: ${quantileT(0.99, degrees)}`);
  }
});

Deno.test("withinT() agrees with closed forms of one and two degrees of freedom, and with its inverse", () => {
  for (const t of [0, 0.3, 1, 2.5, 40]) {
    assert.ok(Math.abs(withinT(t, 1) - 2 / Math.PI * Math.atan(t)) < 1e-15);
    assert.ok(Math.abs(withinT(t, 2) - t / Math.sqrt(2 + t * t)) < 1e-15);
  }
  for (const degrees of [1, 2, 5, 8, 51]) assert.ok(Math.abs(withinT(quantileT(0.8, degrees), degrees) - 0.8) < 1e-14);
});

Deno.test("meanInterval() equals numbers by hand, and says nothing of one value", () => {
  // Mean 2, standard deviation 1, t(0.975, 2) = 4.302653: half a width of 4.302653 / √3.
  const { low, high } = meanInterval([1, 2, 3])!;
  assert.ok(Math.abs(low - (2 - 2.484138)) < 1e-6 && Math.abs(high - (2 + 2.484138)) < 1e-6, `${low} ${high}`);
  assert.deepEqual([meanInterval([1]), meanInterval([])], [undefined, undefined]);
});
