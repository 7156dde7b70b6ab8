import assert from "node:assert/strict";
import { slowestFiles, testsOf } from "./slowest.ts";

/** As Deno 2.9.6 writes them. */
const REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="6" failures="0" errors="0" time="41.000">
    <testsuite name="./tests/one_test.ts" tests="4" disabled="0" errors="0" failures="0">
        <testcase name="bad input gives one line" classname="./tests/one_test.ts" time="34.264" line="26" col="6">
        </testcase>
        <testcase name="bad input gives one line &gt; results: a list" classname="./tests/one_test.ts" time="30.017" line="34" col="17">
        </testcase>
        <testcase name="bad input gives one line &gt; results: a list &gt; twice" classname="./tests/one_test.ts" time="20.000" line="34" col="17">
        </testcase>
        <testcase name="1 &gt; 0" classname="./tests/one_test.ts" time="0.500" line="40" col="6">
        </testcase>
    </testsuite>
    <testsuite name="./tests/helper.ts" tests="2" disabled="0" errors="0" failures="0">
        <testcase name="it's quick" classname="./tests/helper.ts" time="0.250" line="9" col="8">
        </testcase>
        <testcase name="it is slow" classname="./tests/helper.ts" time="40.000" line="9" col="8">
        </testcase>
    </testsuite>
</testsuites>
`;

Deno.test("testsOf() gives tests with their seconds, and leaves out their steps", () => {
  assert.deepEqual(testsOf(REPORT), [
    { file: "tests/one_test.ts", name: "bad input gives one line", seconds: 34.264 },
    { file: "tests/one_test.ts", name: "1 > 0", seconds: 0.5 },
    { file: "tests/helper.ts", name: "it's quick", seconds: 0.25 },
    { file: "tests/helper.ts", name: "it is slow", seconds: 40 },
  ]);
});

Deno.test("slowestFiles() sorts files by the seconds of their tests", () => {
  assert.deepEqual(slowestFiles(testsOf(REPORT), 1), [
    "seconds  tests  the 1 slowest of 2 files of tests",
    "   40.3      2  tests/helper.ts",
  ]);
  assert.equal(slowestFiles(testsOf(REPORT))[2], "   34.8      2  tests/one_test.ts");
});
