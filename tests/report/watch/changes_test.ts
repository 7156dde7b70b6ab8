/** Changes between two snapshots make the one the other. */
import assert from "node:assert/strict";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { Overview } from "../../../experiments/queue/overview.ts";
import { runKey } from "../../../experiments/study/run_key.ts";
import type { RunResult } from "../../../experiments/study/result.ts";
import { changesBetween } from "../../../report/watch/changes.ts";
import { type Curve, isNothing, type ListedRun, type Snapshot, withChanges } from "../../../report/watch/events.ts";
import { syntheticResults } from "../synthetic_results.ts";

const RESULTS = syntheticResults({ layers: [1], state_sizes: [8], steps: 300 }).slice(0, 6);

const OVERVIEW: Overview = {
  experiment: "01",
  total: 6,
  done: 0,
  in_use: [],
  short: 0,
  steps: 300,
  running: [],
  stale: [],
  failed: [],
  waiting: 6,
  left_unfinished: [],
  not_begun: [],
  elsewhere: [],
  damaged: 0,
  unknown_version: 0,
  unlisted: [],
  unreadable: [],
  unvalidated: 0,
};

const EMPTY: Snapshot = { experiment: "01", list: [], results: [], curves: [], overview: OVERVIEW, problems: [] };

const curve = (key: string, from: number, ...values: number[]): Curve => ({ key, log_every: 50, from, values });
const change = (before: Partial<Snapshot>, after: Partial<Snapshot>) =>
  changesBetween({ ...EMPTY, ...before }, { ...EMPTY, ...after });

Deno.test("changesBetween() says nothing where nothing has changed, also of equal parts that were made anew", () => {
  const some = { ...EMPTY, results: RESULTS, curves: [curve("a", 0, 1)], problems: ["a"] };
  assert.deepEqual(changesBetween(some, structuredClone(some)), {});
  assert.ok(isNothing(changesBetween(some, structuredClone(some))));
  assert.ok(!isNothing(change({}, { problems: ["a"] })));
});

Deno.test("changesBetween() gives what is new of a curve, and all of one that does not go on from what it was", () => {
  const before = { curves: [curve("a", 0, 3, 2)] };
  assert.deepEqual(change(before, { curves: [curve("a", 0, 3, 2, 1)] }), { curves: [curve("a", 2, 1)] });
  const ended = curve("a", 0);
  assert.deepEqual(change(before, { curves: [curve("a", 0, 3)] }), { curves: [ended, curve("a", 0, 3)] });
  assert.deepEqual(change(before, { curves: [curve("a", 0, 3, 4, 5)] }), { curves: [ended, curve("a", 0, 3, 4, 5)] });
  assert.deepEqual(change(before, { curves: [curve("a", 2, 1)] }), { curves: [ended, curve("a", 2, 1)] });
  assert.deepEqual(change(before, {}), { curves: [ended] });
  assert.deepEqual(change({}, before), { curves: [curve("a", 0, 3, 2)] });
});

Deno.test("changesBetween() gives parts of the overview that have changed, and null for one that is gone", () => {
  const best = { key: "a", min_loss: 1 };
  assert.deepEqual(change({}, { overview: { ...OVERVIEW, done: 1, best } }), { overview: { done: 1, best } });
  assert.deepEqual(change({ overview: { ...OVERVIEW, best } }, {}), { overview: { best: null } });
});

Deno.test("changesBetween() gives results that are new or have changed, and names those that are gone", () => {
  const [first, second, third] = RESULTS, scored = { ...second, test_bits_per_byte: 2 };
  assert.deepEqual(change({ results: [first, second] }, { results: [scored, third] }), {
    gone: [runKey(first.id, first.seed)],
    results: [scored, third],
  });
});

Deno.test("withChanges() makes of one snapshot any other, by way of JSON", () => {
  const generator = xoroshiro128plus(7), below = (n: number) => uniformInt(generator, 0, n - 1);
  const some = <T>(all: readonly T[]) => all.filter(() => below(3) > 0);
  const byKey = (a: RunResult, b: RunResult) => runKey(a.id, a.seed) < runKey(b.id, b.seed) ? -1 : 1;
  const list = RESULTS.map(({ id, seed, ...config }): ListedRun => ({
    key: runKey(id, seed),
    id,
    seed,
    config: config as unknown as ListedRun["config"],
    label: id.slice(0, 4),
    steps: 300,
  }));
  const random = (): Snapshot => ({
    experiment: "01",
    list: below(2) ? list : some(list),
    results: some(RESULTS).map((result) => below(2) ? result : { ...result, parameters: below(3) }).sort(byKey),
    curves: some(["a", "b", "c", "d"]).map((key) =>
      curve(key, below(2), ...Array.from({ length: 1 + below(4) }, (_, i) => 1 + (below(5) ? i : -i)))
    ),
    overview: { ...OVERVIEW, done: below(3), ...(below(2) ? { seconds_left: below(3) } : {}) },
    problems: some(["x", "y"]),
  });
  let shown = random(), grown = 0;
  for (let i = 0; i < 2000; i++) {
    const next = random(), changes = changesBetween(shown, next);
    grown += changes.curves?.some(({ from }) => from > 1) ? 1 : 0;
    shown = withChanges(shown, JSON.parse(JSON.stringify(changes)));
    assert.deepEqual(shown, next);
  }
  assert.ok(grown > 100, `${grown} curves went on`);
});

Deno.test("withChanges() leaves what has not changed the same object", () => {
  const before = { ...EMPTY, results: RESULTS, curves: [curve("a", 0, 1), curve("b", 0, 1)] };
  const after = withChanges(before, { curves: [curve("b", 1, 0.5)], overview: { done: 1 } });
  assert.equal(after.results, before.results);
  assert.equal(after.list, before.list);
  assert.equal(after.curves[0], before.curves[0]);
  assert.deepEqual(after.curves[1], curve("b", 0, 1, 0.5));
});
