/** What the page's worker answers is what a report of the same selection says. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { deflateRawSync } from "node:zlib";
import { parseSelection } from "../../../experiments/study/selection.ts";
import { NO_DYNAMICS } from "../../../experiments/study/dynamics_among.ts";
import { runKey } from "../../../experiments/study/run_key.ts";
import { GATED_SPACE } from "../../../cells/catalog/catalog.ts";
import { configOf } from "../../../experiments/study/result.ts";
import type { ConfigEntry, Run } from "../../../experiments/study/runs.ts";
import { Answers } from "../../../report/browser/answers.ts";
import { csvOf } from "../../../report/data/csv.ts";
import { carriedOf } from "../../../report/content/carried.ts";
import { reportContent } from "../../../report/content/report_content.ts";
import { type ReportInput, selectedInput } from "../../../report/content/report_input.ts";
import { compared } from "../../../report/page/compare.ts";
import { pageParts } from "../../../report/page/parts.ts";
import { runsInFull } from "../../../report/page/run_part.ts";
import { EXTENDED } from "../../extended_table.ts";
import { extendedResults } from "../extended_results.ts";
import { dynamicsOf, measuredResults } from "../measured_results.ts";
import { madeStudy, SMALL } from "../other_studies.ts";
import { stepsBackResults } from "../steps_back_results.ts";
import { syntheticResults, unfinished } from "../synthetic_results.ts";
import { validated } from "../validated_results.ts";

const STUDY = "STUDY";

/** A list of the runs that have these results, and of one that has none. */
function listed(results: ReportInput["results"], table = GATED_SPACE): Run[] {
  const entries = new Map(results.map((result): [string, ConfigEntry] => [
    result.id,
    { id: result.id, config: configOf(result, table) },
  ]));
  return [0, 1].flatMap((seed) =>
    [...entries.values()].map((entry): Run => ({ key: runKey(entry.id, seed), entry, seed }))
  );
}

const measured = measuredResults();
const gated = [0, 1].flatMap((seed) => syntheticResults({ layers: [1, 2], state_sizes: [256], seed, steps: 1000 }));
const experiment = "01", unreadable: string[] = [];

/** What reports are drawn from, and expressions that select a part. */
const INPUTS: Readonly<Record<string, { input: ReportInput; expressions: readonly string[] }>> = {
  "gated cells with two seeds": {
    input: {
      experiment,
      results: [...validated(gated), unfinished(syntheticResults({ layers: [1], state_sizes: [256], seed: 2 })[3])],
      unreadable: ["Cannot read results_01_all/x.json: it is not JSON"],
      damaged: new Map([[`${gated[0].id}_seed3`, "Cannot read results_01_all/x.json: it is not JSON"]]),
      unknown_version: [],
      runs: listed(gated),
      levels: [{ label: "order 1", value: 2.3, order: 1 }, { label: "order 2", value: 1.9, order: 2 }],
    },
    expressions: ["use_forget_gate=true", "n_layers=2,use_residual=false", "use_new_state=true,use_state_gate!=true"],
  },
  "dynamics, and other cells": {
    input: {
      experiment,
      results: measured,
      unreadable,
      dynamics: {
        ...NO_DYNAMICS,
        measured: new Map(measured.map((result) => [runKey(result.id, result.seed), dynamicsOf(result)])),
        damaged: new Map([["x", "Cannot read dynamics_01_all/x.json: it is not JSON"]]),
        unreadable: ["Cannot read dynamics_01_all/x.json: it is not JSON"],
      },
    },
    expressions: ["n_layers=2", "cell=gru|lstm", "cell=gated,use_old_state=false"],
  },
  "several steps back": {
    input: { experiment, results: stepsBackResults({ gated: 6 }), unreadable },
    expressions: ["bptt=1|4", "cell=gated"],
  },
  "a table of somebody's": {
    input: { experiment, results: extendedResults().slice(-120), unreadable, table: EXTENDED },
    expressions: ["use_layer_norm=true", "weight_decay>0.001"],
  },
  "two studies": {
    input: {
      experiment,
      results: madeStudy({ score: (_, seed, i) => 2 + 0.01 * seed + 0.001 * i }).source.results,
      unreadable,
      others: [
        madeStudy({
          name: "b",
          score: (config, seed, i) => 2 + (config.use_state_gate ? 0.3 : 0) + 0.02 * seed + 0.001 * i,
        }),
        madeStudy({ name: "c", configs: SMALL.slice(0, 30), score: (_, seed, i) => 3 - 0.01 * seed - 0.002 * i }),
      ],
    },
    expressions: ["use_new_state=true", "use_output_gate=false"],
  },
};

async function opened(input: ReportInput): Promise<Answers> {
  const answers = new Answers(), text = JSON.stringify(carriedOf(input));
  await answers.answer({ ask: "open", data: Buffer.from(deflateRawSync(text)).toString("base64") });
  return answers;
}

for (const [name, { input, expressions }] of Object.entries(INPUTS)) {
  Deno.test(`a page of ${name} shows what a report of the same selection does, byte for byte`, async () => {
    const answers = await opened(input), all = reportContent(input, STUDY).rows.length;
    for (const only of ["", ...expressions]) {
      const selection = only ? parseSelection(only, input.table) : undefined;
      const content = reportContent(selectedInput(input, selection, "show this page"), STUDY);
      const selected = await answers.answer({ ask: "select", only });
      const parts = pageParts(content);
      assert.deepEqual(selected.parts.map(({ id }) => id), parts.map(({ id }) => id), only);
      for (const [i, part] of parts.entries()) assert.equal(selected.parts[i].html, part.html, part.id);
      assert.deepEqual(selected.inFull, runsInFull(content));
      for (const { name, svg, data } of content.pictures) {
        assert.equal(await answers.answer({ ask: "picture", name, as: "svg", only }), svg, name);
        assert.equal(await answers.answer({ ask: "picture", name, as: "csv", only }), csvOf(data()), name);
      }
      assert.ok(only === "" || content.rows.length < all, `${only} selects all`);
    }
  });
}

Deno.test("a page refuses an expression with one line, and answers the next", async () => {
  const { input } = INPUTS["gated cells with two seeds"], answers = await opened(input);
  const refused: readonly [only: string, says: RegExp][] = [
    ["n_layers", /^Cannot show 'n_layers': 'n_layers' must be key=value/],
    ["layers=2", /^Cannot show 'layers=2': 'layers=2' names no key; keys are use_input_gate, /],
    ["n_layers=3", /^Cannot show this page: none of \d+ results matches --only n_layers=3$/],
  ];
  for (const [only, says] of refused) {
    await assert.rejects(answers.answer({ ask: "select", only }), (error: Error) => {
      assert.equal(error.name, "UserError");
      assert.match(error.message, says);
      return true;
    });
  }
  const next = await answers.answer({ ask: "select", only: "n_layers=1" });
  assert.ok(next.parts.length > 10);
});

Deno.test("a page compares configurations of all that it has, whatever it shows", async () => {
  const { input } = INPUTS["gated cells with two seeds"], answers = await opened(input);
  const { rows, levels, table } = reportContent(input, STUDY), names = [rows[9].name, rows[2].name];
  await answers.answer({ ask: "select", only: "n_layers=1" });
  const { html } = await answers.answer({ ask: "compare", runs: names });
  assert.equal(html, compared(names, { experiment, rows, levels, table }));
  assert.ok(names.every((name) => html.includes(`data-run="${name}"`)));
});

Deno.test("a page whose data are not loaded says so", async () => {
  await assert.rejects(new Answers().answer({ ask: "select", only: "" }), { message: /its data are not loaded$/ });
});
