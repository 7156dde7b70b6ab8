/** Tests on ONNX Runtime; without the permissions that it needs, each is counted as ignored. */
import type { Engine } from "../../../../train/engines/engine.ts";
import { openOnnxEngine } from "../../../../train/engines/onnx/engine.ts";

const refused = (["ffi", "env", "read"] as const).filter((name) =>
  Deno.permissions.querySync({ name }).state !== "granted"
);
if (refused.length) console.log(`ONNX tests are ignored: they need --allow-${refused.join(" --allow-")}`);

/** What a test on ONNX Runtime is registered with. */
export const NEEDS_ONNX = { ignore: refused.length > 0 };

/**
 * An engine of two cores whose workers, one for each run of the largest group, serve all tests of a file: as those of a study do. Starting
 * one for each run would take longer than what it computes. That new workers give the same bits is for `workers_test.ts`.
 */
export async function engineOfFile(): Promise<Engine> {
  const engine = await openOnnxEngine(2, { keepWorkers: true });
  Deno.test.afterAll(() => engine.close());
  return engine;
}
