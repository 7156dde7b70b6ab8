import assert from "node:assert/strict";
import { element, figureDocument } from "../../../report/figures/svg.ts";
import { joinLines, polyline, shortenPath } from "../../../report/figures/svg_paths.ts";

Deno.test("polyline() ends where the points end, whatever the rounding, when there are many", () => {
  const points = Array.from({ length: 1000 }, (_, i): [number, number] => [i / 10, Math.round(37 * Math.sin(i)) / 10]);
  const [start, offsets] = polyline(points, 1).split("l");
  assert.equal(start, "M0,0");
  let [x, y] = [0, 0];
  for (const [i, offset] of offsets.split(" ").entries()) {
    const [right, down] = offset.split(",").map(Number);
    [x, y] = [x + right, y + down];
    assert.ok(Math.abs(x - points[i + 1][0]) < 1e-9 && Math.abs(y - points[i + 1][1]) < 1e-9);
  }
  assert.equal(polyline([[3, 4]]), "M3,4");
});

Deno.test("shortenPath() rewrites straight lines in each piece, and leaves curves as they are", () => {
  assert.equal(shortenPath("M1,2L3,5L3.5,4.9ZM0,0L-1,-1", 1), "M1,2l2,3 0.5,-0.1ZM0,0l-1,-1");
  for (const path of ["M0,0C1,1,2,2,3,3", "M0,0V5", "m0,0L1,1"]) assert.equal(shortenPath(path, 1), path);
});

Deno.test("joinLines() makes one path of lines that look alike, and keeps named ones and others apart", () => {
  const document = figureDocument();
  const line = (more: Record<string, string>) => element(document, "line", { x1: 1, y1: 2, x2: 1, y2: 5, ...more });
  const group = element(document, "g", {});
  group.append(line({ stroke: "a" }), line({ stroke: "a", x2: "7", y2: "2" }), line({ stroke: "b" }));
  group.append(line({ stroke: "b", "data-run": "x" }), line({ stroke: "b", "data-run": "y" }));
  joinLines(group, (attributes) => element(document, "path", attributes));
  const [path, ...others] = [...group.children];
  assert.deepEqual([path.getAttribute("d"), path.getAttribute("stroke")], ["M1,2V5M1,2H7", "a"]);
  assert.deepEqual(others.map((one) => one.tagName.toLowerCase()), ["line", "line", "line"]);
});
