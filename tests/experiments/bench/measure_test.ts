/** That the benchmark closes what it opens, and says which engine is missing. */
import assert from "node:assert/strict";
import { withEngine } from "../../../experiments/bench/measure.ts";
import { openReferenceEngine, REFERENCE_ENGINE } from "../../../train/engines/reference.ts";

/** An engine that counts how often it is closed. */
function counted() {
  const counts = { closed: 0 };
  const open = async () => ({ ...await openReferenceEngine(), close: () => Promise.resolve(void counts.closed++) });
  return { counts, entry: { ...REFERENCE_ENGINE, open } };
}

Deno.test("withEngine() closes the engine, also when the measurement throws", async () => {
  const { counts, entry } = counted();
  assert.equal(await withEngine(entry, ({ name }) => Promise.resolve(name)), REFERENCE_ENGINE.name);
  assert.equal(counts.closed, 1);
  const broken = new Error("the device was lost");
  await assert.rejects(withEngine(entry, () => Promise.reject(broken)), (error) => error === broken);
  assert.equal(counts.closed, 2);
});

Deno.test("withEngine() says why an engine is not there, and measures nothing", async () => {
  const entry = { ...REFERENCE_ENGINE, absence: "this machine has none", open: () => Promise.resolve(undefined) };
  const found = await withEngine(entry, () => assert.fail("it was measured"));
  assert.deepEqual(found, { what: REFERENCE_ENGINE.name, absent: "this machine has none" });
});
