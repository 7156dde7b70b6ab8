/** Made-up results over a table with a choice of long names more, for a look at labels. */
import { configIdIn, configIn } from "../../cells/config.ts";
import type { ChoiceFactor } from "../../cells/factor.ts";
import type { Space } from "../../cells/space.ts";
import type { RunResult } from "../../experiments/study/result.ts";
import { EXTENDED } from "../extended_table.ts";
import { extendedResults } from "./extended_results.ts";

/** Names as they are in `cells/optimizers.ts`. */
const OPTIMIZERS = ["adam", "sgd", "adam_no_second_moment"] as const;

const OPTIMIZER: ChoiceFactor = {
  key: "optimizer",
  kind: "choice",
  label: "optimizer",
  about: "what makes an update of a gradient",
  levels: OPTIMIZERS,
  default: "adam",
  choices: OPTIMIZERS.map((value) => ({ value, phrase: value })),
  contrast: ["adam", "adam_no_second_moment"],
};

/** The extended factors and {@linkcode OPTIMIZER}. */
export const WITH_OPTIMIZER: Space = {
  ...EXTENDED,
  name: "optimizer",
  factors: [...EXTENDED.factors, OPTIMIZER],
};

/** Each sixth of the extended results, with each optimizer; those of long names are the best. */
export function optimizerResults(): RunResult[] {
  return extendedResults().filter((_, i) => i % 24 < 4).flatMap((result) =>
    OPTIMIZERS.map((optimizer, i): RunResult => {
      const loss = result.loss!.map((value) => value - 0.02 * i);
      const changed = { ...result, ...(i ? { optimizer } : {}), loss, "min loss": Math.min(...loss) };
      return { ...changed, id: configIdIn(WITH_OPTIMIZER, configIn(changed, WITH_OPTIMIZER)) };
    })
  );
}
