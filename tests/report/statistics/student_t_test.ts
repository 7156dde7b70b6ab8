import assert from "node:assert/strict";
import { meanInterval, pOfF, pOfT, quantileT } from "../../../report/statistics/student_t.ts";

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

/** What the logarithm of the gamma function in simple-statistics is exact to. */
const EXACT = 1e-8;

Deno.test("pOfT() agrees with closed forms of one, two and four degrees of freedom, and with its inverse", () => {
  for (const t of [0, 0.3, 1, 2.5, 40]) {
    const cosine = 2 / Math.sqrt(4 + t * t), sine = t / Math.sqrt(4 + t * t);
    for (
      const [degrees, within] of [
        [1, 2 / Math.PI * Math.atan(t)],
        [2, t / Math.sqrt(2 + t * t)],
        [4, sine * (1 + cosine ** 2 / 2)],
      ]
    ) {
      assert.ok(Math.abs(pOfT(t, degrees) - (1 - within)) < EXACT, `${degrees}, ${t}: ${pOfT(t, degrees)}`);
    }
  }
  for (const degrees of [1, 2.5, 5, 8, 51.3]) {
    assert.ok(Math.abs(pOfT(quantileT(0.8, degrees), degrees) - 0.2) < 1e-12);
  }
});

Deno.test("pOfF() agrees with the t distribution at one numerator, a closed form at two, and a printed table", () => {
  for (const f of [0, 0.2, 1, 4, 30]) {
    for (const degrees of [2, 3.7, 46]) {
      assert.ok(Math.abs(pOfF(f, 1, degrees) - pOfT(Math.sqrt(f), degrees)) < EXACT);
      assert.ok(Math.abs(pOfF(f, 2, degrees) - (1 + 2 * f / degrees) ** (-degrees / 2)) < EXACT);
    }
  }
  // NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.3: upper 5 % points.
  for (const [f, a, b] of [[4.103, 2, 10], [3.239, 3, 16]] as const) {
    const p = pOfF(f, a, b);
    assert.ok(Math.abs(p - 0.05) < 2e-4, `F(${a}, ${b}) > ${f}: ${p}`);
  }
});

Deno.test("meanInterval() equals numbers by hand, and says nothing of one value", () => {
  // Mean 2, standard deviation 1, t(0.975, 2) = 4.302653: half a width of 4.302653 / √3.
  const { low, high } = meanInterval([1, 2, 3])!;
  assert.ok(Math.abs(low - (2 - 2.484138)) < 1e-6 && Math.abs(high - (2 + 2.484138)) < 1e-6, `${low} ${high}`);
  assert.deepEqual([meanInterval([1]), meanInterval([])], [undefined, undefined]);
});
