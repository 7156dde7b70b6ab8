/** The WebGPU engine on whatever adapter is there, for tests; where none is, each test is counted as ignored. */
import { gatedCell } from "../../../../cells/catalog/gated_cell.ts";
import type { EngineRun } from "../../../../train/engines/engine.ts";
import {
  openTunedWebGpuEngine,
  type WebGpuEngine,
  type WebGpuOptions,
} from "../../../../train/engines/webgpu/engine.ts";
import { gatedConfig } from "../../../cells/catalog/golden_cases.ts";
import { runOf } from "../runs.ts";

export const opened = await openTunedWebGpuEngine();
console.log(opened ? `WebGPU tests run on ${opened.adapter}` : "WebGPU tests are ignored: there is no adapter");
Deno.test.afterAll(() => opened?.close());

/** What a test on the opened engine is registered with. */
export const NEEDS_ADAPTER = { ignore: !opened };

/** Opens an engine for one test. */
export async function withEngine(options: WebGpuOptions, use: (engine: WebGpuEngine) => Promise<void>): Promise<void> {
  const engine = (await openTunedWebGpuEngine(options))!;
  try {
    await use(engine);
  } finally {
    await engine.close();
  }
}

/** Eight runs that differ in everything a run may differ in; few sizes are multiples of a tile or of a vector. */
export function unlikeRuns(): EngineRun[] {
  const common = { vocabulary: 250, batch: 30 };
  const gated = (n_layers: number, state_size: number, changes: Parameters<typeof gatedConfig>[0] = {}) =>
    runOf(gatedCell(gatedConfig(changes)), { ...common, n_layers, state_size });
  const off = { use_input_gate: false, use_output_gate: false, use_old_state: false };
  return [
    gated(1, 20),
    gated(2, 33),
    gated(3, 7, off),
    gated(2, 32, { ...off, use_forget_gate: false }),
    gated(1, 64, { ...off, use_state_gate: false }),
    gated(2, 1, { use_new_state: false }),
    gated(1, 35, { gate_inputs: "x,h" }),
    { ...gated(1, 20), learningRate: 0.005 },
  ];
}
