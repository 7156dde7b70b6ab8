/** The shares of a study's list, and what is left to do of each. */
import { createHash } from "../../train/process/hash.ts";
import { messageOf } from "../../cells/errors.ts";
import { isDone } from "../session/train_options.ts";
import { runCosts } from "../study/run_cost.ts";
import type { Experiment } from "../study/experiment.ts";
import { sharesOf } from "../study/shard.ts";
import type { Study } from "../study/store.ts";
import { trainingSettings } from "../study/training_settings.ts";

/** One share of a list. */
export interface ShareCount {
  /** From 1. */
  readonly share: number;
  readonly runs: number;
  /** Runs that `train` would train. */
  readonly left: number;
}

/** How a list was split, and how far it has got. */
export interface Shares {
  /** Names the runs and their costs, from which the shares follow. */
  readonly list: string;
  readonly shares: readonly ShareCount[];
  /** A line for each result that cannot be read: `train` leaves its run alone. */
  readonly problems: readonly string[];
}

/** Splits a study's list as `train --shard` does, and looks at each run's result. */
export async function countShares(study: Study, experiment: Experiment, count: number): Promise<Shares> {
  const runs = await study.runs(experiment), costOf = runCosts(study, experiment);
  const settings = trainingSettings(study.settings, experiment), problems: string[] = [], left = new Set<string>();
  for (const { key } of runs) {
    try {
      if (!isDone(await study.readResult(experiment, key), settings, {})) left.add(key);
    } catch (error) {
      problems.push(`${messageOf(error)}; its run is skipped`);
    }
  }
  const shares = sharesOf(runs, count, costOf).map((share, i) => ({
    share: i + 1,
    runs: share.length,
    left: share.filter(({ key }) => left.has(key)).length,
  }));
  const list = createHash("sha256").update(JSON.stringify(runs.map((run) => [run.key, costOf(run)]))).digest("hex");
  return { list, shares, problems };
}
