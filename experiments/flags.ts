/** Flags that the scripts on a study share, and those that follow from the table of factors. */
import type { FactorTable, FactorValue } from "../cells/factor.ts";
import { GATED } from "../cells/factors.ts";
import { UserError } from "../cells/errors.ts";
import { GATED_SPACE } from "../cells/catalog/catalog.ts";
import type { Space } from "../cells/space.ts";
import { readStudySettings } from "./study/settings_file.ts";
import { readSpaceFile, studySpace } from "./study/space_file.ts";
import { MAX_BYTES } from "../train/corpus/bounds.ts";
import { SCORE_CHOICES } from "../train/scoring/score_on.ts";
import { asksHelp, type Flag, flag, type FlagValues, valueIn } from "../train/terminal/flag.ts";
import { dirFlag } from "./place_flags.ts";
import { MOST_LEVELS } from "./study/grid.ts";
import { flaggedFactors, parseLevel, type TableLevels } from "./study/levels.ts";
import { type Experiment, EXPERIMENTS } from "./study/experiment.ts";
import { parseShard, type Shard } from "./study/shard.ts";
import { exampleSelection, parseSelection, type Selection, SELECTION_GRAMMAR } from "./study/selection.ts";

export const experimentFlag: Flag<Experiment> = flag.choice(
  "--experiment <number>",
  "which experiment",
  EXPERIMENTS,
  "01",
);

/**
 * Flags that follow from a space: that of `--space`, or of the study in `--dir`. So do the keys of `--only`.
 *
 * @returns what makes them from a command line; it throws a {@linkcode UserError} if the space is none, or has been changed
 */
export function ofSpace<F>(make: (space: Space) => F): (args: readonly string[]) => Promise<F> {
  return async (args) => {
    // Whoever asks for help gets it, whatever there is.
    const space = asksHelp(args) ? await spaceIn(args).catch(() => GATED_SPACE) : await spaceIn(args);
    return make(space);
  };
}

async function spaceIn(args: readonly string[]): Promise<Space> {
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
export function onlyFlag(help: string, table: Space = GATED_SPACE): Flag<Selection | undefined> {
  return {
    usage: "--only <expression>",
    help: `${help}, e.g. '${exampleSelection(table)}': ${SELECTION_GRAMMAR}`,
    parse: (text) => parseSelection(text, table),
    fallback: undefined,
  };
}

export const shardFlag: Flag<Shard | undefined> = {
  usage: "--shard <i/K>",
  help:
    "train only share i of K, without a queue, e.g. 2/3: each run is in exactly one share, and shares cost about the same; a share that is started again takes over its own runs",
  parse: parseShard,
  fallback: undefined,
};

/** Folders of other studies, separated by commas. */
export function foldersFlag(usage: string, help: string, most: number): Flag<readonly string[] | undefined> {
  return flag.list(usage, help, folderIn, most);
}

function folderIn(text: string): string {
  if (!text) throw new Error("must not have an empty folder name");
  return text;
}

/** Flags of what scores runs. */
export const scoreFlags = {
  scoreOn: flag.choice(
    "--score-on <name>",
    "where runs are scored; auto takes webgpu on a real GPU, else cpu",
    SCORE_CHOICES,
    "auto",
  ),
  testBytes: flag.whole(
    "--test-bytes <n>",
    "score at most this many bytes of the test split (default: all)",
    undefined,
    {
      least: 2,
      most: MAX_BYTES,
    },
  ),
};

/** How options call the levels of a factor: none of them has the name of another option. */
type LevelsOf = `levels of ${string}`;

/** Flags for the levels of factors. */
export type LevelFlags = Readonly<Record<LevelsOf, Flag<readonly FactorValue[] | undefined>>>;

/** A flag for each factor that has one, in reverse: the factor that changes fastest in a grid first. */
export function levelFlags(table: FactorTable = GATED): LevelFlags {
  return Object.fromEntries(
    flaggedFactors(table).reverse().map((factor): [LevelsOf, LevelFlags[LevelsOf]] => {
      const { name, help, note } = factor.flag, more = note === undefined ? "" : `; ${note}`;
      const shown = `${help} (default: the study's, else ${factor.levels.join(",")})${more}`;
      const parse = (text: string) => parseLevel(factor, text);
      return [`levels of ${factor.key}`, flag.list(`${name} <list>`, shown, parse, MOST_LEVELS)];
    }),
  );
}

/** The levels that were given, by the key of their factor. */
export function levelsIn(values: FlagValues<LevelFlags>): TableLevels {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, levels]) => {
      const key = /^levels of (.*)$/.exec(name)?.[1];
      return key === undefined ? [] : [[key, levels]];
    }),
  );
}

/**
 * Checks that no factor of a space has a flag that is there for something else.
 *
 * @throws {UserError} naming the flag
 */
export function checkFlags<F extends Readonly<Record<string, Flag<unknown>>>>({ name: space }: Space, flags: F): F {
  const names = Object.values(flags).map(({ usage }) => usage.split(" ")[0]);
  const taken = names.find((name, i) => names.indexOf(name) < i);
  if (taken === undefined) return flags;
  throw new UserError(
    `Cannot use space ${space}: a factor has the flag ${taken}, which this command uses for something else; give the factor another with 'flag'`,
  );
}
