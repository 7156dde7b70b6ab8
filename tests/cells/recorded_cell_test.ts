import assert from "node:assert/strict";
import { defineCell } from "../../cells/cell.ts";
import { GATED_SPACE } from "../../cells/catalog/catalog.ts";
import { BEST_CONFIG } from "../../cells/known_configs.ts";
import { ops } from "../../mod.ts";
import { printGraph } from "../../cells/graph/printer.ts";
import { buildTrainingStep } from "../../cells/language_model.ts";
import { recordCell, recordedStepSchema, replayedCell } from "../../cells/recorded_cell.ts";

const SIZES = { n_layers: 2, state_size: 8, vocabulary: 11, batch: 3 };

for (const name of GATED_SPACE.cellNames) {
  Deno.test(`replayedCell() builds the step of ${name} as the cell itself does, from plain data`, () => {
    const cell = GATED_SPACE.cellOf({ ...BEST_CONFIG, use_input_gate: true, cell: name });
    const replayed = replayedCell(cell, (sizes) => JSON.parse(JSON.stringify(recordCell(cell, sizes))));
    const [made, again] = [cell, replayed].map((one) => buildTrainingStep(one, SIZES));
    assert.equal(printGraph(again.graph), printGraph(made.graph));
    assert.deepEqual(again.parameters, made.parameters);
    assert.deepEqual(again.states, made.states);
    assert.deepEqual(again.trained, made.trained);
  });
}

const cell = defineCell({
  name: "mine",
  states: ["h"],
  forward: (layer, x, { h }) => ({ output: x, states: { h: ops.tanh(layer.linear("state_nn", [x, h])) } }),
});

const step = recordCell(cell, { batch: 1, state_size: 4 });
const number = (op: string) => step.nodes.findIndex((node) => node.op === op);

for (
  const [what, change, line] of [
    [
      "an operation that is none",
      { nodes: step.nodes.map((node) => ({ ...node, op: "eval" })) },
      /Cannot read what cell 'mine' is made of: 'nodes\.0\.op'/,
    ],
    [
      "a node that reads a later one",
      { nodes: step.nodes.toReversed() },
      /Cannot build cell 'mine': node \d+ is read before it is there/,
    ],
    ["an output that is no node", { output: 99 }, /Cannot build cell 'mine': node 99 is read before it is there/],
    [
      "a weight that is not there",
      { parameters: {} },
      /Cannot build cell 'mine': it has no weight 'state_nn\.(weight|bias)'/,
    ],
    ["a state that is not the cell's", {
      nodes: step.nodes.with(number("state"), { op: "state", name: "c" }),
    }, /Cannot build cell 'mine': it has no state 'c'/],
    ["a weight of a shape that does not fit", {
      parameters: { ...step.parameters, "state_nn.weight": { ...step.parameters["state_nn.weight"], shape: [4, 5] } },
    }, /Cannot build 'linear'/],
  ] as const
) {
  Deno.test(`replayedCell() refuses ${what}`, () => {
    assert.ok(recordedStepSchema.safeParse(step).success);
    const replayed = replayedCell(cell, () => ({ ...step, ...change }) as typeof step);
    assert.throws(() => buildTrainingStep(replayed, { n_layers: 1, state_size: 4, vocabulary: 5, batch: 1 }), {
      message: line,
    });
  });
}
