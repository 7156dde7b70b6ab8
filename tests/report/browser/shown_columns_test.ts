import assert from "node:assert/strict";
import { shownColumns, withColumn } from "../../../report/browser/shown_columns.ts";

const COLUMNS = [{ key: "rank", isUsual: true }, { key: "test", isUsual: true }, { key: "engine", isUsual: false }];

Deno.test("shownColumns() is the usual ones, with what was asked for beside them and without what was not wanted", () => {
  const shown = (changes: readonly string[]) => [...shownColumns(COLUMNS, changes)];
  assert.deepEqual(shown([]), ["rank", "test"]);
  assert.deepEqual(shown(["+engine", "-test"]), ["rank", "engine"]);
  // The last word counts; a key that is no column, and what is no change, say nothing.
  assert.deepEqual(shown(["-test", "+test", "+bogus", "rank", ""]), ["rank", "test"]);
});

Deno.test("withColumn() says what differs from the usual columns, and keeps what it knows nothing of", () => {
  assert.deepEqual(withColumn(COLUMNS, ["+lyapunov_largest"], "engine", true), ["+lyapunov_largest", "+engine"]);
  assert.deepEqual(withColumn(COLUMNS, ["+engine", "-test"], "engine", false), ["-test"]);
  assert.deepEqual(withColumn(COLUMNS, ["-test"], "test", true), []);
  assert.deepEqual(withColumn(COLUMNS, [], "rank", false), ["-rank"]);
});
