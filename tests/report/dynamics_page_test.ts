/** What the page says of the dynamics of each configuration. */
import assert from "node:assert/strict";
import { dynamicsParts } from "../../report/page/dynamics.ts";
import { runsTable } from "../../report/page/runs.ts";
import { GATED } from "../../cells/factors.ts";
import { dynamicsOf, measuredConfigurations, measuredResults, plantedExponent } from "./measured_results.ts";

const results = measuredResults(), rows = measuredConfigurations(results);

Deno.test("dynamicsParts() has numbers with standard errors, each seed by itself, gates and two pictures in a common frame", () => {
  const { symbols, of } = dynamicsParts(rows), row = rows.find(({ config }) => !config.cell)!, part = of(row);
  const [first, second] = row.runs.map(({ seed }) =>
    plantedExponent(results.find((result) => result.id === row.id && result.seed === seed)!)
  );
  // Two seeds with a standard error of 0.01 each: that of their mean is 0.01/√2.
  const mean = ((first + second) / 2).toFixed(3).replace("-", "−");
  assert.ok(part.includes(`<summary>Dynamics: λ₁ ${mean} ± 0.007 nats per byte, forgetting time `), part.slice(0, 200));
  for (const value of [first, second]) assert.ok(part.includes(`>${value.toFixed(3).replace("-", "−")} ± 0.010<`));
  for (const text of [">seed 0<", ">seed 1<", ">participation ratio, dimensions<", ">1 state input<"]) {
    assert.ok(part.includes(text), text);
  }
  const used = [...part.matchAll(/href="#([^"]*)"/g)].map(([, id]) => id);
  assert.deepEqual(used, ["spectrum-frame", "recall-frame"]);
  assert.ok(used.every((id) => symbols.includes(`id="${id}"`)));
  assert.doesNotMatch(symbols + part, /NaN|Infinity|undefined/);
});

Deno.test("dynamicsParts() says nothing of what was not measured, in a part, a configuration or a study", () => {
  const some = measuredConfigurations(
    results,
    (result) => result.cell === "gru" ? undefined : dynamicsOf(result, { lyapunov: undefined, gates: undefined }),
  );
  const { of } = dynamicsParts(some), part = of(some.find(({ config }) => !config.cell)!);
  assert.match(part, /<summary>Dynamics<\/summary>/);
  assert.ok(!part.includes("λ₁") && !part.includes("layer and gate") && !part.includes("#spectrum-frame"));
  assert.equal(of(some.find(({ config }) => config.cell === "gru")!), "");
  const none = dynamicsParts(measuredConfigurations(results, () => undefined));
  assert.deepEqual([none.symbols, none.of(rows[0])], ["", ""]);
});

Deno.test("runsTable() has columns of dynamics where these were measured", () => {
  const heading = ">forgetting time, bytes<";
  assert.ok(runsTable(rows, GATED).includes(heading));
  assert.ok(!runsTable(measuredConfigurations(results, () => undefined), GATED).includes(heading));
});
