/** That steps back are measured per byte, and with the models that they are said to be of. */
import assert from "node:assert/strict";
import { benchStepsBack, stepsBackLines, stepsBackRows, stepsBackRun } from "../../../experiments/bench/steps_back.ts";
import type { Engine, TrainingGroup } from "../../../train/engines/engine.ts";
import { openReferenceEngine } from "../../../train/engines/reference.ts";

Deno.test("benchStepsBack() lets runs of 1, 4 and 16 steps back take turns, and closes their groups", async () => {
  const opened: number[] = [], counts = { advanced: 0, closed: 0 };
  const group = {
    beginPass() {},
    advance: () => Promise.resolve((counts.advanced++, [])),
    close: () => Promise.resolve(void counts.closed++),
  } as unknown as TrainingGroup;
  const engine: Engine = {
    ...await openReferenceEngine(),
    open: ([{ step }]) => Promise.resolve((opened.push(step.bptt), group)),
  };
  const rows = await benchStepsBack(engine, 2, { rounds: 3, roundSeconds: 0, limitSeconds: 0 });
  assert.deepEqual(opened, [1, 4, 16]);
  // Two rounds to warm up, and three that count.
  assert.deepEqual(counts, { advanced: 3 * 5, closed: 3 });
  assert.deepEqual([rows.length, rows[0].what], [3, "reference: best configuration, 2 threads"]);
});

Deno.test("stepsBackRows() gives the time of a byte, where a step reads several", () => {
  const outcomes = [{ ms_per_step: 20, ratio: 1 }, { ms_per_step: 88, ratio: 4.4 }, { ms_per_step: 336, ratio: 16 }];
  assert.deepEqual(stepsBackRows("onnx", outcomes), [
    { what: "onnx", steps_back: 1, ms_per_byte: 20, ratio: 1 },
    { what: "onnx", steps_back: 4, ms_per_byte: 22, ratio: 1.1 },
    { what: "onnx", steps_back: 16, ms_per_byte: 21, ratio: 1 },
  ]);
});

Deno.test("stepsBackRun() is the best configuration with the same weights, whatever the steps back", () => {
  const [one, many] = [1, 16].map((bptt) => stepsBackRun(bptt));
  assert.deepEqual([one.step.bptt, many.step.bptt], [1, 16]);
  assert.deepEqual(many.step.sizes, { n_layers: 2, state_size: 256, vocabulary: 256, batch: 256 });
  assert.deepEqual(many.tensors, one.tensors);
});

Deno.test("stepsBackLines() compares each number of steps back with one", () => {
  const what = "onnx: best configuration, 1 thread";
  assert.deepEqual(
    stepsBackLines([
      { what, steps_back: 1, ms_per_byte: 20, ratio: 1 },
      { what, steps_back: 16, ms_per_byte: 21.5, ratio: 1.074 },
    ]),
    [
      "                                    steps back  ms/byte",
      "onnx: best configuration, 1 thread           1    20.00",
      "onnx: best configuration, 1 thread          16    21.50  1.07 × that with one step back",
    ],
  );
});
