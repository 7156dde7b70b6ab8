/** `deno task sample`: text from a trained model. */
import { describeConfigIn } from "../cells/config.ts";
import { flag, runCommand } from "../train/terminal/command_line.ts";
import { dirFlag, experimentFlag, ofSpace, onlyFlag } from "./flags.ts";
import { qualityInWords } from "./study/criterion.ts";
import { configOf } from "./study/result.ts";
import { drawRunText, findRun } from "./session/sampling.ts";
import { shortKey } from "./study/run_key.ts";
import { Study } from "./study/store.ts";
import { SAMPLE_DEFAULTS } from "../train/scoring/draw_text.ts";
import { MOST_TEMPERATURE } from "../train/scoring/sample_text.ts";
import { print, printError } from "../train/terminal/output.ts";

/** All of it is in memory until it is printed, and takes an hour or more to draw. */
const MOST_DRAWN = 10_000_000;

/** What the command line takes. */
export const flags = ofSpace((space) => ({
  dir: dirFlag,
  experiment: experimentFlag,
  id: flag.text(
    "--id <prefix>",
    "which run: the beginning of its id (default: the best by its validation score)",
    undefined,
  ),
  only: onlyFlag("of these runs", space),
  prompt: {
    usage: "--prompt <text>",
    help: "text that the model reads first",
    fallback: SAMPLE_DEFAULTS.prompt,
    // An empty one is a prompt too.
    parse: (text: string) => text,
  },
  bytes: flag.whole("--bytes <n>", "bytes to draw", SAMPLE_DEFAULTS.bytes, { most: MOST_DRAWN }),
  temperature: flag.number(
    "--temperature <t>",
    "lower is more deterministic, 1 is the model's own distribution; 0 takes the likeliest byte or token",
    SAMPLE_DEFAULTS.temperature,
    { most: MOST_TEMPERATURE },
  ),
  seed: flag.whole("--seed <n>", "random seed", SAMPLE_DEFAULTS.seed, { least: 0, most: Number.MAX_SAFE_INTEGER }),
}));

if (import.meta.main) {
  const description =
    "Prints text that a trained model writes. What it is told about the model goes to standard error.";
  await runCommand(
    { name: "sample", description, flags, printsData: true },
    async ({ dir, experiment, id, only, prompt, ...options }) => {
      const study = await Study.open(dir);
      const { key, result } = await findRun(study, experiment, id, only);
      const drawn = await drawRunText(study, experiment, { key, result }, { prompt, ...options });
      printError(
        `${shortKey(key)}: ${describeConfigIn(study.space, configOf(result, study.space))}, ${qualityInWords(result)}`,
      );
      // A model may draw what is no UTF-8: such bytes show as replacement characters.
      print(prompt + new TextDecoder().decode(drawn));
    },
  );
}
