/** The kernels of a group, without a device. */
import type { TrainingStep } from "../../../../cells/language_model.ts";
import type { Kernel } from "../../../../train/engines/webgpu/kernels/kernel.ts";
import type { Tiles } from "../../../../train/engines/webgpu/kernels/product_uses.ts";
import {
  buildSchedule,
  EpilogueRegistry,
  kernelsOf,
  layoutOf,
  type Merging,
  planRun,
} from "../../../../train/engines/webgpu/kernels/schedule.ts";

/** The kernels of runs that train together, one of each step; all of one batch size. Where their tensors lie is not part of a kernel. */
export function kernelsOfGroup(steps: readonly TrainingStep[], merging: Merging, tiles: Tiles): readonly Kernel[] {
  const { batch } = steps[0].sizes;
  const scalars = Math.max(...steps.map(({ optimizer }) => optimizer.scalarNames.length));
  const runs = steps.map((step, slot) => ({ plan: planRun(step), slot, base: 0 }));
  const layout = layoutOf({ slots: runs.length, batch, scalars });
  return [...kernelsOf(buildSchedule(runs, layout, new EpilogueRegistry(merging, tiles)))];
}
