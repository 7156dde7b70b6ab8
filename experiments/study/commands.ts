/** Commands on a study, for the text of a message. */
import { DYNAMICS_DEFAULTS, type DynamicsSettings } from "../../train/dynamics/measure.ts";
import { type CommandFlags, taskCommand } from "../../train/terminal/advice.ts";
import type { Experiment } from "./experiment.ts";

/** What a command needs to know of a study. */
interface StudyFolder {
  readonly dir: string;
}

/** What makes a run's model again. */
export function remakeModel({ dir }: StudyFolder, experiment: Experiment): string {
  return `export it again with ${commandOn("evaluate", { dir }, experiment, { again: true })}`;
}

/** A command on a study, for the text of a message. */
export function commandOn(
  name: string,
  { dir }: StudyFolder,
  experiment: Experiment = "01",
  flags: CommandFlags = {},
): string {
  return taskCommand(name, { dir, experiment: experiment === "01" ? undefined : experiment, ...flags });
}

/** `dynamics` with these settings, for the text of a message: numbers that were measured with others are not compared. */
export function dynamicsCommand(
  study: StudyFolder,
  experiment: Experiment,
  { streams, tokens, exponents }: DynamicsSettings = DYNAMICS_DEFAULTS,
  again?: true,
): string {
  const unless = (value: number, usual: number) => value === usual ? undefined : value;
  return commandOn("dynamics", study, experiment, {
    streams: unless(streams, DYNAMICS_DEFAULTS.streams),
    bytes: unless(tokens, DYNAMICS_DEFAULTS.tokens),
    exponents: unless(exponents, DYNAMICS_DEFAULTS.exponents),
    again,
  });
}

/** What to do, in a message, where no run of an experiment has come so far. */
export function adviceForRuns(study: StudyFolder, experiment: Experiment, isAnyListed: boolean): string {
  const [verb, name] = isAnyListed ? ["train", "train"] : ["list", "init"];
  return `${verb} some with ${commandOn(name, study, experiment)}`;
}
