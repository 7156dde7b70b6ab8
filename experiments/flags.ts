/** Flags that the scripts on a study share, and those that follow from the table of factors. */
import type { FactorTable, FactorValue } from "../cells/factor.ts";
import { GATED } from "../cells/factors.ts";
import { UserError } from "../cells/errors.ts";
import { GATED_SPACE } from "../cells/catalog/catalog.ts";
import type { Space } from "../cells/space.ts";
import { readStudySettings } from "./study/settings_file.ts";
import { readSpaceFile, studySpace } from "./study/space_file.ts";
import { type Flag, flag, type FlagValues, valueIn } from "../train/terminal/command_line.ts";
import { MOST_LEVELS } from "./study/grid.ts";
import { flaggedFactors, type Levels, parseLevel, type TableLevels } from "./study/levels.ts";
import { type Experiment, EXPERIMENTS } from "./study/schema.ts";
import { exampleSelection, parseSelection, type Selection, SELECTION_GRAMMAR } from "./study/selection.ts";

export const dirFlag: Flag<string> = flag.text("--dir <folder>", "the study's folder", "study");
export const experimentFlag: Flag<Experiment> = flag.choice(
  "--experiment <number>",
  "which experiment",
  EXPERIMENTS,
  "01",
);

/**
 * The space that a command line is about: that of `--space`, or of the study in `--dir`. Flags, and the keys of `--only`, follow from it.
 *
 * @throws {UserError} if it is no space, or has been changed
 */
export async function spaceIn(args: readonly string[]): Promise<Space> {
  // Whoever asks for help gets it, whatever there is.
  if (args.includes("--help")) return await spaceOf(args).catch(() => GATED_SPACE);
  return await spaceOf(args);
}

async function spaceOf(args: readonly string[]): Promise<Space> {
  const file = valueIn(args, "space");
  if (file?.trim()) return (await readSpaceFile(file)).space;
  const dir = valueIn(args, "dir") ?? dirFlag.fallback;
  // What is wrong with the settings is said where the study is opened.
  const settings = await readStudySettings(dir).catch((error) => {
    if (!(error instanceof UserError)) throw error;
  });
  return await studySpace(dir, settings?.settings.space);
}

/** @param help what a command does with the configurations that are meant, e.g. `train only these` */
export function onlyFlag(help: string, table: FactorTable = GATED): Flag<Selection | undefined> {
  return {
    usage: "--only <expression>",
    help: `${help}, e.g. '${exampleSelection(table)}': ${SELECTION_GRAMMAR}`,
    parse: (text) => parseSelection(text, table),
    fallback: undefined,
  };
}

/** Flags for the levels of factors, by their name. */
export type LevelFlags = Readonly<Record<`--${string}`, Flag<readonly FactorValue[] | undefined>>>;

/** A flag for each factor that has one, in reverse: the factor that changes fastest in a grid first. */
export function levelFlags(table: FactorTable = GATED): LevelFlags {
  return Object.fromEntries(
    flaggedFactors(table).reverse().map((factor) => {
      const { name, help, note } = factor.flag, more = note === undefined ? "" : `; ${note}`;
      const shown = `${help} (default: the study's, else ${factor.levels.join(",")})${more}`;
      return [name, flag.list(`${name} <list>`, shown, (text) => parseLevel(factor, text), MOST_LEVELS)];
    }),
  );
}

/** The levels that were given, by the key of their factor. */
export function levelsIn(values: FlagValues<LevelFlags>): Levels;
export function levelsIn(values: FlagValues<LevelFlags>, table: FactorTable): TableLevels;
export function levelsIn(values: FlagValues<LevelFlags>, table: FactorTable = GATED): TableLevels {
  return Object.fromEntries(
    flaggedFactors(table).map(({ key, flag: { name } }) => [key, values[name as `--${string}`]]),
  );
}
