/** Whether a folder holds a copy of a study: only runs of the same list, text and settings can be joined. */
import { UserError } from "../../cells/errors.ts";
import { DEFAULT_BUDGET } from "../../train/training/settings.ts";
import type { ConfigEntry } from "./runs.ts";
import type { Experiment } from "./experiment.ts";
import type { Study } from "./store.ts";

/**
 * Checks that another folder holds a copy of a study. Where the corpus lies, what it is called, and what a person has added may differ.
 *
 * @throws {UserError} with one line that names each difference, both values of it
 */
export async function checkCopy(study: Study, other: Study, experiment: Experiment): Promise<void> {
  const differences = [
    ...settingsThatDiffer(study, other, experiment),
    ...listsThatDiffer(await study.readConfigs(experiment), await other.readConfigs(experiment), experiment),
  ];
  if (!differences.length) return;
  throw new UserError(
    `Cannot merge ${other.dir} into ${study.dir}: ${differences.join("; ")}; both must be copies of one study ` +
      `('init' can change steps, seeds and the list of either)`,
  );
}

function settingsThatDiffer(study: Study, other: Study, experiment: Experiment): string[] {
  const of = ({ settings: { corpus, split, tokens, space, seeds, training } }: Study) => ({
    "corpus' SHA-1": corpus.sha1,
    "split": `${split.train}, ${split.validation}, ${split.test} bytes`,
    "tokenizer's SHA-1": tokens?.sha1,
    "space's SHA-256": space?.sha256,
    "batch size": training.batch,
    "history size": training.history,
    "steps": training.steps[experiment],
    "log_every": training.log_every[experiment],
    "budget": training.budget ?? DEFAULT_BUDGET,
    "seeds": seeds,
  });
  const ours = of(study), theirs = of(other);
  return (Object.keys(ours) as (keyof typeof ours)[])
    .filter((name) => theirs[name] !== ours[name])
    .map((name) => `its ${name} is ${theirs[name] ?? "none"}, must be ${ours[name] ?? "none"}`);
}

/** A list's order says nothing: runs are trained in an order of their own. */
function listsThatDiffer(
  ours: readonly ConfigEntry[],
  theirs: readonly ConfigEntry[],
  experiment: Experiment,
): string[] {
  const keysOf = (entries: readonly ConfigEntry[]) =>
    new Set(entries.map(({ id, control }) => control ? `${id} as a control` : id));
  const known = keysOf(ours), found = keysOf(theirs), shared = found.intersection(known).size;
  if (shared === known.size && shared === found.size) return [];
  const more = found.size - shared;
  return [
    `its list of experiment ${experiment} has ${shared} of the ${known.size} configurations here` +
    (more ? ` and ${more} that ${more === 1 ? "is" : "are"} not listed here` : ""),
  ];
}
