import assert from "node:assert/strict";
import { GATED_SPACE } from "../../cells/catalog/catalog.ts";
import { defineCell } from "../../cells/cell.ts";
import { cellJson, cellKey } from "../../cells/cell_name.ts";
import type { CellConfig } from "../../cells/config.ts";
import { defineSpace } from "../../cells/define_space.ts";
import { isAddedTrained } from "../../cells/trained_parts.ts";
import { add, tanh } from "../../cells/graph/builder.ts";
import { recordSpace, replayedSpace, type SpaceRecord } from "../../cells/recorded_space.ts";

/** A space with one switch: whether a state is read. */
const SPACE = defineSpace({
  name: "lagged",
  factors: [{
    key: "use_lag",
    kind: "switch",
    label: "lag",
    about: "whether the state is read",
    on: "it is read",
    off: "it is not",
  }],
  cell: ({ use_lag }) =>
    defineCell({
      name: "lagged",
      states: ["h"],
      forward(layer, x, { h }) {
        const next = tanh(layer.linear("W", use_lag ? [x, h] : [x]));
        return { output: add(next, x), states: { h: next } };
      },
    }),
  valid: { must: "needs a small state", holds: ({ state_size }) => Number(state_size) <= 64 },
});

const config = (more: object) => ({ n_layers: 1, state_size: 8, use_lag: true, ...more }) as unknown as CellConfig;
const CONFIGS = [
  config({ learning_rate: 0.02 }),
  config({ use_lag: false, learning_rate: 0.02 }),
  config({ state_size: 16, learning_rate: 0.05 }),
  config({ cell: "gru" }),
];

const replayed = (configs: readonly CellConfig[]) =>
  replayedSpace(JSON.parse(JSON.stringify(recordSpace(SPACE, configs))) as SpaceRecord);

Deno.test("a space that was recorded answers as the space does, through JSON", () => {
  const space = replayed(CONFIGS);
  assert.deepEqual(space.factors, JSON.parse(JSON.stringify(SPACE.factors)));
  assert.deepEqual([space.name, space.cellNames], [SPACE.name, SPACE.cellNames]);
  for (const one of CONFIGS) {
    assert.equal(space.isOwnCell(one), SPACE.isOwnCell(one));
    assert.equal(space.definesCell(one), SPACE.definesCell(one));
    assert.equal(space.valid.holds(one), SPACE.valid.holds(one));
    assert.equal(space.listed.holds(one), SPACE.listed.holds(one));
    assert.deepEqual([space.cellOf(one).name, space.cellOf(one).states], [
      SPACE.cellOf(one).name,
      SPACE.cellOf(one).states,
    ]);
    assert.deepEqual([cellKey(one, space), cellJson(one, space)], [cellKey(one, SPACE), cellJson(one, SPACE)]);
  }
  for (const  of of[space, SPACE]) {
    assert.equal(isAddedTrained(of.cellOf(CONFIGS[1]), of.cellOf(CONFIGS[0]), CONFIGS[0], 2), true);
  }
  assert.equal(space.cellOf(CONFIGS[0]), space.cellOf(CONFIGS[2]), "sizes and training make no other cell");
});

Deno.test("a space that was recorded knows a configuration with other training, and no other one", () => {
  const space = replayed(CONFIGS);
  for (const one of [config({}), config({ learning_rate: 0.9, bptt: 4 }), config({ use_lag: false })]) {
    assert.equal(space.isOwnCell(one), true);
    assert.equal(space.cellOf(one).name, "lagged");
  }
  assert.throws(() => space.isOwnCell(config({ state_size: 32 })), {
    name: "UserError",
    message:
      /^Cannot use space 'lagged': configuration \{"n_layers": 1, "state_size": 32, "use_lag": true\} was not recorded$/,
  });
});

Deno.test("of the built-in space nothing is recorded", () => {
  assert.equal(recordSpace(GATED_SPACE, []), undefined);
  assert.equal(replayedSpace(undefined), GATED_SPACE);
});
