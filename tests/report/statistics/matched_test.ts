import assert from "node:assert/strict";
import type { CellConfig } from "../../../cells/config.ts";
import { factorOf } from "../../../cells/factor.ts";
import { GATED } from "../../../cells/factors.ts";
import { grid } from "../../../experiments/study/grid.ts";
import { contrasts, contrastsIn, matchedBlocks } from "../../../report/statistics/matched.ts";
import type { RunRow } from "../../../report/data/rows.ts";
import { EXTENDED } from "../../extended_table.ts";
import { contrastsOf, plantedRow, plantedRows } from "../planted_rows.ts";
import type { OriginalSwitchKey } from "../../original_table.ts";

const PLAIN = grid({ n_layers: [1], state_size: [256] }).find((one) =>
  one.use_new_state && !one.use_old_state && !one.use_residual
)!;

/** A number with a contrast of 0.001, its default, and 0.01. */
const NUMBER = EXTENDED.factors.at(-1)!.key;

function row(changes: Partial<CellConfig>, loss: number, more: Partial<RunRow> = {}): RunRow {
  return plantedRow({ ...PLAIN, ...changes }, loss, more);
}

function differences(rows: RunRow[], ...keys: OriginalSwitchKey[]): number[] {
  return contrasts(matchedBlocks(rows, contrastsOf(keys)), "min_loss").map(({ difference }) => difference);
}

Deno.test("matchedBlocks() finds as many pairs as the grid has when all 432 configurations are there", () => {
  const rows = plantedRows(() => 2);
  const pairs = (key: OriginalSwitchKey) => differences(rows, key).length;
  // Half of 432, but where the partner would read no state, or would have 32 states without a residual.
  assert.deepEqual([pairs("use_input_gate"), pairs("use_state_gate")], [216, 216]);
  assert.deepEqual([pairs("use_new_state"), pairs("use_old_state"), pairs("use_residual")], [144, 144, 144]);
  assert.equal(differences(rows, "use_input_gate", "use_state_gate").length, 108);
  assert.equal(differences(rows, "use_input_gate", "use_residual").length, 72);
  assert.equal(differences(rows, "use_new_state", "use_old_state").length, 0);
});

Deno.test("contrasts() subtracts off from on within pairs when other runs would change the means", () => {
  const rows = [
    row({}, 2),
    row({ use_residual: true }, 1.5),
    row({ n_layers: 2 }, 1.75),
    row({ n_layers: 2, use_residual: true }, 2),
    row({ n_layers: 3, use_residual: true }, 9),
  ];
  assert.deepEqual(differences(rows, "use_residual").sort(), [-0.5, 0.25]);
});

Deno.test("contrasts() gives both − only one − only the other + neither when there are two factors", () => {
  const rows = [
    row({}, 2),
    row({ use_residual: true }, 1.75),
    row({ use_old_state: true }, 1.5),
    row({ use_residual: true, use_old_state: true }, 0.75),
  ];
  assert.deepEqual(differences(rows, "use_old_state", "use_residual"), [0.75 - 1.5 - 1.75 + 2]);
  assert.deepEqual(differences(rows.slice(1), "use_old_state", "use_residual"), []);
});

Deno.test("contrasts() averages over the seeds that both have when seeds differ", () => {
  const rows = [
    row({}, 2, { seed: 0 }),
    row({}, 2.5, { seed: 1 }),
    row({}, 9, { seed: 2 }),
    row({ use_residual: true }, 1.75, { seed: 0 }),
    row({ use_residual: true }, 2, { seed: 1 }),
    row({ use_residual: true }, 5, { seed: 3 }),
  ];
  const [{ by_seed, difference }] = contrasts(matchedBlocks(rows, contrastsOf(["use_residual"])), "min_loss");
  assert.deepEqual(by_seed, [{ seed: 0, difference: -0.25 }, { seed: 1, difference: -0.5 }]);
  assert.equal(difference, -0.375);
});

Deno.test("matchedBlocks() counts a pair once when one of its seeds was trained longer than another", () => {
  const rows = [0, 1].flatMap((seed) => {
    const more = { seed, steps_done: 1000 * (1 + seed) };
    return [row({}, 2, more), row({ use_residual: true }, seed ? 1.5 : 1.75, more)];
  });
  assert.deepEqual(differences(rows, "use_residual"), [-0.375]);
  assert.deepEqual(differences([...rows.slice(1), rows[0]], "use_residual"), [-0.375]);
});

Deno.test("matchedBlocks() compares what a switch changes over several steps back, whose updates differ, and no runs of other lengths", () => {
  const back = { factor: factorOf(GATED, "bptt"), from: 1, to: 4 };
  const compared = [...contrastsOf(["use_residual"]), back];
  const rows = [{}, { bptt: 4 }].flatMap((more) =>
    [false, true].map((use_residual) => {
      const isFar = more.bptt === 4, loss = 2 - (isFar ? 0.25 : 0) - (use_residual ? (isFar ? 0.5 : 0.125) : 0);
      return row({ ...more, use_residual }, loss, { steps_done: isFar ? 25 : 100 });
    })
  );
  assert.deepEqual(contrasts(matchedBlocks(rows, compared), "min_loss").map(({ difference }) => difference), [-0.375]);
  const longer = rows.map((one, i) => i === 3 ? { ...one, steps_done: 50 } : one);
  assert.deepEqual(matchedBlocks(longer, compared), []);
});

const settings = {
  steps_done: 77,
  batch_size: 7,
  history_size: 77,
  dataset: "another",
  corpus_sha1: "another",
  seed: 7,
};
for (const [key, value] of Object.entries(settings)) {
  Deno.test(`matchedBlocks() pairs no runs when ${key} differs`, () => {
    const pair = (more: Partial<RunRow>) =>
      matchedBlocks([row({}, 2), row({ use_residual: true }, 1, more)], contrastsOf(["use_residual"]));
    assert.equal(pair({}).length, 1);
    assert.equal(pair({ [key]: value }).length, 0);
  });
}

Deno.test("matchedBlocks() pairs no runs when the cell has no switches or its gates read something else", () => {
  const pairs = (off: Partial<CellConfig>, on: Partial<CellConfig>) =>
    differences([row(off, 2), row({ ...on, use_residual: true }, 1)], "use_residual").length;
  assert.equal(pairs({ cell: "gru" }, { cell: "gru" }), 0);
  assert.equal(pairs({ gate_inputs: "x,h" }, {}), 0);
  assert.equal(pairs({ gate_inputs: "x,h" }, { gate_inputs: "x,h" }), 1);
  assert.equal(pairs({ gate_inputs: "x,h,n" }, {}), 1);
});

Deno.test("contrasts() leaves a pair out when one of its runs has no test score", () => {
  const rows = [row({}, 2), row({ use_residual: true }, 1, { test_bits_per_byte: undefined })];
  const blocks = matchedBlocks(rows, contrastsOf(["use_residual"]));
  assert.deepEqual([contrasts(blocks, "min_loss").length, contrasts(blocks, "test_bits_per_byte").length], [1, 0]);
});

Deno.test("matchedBlocks() compares the two values of a factor's contrast alone when there is a third", () => {
  const rows = [undefined, 0.01, 0.1].map((value, i) => row({ [NUMBER]: value }, 2 - i));
  const blocks = matchedBlocks(rows, contrastsOf([NUMBER], EXTENDED), EXTENDED);
  assert.deepEqual(contrasts(blocks, "min_loss").map(({ difference }) => difference), [-1]);
  assert.deepEqual(matchedBlocks(rows, contrastsOf(["use_residual"]), EXTENDED), []);
});

Deno.test("contrastsIn() counts a factor that has a default where both values of its contrast occur", () => {
  const isCompared = (...values: (number | undefined)[]) =>
    contrastsIn(EXTENDED, values.map((value) => row({ [NUMBER]: value }, 2))).some(({ factor }) =>
      factor.key === NUMBER
    );
  for (const values of [[undefined], [undefined, 0.001], [0.1, 0.001], [0.01, 0.1]]) {
    assert.equal(isCompared(...values), false, `${values}`);
  }
  for (const values of [[undefined, 0.01], [0.1, 0.01, 0.001]]) assert.equal(isCompared(...values), true, `${values}`);
});

Deno.test("contrasts() takes no rounding for an effect: losses that only add up have no interaction", () => {
  // 2.1 − 1.9 − 2.3 + 2.1 is 4.4e-16 in float64.
  const rows = [
    row({}, 2.1),
    row({ use_residual: true }, 2.3),
    row({ use_state_gate: true }, 1.9),
    row({ use_residual: true, use_state_gate: true }, 2.1),
  ];
  assert.notEqual(2.1 - 1.9 - 2.3 + 2.1, 0);
  assert.deepEqual(differences(rows, "use_residual", "use_state_gate"), [0]);
});
