/** What `init` says before it writes: what it is about to list, and how long that takes to train. */
import type { Space } from "../../cells/space.ts";
import { configIdIn, describeConfigIn } from "../../cells/config.ts";
import { UserError } from "../../cells/errors.ts";
import {
  appliesTo,
  type Configuration,
  countedLevel,
  type Factor,
  type FactorValue,
  formatLevel,
  isQuantity,
  isSize,
  isSwitch,
  namesCell,
  shownFactors,
  valueOf,
  variedFactors,
} from "../../cells/factor.ts";
import { maxOf, minOf } from "../../cells/extremes.ts";
import { formatDuration, plural } from "../../train/terminal/words.ts";
import { flaggedFactors, flagsInWords, levelsAmong, smallestSizes } from "../study/levels.ts";
import type { InitPlan } from "../study/init_study.ts";
import type { ConfigEntry } from "../study/runs.ts";
import { EXPERIMENTS } from "../study/experiment.ts";
import { Study } from "../study/store.ts";
import { trainingSettings } from "../study/training_settings.ts";
import { rankedInWords } from "../study/validation.ts";
import { estimateTraining, type TrainingEstimate } from "./estimate.ts";
import { SHORT_SECONDS } from "./pace.ts";

const DAY = 24 * 3600;

/** What one seed costs, where it is named as a way to save time. */
const NO_INTERVAL = "then no interval can be given";

/** More configurations of one cell than so many are told by their levels. */
const MOST_LINES = 8;

/** What a plan adds, a line each. Where it adds no runs, the state sizes that were asked for, if any. */
export function* planLines(plan: InitPlan): Generator<string> {
  const { dir, experiment, settings, before, space, chosen: { entries, best, sized }, fresh, runs } = plan;
  if (!runs.length) {
    if (!sized) return;
    yield `Listed already, with the state sizes for ${sized.target} parameters:`;
    yield* configLines(space, entries, sized.parameters);
    return;
  }
  if (fresh.length) {
    yield `To be listed in experiment ${experiment} of ${dir}: ${plural(fresh.length, "configuration")}`;
  }
  if (best) {
    const from = `the best ${best.taken} of ${plural(best.ranked, "ranked configuration")}`;
    yield `  ${from}, at other levels: ranked ${rankedInWords(best, { dir, settings })}`;
  }
  if (sized) yield `  state sizes for ${sized.target} parameters`;
  yield* configLines(space, fresh, sized?.parameters);
  const parts = [
    ...(fresh.length ? [`${fresh.length} × ${plural(settings.seeds, "seed")}`] : []),
    ...(hasFurtherSeeds(plan) ? [`further seeds of ${plan.listed} listed before`] : []),
  ];
  yield `${plural(addedRuns(plan), "new run")}: ${parts.join(", and ")}`;
  if (!before && settings.seeds > 1) {
    yield `  one seed, --seeds 1, takes 1/${settings.seeds} of the time; ${NO_INTERVAL}`;
  }
}

/** How many runs come with a plan. */
export function addedRuns({ runs }: InitPlan): number {
  return runs.reduce((sum, { count }) => sum + count, 0);
}

/** Configurations, a line each, or of many of one cell a line for all. @param parameters by id, where they are to be said */
function* configLines(
  table: Space,
  entries: readonly ConfigEntry[],
  parameters: ReadonlyMap<string, number> | undefined,
): Generator<string> {
  const configs = entries.map(({ config }) => config), described = describedAmong(table, configs);
  for (const [name, group] of Map.groupBy(configs, cellNamed(table))) {
    if (group.length > MOST_LINES) yield `  ${name}: ${groupInWords(table, group, parameters)}`;
    else {
      for (const config of group) {
        const count = parameters?.get(configIdIn(table, config));
        yield `  ${described(config)}${count === undefined ? "" : `: ${count} parameters`}`;
      }
    }
  }
}

/** Describes configurations beside each other: a default goes without saying, but for a number of which they have several values. */
function describedAmong(table: Space, configs: readonly Configuration[]): (config: Configuration) => string {
  const varied = variedFactors(table, configs).filter((factor) => isQuantity(factor) && !isSize(factor));
  return (config) => {
    const usual = varied.filter((factor) =>
      appliesTo(table, factor, config) && valueOf(factor, config) === factor.default
    );
    const words = usual.map((factor) =>
      factor.kind === "integer" && factor.unit
        ? countedLevel(factor.unit, factor.default!)
        : `${factor.label} ${factor.default}`
    );
    return [describeConfigIn(table, config), ...words].join(", ");
  };
}

/** The name of a configuration's cell. */
function cellNamed(table: Space): (config: Configuration) => string {
  const factor = table.factors.find(namesCell);
  return (config) => factor && !table.isOwnCell(config) ? `${config[factor.key]}` : table.cellNames[0];
}

/** Configurations of one cell by the levels of their factors. */
function groupInWords(
  table: Space,
  group: readonly Configuration[],
  parameters: ReadonlyMap<string, number> | undefined,
): string {
  const shown = shownFactors(table, group).filter((factor) => !namesCell(factor));
  const levels = shown.filter((factor) => !isSwitch(factor)).map((factor) =>
    `${factor.label} ${levelsInWords(factor, levelsAmong(table, factor, group))}`
  );
  const switches = shown.filter(isSwitch);
  const settings = new Set(group.map((config) => switches.map(({ key }) => config[key]).join())).size;
  const counts = parameters && group.map((config) => parameters.get(configIdIn(table, config))!);
  return [
    `${plural(group.length, "configuration")}`,
    ...(switches.length ? [plural(settings, "setting") + " of the switches"] : []),
    ...levels,
    ...(counts ? [`${minOf(counts)} to ${maxOf(counts)} parameters`] : []),
  ].join("; ");
}

/** Values in their order; of many only how many there are between which. */
function levelsInWords(factor: Factor, values: readonly FactorValue[]): string {
  const sorted = isQuantity(factor) ? values.toSorted((a, b) => Number(a) - Number(b)) : values;
  const names = sorted.map((value) => formatLevel(factor, value));
  if (names.length <= MOST_LINES || !isQuantity(factor)) return names.join(", ");
  return `${names[0]} to ${names.at(-1)} (${names.length} values)`;
}

/**
 * How long the runs of a plan take here. Where further seeds come in, of all that the experiment has left: a list may have runs of the
 * earlier seeds left too, which are trained first.
 */
async function estimateOf(plan: InitPlan, estimate: typeof estimateTraining): Promise<TrainingEstimate | string> {
  const { dir, experiment, settings: { training, tokens, seeds }, before, fresh } = plan;
  const study = before && await Study.open(dir), listed = await study?.readConfigs(experiment) ?? [];
  const read = await Promise.all(EXPERIMENTS.map((each) => study?.readResults(each)));
  let why = "it was stopped";
  const estimated = await estimate({
    entries: hasFurtherSeeds(plan) ? [...listed, ...fresh] : fresh,
    space: plan.space,
    seeds,
    settings: trainingSettings({ training, tokens }, experiment),
    results: read[EXPERIMENTS.indexOf(experiment)]?.results ?? [],
    // Experiment 02 has none at first: 01 says how fast this machine is.
    records: read.flatMap((each) => each?.results ?? []),
    onProblem: (problem) => why = problem,
  });
  return estimated ?? why;
}

function hasFurtherSeeds({ settings: { seeds }, before, listed }: InitPlan): boolean {
  return before !== undefined && listed > 0 && seeds > before.seeds;
}

/** `Training them takes about 3 h 20 min on this machine, by …`. */
function estimateLine(plan: InitPlan, { seconds, basis, engine, adapter }: TrainingEstimate): string {
  const what = hasFurtherSeeds(plan) ? "what is left then" : "them";
  const how = basis === "record" ? "at the speed of the study's finished runs" : "by a short measurement";
  const time = seconds < SHORT_SECONDS ? "less than a second" : `about ${inWords(seconds)}`;
  return `Training ${what} takes ${time} on this machine, scores not counted, ${how} on ${engine} (${adapter})`;
}

/**
 * Prints a plan, and how long its runs take.
 *
 * @param yes whether runs of more than a day are meant
 * @throws {UserError} if they take more, and nobody has said that this is meant
 */
export async function announcePlan(
  plan: InitPlan,
  { yes, print, estimate = estimateTraining }: {
    readonly yes: boolean;
    readonly print: (line: string) => void;
    readonly estimate?: typeof estimateTraining;
  },
): Promise<void> {
  const lines = [...planLines(plan)];
  if (!lines.length) return;
  print(lines.join("\n"));
  if (!plan.runs.length) return;
  const estimated = await estimateOf(plan, estimate);
  if (typeof estimated === "string") return print(`How long they take on this machine is unknown: ${estimated}`);
  print(estimateLine(plan, estimated));
  if (estimated.seconds <= DAY || yes) return;
  const what = plan.fresh.length ? plural(plan.fresh.length, "configuration") : plural(addedRuns(plan), "further run");
  throw new UserError(
    `Cannot list ${what} without --yes: training takes about ${
      inWords(estimated.seconds)
    } on this machine, which is more than a day; add --yes, or ask for less ${lessInWords(plan)}`,
  );
}

/** What makes a plan smaller: of a whole grid its smallest sizes, for an example. */
function lessInWords(
  { before, space: table, settings: { seeds }, chosen: { sized, best, promotion } }: InitPlan,
): string {
  if (before || sized || best || promotion) {
    return `with ${flagsInWords("disjunction", "help", table)}, --only or --steps`;
  }
  const smallest = smallestSizes(table);
  const sizes = flaggedFactors(table).flatMap(({ key, flag: { name } }) =>
    smallest[key] ? [`${name} ${smallest[key]}`] : []
  );
  const fewer = seeds > 1 ? `, a smaller --steps, or --seeds 1 (${NO_INTERVAL})` : ", or a smaller --steps";
  return `as with ${sizes.join(" ")}${fewer}`;
}

function inWords(seconds: number): string {
  return seconds < 2 * DAY ? formatDuration(seconds) : `${(seconds / DAY).toFixed(1)} days`;
}
