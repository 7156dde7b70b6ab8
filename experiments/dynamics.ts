/** `deno task dynamics`: measures the dynamics of finished runs, on the test split. */
import { MAX_BATCH } from "../cells/bounds.ts";
import { MAX_BYTES } from "../train/corpus/bounds.ts";
import { DYNAMICS_DEFAULTS, DYNAMICS_WARM_UP, MEASURE_NAMES } from "../train/dynamics/measure.ts";
import { runCommand } from "../train/terminal/command_line.ts";
import { EXIT, flag } from "../train/terminal/flag.ts";
import { print, printError } from "../train/terminal/output.ts";
import { openProgress } from "../train/terminal/progress.ts";
import { plural } from "../train/terminal/words.ts";
import { stopSignal } from "../train/terminal/stop_signal.ts";
import { experimentFlag, ofSpace, onlyFlag } from "./flags.ts";
import { dirFlag, nodeLocalFlag } from "./place_flags.ts";
import { queueFlag, queueOf } from "./queue/queue_flag.ts";
import { MOST_PARALLEL } from "./session/capacity.ts";
import { dynamicsInWords } from "./session/dynamics_words.ts";
import { type DynamicsState, measureStudy } from "./session/measure_dynamics.ts";
import { commandOn } from "./study/commands.ts";
import { MOST_RUNS } from "./study/grid.ts";
import { shortKey } from "./study/run_key.ts";
import { selectionLine } from "./study/selection.ts";

const { streams, tokens, exponents } = DYNAMICS_DEFAULTS;

/** What the command line takes. */
export const flags = ofSpace((space) => ({
  dir: dirFlag,
  experiment: experimentFlag,
  only: onlyFlag("measure only these", space),
  top: flag.whole("--top <n>", "measure the n best configurations, with all their seeds (default: all)", undefined, {
    most: MOST_RUNS,
  }),
  streams: flag.whole(
    "--streams <n>",
    "parallel streams that the test split is read in; standard errors are over streams",
    streams,
    { most: MAX_BATCH },
  ),
  tokens: flag.whole(
    "--bytes <n>",
    `bytes (or tokens, if models read tokens) measured per stream, after a warm-up of ${DYNAMICS_WARM_UP}`,
    tokens,
    { most: MAX_BYTES },
  ),
  exponents: flag.whole(
    "--exponents <n>",
    "largest Lyapunov exponents to measure per layer, at most",
    exponents,
    {
      most: MAX_BATCH,
    },
  ),
  parallel: flag.whole(
    "--parallel <n>",
    "runs at a time, one thread each (default: the number of cores)",
    undefined,
    { most: MOST_PARALLEL },
  ),
  queue: queueFlag,
  again: flag.on("--again", "measure runs again, even those measured with other settings"),
  nodeLocal: nodeLocalFlag,
}));

/** What stands behind the bar: `under way: 40 %, 10 %`. */
function underWay({ shares }: DynamicsState): string {
  return shares.length ? `under way: ${shares.map((share) => `${Math.floor(100 * share)} %`).join(", ")}` : "";
}

if (import.meta.main) {
  const description =
    `Measures the dynamics of trained models on the test split: ${Object.values(MEASURE_NAMES).join(", ")}. ` +
    "Writes one file per run into dynamics_01_all (or dynamics_02_best); results do not change. " +
    "Can be stopped with Ctrl-C and resumed, and several processes can measure at once.";
  await runCommand({ name: "dynamics", description, flags }, async ({ streams, tokens, exponents, ...options }) => {
    using stop = stopSignal("Stopping");
    let bar: ReturnType<typeof openProgress> | undefined;
    const printLine = (line: string) => bar ? bar.print(line) : print(line);
    const { measured, incomplete, had, otherwise, others, problems, unreadable } = await measureStudy({
      ...options,
      queue: queueOf(options),
      settings: { streams, tokens, exponents },
      signal: stop.signal,
      onProgress(state) {
        bar ??= openProgress(state.total, "runs");
        bar.update(state.done, underWay(state), state.total, state.secondsLeft);
      },
      onMeasured: (key, dynamics, reads) => printLine(`${shortKey(key)}  ${dynamicsInWords(dynamics, reads)}`),
      onMessage: printLine,
      onProblem: (problem) => printError(`dynamics: ${problem}`),
    }).finally(() => bar?.stop());
    if (options.only) print(selectionLine(options.only));
    for (const line of unreadable) printError(`dynamics: ${line}`);
    const failed = problems + unreadable.length;
    print(`${plural(measured, "run")} measured, ${had} measured before, ${failed} could not be measured`);
    if (incomplete) print(`${plural(incomplete, "run")} without some of the measures: the lines above say why`);
    if (others) print(`${plural(others, "run")} left to other processes`);
    const isComplete = measured + had > 0 && !otherwise && !failed && !others && !stop.signal.aborted;
    if (isComplete) print(`${commandOn("report", options, options.experiment)} draws them`);
    if (!stop.signal.aborted) return failed ? EXIT.failed : EXIT.ok;
    const rest = options.again
      ? "run the same command to measure all of them again"
      : "run the same command to measure the rest";
    printError(`dynamics: stopped; ${rest}`);
    return stop.exitCode;
  });
}
