/** `deno task demo`: the whole way, small, on the embedded corpus. */
import { describeConfigIn } from "../cells/config.ts";
import { markedBy } from "../cells/factor.ts";
import { GATED } from "../cells/factors.ts";
import { trainingDisplay } from "../experiments/display.ts";
import { dirFlag } from "../experiments/place_flags.ts";
import { qualityInWords } from "../experiments/study/criterion.ts";
import { shortKey } from "../experiments/study/run_key.ts";
import { configOf } from "../experiments/study/result.ts";
import { drawRunText, findRun } from "../experiments/session/sampling.ts";
import { type InitOptions, initStudy } from "../experiments/study/init_study.ts";
import { smallestSizes } from "../experiments/study/levels.ts";
import { trainStudy } from "../experiments/session/training.ts";
import { EMBEDDED } from "../train/corpus/corpus.ts";
import { engineChoices, ENGINES } from "../train/engines/registry.ts";
import { runCommand } from "../train/terminal/command_line.ts";
import { flag } from "../train/terminal/flag.ts";
import { formatDuration } from "../train/terminal/words.ts";
import { stopSignal } from "../train/terminal/stop_signal.ts";
import { reportOnStudy } from "./report_study.ts";
import { print, printError, printText } from "../train/terminal/output.ts";

/** What the demo trains. */
type DemoStudy = Omit<InitOptions, "dir" | "experiment" | "corpus">;

/**
 * All 96 settings of the switches, each with two seeds: about a minute on two cores. So small a cell is usually listed with a residual
 * alone; here the others come too, or nothing could be said of the residual. Steps are of 64 sequences and passes of 701 bytes, so that in this time the best
 * models come below what is possible without memory.
 */
const DEMO: DemoStudy = {
  levels: { ...smallestSizes(), [markedBy(GATED, "colour").key]: [16] },
  allValid: true,
  seeds: 2,
  steps: 1400,
  batch: 64,
  history: 701,
};

/** What the command line takes. */
export const flags = {
  dir: { ...dirFlag, help: "the demo's study", fallback: "study/demo" },
  engine: flag.choice("--engine <name>", "engine that trains", engineChoices(ENGINES), "auto"),
};

/**
 * The script.
 *
 * @param changes to what it trains: tests have less
 */
export async function demo(changes: DemoStudy = {}): Promise<void> {
  const description =
    "Lists, trains, scores and draws 96 small configurations with two seeds each on the embedded corpus. Run it again to resume.";
  await runCommand({ name: "demo", description, flags }, async ({ dir, engine }) => {
    const start = performance.now();
    using stop = stopSignal();
    const { study, corpus } = await initStudy({ ...DEMO, ...changes, dir, experiment: "01", corpus: EMBEDDED.name });
    using display = trainingDisplay("demo");
    await trainStudy({ dir, experiment: "01", engine, ...display, signal: stop.signal });
    display.stop();
    if (stop.signal.aborted) return stop.exitCode;

    const { paths, headline, tables } = await reportOnStudy(study, {
      experiment: "01",
      onProblem: (line) => printError(`demo: ${line}`),
    });
    printText(`\n${headline}\n\n${tables.best_runs}\n\n${tables.forward}`);
    const { key, result } = await findRun(study, "01");
    const drawn = await drawRunText(study, "01", { key, result }, { bytes: 200 });
    print(`\nIt writes:\n${new TextDecoder().decode(drawn)}`);

    const rate = (corpus.entropy_rate! / Math.LN2).toFixed(4);
    printText(`\nBest run: ${describeConfigIn(study.space, configOf(result, study.space))} (${shortKey(key)})`);
    printText(`  ${qualityInWords(result)} (the text's entropy rate is ${rate} bits/byte)`);
    print(["Pictures and page:", ...paths.map((file) => `  ${file}`)].join("\n"));
    print(`Done in ${formatDuration((performance.now() - start) / 1000)}`);
  });
}

if (import.meta.main) await demo();
