/** Every shader that the engine makes of the models that its tests train, and of a study's: taken from the code, so that none is forgotten. */
import { CATALOG, cellOf } from "../../../../cells/catalog/catalog.ts";
import type { Cell } from "../../../../cells/cell.ts";
import { buildTrainingStep, type ModelSizes, type TrainingStep } from "../../../../cells/language_model.ts";
import { OPTIMIZERS } from "../../../../cells/optimizers.ts";
import { goldenConfig, type GoldenFile } from "../../../../train/golden.ts";
import { sourcesOf } from "../../../../train/engines/webgpu/runtime/pipelines.ts";
import {
  allGatedConfigs,
  BPTT_GOLDEN,
  CATALOG_BPTT_GOLDEN,
  CATALOG_GOLDEN,
  gatedConfig,
  GOLDEN,
} from "../../../cells/catalog/golden_cases.ts";
import { kernelsOfGroup } from "./group_kernels.ts";
import { readingAhead, UNUSUAL } from "../runs.ts";

/** A shader, by the name of its kernel, and the kernel template that it comes from. */
export interface Shader {
  readonly template: string;
  readonly key: string;
  readonly code: string;
}

/** Steps that train as one group: their kernels hold the epilogues of all. */
type Group = readonly TrainingStep[];

function goldenGroup({ settings, cases }: GoldenFile): Group {
  const sizes = { vocabulary: settings.vocab, batch: settings.batch };
  return cases.map((golden) => {
    const config = goldenConfig(settings, golden);
    return buildTrainingStep(cellOf(config), { ...config, ...sizes }, { withGradients: true, bptt: settings.bptt });
  });
}

/** All cells of a kind at each of some sizes. */
const groupOf = (cells: readonly Cell[], sizes: readonly ModelSizes[]): Group =>
  sizes.flatMap((size) => cells.map((cell) => buildTrainingStep(cell, size)));

/** As experiment 01 has them; the golden cases have one layer and three as well. */
const STUDY_SIZES: readonly ModelSizes[] = [32, 256].map((state_size) => (
  { n_layers: 2, state_size, vocabulary: 256, batch: 256 }
));
/** No multiple of a vector or of a tile, and more tokens than a byte has. */
const ODD_SIZES: readonly ModelSizes[] = [
  { n_layers: 2, state_size: 33, vocabulary: 250, batch: 30 },
  { n_layers: 1, state_size: 67, vocabulary: 66, batch: 65 },
  { n_layers: 2, state_size: 1, vocabulary: 1023, batch: 9 },
  { n_layers: 1, state_size: 100, vocabulary: 1024, batch: 72 },
];

/** One after the other: all plans at once would fill the memory. */
function* groups(): Generator<Group> {
  const gated = allGatedConfigs().map(cellOf), known = CATALOG.map(({ cell }) => cell);
  const full = cellOf(gatedConfig({}));
  yield goldenGroup(GOLDEN);
  yield goldenGroup(CATALOG_GOLDEN);
  yield goldenGroup(BPTT_GOLDEN);
  yield goldenGroup(CATALOG_BPTT_GOLDEN);
  yield groupOf(gated, STUDY_SIZES);
  yield groupOf([...known, ...UNUSUAL], STUDY_SIZES);
  for (const sizes of ODD_SIZES) yield groupOf([...gated.slice(0, 8), full, ...known, ...UNUSUAL], [sizes]);
  for (const optimizer of Object.values(OPTIMIZERS)) {
    yield STUDY_SIZES.map((sizes) => buildTrainingStep(full, sizes, { optimizer }));
  }
  for (const sizes of [STUDY_SIZES[0], ODD_SIZES[0]]) {
    yield [...gated, ...known, ...UNUSUAL].map((cell) => buildTrainingStep(cell, sizes, { bptt: 3 }));
  }
  yield [readingAhead(2).step];
}

/** All shaders, each once. */
export function allShaders(): Shader[] {
  const kernels = groups().flatMap((group) =>
    (["epilogue", "template"] as const).flatMap((merging) =>
      (["large", "small"] as const).flatMap((tiles) => kernelsOfGroup(group, merging, tiles))
    )
  );
  const sources = new Map(sourcesOf([...kernels]).map((source) => [source.key, source]));
  return [...sources.values()].map(({ key, code }) => ({ template: key.split(" | ")[0], key, code: code() }));
}
