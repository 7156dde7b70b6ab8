/** Configurations of a study that are to be listed again with other levels. */
import type { Space } from "../../cells/space.ts";
import { configIdIn } from "../../cells/config.ts";
import { UserError } from "../../cells/errors.ts";
import { type Configuration, isSwitch, withoutKeys } from "../../cells/factor.ts";
import { adviceForRuns } from "./commands.ts";
import { changed, combinationsOf, isListed } from "./grid.ts";
import { flagsInWords } from "./levels.ts";
import { rankConfigs, type Ranking } from "./ranking.ts";
import { selectFrom, type Selection } from "./selection.ts";
import type { Study } from "./store.ts";

/** What a configuration is listed again from. */
export interface Origin {
  readonly config: Configuration;
  /** Whether it is in the list itself: see {@linkcode expanded}. */
  readonly isGiven: boolean;
}

/** What the best were chosen from: how many there were, of how many, and what ranked them. */
export interface ChosenBest extends Pick<Ranking, "criterion" | "unvalidated" | "unscored"> {
  readonly taken: number;
  readonly ranked: number;
}

/**
 * The listed configurations, and what a rule on sizes alone has left out of them: where a list has every setting of the switches that its
 * size allows, it is meant to have every setting at another size too.
 */
export function expanded(table: Space, listed: readonly Configuration[]): Origin[] {
  const idOf = (config: Configuration) => configIdIn(table, config), ids = new Set(listed.map(idOf));
  const switches = table.factors.filter(isSwitch).map((factor) => ({ factor, levels: factor.levels }));
  const keys = switches.map(({ factor: { key } }) => key);
  const groups = Map.groupBy(
    listed,
    (config) => table.isOwnCell(config) ? idOf(withoutKeys(config, keys)) : idOf(config),
  );
  return [...groups.values()].flatMap((group) => {
    const given = group.map((config): Origin => ({ config, isGiven: true }));
    if (!table.isOwnCell(group[0])) return given;
    const all = combinationsOf(table, switches, [withoutKeys(group[0], keys)]).filter((config) =>
      table.valid.holds(config)
    );
    if (!all.every((config) => ids.has(idOf(config)) || !isListed(table, config))) return given;
    return [...given, ...all.filter((config) => !ids.has(idOf(config))).map((config) => ({ config, isGiven: false }))];
  });
}

/** @throws {UserError} if there is nothing to choose the best of, or nothing to list of them */
export function checkedBest(dir: string, known: Study | undefined, keys: readonly string[], table: Space): void {
  if (!known) throw new UserError(`Cannot use --best in ${dir}: it has no study, so no run is trained`);
  if (keys.length) return;
  const flags = flagsInWords("disjunction", "help", table);
  throw new UserError(`Cannot use --best alone: the best are listed already; give other levels for them with ${flags}`);
}

/**
 * The best of the listed configurations, by the study's ranking. Of those that differ in nothing but what is to vary the best one counts.
 *
 * @param keys of the factors that are to vary
 * @returns as many as there are, at most `count`; and what they were chosen from
 * @throws {UserError} if none has been trained or is selected, or a result cannot be read: it may be the best
 */
export async function bestListed(
  study: Study,
  count: number,
  listed: readonly Configuration[],
  keys: readonly string[],
  only: Selection | undefined,
  table: Space,
): Promise<{ origins: readonly Origin[]; best: ChosenBest }> {
  const { results, unreadable } = await study.readResults("01");
  if (unreadable.length) throw new UserError(unreadable[0]);
  const ids = new Set(listed.map((config) => configIdIn(table, config)));
  const { ranked, criterion, unvalidated, unscored } = rankConfigs(
    results.filter(({ id }) => ids.has(id)),
    table,
    study.settings.training.budget,
  );
  if (!ranked.length) {
    throw new UserError(
      `Cannot choose the best of study ${study.dir}: no run that it lists has finished; ${
        adviceForRuns(study, "01", listed.length > 0)
      }`,
    );
  }
  const selected = selectFrom(ranked, only, ({ config }) => config, `choose the best of study ${study.dir}`);
  const distinct = new Map<string, Configuration>();
  for (const { config } of selected) {
    const rest = configIdIn(table, changed(table, withoutKeys(config, keys), {}));
    if (!distinct.has(rest)) distinct.set(rest, config);
  }
  const origins = [...distinct.values()].slice(0, count).map((config) => ({ config, isGiven: true }));
  return { origins, best: { taken: origins.length, ranked: selected.length, criterion, unvalidated, unscored } };
}
