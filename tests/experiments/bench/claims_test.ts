/** What `bench:claims` measures, small, and how it is said. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { claimsLines, measureClaims, waitsOf } from "../../../experiments/bench/claims.ts";
import { tempFolder } from "../folder.ts";

Deno.test("waitsOf() tells the mean, the median, and what 99 % are within", () => {
  const waits = Array.from({ length: 200 }, (_, i) => 200 - i);
  assert.deepEqual(waitsOf(waits), { count: 200, mean: 100.5, median: 101, p99: 199 });
  assert.deepEqual(waitsOf([3]), { count: 1, mean: 3, median: 3, p99: 3 });
});

Deno.test(
  "measureClaims() has three threads ask for each of ten runs, and each handed out once before it is done",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const measured = await measureClaims("SQLite", { file: join(dir, "queue.sqlite") }, { workers: 3, runs: 10 });
    const { where, workers, runs, claims, releases, seconds } = measured;
    assert.deepEqual({ where, workers, runs, asked: claims.count }, {
      where: "SQLite",
      workers: 3,
      runs: 10,
      asked: 30,
    });
    assert.ok(releases.count >= 10 && releases.count <= 30 && seconds > 0);
    assert.ok(claims.median > 0 && claims.median <= claims.p99);
    assert.equal([...claimsLines(measured)].length, 3);
  },
);

Deno.test("claimsLines() says how many runs and claims a second there were, and how long each waited", () => {
  const waits = { mean: 2.5, median: 2, p99: 9.126 };
  assert.deepEqual(
    [...claimsLines({
      where: "SQLite",
      workers: 8,
      runs: 1000,
      seconds: 20,
      claims: { count: 8000, ...waits },
      releases: { count: 1500, ...waits },
    })],
    [
      "SQLite: 1000 runs handed out to 8 threads in 20.00 s (50 per second)",
      "  8000 claims, 400 per second; mean wait 2.50 ms (median 2.00, 99 % within 9.13)",
      "  1500 releases, 75 per second; mean wait 2.50 ms (median 2.00, 99 % within 9.13)",
    ],
  );
});
