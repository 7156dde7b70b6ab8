import assert from "node:assert/strict";
import { mergeSeeds } from "../../../report/data/merged.ts";
import { bestWords } from "../../../report/tables/headline.ts";
import { corpusAndSteps, finishedRuns, stepsBackRuns } from "../../../report/tables/report_words.ts";
import { tableOf } from "../../../report/data/rows.ts";
import { GATED } from "../../../cells/factors.ts";
import { stepsBackAnswers } from "../../../report/statistics/steps_back.ts";
import { stepsBackResults } from "../steps_back_results.ts";
import { syntheticResults } from "../synthetic_results.ts";

const [first, second] = tableOf(syntheticResults({ layers: [1], state_sizes: [256], steps: 400 })).rows;

Deno.test("finishedRuns() says one seed when there is one, and the least and most when configurations differ in it", () => {
  assert.equal(finishedRuns(mergeSeeds([first])), "1 configuration, one seed,");
  assert.equal(finishedRuns(mergeSeeds([first, second])), "2 configurations, one seed each,");
  const three = mergeSeeds([first, { ...first, seed: 1 }, second]);
  assert.equal(finishedRuns(three), "2 configurations, 1 to 2 seeds each (3 runs),");
});

Deno.test("phrases count a configuration once when its seeds were trained for different steps", () => {
  const rows = mergeSeeds([first, { ...first, seed: 1, steps_done: 800 }]);
  assert.equal(rows.length, 2);
  assert.equal(finishedRuns(rows), "1 configuration, 2 seeds (2 runs),");
  assert.equal(corpusAndSteps(rows), "tinyshakespeare, 400 to 800 training steps each");
  assert.match(bestWords(rows), /^The only configuration with a finished run is /);
});

Deno.test("stepsBackRuns() counts a configuration once, whatever its steps back", () => {
  const rows = mergeSeeds(tableOf(stepsBackResults({ gated: 2 })).rows);
  assert.equal(
    stepsBackRuns(stepsBackAnswers(rows, GATED)!),
    "2 gated and 2 baseline configurations with 1, 4 and 16 steps back, 3 seeds each (36 runs),",
  );
});
