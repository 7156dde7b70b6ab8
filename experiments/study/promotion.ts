/**
 * Which configurations experiment 02 trains: the best of 01, larger, and a random sample of those left out, as controls.
 *
 * A **control** is trained as it is in 01, as long as the others of 02, so that the report can compare the short ranking with the
 * long one over all of 01 rather than over its best alone. It is marked in the list and in its results, never in its id. A
 * control that a later ranking chooses loses its mark: it is then trained for its loss, and no longer by chance.
 */
import { configIdIn } from "../../cells/config.ts";
import { GATED_SPACE } from "../../cells/catalog/catalog.ts";
import type { Space } from "../../cells/space.ts";
import { UserError } from "../../cells/errors.ts";
import { randomStream } from "../../train/corpus/random.ts";
import { rankConfigs, type RankedConfig, type Ranking } from "./ranking.ts";
import { promotedCount, refine } from "./refine.ts";
import { configOf, isFinished, type RunResult } from "./result.ts";
import { commandOn } from "./commands.ts";
import type { ConfigEntry } from "./runs.ts";
import type { Study } from "./store.ts";

/** Controls of a new list. */
export const DEFAULT_CONTROLS = 8;

/** What was chosen, and from what. */
export interface Promotion {
  /** The chosen ones, then the new controls. */
  readonly entries: readonly ConfigEntry[];
  readonly from: Ranking;
  readonly controls: {
    readonly total: number;
    readonly added: number;
    /** Former controls that are chosen now. */
    readonly chosen: number;
    /** Ranked configurations that are not chosen: those that controls are drawn from. */
    readonly rest: number;
  };
}

/**
 * Chooses the configurations of experiment 02. Other cells than the table's are there to be compared with, and are never chosen.
 *
 * @param wanted controls in all; where absent those that there are, and {@linkcode DEFAULT_CONTROLS} for a new list
 * @throws {UserError} if 01 has no finished run, or one that cannot be read; if there are more controls already
 */
export async function promote(
  known: Study | undefined,
  dir: string,
  wanted?: number,
  table: Space = GATED_SPACE,
): Promise<Promotion> {
  const from = await rankingOf01(known, dir, table);
  const listed = (await known?.readConfigs("02") ?? []).filter(({ config }) => table.isOwnCell(config));
  const marked = listed.filter(({ control }) => control);
  const hasControls = (wanted ?? (listed.length ? marked.length : DEFAULT_CONTROLS)) > 0;
  const entries = chosenOf(from.ranked, hasControls, table);
  const chosen = new Set([...entries, ...listed.filter(({ control }) => !control)].map(({ id }) => id));
  const kept = new Set(marked.map(({ id }) => id).filter((id) => !chosen.has(id)));
  const total = wanted ?? (listed.length ? kept.size : DEFAULT_CONTROLS);
  if (total < kept.size) {
    throw new UserError(`Cannot take controls from study ${dir}: it has ${kept.size}, asked for ${total}`);
  }
  const rest = from.ranked.filter(({ id }) => !chosen.has(id));
  const added = drawControls(rest.filter(({ id }) => !kept.has(id)), total - kept.size);
  return {
    entries: [...entries, ...added],
    from,
    controls: {
      total: kept.size + added.length,
      added: added.length,
      chosen: marked.length - kept.size,
      rest: rest.length,
    },
  };
}

async function rankingOf01(known: Study | undefined, dir: string, table: Space): Promise<Ranking> {
  const read = await known?.readResults("01");
  // The best run may be the one that cannot be read.
  if (read?.unreadable.length) throw new UserError(read.unreadable[0]);
  const own = read?.results.filter((result) => table.isOwnCell(configOf(result, table)));
  const ranking = rankConfigs(own ?? [], table, known?.settings.training.budget);
  if (ranking.ranked.length) return ranking;
  throw new UserError(
    `Cannot choose experiment 02 in ${dir}: no run of experiment 01 has finished${
      read?.results.some(isFinished) ? `, except for other cells than ${table.cellNames[0]}` : ""
    }; ` +
      `run ${known ? "" : `${commandOn("init", { dir })} and `}${commandOn("train", { dir })} first`,
  );
}

/**
 * The best, as the original study takes them on. With controls, each of the best also as it was ranked: a small one would
 * otherwise be trained at 256 alone, and could not be compared with its short run.
 */
function chosenOf(ranked: readonly RankedConfig[], hasControls: boolean, table: Space): ConfigEntry[] {
  const refined = refine(ranked.map(({ config }) => config), table);
  const entries = refined.map(({ config, oldId }): ConfigEntry => ({
    id: configIdIn(table, config),
    config: config as ConfigEntry["config"],
    oldId,
  }));
  if (!hasControls) return entries;
  const known = new Set(entries.map(({ id }) => id));
  const best = ranked.slice(0, promotedCount(ranked.length));
  return [...entries, ...best.filter(({ id }) => !known.has(id)).map(({ id, config }) => ({ id, config, oldId: id }))];
}

/**
 * Draws some of these at random, each set of so many equally likely. Each configuration has a random number of its own that stays
 * the same (permanent random numbers: E. Ohlsson, "Coordination of samples using permanent random numbers", in Business
 * Survey Methods, Wiley 1995), and the smallest are taken: so the draw does not depend on losses or on their order, and a
 * larger draw holds the smaller one.
 */
export function drawControls(from: readonly RankedConfig[], count: number): ConfigEntry[] {
  const numbered = from.map(({ id, config }) => ({ id, config, at: randomStream(0, `controls/${id}`).uniform() }));
  numbered.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
  return numbered.slice(0, count).map(({ id, config }) => ({ id, config, oldId: id, control: true }));
}

/** Results of experiment 02 with the marks of its list: one may have been written before its configuration was chosen. */
export function withListedMarks(results: readonly RunResult[], entries: readonly ConfigEntry[]): RunResult[] {
  const marks = new Map(entries.map(({ id, control }) => [id, control]));
  return results.map((result) => {
    if (!marks.has(result.id)) return result;
    const { control: _, ...rest } = result;
    return (marks.get(result.id) ? { ...rest, control: true } : rest) as RunResult;
  });
}
