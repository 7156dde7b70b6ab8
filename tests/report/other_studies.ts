/** Made-up studies to compare: their runs as rows of results, with scores that a test chooses. */
import { type CellConfig, configIdIn } from "../../cells/config.ts";
import { GATED_SPACE } from "../../cells/catalog/catalog.ts";
import type { Space } from "../../cells/space.ts";
import { grid } from "../../experiments/study/grid.ts";
import type { RunResult } from "../../experiments/study/result.ts";
import { type StudyRuns, studyRunsOf } from "../../report/data/other_studies.ts";
import { syntheticResults } from "./synthetic_results.ts";

const [template] = syntheticResults({ layers: [1], steps: 1000 });
const KEYS = GATED_SPACE.factors.map(({ key }) => key);

/** A finished run of a configuration with this test score; all else is the same for all runs. */
export function resultOf(config: CellConfig, score: number, more: Partial<RunResult> = {}, space: Space = GATED_SPACE) {
  const rest = Object.fromEntries(Object.entries(template).filter(([key]) => !KEYS.includes(key)));
  const result = {
    ...rest,
    ...config,
    id: configIdIn(space, config),
    test_bits_per_byte: score,
    test_loss: score * Math.LN2,
    ...more,
  };
  return result as RunResult;
}

/** Configurations of one layer: 48 of the small size, which all have the residual. */
export const SMALL = grid().filter(({ n_layers, state_size }) => n_layers === 1 && state_size === 32);

/** How {@linkcode madeStudy} makes a study. */
export interface MadeStudy {
  readonly name?: string;
  readonly seeds?: readonly number[];
  readonly configs?: readonly CellConfig[];
  /** Test score, bits per byte. */
  readonly score: (config: CellConfig, seed: number, index: number) => number;
  readonly more?: Partial<RunResult>;
  readonly space?: Space;
}

export function madeResults({ seeds = [0, 1, 2], configs = SMALL, score, more, space }: MadeStudy): RunResult[] {
  return seeds.flatMap((seed) =>
    configs.map((config, i) => resultOf(config, score(config, seed, i), { seed, ...more }, space))
  );
}

export function madeStudy(made: MadeStudy): StudyRuns {
  const { name = "other", space = GATED_SPACE } = made;
  return studyRunsOf({ name, dir: `/studies/${name}`, space, results: madeResults(made), unreadable: [] });
}
