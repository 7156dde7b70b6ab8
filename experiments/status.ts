/** `deno task status`: where a study stands. */
import { runCommand } from "../train/terminal/command_line.ts";
import { flag } from "../train/terminal/flag.ts";
import { oneLine } from "../cells/visible_text.ts";
import { experimentFlag, ofSpace, onlyFlag } from "./flags.ts";
import { dirFlag } from "./place_flags.ts";
import { queueFlag, queueOf } from "./queue/queue_flag.ts";
import { formatDuration, plural, shortList } from "../train/terminal/words.ts";
import { type Overview, overviewOf } from "./queue/overview.ts";
import { countsInWords, progressInWords } from "./queue/overview_words.ts";
import { ownerInWords } from "./queue/queue.ts";
import { jobLines, jobsOverview } from "./slurm/jobs_overview.ts";
import { commandOn } from "./study/commands.ts";
import { qualityInWords } from "./study/criterion.ts";
import { shortKey } from "./study/run_key.ts";
import { unvalidatedInWords } from "./study/validation.ts";
import { print } from "../train/terminal/output.ts";

/** What the command line takes. */
export const flags = ofSpace((space) => ({
  dir: dirFlag,
  experiment: experimentFlag,
  only: onlyFlag("count only these", space),
  queue: queueFlag,
  json: flag.on("--json", "the same as JSON"),
}));

/** What the task prints. */
export function* statusLines(overview: Overview, dir: string): Generator<string> {
  const {
    total,
    running,
    stale,
    failed,
    elsewhere,
    queue_problem,
    unlisted,
    best,
    unvalidated,
    dynamics,
    seconds_left,
  } = overview;
  const command = (name: string) => commandOn(name, { dir }, overview.experiment);
  const selection = overview.selection === undefined ? "" : `, --only ${overview.selection}`;
  yield `Experiment ${overview.experiment}${selection}: ${countsInWords(overview)}`;
  if (queue_problem !== undefined) yield `  queue    ${queue_problem}; which runs are being trained is unknown`;
  if (elsewhere.length) {
    yield `  elsewhere ${elsewhere.length} are trained in other folders; ${
      commandOn("merge", { dir }, overview.experiment, { from: "FOLDER" })
    } joins them`;
  }
  const ago = (time: number) => formatDuration(Math.max(0, Date.now() / 1000 - time));
  if (!total) yield `  nothing is listed yet; ${command("init")} lists configurations`;
  for (const claimed of running) {
    const { key, owner, since } = claimed;
    yield `  running  ${shortKey(key)}  ${progressInWords(claimed)}, process ${ownerInWords(owner)}, for ${ago(since)}`;
  }
  for (const { key, owner, since } of overview.in_use) {
    yield `  in use   ${shortKey(key)}  is being measured or scored by process ${ownerInWords(owner)}, for ${
      ago(since)
    }`;
  }
  for (const claimed of stale) {
    const { key, owner, heard } = claimed;
    yield `  stale    ${shortKey(key)}  ${progressInWords(claimed)}, process ${
      ownerInWords(owner)
    } has been silent for ` +
      `${ago(heard)}; the next ${command("train")} goes on with it`;
  }
  if (overview.short) {
    const each = Object.values(overview.steps_by_bptt ?? { 1: overview.steps }).join(", ");
    const back = Object.keys(overview.steps_by_bptt ?? {}).join(", ");
    yield `  short    ${overview.short} of the done have fewer steps than ${each}${back && ` (${back} steps back)`}; ${
      command("train")
    } takes them further`;
  }
  for (const { key, why } of failed) yield `  failed   ${shortKey(key)}  ${oneLine(why)}`;
  for (const key of overview.left_unfinished) {
    yield `  left     ${shortKey(key)}  was started and not finished; ${command("train")} goes on with it`;
  }
  if (overview.not_begun.length) {
    yield `  waiting  ${overview.not_begun.length} not begun: ${shortList(overview.not_begun.map(shortKey))}`;
  }
  for (const problem of overview.unreadable) yield `  unread   ${problem}`;
  for (const key of unlisted) {
    yield `  unlisted ${shortKey(key)}  is not in the study's list; ${command("report")} shows it if it has finished`;
  }
  if (best) {
    yield `Best so far: ${shortKey(best.key)}${best.control ? " (a control)" : ""}, ${
      qualityInWords({ ...best, "min loss": best.min_loss })
    }`;
  }
  if (dynamics) {
    const { measured, finished } = dynamics;
    const more = measured < finished ? `; ${command("dynamics")} measures the rest` : "";
    yield `Dynamics: ${measured} of ${plural(finished, "finished run")} measured${more}`;
  }
  if (unvalidated) yield unvalidatedInWords(unvalidated, { dir }, overview.experiment);
  if (seconds_left === undefined) yield "The time left is known once a run has finished";
  else if (seconds_left > 0) yield `About ${formatDuration(seconds_left)} left at the speed so far`;
}

if (import.meta.main) {
  const description =
    "Shows which runs are done, running, failed and waiting, the best run so far, the time left, and how many finished runs have measured dynamics.";
  await runCommand(
    { name: "status", description, flags, printsData: true },
    async ({ dir, experiment, only, queue, json }) => {
      const overview = await overviewOf(dir, experiment, { only, queue: queueOf({ queue }) });
      const slurm = await jobsOverview(dir, experiment);
      if (json) return print(JSON.stringify({ ...overview, ...(slurm ? { slurm } : {}) }, null, 2));
      print([...statusLines(overview, dir), ...(slurm ? jobLines(slurm, dir, experiment) : [])].join("\n"));
    },
  );
}
