/** `deno task status`: where a study stands. */
import { flag, runCommand } from "../train/terminal/command_line.ts";
import { dirFlag, experimentFlag } from "./flags.ts";
import { formatDuration } from "../train/terminal/progress.ts";
import { type Overview, overviewOf } from "./overview.ts";
import { shortKey } from "./store.ts";

const flags = {
  dir: dirFlag,
  experiment: experimentFlag,
  json: flag.on("--json", "the same as JSON"),
};

function* lines(overview: Overview): Generator<string> {
  const { total, done, running, failed, waiting, left_unfinished, unreadable, best, seconds_left } = overview;
  yield `Experiment ${overview.experiment}: ${done} of ${total} runs done, ${running.length} running, ${failed.length} failed, ${waiting} waiting`;
  for (const { key, owner, since } of running) {
    yield `  running  ${shortKey(key)}  process ${owner}, for ${formatDuration(Date.now() / 1000 - since)}`;
  }
  for (const { key, why } of failed) yield `  failed   ${shortKey(key)}  ${why}`;
  for (const key of left_unfinished) {
    yield `  left     ${key.slice(0, 8)}${
      key.slice(64)
    }  was started and not finished; 'deno task train' starts it again`;
  }
  for (const problem of unreadable) yield `  damaged  ${problem}`;
  if (best) {
    const bits = best.test_bits_per_byte === undefined ? "" : `, test ${best.test_bits_per_byte.toFixed(4)} bits/byte`;
    yield `Best so far: ${best.key.slice(0, 8)}, min loss ${best.min_loss.toFixed(4)} nats/byte${bits}`;
  }
  if (seconds_left !== undefined && seconds_left > 0) {
    yield `About ${formatDuration(seconds_left)} left at the speed so far`;
  }
}

if (import.meta.main) {
  const description = "Shows what is done, running, failed and waiting, the best run so far, and the time left.";
  await runCommand({ name: "status", description, flags }, async ({ dir, experiment, json }) => {
    const overview = await overviewOf(dir, experiment);
    console.log(json ? JSON.stringify(overview, null, 2) : [...lines(overview)].join("\n"));
  });
}
