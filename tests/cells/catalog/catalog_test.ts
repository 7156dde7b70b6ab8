import assert from "node:assert/strict";
import { CATALOG, catalogConfig, CELL_NAMES, cellLabel, cellOf } from "../../../cells/catalog/catalog.ts";
import { gradientNote } from "../../../cells/catalog/named_cell.ts";
import { slstmCell } from "../../../cells/catalog/lstm_cells.ts";
import { buildGraph } from "../../../cells/graph/graph.ts";
import { interpret } from "../../../cells/graph/interpreter.ts";
import { buildTrainingStep, gradientName } from "../../../cells/language_model.ts";
import { openReferenceEngine, REFERENCE_ENGINE } from "../../../train/engines/reference.ts";
import { certifyGroup } from "../../../train/golden.ts";
import { checkTrainingStep, feedsOf } from "../models.ts";
import { CATALOG_BPTT_GOLDEN, CATALOG_GOLDEN, failures, gatedConfig } from "./golden_cases.ts";

const SIZES = { n_layers: 2, state_size: 3, vocabulary: 5, batch: 2 };
const { cases } = CATALOG_GOLDEN;

Deno.test("the golden file of the catalog has each cell with 1 and 2 layers, and no gradient that is 0", () => {
  assert.deepEqual(
    cases.map(({ cell, n_layers }) => [cell, n_layers]),
    CATALOG.flatMap(({ cell }) => [[cell.name, 1], [cell.name, 2]]),
  );
  for (const { cell, n_layers, grads_at_step_1, gradients_at_step_1 } of cases) {
    assert.equal(Object.keys(gradients_at_step_1!).length, 2, `${cell}, ${n_layers} layers`);
    for (const [name, sums] of Object.entries(grads_at_step_1)) {
      assert.ok(sums && sums[1] > 0, `${cell}, ${n_layers} layers: ${name}`);
    }
  }
});

Deno.test("the golden file of several steps has each cell with 1 and 2 layers but one, and no gradient that is 0", () => {
  const { settings, cases } = CATALOG_BPTT_GOLDEN, cells = CATALOG.filter(({ cell }) => cell !== slstmCell);
  assert.equal(settings.bptt, 4);
  assert.deepEqual(
    cases.map(({ cell, n_layers }) => [cell, n_layers]),
    cells.flatMap(({ cell }) => [[cell.name, 1], [cell.name, 2]]),
  );
  for (const { cell, n_layers, grads_at_step_1, gradients_at_step_1 } of cases) {
    assert.equal(Object.keys(gradients_at_step_1!).length, 2);
    for (const [name, sums] of Object.entries(grads_at_step_1)) {
      assert.ok(sums && sums[1] > 0, `${cell}, ${n_layers} layers: ${name}`);
    }
  }
});

for (const { cell } of CATALOG) {
  for (const { settings, cases } of [CATALOG_GOLDEN, CATALOG_BPTT_GOLDEN]) {
    const own = cases.filter((golden) => golden.cell === cell.name), { bptt = 1 } = settings;
    if (!own.length) continue;
    Deno.test(`the ${cell.name} cell gives PyTorch's losses, gradients and states when gradients go ${bptt} back`, async () => {
      const errors = await certifyGroup(await openReferenceEngine(), settings, own);
      assert.deepEqual(failures(own, errors, REFERENCE_ENGINE.tolerance), []);
    });
  }

  Deno.test(`the ${cell.name} cell has finite losses and gradients when its gates are all open or all closed`, () => {
    const step = buildTrainingStep(cell, SIZES, { withGradients: true });
    for (const sign of [1, -1]) {
      const feeds = feedsOf(step);
      for (const { name } of step.states) feeds.set(name, new Float64Array(SIZES.batch * SIZES.state_size));
      for (const { name, shape } of step.parameters) {
        if (/^layers.*gate_nn.bias$/.test(name)) feeds.set(name, new Float64Array(shape[0]).fill(sign * 2000));
      }
      const wanted = ["loss", ...step.trained.map(gradientName)];
      const graph = buildGraph(Object.fromEntries(wanted.map((name) => [name, step.graph.outputs.get(name)!])));
      for (const [name, values] of interpret(graph, feeds)) {
        assert.ok(Array.from(values).every(Number.isFinite), `${name} where gates' biases are ${sign * 2000}`);
      }
    }
  });

  Deno.test(`the ${cell.name} cell has right gradients when its states are not zero`, () => {
    checkTrainingStep(buildTrainingStep(cell, SIZES, { withGradients: true }));
  });

  Deno.test(`the ${cell.name} cell names and carries its states when it has two layers`, () => {
    const { graph, states } = buildTrainingStep(cell, SIZES);
    assert.deepEqual(
      states,
      [0, 1].flatMap((layer) => cell.states.map((name) => ({ name: `layers.${layer}.${name}`, shape: [2, 3] }))),
    );
    for (const { name } of states) {
      assert.ok(graph.inputs.has(name) && graph.outputs.has(name), name);
      assert.notEqual(graph.outputs.get(name), graph.inputs.get(name), name);
    }
  });
}

Deno.test("cellOf() gives the gated cell when a configuration names none", () => {
  assert.equal(cellOf(gatedConfig({})).name, "gated");
  assert.equal(cellOf(gatedConfig({ cell: "gated" })).name, "gated");
});

Deno.test("cellOf() throws when the catalog has no such cell", () => {
  assert.throws(() => cellOf(catalogConfig("lstn", 1, 4)), {
    name: "UserError",
    message: `Cannot make cell 'lstn': must be one of ${CELL_NAMES.join(", ")}`,
  });
});

Deno.test("the catalog begins with the four cells of the first versions, and each has its own name and label", () => {
  assert.deepEqual(CELL_NAMES.slice(0, 5), ["gated", "vanilla", "gru", "lstm", "min_gru"]);
  for (const names of [CATALOG.map(({ cell }) => cell.name), CATALOG.map(({ label }) => label)]) {
    assert.equal(new Set(names).size, CATALOG.length);
  }
  for (const { cell } of CATALOG) assert.match(cell.name, /^[a-z][a-z0-9_]*$/);
});

Deno.test("cellLabel() gives what tables call a cell, and throws when there is none", () => {
  assert.deepEqual(["gru", "lstm", "min_gru"].map(cellLabel), ["GRU", "LSTM", "minGRU"]);
  assert.throws(() => cellLabel("gated"), {
    name: "UserError",
    message: /^Cannot find cell 'gated': must be one of van/,
  });
});

Deno.test("gradientNote() speaks of the cells that were made to keep gradients alive, and of no other", () => {
  const noted = CATALOG.filter((entry) => gradientNote(entry)).map(({ cell }) => cell.name);
  for (const name of ["lstm", "indrnn", "janet", "lru", "cornn", "lem"]) assert.ok(noted.includes(name), name);
  for (const name of ["vanilla", "min_gru", "mgu", "ugrnn"]) assert.ok(!noted.includes(name), name);
});
