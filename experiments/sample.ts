/** `deno task sample`: text from a trained model. */
import { describeConfig } from "../cells/config.ts";
import { unitOf } from "../cells/unit.ts";
import { sampleText } from "../train/sample_text.ts";
import { flag, runCommand } from "../train/terminal/command_line.ts";
import { dirFlag, experimentFlag } from "./flags.ts";
import { configOf } from "./result.ts";
import { findRun, openRunModel } from "./sampling.ts";
import { shortKey, Study } from "./store.ts";
import { studyTokenizer } from "./study_text.ts";

const flags = {
  dir: dirFlag,
  experiment: experimentFlag,
  id: flag.text("--id <prefix>", "which run: the beginning of its id (default: the best)", undefined),
  prompt: flag.text("--prompt <text>", "text that the model reads first", ""),
  bytes: flag.whole("--bytes <n>", "bytes to draw", 500),
  temperature: flag.number(
    "--temperature <t>",
    "below 1 bolder choices fade, above 1 they grow; 0 takes the likeliest byte or token",
    0.8,
  ),
  seed: flag.whole("--seed <n>", "random seed", 0, 0),
};

if (import.meta.main) {
  const description =
    "Prints text that a trained model writes. What it is told about the model goes to standard error.";
  await runCommand({ name: "sample", description, flags }, async ({ dir, experiment, id, prompt, ...options }) => {
    const study = await Study.open(dir);
    const { key, result } = await findRun(study, experiment, id);
    const tokenizer = await studyTokenizer(study);
    const loaded = await openRunModel(study, experiment, { key, result });
    console.error(
      `${shortKey(key)}: ${describeConfig(configOf(result))}, min loss ${result["min loss"].toFixed(4)} nats/${
        unitOf(result)
      }`,
    );
    const read = tokenizer.encode(new TextEncoder().encode(prompt));
    const drawn = await sampleText(loaded, { prompt: read, lengths: tokenizer.lengths, ...options });
    // A model may draw what is no UTF-8: such bytes show as replacement characters.
    console.log(prompt + new TextDecoder().decode(tokenizer.decode(drawn).subarray(0, options.bytes)));
    await loaded.close();
  });
}
