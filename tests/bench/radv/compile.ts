/** Compiles the main kernels on the adapter that is there, one after the other. `radv.ts` starts it and reads its standard error. */
import { openDevice } from "../../../train/engines/webgpu/runtime/device.ts";
import { Pipelines } from "../../../train/engines/webgpu/runtime/pipelines.ts";
import { mainKernels } from "./kernels.ts";
import { KERNEL_MARK } from "./statistics.ts";

const opened = await openDevice();
if (!opened?.adapter.startsWith("Null hardware")) {
  throw new Error(
    `Cannot compile for a GPU that is not there: adapter is ${opened?.adapter ?? "none"}, must be RADV's`,
  );
}
const pipelines = new Pipelines(opened.device);
// The mean loss, which every call compiles first.
await pipelines.prepare([]);
for (const { name, kernel } of mainKernels()) {
  console.error(`${KERNEL_MARK}${name}`);
  // A kernel of an earlier group has been compiled already: its statistics stand there.
  await pipelines.prepare([kernel]);
}
Deno.exit(0);
