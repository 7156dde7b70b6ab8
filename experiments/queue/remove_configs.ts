/** What `remove` does: takes configurations off a study's list. Their results stay, and are shown as unlisted. */
import type { Space } from "../../cells/space.ts";
import { UserError } from "../../cells/errors.ts";
import { plural, shortList } from "../../train/terminal/words.ts";
import { writeAtomically } from "../study/files.ts";
import { lockStudy } from "../study/lock.ts";
import { resultKeys } from "../study/paths.ts";
import { idInKey, shortKey } from "../study/run_key.ts";
import { type ConfigEntry, formatConfigList } from "../study/runs.ts";
import type { Experiment } from "../study/experiment.ts";
import { selectFrom, type Selection } from "../study/selection.ts";
import { Study } from "../study/store.ts";
import { type Claim, ownerInWords } from "./queue.ts";
import { livingClaims, runInClaim } from "./study_queue.ts";

export interface RemoveOptions {
  readonly dir: string;
  readonly experiment: Experiment;
  /** Which configurations. */
  readonly only?: Selection;
  /** The beginning of the id of one configuration; of those that `only` means, where both are given. */
  readonly id?: string;
  /** Called with what is to be removed, before it is. */
  readonly onPlan?: (removal: Removal) => void;
  /** Called with a line, if another process keeps this one waiting. */
  readonly onWait?: (line: string) => void;
}

/** What is taken off a list. */
export interface Removal {
  readonly removed: readonly ConfigEntry[];
  /** Whose configurations they are. */
  readonly space: Space;
  /** Configurations that the list has afterwards. */
  readonly left: number;
  /** Results of what is removed, which stay. */
  readonly results: number;
  /** Processes that are at work on other runs of the experiment: what they train next was listed when they began. */
  readonly owners: readonly string[];
}

/**
 * Takes configurations off a list.
 *
 * @throws {UserError} before anything is written: nothing is selected, more than one configuration has the beginning of the id, or a
 *   process is at work on one of them
 */
export async function removeConfigs(options: RemoveOptions): Promise<Removal> {
  // Where no study is, none is made: the lock would make its folder.
  await planRemoval(options);
  using _lock = await lockStudy(options.dir, options.onWait);
  const removal = await planRemoval(options);
  options.onPlan?.(removal);
  const { study, kept } = removal;
  await writeAtomically(study.configsPath(options.experiment), formatConfigList(kept));
  return removal;
}

/** What {@linkcode removeConfigs} would do; throws as it does. */
export async function planRemoval(
  { dir, experiment, only, id }: RemoveOptions,
): Promise<Removal & { readonly study: Study; readonly kept: readonly ConfigEntry[] }> {
  if (!only && id === undefined) {
    throw new UserError("Cannot remove configurations: must have --only or --id");
  }
  const study = await Study.open(dir), entries = await study.readConfigs(experiment);
  const doing = `remove configurations of experiment ${experiment} from ${dir}`;
  if (!entries.length) throw new UserError(`Cannot ${doing}: it lists none`);
  const meant = withId(selectFrom(entries, only, ({ config }) => config, doing), id, doing);
  const ids = new Set(meant.map((entry) => entry.id)), claims = await livingClaims(study, experiment);
  const isMeant = (claim: Claim) => ids.has(idInKey(runInClaim(claim)));
  const held = claims.filter(isMeant);
  if (held.length) {
    const keys = shortList(held.map((claim) => shortKey(runInClaim(claim))), 4);
    throw new UserError(
      `Cannot ${doing}: ${plural(held.length, "run")} of them ${held.length === 1 ? "is" : "are"} in use by ` +
        `process ${
          shortList([...new Set(held.map(({ owner }) => ownerInWords(owner)))], 4)
        } (${keys}); stop it first, or wait until it is done`,
    );
  }
  const keys = await resultKeys(dir, experiment);
  return {
    space: study.space,
    study,
    removed: meant,
    kept: entries.filter((entry) => !ids.has(entry.id)),
    left: entries.length - meant.length,
    results: keys.filter((key) => ids.has(idInKey(key))).length,
    owners: [...new Set(claims.map(({ owner }) => owner))],
  };
}

function withId(entries: readonly ConfigEntry[], prefix: string | undefined, doing: string): readonly ConfigEntry[] {
  if (prefix === undefined) return entries;
  const meant = entries.filter(({ id }) => id.startsWith(prefix));
  if (!meant.length) throw new UserError(`Cannot ${doing}: no id of the list begins with ${prefix}`);
  if (meant.length > 1) {
    const ids = shortList(meant.map(({ id }) => shortKey(id)), 4);
    throw new UserError(`Cannot ${doing}: ${meant.length} ids begin with ${prefix} (${ids}); give more of the id`);
  }
  return meant;
}
