/**
 * Reports of studies that hold more, or less, than gated cells: other cells to compare with, one other value in all runs, a table without
 * switches.
 */
import { CATALOG, catalogConfig, GATED_SPACE } from "../../cells/catalog/catalog.ts";
import assert from "node:assert/strict";
import { configIdIn, configIn } from "../../cells/config.ts";
import type { Factor } from "../../cells/factor.ts";
import type { Space } from "../../cells/space.ts";
import { GATED } from "../../cells/factors.ts";
import type { RunResult } from "../../experiments/study/result.ts";
import { belowLoss } from "../../report/data/loss_filter.ts";
import { mergeSeeds } from "../../report/data/merged.ts";
import { tableOf } from "../../report/data/rows.ts";
import { picturesOf } from "../../report/figures/pictures.ts";
import { effectsOf } from "../../report/statistics/effects.ts";
import { contrastsIn } from "../../report/statistics/matched.ts";
import { groupings } from "../../report/statistics/means.ts";
import { filterBar } from "../../report/page/filter_bar.ts";
import { runsTable } from "../../report/page/runs.ts";
import { effectText, regressionWords } from "../../report/tables/effect_words.ts";
import { bestRunsTable, compactSwitches } from "../../report/tables/tables.ts";
import { drawReport } from "../../report/write_report.ts";
import { ANY_STUDY } from "../../train/terminal/advice.ts";
import { EXTENDED } from "../extended_table.ts";
import { ORIGINAL, ORIGINAL_SWITCHES } from "../original_table.ts";
import { NO_DYNAMICS } from "../../experiments/study/dynamics_among.ts";
import { runKey } from "../../experiments/study/run_key.ts";
import { baselineResults } from "./compared_results.ts";
import { dynamicsOf } from "./measured_results.ts";
import { extendedResults, NUMBER } from "./extended_results.ts";
import { stepsBackResults } from "./steps_back_results.ts";
import { syntheticResults } from "./synthetic_results.ts";
import { withoutScripts } from "./report_files.ts";

const gated = syntheticResults({ layers: [1], state_sizes: [256], steps: 500 });

/** Runs of a cell of the catalog, one of each number of layers, with losses far above all others. */
function runsOf(cell: string, layers: readonly number[] = [1, 2], table: Space = GATED_SPACE): RunResult[] {
  return layers.map((n_layers) => {
    const config = catalogConfig(cell, n_layers, 256), loss = gated[n_layers].loss!.map((value) => value + 5);
    return { ...gated[0], ...config, id: configIdIn(table, config), loss, "min loss": Math.min(...loss) };
  });
}

function drawn(results: readonly RunResult[], table: Space = GATED_SPACE): Map<string, string> {
  const runs = tableOf(results, table).rows, rows = mergeSeeds(runs), effects = effectsOf(runs, table);
  return new Map(
    picturesOf({ experiment: "01", filter: belowLoss(1.9, "byte"), rows, effects, table }).map((
      { name, svg },
    ) => [name, svg]),
  );
}

function headings(page: string): string[] {
  return [...page.matchAll(/<th scope="col"[^>]*>([^<]*)<\/th>/g)].map(([, heading]) => heading);
}

function pageOf(results: readonly RunResult[], table: Space = GATED_SPACE): string {
  const { page } = drawReport({ results, unreadable: [], dir: ANY_STUDY.dir, experiment: "01", below: 1.9, table });
  return withoutScripts(page.html);
}

const mixed = [...gated, ...runsOf("gru"), ...runsOf("lstm")];
const mixedRuns = tableOf(mixed).rows, mixedRows = mergeSeeds(mixedRuns), mixedEffects = effectsOf(mixedRuns);
const gatedRuns = tableOf(gated).rows;
const labels = (factors: readonly Factor[]) => factors.map(({ label }) => label);
const SWITCH_LABELS = labels(ORIGINAL_SWITCHES);

Deno.test("other cells are no part of any group, mean and effect", () => {
  const own = new Map(groupings(mergeSeeds(gatedRuns)).map((one) => [one.factor.key, one]));
  const all = groupings(mixedRows);
  assert.deepEqual(labels(all.map(({ factor }) => factor)), [...SWITCH_LABELS, "layers", "state size"]);
  for (const { factor, groups } of all) {
    assert.deepEqual(
      groups.map(({ mean, rows }) => [mean, rows.length]),
      own.get(factor.key)!.groups.map(({ mean, rows }) => [mean, rows.length]),
    );
  }
  assert.deepEqual(mixedEffects.min_loss, effectsOf(gatedRuns).min_loss);
});

Deno.test("the regression counts runs of other cells apart from those with other training settings", () => {
  const longer = { ...gatedRuns[0], steps_done: 2 * gatedRuns[0].steps_done, seed: 1 };
  const { regression } = effectsOf([...mixedRuns, longer]);
  assert.deepEqual([regression!.other_settings, regression!.baselines, regression!.no_logarithm], [1, 4, 0]);
  assert.match(
    regressionWords(regression),
    /96 runs \(1 run with other training settings and 4 runs of baselines left out\)/,
  );
});

Deno.test("a factor has a contrast where both of its values occur in the table's own cell, in groups as in effects", () => {
  const decayed = runsOf("gru", [1, 2], EXTENDED).map((result): RunResult => ({ ...result, [NUMBER.key]: 0.01 }));
  const runs = tableOf([...gated, ...decayed], EXTENDED).rows;
  const effectKeys = contrastsIn(EXTENDED, runs).map(({ factor }) => factor.key);
  assert.ok(!effectKeys.includes(NUMBER.key), `${effectKeys}`);
  // Nor has it a panel, which would have one value.
  assert.ok(!groupings(mergeSeeds(runs), EXTENDED).some(({ factor }) => factor.key === NUMBER.key));
});

Deno.test("tables show a dash for the switches of other cells, and say what it is", () => {
  const lines = bestRunsTable(mixedRows, GATED, 200).split("\n");
  assert.match(lines[0], / switches +cell +min loss/);
  assert.equal(lines.filter((line) => / 256 +– +(GRU|LSTM) /.test(line)).length, 4);
  assert.ok(lines.some((line) => line.endsWith("; · is off; – marks another cell")), lines.join("\n"));
  assert.doesNotMatch(bestRunsTable(mergeSeeds(gatedRuns)), /another cell/);
  assert.equal(compactSwitches({ config: catalogConfig("gru", 1, 8) }, ORIGINAL_SWITCHES), "–");
});

Deno.test("pictures have other cells neither as dots above values nor as lines through them, and say where they are", () => {
  const pictures = drawn(mixed);
  const parallel = pictures.get("results_01_all_parallel")!, groups = pictures.get("results_01_all_hyperparameters")!;
  assert.equal(parallel.match(/<path data-run/g)!.length, 96);
  assert.equal(groups.match(/<circle data-run/g)!.length, 9 * 96);
  for (const svg of [parallel, groups]) {
    assert.match(svg, />Baselines beyond the axis: GRU \d\.\d{3}, LSTM \d\.\d{3}\.</);
  }
  for (const svg of drawn(gated).values()) assert.doesNotMatch(svg, /another cell|other cells|aselines[:,] /);
});

Deno.test("the page shows a dash for the switches of other cells", () => {
  const page = pageOf(mixed.filter((_, i) => i % 12 === 0 || i >= gated.length));
  const [, table] = page.split('<div id="runs">'), shown = headings(table);
  const [row] = [...table.matchAll(/<tr data-run.*<\/tr>/g)].map(([row]) => row).filter((row) => row.includes(">GRU<"));
  const cells = [...row.matchAll(/<td[^>]*>(.*?)<\/td>/g)].map(([, cell]) => cell);
  assert.deepEqual(SWITCH_LABELS.map((label) => cells[shown.indexOf(label)]), SWITCH_LABELS.map(() => "–"));
});

Deno.test("a study of another cell alone names it in tables, and has nothing of switches", () => {
  const page = pageOf(runsOf("gru"));
  const shown = headings(page.split('<div id="runs">')[1]);
  assert.deepEqual(shown.slice(1, 6), ["rank", "id", "layers", "state size", "cell"]);
  assert.match(page, /<h2 id="answer">Which factors matter<\/h2>\n<p>Cannot tell which factors matter: /);
  assert.doesNotMatch(page, /switch(es)?:|<ul>\s*<\/ul>|<tbody>\s*<\/tbody>|on − off/);
  const names = [...drawn(runsOf("gru")).keys()];
  assert.ok(names.includes("results_01_all_parallel"));
  assert.deepEqual(names.filter((name) => /effects|interactions/.test(name)), []);
  const text = bestRunsTable(mergeSeeds(tableOf(runsOf("gru")).rows));
  assert.match(text, /^rank +id +layers +state +cell +min loss/);
  assert.doesNotMatch(text, /switches|undefined/);
});

Deno.test("a study wholly at one other value shows it in tables and words, and has no axis for it", () => {
  const results = extendedResults().filter((result) => result[NUMBER.key] === 0.01).slice(0, 48);
  const page = pageOf(results, EXTENDED), pictures = drawn(results, EXTENDED);
  assert.ok(headings(page).includes(NUMBER.label));
  assert.match(bestRunsTable(mergeSeeds(tableOf(results, EXTENDED).rows), EXTENDED), / 0\.01 /);
  assert.ok(pictures.get("results_01_all_best")!.includes(`>${NUMBER.label} 0.01<`));
  assert.ok(!pictures.get("results_01_all_hyperparameters")!.includes(NUMBER.label));
  const effects = effectsOf(tableOf(results, EXTENDED).rows, EXTENDED);
  assert.ok(!effectText(effects, ANY_STUDY).includes(NUMBER.label));
  assert.ok(!effects.regression!.terms.some(({ factor }) => factor.key === NUMBER.key));
});

/** A table as somebody's own space may be: its cell has no switches, and one factor beside sizes. */
const OWN_SPACE: Space = {
  ...ORIGINAL,
  name: "gru",
  factors: EXTENDED.factors.filter(({ key, kind }) => kind !== "switch" && key !== "gate_inputs").map((factor) =>
    factor.kind === "choice" && factor.namesCell ? { ...factor, default: "gru" } : factor
  ),
  isOwnCell: () => true,
};

Deno.test("a report over a table without switches speaks of factors, and has no empty part", () => {
  const results = runsOf("gru", [1, 2, 3]).flatMap((result) =>
    [undefined, 0.01].map((value, i): RunResult => {
      const entries = Object.entries({ ...result, ...(value && { [NUMBER.key]: value }) });
      const plain = Object.fromEntries(entries.filter(([key]) => !ORIGINAL_SWITCHES.some((one) => one.key === key)));
      const loss = result.loss!.map((one) => one - i * 0.1);
      return {
        ...plain,
        id: configIdIn(OWN_SPACE, configIn(plain, OWN_SPACE)),
        loss,
        "min loss": Math.min(...loss),
      } as RunResult;
    })
  );
  const page = pageOf(results, OWN_SPACE);
  assert.match(page, /<h1>Experiment 01: every configuration of the gru cell<\/h1>/);
  const visible = page.replace(/<(style|script)[^>]*>[\s\S]*?<\/\1>/g, "");
  const wrong = visible.matchAll(/gated(?! recurrent unit)|switch|<ul>\s*<\/ul>|, ,|undefined|NaN/g);
  assert.deepEqual([...wrong].map(({ index }) => visible.slice(index - 40, index + 40)), []);
  assert.match(page, /<h2 id="effects">Effect of each factor<\/h2>/);
  const names = [...drawn(results, OWN_SPACE).keys()];
  assert.deepEqual(names.filter((name) => /effects|interactions/.test(name)), ["results_01_all_effects"]);
  const runs = tableOf(results, OWN_SPACE).rows, effects = effectsOf(runs, OWN_SPACE);
  assert.deepEqual(labels(effects.min_loss.map(({ factor }) => factor)), [NUMBER.label]);
  assert.equal(effects.min_loss[0].pairs, 3);
  const text = [effectText(effects, ANY_STUDY), bestRunsTable(mergeSeeds(runs), OWN_SPACE)].join("\n");
  assert.doesNotMatch(text, /switch/);
});

Deno.test("the page's table has steps back and what was read where a study has several numbers of steps back, and no such column else", () => {
  const pageFor = (results: readonly RunResult[]) => {
    const runs = tableOf(results).rows;
    const rows = mergeSeeds(runs);
    return filterBar(rows, GATED) + runsTable(rows, GATED);
  };
  const page = pageFor(stepsBackResults()), shown = headings(page);
  assert.ok(shown.includes("steps back") && shown.includes("bytes read"), shown.join());
  // 682 updates of 16 bytes in 256 sequences, with each of five configurations.
  assert.equal(page.match(/data-value="2793472">2,793,472</g)?.length, 5);
  assert.match(filterBar(mergeSeeds(tableOf(stepsBackResults()).rows), GATED), /<label>steps back <select/);
  assert.ok(!headings(pageFor(stepsBackResults({ levels: [16] }))).includes("bytes read"));
});

Deno.test("nothing in the report of other cells alone calls one of them gated, dynamics among it", () => {
  const results = baselineResults();
  const dynamics = {
    ...NO_DYNAMICS,
    measured: new Map(results.map((run) => [runKey(run.id, run.seed), dynamicsOf(run)])),
  };
  const { pictures, page, summary: { headline, tables } } = drawReport(
    { results, unreadable: [], dir: ANY_STUDY.dir, experiment: "01", dynamics },
  );
  const files = [...pictures.map(({ svg }) => svg), page.html];
  assert.ok(files.some((file) => file.includes(">9 configurations<")), "the mean of the picture of fixed points");
  // What the catalog says of a cell is its own name.
  const texts = [headline, ...Object.values(tables), ...files]
    .map((text) => CATALOG.reduce((rest, { about }) => rest.replaceAll(about, ""), text));
  assert.deepEqual(texts.flatMap((text) => text.match(/.{0,60}gated.{0,40}/g) ?? []), []);
});
