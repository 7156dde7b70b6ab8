import assert from "node:assert/strict";
import { paretoFront } from "../../../report/statistics/pareto.ts";

Deno.test("paretoFront() keeps what no other point beats, ascending by cost, when points come in any order", () => {
  const points = [{ x: 3, y: 1 }, { x: 1, y: 5 }, { x: 2, y: 5 }, { x: 2, y: 3 }, { x: 4, y: 1 }, { x: 5, y: 0.5 }];
  const front = [{ x: 1, y: 5 }, { x: 2, y: 3 }, { x: 3, y: 1 }, { x: 5, y: 0.5 }];
  assert.deepEqual(paretoFront(points), front);
  assert.deepEqual(paretoFront(points.toReversed()), front);
});

Deno.test("paretoFront() keeps one of equal points, and nothing of none", () => {
  assert.deepEqual(paretoFront([{ x: 1, y: 1, name: "a" }, { x: 1, y: 1, name: "b" }]), [{ x: 1, y: 1, name: "a" }]);
  assert.deepEqual(paretoFront([]), []);
});
