/** `deno task demo`: the whole way, small, on the embedded corpus. */
import { describeConfigIn } from "../cells/config.ts";
import { trainingDisplay } from "../experiments/display.ts";
import { dirFlag } from "../experiments/flags.ts";
import { configOf } from "../experiments/study/result.ts";
import { drawRunText, findRun } from "../experiments/session/sampling.ts";
import { initStudy } from "../experiments/study/init_study.ts";
import { smallestSizes } from "../experiments/study/levels.ts";
import { trainStudy } from "../experiments/session/training.ts";
import { EMBEDDED } from "../train/corpus/corpus.ts";
import { engineChoices, ENGINES } from "../train/engines/registry.ts";
import { flag, runCommand } from "../train/terminal/command_line.ts";
import { formatDuration } from "../train/terminal/progress.ts";
import { stopSignal } from "../train/terminal/stop_signal.ts";
import { reportOnStudy } from "./report_study.ts";
import { print, printError, printText } from "../train/terminal/output.ts";

/** All 48 settings of the switches that a 32-state layer is tried with, for three passes each: about two minutes on two cores. */
const DEMO = { levels: smallestSizes(), steps: 2997, history: 1000 };

const flags = {
  dir: { ...dirFlag, help: "the demo's study", fallback: "study/demo" },
  engine: flag.choice("--engine <name>", "what trains", engineChoices(ENGINES), "auto"),
};

if (import.meta.main) {
  const description =
    "Lists, trains, scores and draws 48 small configurations on the embedded corpus. Run it again to go on.";
  await runCommand({ name: "demo", description, flags }, async ({ dir, engine }) => {
    const start = performance.now();
    using stop = stopSignal();
    const { study, corpus } = await initStudy({ dir, experiment: "01", corpus: EMBEDDED.name, ...DEMO });
    using display = trainingDisplay("demo");
    await trainStudy({ dir, experiment: "01", engine, ...display, signal: stop.signal });
    display.stop();
    if (stop.signal.aborted) return stop.exitCode;

    const { paths, tables } = await reportOnStudy(study, {
      experiment: "01",
      onProblem: (line) => printError(`demo: ${line}`),
    });
    printText(`\n${tables.best_runs}\n\n${tables.forward}`);
    const { key, result } = await findRun(study, "01");
    const drawn = await drawRunText(study, "01", { key, result }, { bytes: 200 });
    print(`\nIt writes:\n${new TextDecoder().decode(drawn)}`);

    const best = result["min loss"]!.toFixed(4), bits = result.test_bits_per_byte!.toFixed(4);
    const rate = (corpus.entropy_rate! / Math.LN2).toFixed(4);
    print(`\nBest configuration: ${describeConfigIn(study.space, configOf(result, study.space))} (${key.slice(0, 8)})`);
    print(`  min loss ${best} nats per byte; test ${bits} bits per byte (the text's entropy rate is ${rate})`);
    print(["Pictures and page:", ...paths.map((file) => `  ${file}`)].join("\n"));
    print(`Done in ${formatDuration((performance.now() - start) / 1000)}`);
  });
}
