/**
 * Which configurations `init` lists: a grid; those of the study again, with other levels; named cells; or what experiment 02 follows from.
 */
import { GATED_SPACE } from "../../cells/catalog/catalog.ts";
import type { Space } from "../../cells/space.ts";
import { type CellConfig, configIdIn } from "../../cells/config.ts";
import { UserError } from "../../cells/errors.ts";
import { type Configuration, type Factor, type FactorValue, isSize, markedBy, namesCell } from "../../cells/factor.ts";
import { plural } from "../../train/terminal/words.ts";
import { checkLevels, combinationsOf, type FactorLevels, isListed, levelsOf } from "./grid.ts";
import { flaggedFactors, flagsInWords, keysWithLevels, levelsAmong, type TableLevels } from "./levels.ts";
import { bestListed, checkedBest, type ChosenBest, expanded, type Origin } from "./listed_again.ts";
import { namedCells, sharedFactors } from "./named_cells.ts";
import { parametersOf, type ParameterTarget, StateSizes } from "./parameters.ts";
import { promote, type Promotion } from "./promotion.ts";
import type { ConfigEntry } from "./runs.ts";
import { type Experiment, EXPERIMENTS } from "./experiment.ts";
import { selectFrom, type Selection } from "./selection.ts";
import type { Study } from "./store.ts";

/** What is asked of a list. With none of it a new list is the whole grid, and one that is there stays as it is. */
export interface ConfigRequest {
  /**
   * Levels of factors, by key. Of the others a new list takes the levels of the table; on a study, each of its configurations is
   * listed again with these levels.
   */
  readonly levels?: TableLevels;
  /** Names of cells, which alone are listed; levels that are not given are those that the study's list has. */
  readonly cells?: readonly string[];
  /** Whether a new list takes every valid combination, those too that the table's rule on lists leaves out. */
  readonly allValid?: boolean;
  /** Sets the state size of each configuration. */
  readonly parameters?: ParameterTarget;
  /** Of a new list which combinations; on a study which of its configurations are listed again. */
  readonly only?: Selection;
  /** On a study: so many of its configurations, the best by their mean validation score, are listed again. */
  readonly best?: number;
}

/** What is to be listed. */
export interface ChosenConfigs {
  readonly entries: readonly ConfigEntry[];
  /** For experiment 02: what was chosen, and from what. */
  readonly promotion?: Promotion;
  /** Where state sizes follow from a number of parameters: that number, and what each configuration came to, by id. */
  readonly sized?: { readonly target: number; readonly parameters: ReadonlyMap<string, number> };
  /** Where the best are listed again: what they were chosen from. */
  readonly best?: ChosenBest;
}

/** Where configurations are listed. */
export interface ListPlace {
  readonly dir: string;
  readonly experiment: Experiment;
  readonly known: Study | undefined;
  /** Of the study, for counts of parameters. */
  readonly vocabulary: number;
  /** For experiment 02: see `promotion.ts`. */
  readonly controls?: number;
}

/**
 * Chooses what is to be listed; some of it may be there already.
 *
 * @throws {UserError} if flags contradict each other, nothing is selected, or there is nothing to choose from
 */
export async function chooseConfigs(
  place: ListPlace,
  request: ConfigRequest,
  table: Space = GATED_SPACE,
): Promise<ChosenConfigs> {
  checkRequest(place, request, table);
  const { known, dir, experiment, controls } = place;
  const listed = (await known?.readConfigs(experiment) ?? []).map(({ config }) => config);
  if (experiment === "02" && !request.cells) {
    const promotion = await promote(known, dir, controls, table);
    return { entries: promotion.entries, promotion };
  }
  if (!isAsked(request) && listed.length) return { entries: [] };
  const sizes = await stateSizes(place, request, table);
  const chosen = request.cells
    ? { configs: namedConfigs(request.cells, request, listed, sizes, table) }
    : await ownConfigs(place, request, listed, sizes, table);
  const { configs, ...best } = chosen;
  const unique = new Map(configs.map((config) => [configIdIn(table, config), config as CellConfig]));
  const entries = [...unique].map(([id, config]): ConfigEntry => ({ id, config }));
  if (!entries.length) {
    throw new UserError(
      `Cannot list configurations in ${dir}: ${table.name} lists no combination of the levels: each ${
        [table.valid.must, table.listed.must].filter(Boolean).join(", and ")
      }`,
    );
  }
  if (!sizes) return { entries, ...best };
  const parameters = new Map([...unique].map(([id, config]) => [id, sizes.sized(config).parameters]));
  return { entries, sized: { target: sizes.target, parameters }, ...best };
}

function isAsked({ levels = {}, cells, parameters, only, best }: ConfigRequest): boolean {
  return keysWithLevels(levels).length > 0 || [cells, parameters, only, best].some((one) => one !== undefined);
}

/** @throws {UserError} if flags contradict each other */
function checkRequest({ experiment, controls }: ListPlace, request: ConfigRequest, table: Space): void {
  const { levels = {}, cells, parameters, best } = request;
  checkLevels(levels, table);
  const named = table.factors.find((factor) => namesCell(factor) && levels[factor.key] !== undefined);
  if (named) {
    throw new UserError(`Cannot list levels of '${named.key}': other cells are listed by their names, with --cells`);
  }
  if (experiment === "01" && controls !== undefined) {
    throw new UserError("Cannot use --controls with experiment 01: it trains every configuration");
  }
  const size = markedBy(table, "colour");
  if (parameters && levels[size.key] !== undefined) {
    throw new UserError(
      `Cannot use --parameters with ${size.flag?.name}: the number of parameters sets the ${size.label}`,
    );
  }
  if (cells && best !== undefined) {
    throw new UserError(
      "Cannot use --best with --cells: it lists configurations of the study again, --cells lists new ones",
    );
  }
  if (experiment === "01") return;
  if (cells && controls !== undefined) {
    throw new UserError("Cannot use --controls with --cells: controls are drawn where experiment 02 is chosen");
  }
  if (!cells && isAsked(request)) throw refusedIn02(request, table);
}

/** Experiment 02 takes named cells, and nothing else that would change what it is. */
function refusedIn02({ levels = {}, parameters, only }: ConfigRequest, table: Space): UserError {
  const what = flaggedFactors(table).every(isSize) ? "sizes" : "configurations";
  const flag = keysWithLevels(levels).length
    ? flagsInWords("disjunction", "table", table)
    : parameters
    ? "--parameters"
    : only
    ? "--only"
    : "--best";
  return new UserError(
    `Cannot use ${flag} with experiment 02: its ${what} follow from the best of experiment 01, except with --cells`,
  );
}

/** What finds the state sizes for `--parameters`; undefined where it is not given. */
async function stateSizes(
  { known, dir, vocabulary }: ListPlace,
  { parameters }: ConfigRequest,
  table: Space,
): Promise<StateSizes | undefined> {
  if (!parameters) return undefined;
  if ("count" in parameters) return new StateSizes(parameters.count, vocabulary, table);
  const { like } = parameters, ids = new Map<string, CellConfig>();
  for (const experiment of EXPERIMENTS) {
    for (const { id, config } of await known?.readConfigs(experiment) ?? []) {
      if (id.startsWith(like)) ids.set(id, config);
    }
  }
  const refuse = (why: string) => new UserError(`Cannot use --parameters like:${like}: ${why}`);
  if (!ids.size) throw refuse(`no configuration that study ${dir} lists has an id that begins with it`);
  if (ids.size > 1) throw refuse(`${ids.size} configurations have an id that begins with it; give more of it`);
  return new StateSizes(parametersOf(table, [...ids.values()][0], vocabulary), vocabulary, table);
}

/** Levels that were asked for, those among the listed, or the table's. A state size that follows from parameters has one, whichever. */
function levelsFor(
  table: Space,
  factor: Factor,
  { levels = {}, parameters }: ConfigRequest,
  among: readonly FactorValue[],
): FactorLevels {
  if (parameters && factor.key === markedBy(table, "colour").key) return { factor, levels: factor.levels.slice(0, 1) };
  return { factor, levels: levelsOf(factor, levels[factor.key] ?? (among.length ? among : undefined)) };
}

function sizedBy(sizes: StateSizes | undefined, configs: readonly Configuration[]): readonly Configuration[] {
  return sizes ? configs.map((config) => sizes.sized(config).config) : configs;
}

/** The configurations whose levels others are listed with: what named cells were given to be comparable is no level of the study. */
function withLevels(table: Space, listed: readonly Configuration[]): readonly Configuration[] {
  const own = listed.filter((config) => table.isOwnCell(config));
  return own.length ? own : listed;
}

const itself = (config: Configuration) => config;

function namedConfigs(
  cells: readonly string[],
  request: ConfigRequest,
  listed: readonly Configuration[],
  sizes: StateSizes | undefined,
  table: Space,
): readonly Configuration[] {
  const levels = sharedFactors(table).map((factor) =>
    levelsFor(table, factor, request, levelsAmong(table, factor, withLevels(table, listed)))
  );
  const configs = sizedBy(sizes, namedCells(table, cells, levels));
  return selectFrom(configs, request.only, itself, `list cells ${cells.join(", ")}`);
}

/** Configurations of the table's own cell: a grid, or those of the study again. */
async function ownConfigs(
  { known, dir }: ListPlace,
  request: ConfigRequest,
  listed: readonly Configuration[],
  sizes: StateSizes | undefined,
  table: Space,
): Promise<{ configs: readonly Configuration[]; best?: ChosenConfigs["best"] }> {
  const { only, best, parameters } = request;
  const namesCells = table.factors.some((factor) => namesCell(factor) && only?.keys.has(factor.key));
  const base = listed.filter((config) => namesCells || table.isOwnCell(config));
  const keys = keysWithLevels({ ...request.levels, ...(parameters ? { [markedBy(table, "colour").key]: [] } : {}) });
  const doing = `list configurations of study ${dir} again`;
  if (best !== undefined) {
    checkedBest(dir, known, keys, table);
    const { origins, best: chosen } = await bestListed(known!, best, base, keys, only, table);
    return { configs: listedAgain(origins, varied(request, keys, table), sizes, table), best: chosen };
  }
  if (!base.length) return { configs: gridOf(request, listed, sizes, table) };
  const origins = expanded(table, base);
  if (!keys.length) {
    // What an expression names, the study may be made without: it takes the table's levels beside those of the study.
    const named = table.factors.filter((factor) => only?.keys.has(factor.key) && !namesCell(factor)).map((factor) => ({
      factor,
      levels: [...new Set([...levelsAmong(table, factor, base), ...factor.levels])],
    }));
    return { configs: selectFrom(listedAgain(origins, named, sizes, table), only, itself, doing, "combination") };
  }
  const selected = origins.filter(({ config }) => only?.(config) ?? true);
  // Said of what is in the list, not of what a rule has left out of it.
  if (!selected.length) selectFrom(base, only, itself, doing);
  return { configs: listedAgain(selected, varied(request, keys, table), sizes, table) };
}

/** The levels that are asked for, of these factors. */
function varied(request: ConfigRequest, keys: readonly string[], table: Space): FactorLevels[] {
  return table.factors.filter(({ key }) => keys.includes(key)).map((factor) => levelsFor(table, factor, request, []));
}

/** Configurations with every combination of other levels. @throws {UserError} if none of them is one to list */
function listedAgain(
  origins: readonly Origin[],
  levels: readonly FactorLevels[],
  sizes: StateSizes | undefined,
  table: Space,
): readonly Configuration[] {
  const all = sizedBy(sizes, combinationsOf(table, levels, origins.map(({ config }) => config)));
  const each = all.length / origins.length;
  const configs = all.filter((config, i) => isWanted(table, origins[Math.floor(i / each)], config));
  if (configs.length) return configs;
  const { must } = all.some((config) => table.valid.holds(config)) ? table.listed : table.valid;
  throw new UserError(`Cannot list ${plural(all.length, "combination")} of levels: a configuration ${must}`);
}

/** Rules on what lists hold are the own cell's; what somebody has listed against them is listed again against them. */
function isWanted(table: Space, { config: origin, isGiven }: Origin, config: Configuration): boolean {
  if (!table.isOwnCell(config) || isGiven && !isListed(table, origin)) return table.valid.holds(config);
  return isListed(table, config);
}

/** Every combination: of levels that were asked for, else of those that named cells have in the list, else of the table's. */
function gridOf(
  request: ConfigRequest,
  listed: readonly Configuration[],
  sizes: StateSizes | undefined,
  table: Space,
): readonly Configuration[] {
  const levels = table.factors.map((factor) =>
    levelsFor(table, factor, request, namesCell(factor) ? [] : levelsAmong(table, factor, listed))
  );
  const valid = combinationsOf(table, levels).filter((config) => table.valid.holds(config));
  const configs = sizedBy(sizes, valid).filter((config) => request.allValid || isListed(table, config));
  return selectFrom(configs, request.only, itself, "list configurations", "combination");
}
