/** `deno task remove`: takes configurations off a study's list. */
import { describeConfigIn } from "../cells/config.ts";
import { runCommand } from "../train/terminal/command_line.ts";
import { flag } from "../train/terminal/flag.ts";
import { print, printError } from "../train/terminal/output.ts";
import { plural } from "../train/terminal/words.ts";
import { experimentFlag, ofSpace, onlyFlag } from "./flags.ts";
import { dirFlag } from "./place_flags.ts";
import { ownerInWords } from "./queue/queue.ts";
import { planRemoval, type Removal, removeConfigs } from "./queue/remove_configs.ts";
import { parseIdPrefix, shortKey } from "./study/run_key.ts";

/** More names than so many would stand in the way of the count below them. */
const MOST_LINES = 20;

/** What the command line takes. */
export const flags = ofSpace((space) => ({
  dir: dirFlag,
  experiment: experimentFlag,
  only: onlyFlag("remove these", space),
  id: {
    usage: "--id <prefix>",
    help: "remove the configuration whose id begins so",
    parse: parseIdPrefix,
    fallback: undefined as string | undefined,
  },
  dryRun: flag.on("--dry-run", "say what would be removed, and change nothing"),
}));

function* removalLines({ removed, left, results, space }: Removal): Generator<string> {
  yield `To be removed from the list: ${plural(removed.length, "configuration")}; ${left} stay`;
  for (const { id, config } of removed.slice(0, MOST_LINES)) {
    yield `  ${shortKey(id)}  ${describeConfigIn(space, config)}`;
  }
  if (removed.length > MOST_LINES) yield `  and ${removed.length - MOST_LINES} more`;
  if (results === 1) yield "1 result stays in the folder and in reports, where it is named as unlisted";
  else if (results) yield `${results} results stay in the folder and in reports, where they are named as unlisted`;
}

if (import.meta.main) {
  const description =
    "Removes configurations from a study's list. Their results stay, and reports show them as unlisted ('report --only' " +
    "leaves them out); 'init' lists configurations again, and then their results count as before.";
  await runCommand({ name: "remove", description, flags }, async ({ dryRun, ...options }) => {
    const onPlan = (removal: Removal) => print([...removalLines(removal)].join("\n"));
    const removal = dryRun
      ? await planRemoval(options)
      : await removeConfigs({ ...options, onPlan, onWait: (line) => printError(`remove: ${line}`) });
    const { removed, owners } = removal;
    if (dryRun) onPlan(removal);
    if (owners.length) {
      printError(
        `remove: process ${
          owners.map(ownerInWords).join(", ")
        } is at work here, and trains what was listed when it began`,
      );
    }
    print(dryRun ? "Nothing is written: with --dry-run" : `Removed: ${plural(removed.length, "configuration")}`);
  });
}
