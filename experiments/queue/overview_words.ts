/** Where a study stands, in words: for the terminal, and for the page that shows it live. */
import { plural } from "../../train/terminal/words.ts";
import type { ClaimedRun, Overview } from "./overview.ts";

/** `12 of 96 runs done, 2 running, 0 failed, 82 waiting`; of what is rare only what there is. */
export function countsInWords(overview: Overview): string {
  const { total, done, running, stale, failed, waiting, damaged, unknown_version, elsewhere, unlisted } = overview;
  return [
    `${done} of ${plural(total, "run")} done`,
    `${running.length} running`,
    ...(stale.length ? [`${stale.length} stale`] : []),
    `${failed.length} failed`,
    ...(damaged ? [`${damaged} damaged`] : []),
    ...(unknown_version ? [`${unknown_version} of an unknown version`] : []),
    ...(elsewhere.length ? [`${elsewhere.length} in other folders`] : []),
    `${waiting} waiting`,
    ...(unlisted.length ? [`${unlisted.length} unlisted`] : []),
  ].join(", ");
}

/** `step 120 of 300`. A call of `train` may have been asked for more steps than the study is. */
export function progressInWords({ step, steps }: ClaimedRun): string {
  return step > steps ? `step ${step}` : `step ${step} of ${steps}`;
}
