/** What `init` checks of a study before it writes: that its lists can be trained, and that its results stay what they are. */
import { UserError } from "../../cells/errors.ts";
import { BYTE_VOCABULARY } from "../../cells/language_model.ts";
import { plural } from "../../train/terminal/words.ts";
import { checkAskedLogged } from "./bounds.ts";
import { MOST_RUNS } from "./grid.ts";
import { resultKeys } from "./paths.ts";
import { shortKey } from "./run_key.ts";
import type { RunResult } from "./result.ts";
import type { ConfigEntry } from "./runs.ts";
import { type Experiment, EXPERIMENTS } from "./experiment.ts";
import { type StudySettings, tokensName } from "./schema.ts";
import type { Study } from "./store.ts";
import { stepsBackAmong, trainingSettings } from "./training_settings.ts";

/** Which study `init` works on, and which of its lists. */
interface ListedPlace {
  readonly dir: string;
  readonly experiment: Experiment;
}

/** @throws {UserError} if an experiment would have more runs than can be looked at in memory */
export async function checkAllRuns(
  known: Study | undefined,
  { dir, experiment }: ListedPlace,
  entries: readonly ConfigEntry[],
  seeds: number,
): Promise<void> {
  for (const each of EXPERIMENTS) {
    const ids = new Set(
      [...await known?.readConfigs(each) ?? [], ...each === experiment ? entries : []].map(({ id }) => id),
    );
    if (ids.size * seeds <= MOST_RUNS) continue;
    throw new UserError(
      `Cannot list experiment ${each} of ${dir}: ${ids.size} configurations with ${seeds} seeds are ${
        ids.size * seeds
      } runs, must be at most ${MOST_RUNS}`,
    );
  }
}

/**
 * @throws {UserError} if a configuration's gradient goes back more steps than a pass has tokens, or its runs would end before their loss is
 * logged once
 */
export async function checkAllLogged(
  known: Study | undefined,
  { experiment }: ListedPlace,
  entries: readonly ConfigEntry[],
  training: StudySettings["training"],
): Promise<void> {
  for (const each of EXPERIMENTS) {
    const all = [...await known?.readConfigs(each) ?? [], ...each === experiment ? entries : []];
    const several = stepsBackAmong(all.map(({ config }) => config)).filter((back) => back > 1);
    for (const back of several) checkAskedLogged(trainingSettings({ training }, each), back);
  }
}

/** @throws {UserError} if there is a result, readable or not, of a seed that would go */
export async function checkSeedsLeft(dir: string, seeds: number): Promise<void> {
  for (const experiment of EXPERIMENTS) {
    for (const key of await resultKeys(dir, experiment)) {
      const seed = Number(/_seed(\d+)$/.exec(key)?.[1] ?? 0);
      if (seed < seeds) continue;
      throw new UserError(
        `Cannot take seeds from study ${dir}: experiment ${experiment} has a result of seed ${seed} (${
          shortKey(key)
        }), ` +
          `asked for ${plural(seeds, "seed")}; must be at least ${seed + 1}`,
      );
    }
  }
}

interface ReadAs {
  readonly batch: number;
  readonly history: number;
  readonly vocabulary: number;
}

/**
 * Checks that a study's results stay what they are.
 *
 * @param trained one of them, if any can be read
 * @throws {UserError} if settings are asked for that they were not trained with
 */
export function checkAsTrained(
  dir: string,
  known: Study | undefined,
  trained: RunResult | undefined,
  asked: ReadAs,
): void {
  const ofStudy = known && {
    batch: known.settings.training.batch,
    history: known.settings.training.history,
    vocabulary: known.settings.tokens?.vocabulary ?? BYTE_VOCABULARY,
  };
  const is = trained
    ? {
      batch: trained["batch size"],
      history: trained["history size"],
      vocabulary: trained.vocabulary ?? BYTE_VOCABULARY,
    }
    : ofStudy!;
  const keys = (["batch", "history", "vocabulary"] as const).filter((key) =>
    key !== "vocabulary" || is[key] !== asked[key]
  );
  if (keys.every((key) => is[key] === asked[key])) return;
  const told = (facts: ReadAs, word: (key: keyof ReadAs, value: string | number) => unknown) =>
    keys.map((key) => {
      const name = key === "vocabulary" ? "tokens" : key;
      return word(name as keyof ReadAs, key === "vocabulary" ? tokensName(facts[key]) : facts[key]);
    });
  const list = (words: readonly unknown[]) => new Intl.ListFormat("en-GB").format(words.map(String));
  const isStudys = ofStudy && keys.every((key) => is[key] === ofStudy[key]);
  const mend = isStudys
    ? "start another with --dir"
    : `ask for those with ${told(is, (name, value) => `--${name} ${value}`).join(" ")}${
      known ? " after moving study.json away" : ""
    }, or start another with --dir`;
  throw new UserError(
    `Cannot ${known ? "extend" : "make"} study ${dir}: its results have ${
      list(told(is, (name, value) => `${name} ${value}`))
    }, asked for ${list(told(asked, (_, value) => value))}; ${mend}`,
  );
}
