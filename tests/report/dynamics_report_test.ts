import assert from "node:assert/strict";
import { runKey } from "../../experiments/study/run_key.ts";
import { NO_DYNAMICS, type ReadDynamics } from "../../experiments/study/dynamics_among.ts";
import { drawReport, type ReportOptions } from "../../report/write_report.ts";
import { dynamicsAccount } from "../../report/data/dynamics_account.ts";
import { syntheticDynamics } from "./synthetic_dynamics.ts";
import { syntheticResults } from "./synthetic_results.ts";
import { assertSame, withoutScripts } from "./report_files.ts";

/** 12 configurations with two seeds: few, for each report draws all its pictures. */
const RESULTS = [0, 1].flatMap((seed) => syntheticResults({ layers: [1], state_sizes: [32], steps: 500, seed }))
  .filter(({ use_input_gate, use_output_gate }) => !use_input_gate && !use_output_gate);
const options = (more: Partial<ReportOptions> = {}): ReportOptions => (
  { results: RESULTS, unreadable: [], dir: "STUDY", experiment: "01", ...more }
);
const measured = new Map(
  RESULTS.slice(2).map((result) => [
    runKey(result.id, result.seed),
    syntheticDynamics(result, { largest: result.use_state_gate ? -0.1 : -0.2 }),
  ]),
);
const as = { settings: { streams: 8, tokens: 4096, exponents: 2 }, version: "0.0" };
const READ: ReadDynamics = {
  ...NO_DYNAMICS,
  measured,
  as,
  unreadable: ["Cannot read dynamics_01_all/x.json: it is not JSON (1 characters)"],
  stale: [RESULTS[0].id],
  otherwise: [{ as: { settings: { ...as.settings, tokens: 64 }, version: "0.0" }, keys: [RESULTS[1].id] }],
};

Deno.test("drawReport() says of dynamics what was found, in terminal and page, and what was left out", () => {
  const { page: { html }, summary: { headline, account, tables } } = drawReport(options({ dynamics: READ }));
  const page = withoutScripts(html);
  assert.match(headline, /The state gate lengthens memory: with it on, /);
  assert.match(page, /<p class="lead">[^<]*The state gate lengthens memory/);
  assert.match(tables.best_runs, /λ₁ +forgetting +recall\n/);
  assert.match(tables.dynamics!, /^Which switch lengthens memory\?\n/);
  assert.match(page, /<h3>Which switch lengthens memory\?<\/h3>/);
  for (const text of [account, page]) {
    assert.match(text, /1 file of dynamics could not be read/);
    // With other settings than most have it would measure these again, too.
    assert.match(
      text,
      /1 measurement of dynamics is of an earlier model and left out \(\S*deno task dynamics --dir \S+ --exponents 2\S* measures again\)/,
    );
    assert.match(
      text,
      /1 run whose dynamics were measured with other settings than most \(8 streams of 64 bytes or tokens, /,
    );
    assert.match(
      text,
      /left out \(\S*deno task dynamics --dir \S+ --exponents 2 --again\S* measures all the same way\)/,
    );
  }
});

Deno.test("drawReport() draws the same, without a word on dynamics, where nothing was measured", () => {
  const absent = drawReport(options()), nothing = drawReport(options({ dynamics: NO_DYNAMICS }));
  assert.equal(absent.summary.tables.dynamics, undefined);
  assert.doesNotMatch(JSON.stringify(absent.summary.tables), /λ₁|Lyapunov/);
  assertSame(nothing, absent);
  assert.doesNotMatch(absent.page.html, /λ₁|Lyapunov/);
});

Deno.test("dynamicsAccount() advises the finest settings, and --again only where settings differ", () => {
  const ofStudy = { study: { dir: "s" }, experiment: "01" } as const, keys = [RESULTS[1].id];
  const advice = (other: ReadDynamics["as"]) =>
    dynamicsAccount({ ...NO_DYNAMICS, measured, as, otherwise: [{ as: other!, keys }] }, ofStudy)[0].lead;
  const finer = { ...as, settings: { ...as.settings, streams: 16 } };
  assert.match(
    advice(finer),
    /'deno task dynamics --dir s --streams 16 --exponents 2 --again' measures all the same way/,
  );
  assert.match(
    advice({ ...as, version: "0.1" }),
    /'deno task dynamics --dir s --exponents 2' measures all the same way/,
  );
});
