/** Reports of somebody's own cells: one beside the gated cell, and a space of its own with cells of the catalog beside it. */
import assert from "node:assert/strict";
import { defineCell } from "../../cells/cell.ts";
import { type CellConfig, configIdIn } from "../../cells/config.ts";
import { defineSpace } from "../../cells/define_space.ts";
import { add, mul, sigmoid, tanh } from "../../cells/graph/builder.ts";
import { GATED } from "../../cells/factors.ts";
import type { Space } from "../../cells/space.ts";
import type { RunResult } from "../../experiments/study/result.ts";
import { drawReport } from "../../report/write_report.ts";
import { ANY_STUDY } from "../../train/terminal/advice.ts";
import { gatedResults, otherResults } from "./compared_results.ts";
import { withoutScripts } from "./report_files.ts";

const leaky = defineCell({
  name: "leaky",
  states: ["h"],
  forward(layer, x, { h }) {
    const next = add(mul(0.9, h), mul(0.1, tanh(layer.linear("state_nn", [x, h]))));
    return { output: next, states: { h: next } };
  },
});

/** The built-in space, with a cell more. */
const BESIDE = defineSpace({ name: "with_leaky", cells: [leaky] });

/** A space about a cell of one switch and a number. */
const OWN = defineSpace({
  name: "lagged",
  factors: [
    {
      key: "use_gate",
      kind: "switch",
      label: "gate",
      about: "whether a gate scales the output",
      on: "gated",
      off: "plain",
    },
    {
      key: "keep",
      kind: "number",
      label: "keep",
      about: "share of the state that is kept",
      levels: [0.5, 0.9],
      above: 0,
      most: 1,
    },
  ],
  cell: ({ use_gate, keep }) =>
    defineCell({
      name: "lagged",
      states: ["h"],
      forward(layer, x, { h }) {
        const next = add(mul(keep, h), mul(1 - keep, tanh(layer.linear("state_nn", [x, h]))));
        const output = use_gate ? mul(next, sigmoid(layer.linear("gate_nn", [x]))) : next;
        return { output, states: { h: next } };
      },
    }),
});

/** A result with another configuration of a space and another loss, nats per byte. */
function withConfig(result: RunResult, config: Readonly<Record<string, unknown>>, space: Space, more = 0): RunResult {
  const known = new Set([...GATED.factors, ...space.factors].map(({ key }) => key));
  const rest = Object.fromEntries(Object.entries(result).filter(([key]) => !known.has(key)));
  const lowest = result["min loss"]! + more;
  return {
    ...rest,
    ...config,
    id: configIdIn(space, config as unknown as CellConfig),
    loss: result.loss!.map((loss) => loss + more),
    "min loss": lowest,
    test_bits_per_byte: (lowest + 0.1) / Math.LN2,
  } as RunResult;
}

function reportOf(results: readonly RunResult[], table: Space) {
  const { summary: { tables, headline }, page } = drawReport(
    { results, unreadable: [], dir: ANY_STUDY.dir, experiment: "01", below: 1.6, table },
  );
  return { tables, headline, page: withoutScripts(page.html) };
}

Deno.test(
  "a cell of somebody's own is a baseline beside the gated cell, by its name, with its equations",
  () => {
    const own = otherResults("gru", { loss: 1.3 }).map((result) => {
      const { cell: _cell, ...config } = Object.fromEntries(
        BESIDE.factors.flatMap(({ key }) => result[key] === undefined ? [] : [[key, result[key]]]),
      );
      return withConfig(result, { ...config, cell: "leaky" }, BESIDE);
    });
    const { tables, headline, page } = reportOf([...gatedResults(), ...own], BESIDE);
    assert.match(tables.questions!, /^Is the best gated cell better than the baselines\?/);
    assert.match(tables.questions!, /leaky \(2 layers × 256, .*: the best gated one is worse, \+/);
    assert.match(
      headline,
      /^The largest effect is that of the new state: .*\. Of 48 gated configurations, .* The baseline, leaky, 2 layers × 256, is lower/,
    );
    assert.match(page, /<summary><b>leaky<\/b>: 1 configuration/);
    assert.match(page, /<h1>Experiment 01: every configuration of the gated cell, and baselines<\/h1>/);
  },
);

Deno.test(
  "a space of one's own is compared with cells of the catalog, and its number is none of training",
  () => {
    const gru = otherResults("gru", { loss: 1.7 });
    const own = [false, true].flatMap((use_gate) =>
      [0.5, 0.9].flatMap((keep) =>
        gru.map((result) => {
          const config = { n_layers: 2, state_size: 256, ...(use_gate && { use_gate }), ...(keep === 0.9 && { keep }) };
          return withConfig(
            result,
            config,
            OWN,
            -0.2 - (use_gate ? 0.1 : 0) - (keep === 0.9 ? 0.05 : 0) * (1 + result.seed),
          );
        })
      )
    );
    const others = gru.map((result) => withConfig(result, { n_layers: 2, state_size: 256, cell: "gru" }, OWN));
    const { tables, headline, page } = reportOf([...own, ...others], OWN);
    assert.match(tables.questions!, /^Is the best lagged cell better than the baselines\?/);
    assert.match(tables.questions!, /The best of 4 lagged configurations, by the lowest training loss, is /);
    assert.match(tables.questions!, /GRU \(2 layers × 256, .*: the best lagged one is better, −/);
    assert.doesNotMatch(tables.questions!, /Does the ranking hold|gated/);
    assert.match(
      headline,
      /^The largest effect is that of the gate: .*\. Of 4 lagged configurations, .* The baseline, GRU, /,
    );
    assert.match(tables.switches, /- gate: /);
    assert.match(page, /<option value="gru">GRU<\/option>/);
  },
);
