/** What a group keeps to on every engine that trains studies; each such engine registers these tests in a file of its own. */
import assert from "node:assert/strict";
import { gatedCell } from "../../../cells/catalog/gated_cell.ts";
import type { Engine, EngineRun } from "../../../train/engines/engine.ts";
import { gatedConfig } from "../../cells/catalog/golden_cases.ts";
import { runOf, train, trainInParts, trainWithReplacement } from "./runs.ts";

export interface GroupTests {
  /** Of the engine, for the tests' names. */
  readonly name: string;
  /** Only tests that are not ignored use it. */
  readonly engine: Engine | undefined;
  /** What each test is registered with. */
  readonly options: { readonly ignore: boolean };
  /** Runs for `replace()`: three that begin, and one that takes the slot of the second. */
  readonly replacements: () => readonly (readonly EngineRun[])[];
}

/** Registers the tests of an engine. */
export function testGroups({ name, engine, options, replacements }: GroupTests): void {
  const test = (what: string, body: (engine: Engine) => Promise<void>) =>
    Deno.test(`${name}: ${what}`, options, () => body(engine!));

  test("a run goes on with the same bits when its tensors are read and opened again", async (engine) => {
    const run = runOf(gatedCell(gatedConfig({})));
    // After an even and after an odd number of steps: an engine may write two sets of tensors in turn.
    for (const done of [6, 5]) {
      const [whole] = await train(engine, [run], [done, 6]);
      const [half] = await train(engine, [run], [done]);
      const [rest] = await train(engine, [{ ...run, tensors: half.tensors, stepsDone: done }], [6]);
      assert.deepEqual([...half.losses, ...rest.losses], whole.losses);
      assert.deepEqual(rest.tensors, whole.tensors);
    }
  });

  test("beginPass() keeps states and reads on in the text when it goes on within a pass", async (engine) => {
    const run = runOf(gatedCell(gatedConfig({})));
    const [whole] = await train(engine, [run], [9]);
    for (const reopen of [true, false]) {
      assert.deepEqual(await trainInParts(engine, run, [4, 3, 2], { reopen }), whole);
    }
    const { losses } = await trainInParts(engine, run, [4, 5], { reopen: false, positions: [0, 0] });
    assert.notDeepEqual(losses, whole.losses, "a pass that begins anew is another");
  });

  test("replace() gives the run that comes, and those that stay, the same bits as alone", async (engine) => {
    for (const runs of replacements()) {
      const { together, alone } = await trainWithReplacement(engine, runs);
      assert.deepEqual(together, alone);
      assert.equal(new Set(together.map(({ losses }) => losses[0])).size, 4, "runs must differ");
    }
  });
}
