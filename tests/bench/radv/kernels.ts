/** The kernels that most of a training's time goes to, by a name that stays the same from version to version. */
import { gatedCell } from "../../../cells/catalog/gated_cell.ts";
import type { CellConfig } from "../../../cells/config.ts";
import { BEST_CONFIG, SMALL_CONFIG } from "../../../cells/known_configs.ts";
import { buildTrainingStep } from "../../../cells/language_model.ts";
import type { Kernel } from "../../../train/engines/webgpu/kernels/kernel.ts";
import type { Tiles } from "../../../train/engines/webgpu/kernels/product_uses.ts";
import type { Merging } from "../../../train/engines/webgpu/kernels/schedule.ts";
import { allGatedConfigs } from "../../cells/catalog/golden_cases.ts";
import { kernelsOfGroup } from "../../train/engines/webgpu/group_kernels.ts";

export interface NamedKernel {
  readonly name: string;
  readonly kernel: Kernel;
}

interface Group {
  readonly what: string;
  readonly configs: readonly CellConfig[];
  readonly merging: Merging;
  readonly tiles: Tiles;
}

/** Groups whose kernels are looked at. A GPU merges by template; by epilogue, a product stands with one epilogue alone. */
const GROUPS: readonly Group[] = [
  { what: "2 × 256", configs: [BEST_CONFIG], merging: "template", tiles: "large" },
  { what: "1 × 32", configs: [SMALL_CONFIG], merging: "template", tiles: "large" },
  { what: "1 × 33", configs: [{ ...SMALL_CONFIG, state_size: 33 }], merging: "template", tiles: "large" },
  {
    what: "64 configurations",
    configs: allGatedConfigs().slice(0, 64).map((config) => ({ ...config, n_layers: 3, state_size: 256 })),
    merging: "template",
    tiles: "large",
  },
  { what: "2 × 256 by epilogue", configs: [BEST_CONFIG], merging: "epilogue", tiles: "large" },
  { what: "2 × 256 in small tiles", configs: [BEST_CONFIG], merging: "template", tiles: "small" },
];

export function mainKernels(): NamedKernel[] {
  return GROUPS.flatMap(({ what, configs, merging, tiles }) => {
    const steps = configs.map((config) => {
      const { n_layers, state_size } = config;
      return buildTrainingStep(gatedCell(config), { n_layers, state_size, vocabulary: 256, batch: 256 });
    });
    const kernels = kernelsOfGroup(steps, merging, tiles);
    return kernels.map((kernel) => {
      const { template, epilogues } = kernel;
      const sameTemplate = kernels.filter((other) => other.template.key === template.key);
      const number = sameTemplate.length > 1 ? ` ${sameTemplate.indexOf(kernel) + 1}` : "";
      return { name: `${what}: ${template.key}, epilogues ${epilogues.length}${number && `, no.${number}`}`, kernel };
    });
  });
}
