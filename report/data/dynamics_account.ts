/** What a report leaves out of a study's dynamics: counted and named, so that nothing is dropped in silence. */
import { counted } from "../../cells/counts.ts";
import { settingsInWords } from "../../experiments/session/dynamics_words.ts";
import { dynamicsCommand } from "../../experiments/study/commands.ts";
import { shortKey } from "../../experiments/study/run_key.ts";
import { finestOf, type MeasuredAs, type ReadDynamics } from "../../experiments/study/dynamics_among.ts";
import type { DynamicsSettings } from "../../train/dynamics/measure.ts";
import type { AccountData, AccountEntry } from "./account.ts";

/** One entry for each reason that there is, as those of the rest of the report. */
export function dynamicsAccount(
  read: ReadDynamics,
  of: Pick<AccountData, "study" | "experiment">,
): AccountEntry[] {
  const { measured, as, unreadable, stale, otherwise } = read, { study, experiment } = of;
  const unchecked = read.unchecked.filter((key) => measured.has(key));
  const anew = `(${dynamicsCommand(study, experiment, as?.settings)} measures again)`;
  const alike = `(${alikeCommand(read, of)} measures all the same way)`;
  const entries: AccountEntry[] = [
    { lead: `${counted(unreadable.length, "file")} of dynamics could not be read`, names: unreadable, lines: true },
    {
      lead: `${counted(stale.length, "measurement")} of dynamics ${
        stale.length === 1 ? "is of an earlier model" : "are of earlier models"
      } and left out ${anew}`,
      names: stale.map(shortKey),
      lines: false,
    },
    ...otherwise.map(({ as, keys }) => ({
      lead: `${counted(keys.length, "run")} whose dynamics were measured with other settings than most (${
        measuredInWords(as)
      }): left out ${alike}`,
      names: keys.map(shortKey),
      lines: false,
    })),
    {
      lead: `${counted(unchecked.length, "measurement")} of dynamics kept unchecked, since the model file is missing`,
      names: unchecked.length === measured.size && measured.size > 1 ? ["all of them"] : unchecked.map(shortKey),
      lines: false,
    },
  ];
  return entries.filter(({ names }) => names.length);
}

/** Measures with the finest settings, so that nothing fine is lost; `dynamics` replaces what has other ones only if asked. */
function alikeCommand(
  { as, otherwise }: ReadDynamics,
  { study, experiment }: Pick<AccountData, "study" | "experiment">,
): string {
  const settings = [...(as ? [as] : []), ...otherwise.map(({ as }) => as)].map(({ settings }) => settings);
  const differ = settings.some((one) => !areEqual(one, settings[0]));
  return dynamicsCommand(study, experiment, finestOf(settings), differ || undefined);
}

/** `8 streams of 4,096 bytes or tokens, 32 exponents, cellspace 0.5`. */
function measuredInWords({ settings, version }: MeasuredAs): string {
  return `${settingsInWords(settings, "bytes or tokens")}, cellspace ${version}`;
}

function areEqual(a: DynamicsSettings, b: DynamicsSettings): boolean {
  return a.streams === b.streams && a.tokens === b.tokens && a.exponents === b.exponents;
}
