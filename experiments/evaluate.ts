/** `deno task evaluate`: scores finished runs on the test split and on the validation split through ONNX Runtime. */
import { runCommand } from "../train/terminal/command_line.ts";
import { EXIT, flag } from "../train/terminal/flag.ts";
import { experimentFlag, ofSpace, onlyFlag, scoreFlags } from "./flags.ts";
import { dirFlag, nodeLocalFlag } from "./place_flags.ts";
import { queueFlag, queueOf } from "./queue/queue_flag.ts";
import { openProgress } from "../train/terminal/progress.ts";
import { plural } from "../train/terminal/words.ts";
import { stopSignal } from "../train/terminal/stop_signal.ts";
import { countingDisplay } from "./display.ts";
import { scoreInWords } from "./session/score_run.ts";
import { evaluateStudy } from "./session/scoring.ts";
import { shortKey } from "./study/run_key.ts";
import { selectionLine } from "./study/selection.ts";
import { unvalidatedInWords } from "./study/validation.ts";
import { print, printError } from "../train/terminal/output.ts";

/** What the command line takes. */
export const flags = ofSpace((space) => ({
  dir: dirFlag,
  experiment: experimentFlag,
  again: flag.on("--again", "score every finished run again, after exporting its ONNX model again from its checkpoint"),
  only: onlyFlag("score only these", space),
  queue: queueFlag,
  ...scoreFlags,
  nodeLocal: nodeLocalFlag,
}));

if (import.meta.main) {
  const description =
    "Scores finished runs that have no score yet, on the test and validation splits. 'train' does this by itself.";
  await runCommand({ name: "evaluate", description, flags }, async (options) => {
    using stop = stopSignal("Stopping");
    using counting = countingDisplay();
    let bar: ReturnType<typeof openProgress> | undefined;
    const { scored, had, placed, unvalidated, problems, unreadable } = await evaluateStudy({
      ...options,
      queue: queueOf(options),
      signal: stop.signal,
      onCount: counting.onProgress,
      onScore(done, total, key, { reads, ...score }) {
        const { streams, warm_up, bits_per_byte } = score;
        counting.stop();
        bar ??= openProgress(total, "models");
        bar.print(
          `${shortKey(key)}  ${scoreInWords(score)} (${plural(streams, "stream")}, warm-up ${plural(warm_up, reads)})`,
        );
        bar.update(done, `${bits_per_byte.toFixed(3)} bits/byte`);
      },
      onMessage: print,
      onProblem: (problem) => printError(`evaluate: ${problem}`),
    });
    counting.stop();
    bar?.stop();
    if (options.only) print(selectionLine(options.only));
    for (const line of unreadable) printError(`evaluate: ${line}`);
    print(
      `${plural(scored, "run")} scored, ${had} already had a score, ${
        problems + unreadable.length
      } could not be scored`,
    );
    if (placed) {
      print(`${plural(placed, "earlier score")} compared with the study's n-gram baselines, without scoring again`);
    }
    if (unvalidated) print(unvalidatedInWords(unvalidated, options, options.experiment));
    if (stop.signal.aborted) {
      printError(
        `evaluate: stopped; ${
          options.again ? "run the same command to score all of them again" : "run the same command to score the rest"
        }`,
      );
      return stop.exitCode;
    }
    return problems + unreadable.length ? EXIT.failed : EXIT.ok;
  });
}
