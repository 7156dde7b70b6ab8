/** `deno task watch`: the page of an experiment, live in a browser of this machine while its runs train. */
import { experimentFlag } from "../experiments/flags.ts";
import { dirFlag } from "../experiments/place_flags.ts";
import { queueFlag, queueOf } from "../experiments/queue/queue_flag.ts";
import { oneLine } from "../cells/visible_text.ts";
import { runCommand } from "../train/terminal/command_line.ts";
import { print, printError } from "../train/terminal/output.ts";
import { Follower } from "./watch/follow.ts";
import { portFlag } from "./watch/port.ts";
import { serveWatch } from "./watch/server.ts";
import { watchedCells, watchPage } from "./watch_page.ts";

/** What the command line takes. */
export const flags = { dir: dirFlag, experiment: experimentFlag, port: portFlag, queue: queueFlag };

if (import.meta.main) {
  const description =
    "Serves the live page of an experiment to browsers on this machine while any process trains in the same folder. Changes nothing in the study.";
  await runCommand({ name: "watch", description, flags }, async ({ dir, experiment, port, queue }) => {
    const source = await Follower.open({ dir, experiment, queue: queueOf({ queue }) });
    const onProblem = (line: string) => printError(`watch: ${line}`);
    const server = serveWatch({
      port,
      source,
      page: () => watchPage(dir, experiment),
      cells: () => watchedCells(dir, experiment),
      onProblem,
    });
    print(`Watching study ${oneLine(dir)}: ${server.url} (Ctrl-C ends it)`);
    await server.failed;
  });
}
