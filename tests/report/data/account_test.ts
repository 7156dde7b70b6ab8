import assert from "node:assert/strict";
import { accountOnPage } from "../../../report/page/account.ts";
import { accountOf, accountText } from "../../../report/data/account.ts";
import type { RunResult } from "../../../experiments/study/result.ts";
import { ANY_STUDY } from "../../../train/terminal/advice.ts";
import { tableOf } from "../../../report/data/rows.ts";
import { syntheticResults, unfinished } from "../synthetic_results.ts";
import { validated } from "../validated_results.ts";

const old = syntheticResults({ layers: [1], state_sizes: [256], steps: 400 }), results = validated(old);
const [first, second, third, fourth] = results;
const key = (i: number) => String(i).repeat(64), short = (i: number) => String(i).repeat(8);
const none = {
  runs: tableOf(results),
  experiment: "01" as const,
  study: ANY_STUDY,
  unreadable: [],
  unknown_version: [],
};

Deno.test("accountOf() counts and names each run for its reason when runs failed, are open, unknown, damaged or unlisted", () => {
  const given = [
    { ...unfinished(first), failed: "the loss became NaN at step 7" },
    { ...unfinished(second), seed: 2 },
    { ...third, failed: "the loss became <b> at step 9" },
    fourth,
  ];
  const entries = accountOf({
    experiment: "01",
    study: ANY_STUDY,
    runs: tableOf(given),
    unreadable: ["Cannot read a: it is not JSON", "Cannot read b: it is of 9.0.0"],
    unknown_version: ["Cannot read b: it is of 9.0.0"],
    not_begun: [key(1), key(2)],
    unlisted: [`${key(3)}_seed1`],
  });
  const [a, b, c] = [first, second, third].map(({ id }) => id.slice(0, 8));
  assert.deepEqual(entries.map(({ lead, names }) => [lead, ...names]), [
    ["1 run failed", `${a}: the loss became NaN at step 7`],
    ["1 run failed when trained further; the earlier results are shown", `${c}: the loss became <b> at step 9`],
    ["1 run has not finished and is not in this report", `${b}_seed2`],
    ["2 runs of the study's list have not begun", short(1), short(2)],
    ["1 result file of an unknown version of cellspace, not shown", "Cannot read b: it is of 9.0.0"],
    ["1 result file could not be read", "Cannot read a: it is not JSON"],
    ["1 result of runs that are not in the study's list, shown if finished", `${short(3)}_seed1`],
  ]);
  const text = accountText(entries), page = accountOnPage(entries);
  for (const { lead, names } of entries) {
    for (const told of [lead, ...names]) assert.ok(text.includes(told), told);
    for (const told of names) assert.ok(page.includes(told.replace("<b>", "&lt;b&gt;")), told);
  }
});

Deno.test("accountOf() tells who trained which steps when engines or versions of a run differ, and which versions wrote results", () => {
  const leg = { engine: "onnx", adapter: "CPU", steps: 300 };
  const given = [
    { ...first, engine: "webgpu", adapter: "GPU", earlier_engines: [leg], cellspace_version: "0.2.0" },
    // A version that did all steps, and was stopped before it wrote the result.
    { ...second, earlier_engines: [{ ...leg, steps: 400, cellspace_version: "0.1.7" }], cellspace_version: "0.1.7" },
    { ...third, cellspace_version: "0.2.0" },
  ];
  const [a, b] = [first, second].map(({ id }) => id.slice(0, 8));
  const told = new Map(accountOf({ ...none, runs: tableOf(given) }).map(({ lead, names }) => [lead, names]));
  assert.deepEqual(
    [
      ...told.get(
        "2 runs trained partly on different engines, adapters or versions of cellspace, so the last digits match no single one",
      )!,
    ].sort(),
    [
      `${a}: 300 steps on onnx (CPU), cellspace 0.1.0; 100 steps on webgpu (GPU), cellspace 0.2.0`,
      `${b}: 400 steps on onnx (CPU), cellspace 0.1.7`,
    ].sort(),
  );
  assert.deepEqual(told.get("Results written by different versions of cellspace"), ["0.1.7 (1 run)", "0.2.0 (2 runs)"]);
  assert.equal(told.size, 3);
});

Deno.test("accountOf() counts runs by what they were trained on when that differs", () => {
  const lead = "Runs trained on different engines or adapters, whose last digits may differ";
  const entriesOf = (given: RunResult[]) => accountOf({ ...none, runs: tableOf(given) });
  const given = [first, second, { ...third, engine: "webgpu", adapter: "GPU" }];
  const { engine, adapter } = first;
  assert.deepEqual(entriesOf(given), [
    { lead, names: [`${engine} (${adapter}): 2 runs`, "webgpu (GPU): 1 run"], lines: true },
  ]);
  assert.deepEqual(entriesOf([first, second]), []);
});

Deno.test("accountOf() says nothing but that nothing is missing when all runs have finished", () => {
  const entries = accountOf({ ...none, not_begun: [], unlisted: [] });
  assert.deepEqual(entries, []);
  assert.equal(accountText(entries), "No run is unfinished, and every result file could be read.");
});

Deno.test("accountOf() says how many scored runs lack a validation score, which, by what the best is chosen, and what adds it", () => {
  const told = (results: readonly RunResult[], experiment: "01" | "02" = "01") =>
    accountOf({ ...none, experiment, runs: tableOf(results) });
  const [entry, ...others] = told([...results.slice(0, 5), ...old.slice(5, 7)], "02");
  assert.deepEqual(others, []);
  assert.equal(
    entry.lead,
    "2 scored runs have no validation score, so the best is chosen by the lowest training loss " +
      "('deno task evaluate --dir STUDY --experiment 02 --again' adds it)",
  );
  assert.deepEqual(entry.names, old.slice(5, 7).map(({ id }) => id.slice(0, 8)).sort());
  const [all] = told(old);
  assert.match(all.lead, /^96 scored runs have no validation score/);
  assert.deepEqual(all.names, ["all scored runs"]);
  assert.match(
    accountOf({ ...none, runs: tableOf(old), study: { dir: "my study" } })[0].lead,
    /evaluate --dir "my study" --again'/,
  );
  // Nothing can add it where the split is too short.
  const [short] = accountOf({ ...none, runs: tableOf(old), isValidated: false });
  assert.equal(
    short.lead,
    "96 scored runs have no validation score, for which the validation split is too short, " +
      "so the best is chosen by the lowest training loss",
  );
  // One that has not been scored lacks nothing yet.
  const { test_loss: _loss, test_bits_per_byte: _bits, ...unscored } = old[0];
  assert.deepEqual(told([...results.slice(1), unscored as RunResult]), []);
});

Deno.test("accountOf() names losses that were logged at different steps", () => {
  const [first, ...rest] = results;
  const [{ lead, names }] = accountOf({ ...none, runs: tableOf([{ ...first, log_every: 100 }, ...rest]) });
  assert.match(lead, /^Losses logged at different steps/);
  assert.deepEqual(names, ["every 50 steps (95 runs)", "every 100 steps (1 run)"]);
});

Deno.test("the page names all runs that have not begun, folded, and the terminal twenty, when there are many", () => {
  const names = Array.from({ length: 400 }, (_, i) => String(i).padStart(8, "0") + "f".repeat(56));
  const entries = accountOf({ ...none, not_begun: names });
  assert.match(accountText(entries), /^400 runs of the study's list have not begun: .*00000019, and 380 more$/);
  const page = accountOnPage(entries);
  assert.match(page, /^<details><summary>400 runs/);
  for (const name of names) assert.ok(page.includes(name.slice(0, 8)), name);
});

Deno.test("accountOf() says which part of the test split was scored, and which runs were scored otherwise than most", () => {
  const entries = (asked: (number | undefined)[]) => {
    const given = results.slice(0, asked.length).map((result, i) => ({ ...result, test_bytes_asked: asked[i] }));
    return accountOf({ ...none, runs: tableOf(given) }).filter(({ lead }) => /test split/.test(lead));
  };
  assert.deepEqual(entries([undefined, undefined]), []);
  assert.deepEqual(entries([5000, 5000]).map(({ names }) => names), [["the first 5,000 bytes"]]);
  const [{ lead, names }] = entries([undefined, 5000, undefined]);
  assert.deepEqual(names, [second.id.slice(0, 8)]);
  assert.match(lead, /^1 run scored on another part .*'deno task evaluate .*--again'/);
});
