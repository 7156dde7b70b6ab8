/** Signals that ask a process to stop, and terminals that close. */
import assert from "node:assert/strict";
import { constants } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readClaims } from "../../experiments/queue/sqlite_queue.ts";
import type { Study } from "../../experiments/study/store.ts";
import { STOP_SIGNALS } from "../../train/terminal/stop_signal.ts";
import tasks from "../../deno.json" with { type: "json" };
import { Training, until } from "./processes.ts";
import {
  assertSameRuns,
  checkpointSteps,
  copyOf,
  finishedRuns,
  makeStudy,
  stepsOfRun,
  tempFolder,
  trainedQuietly,
} from "./studies.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Checkpoints come of the signals alone; where a run is shows soon. */
const TIMES = { beat: 0.05, save: 900 } as const;

/** The step that the study's queue shows of the run under way. */
function stepInQueue({ queuePath }: Study): number {
  return Math.max(0, ...readClaims(queuePath).map(({ step }) => step));
}

async function stepsSaved(study: Study): Promise<number> {
  const [steps] = (await checkpointSteps(study)).values();
  return steps;
}

Deno.test("train saves its run at each signal that stops it, says which in its exit code, and goes on", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const plan = await makeStudy(join(dir, "plan"), { runs: 1, steps: 12_000, history: 1201 });
  const study = await copyOf(plan, join(dir, "study"));
  for (const name of STOP_SIGNALS) {
    const before = await stepsSaved(study);
    await using training = Training.start(study.dir, { ...TIMES, pause: 1.5 });
    await training.untilAtWork("it has done a step", () => stepInQueue(study) > before);
    training.signal(name);
    const { code } = await training.ended();
    assert.equal(code, 128 + constants.signals[name], `${name}\n${training.transcript}`);
    assert.match(training.out.join("\n"), /"interrupted":\["[0-9a-f]{64}"\]/, training.transcript);
    const saved = await stepsSaved(study);
    assert.ok(saved > before && saved < stepsOfRun(study), `${name}: ${saved} steps are saved after ${before}`);
  }
  await using rest = Training.start(study.dir, TIMES);
  await rest.succeed();
  await assertSameRuns(study, await trainedQuietly(plan, join(dir, "quiet")), "stopped by each signal");
});

const adapter = await navigator.gpu?.requestAdapter();
if (!adapter) console.log("skipped: signals while kernels compile, for this machine has no WebGPU adapter");

Deno.test("train ends at a signal between two kernels, and gives its run back", { ignore: !adapter }, async () => {
  await using temp = await tempFolder();
  const study = await makeStudy(join(temp.path, "study"), { runs: 1, steps: 4000, history: 401 });
  const preload = fileURLToPath(new URL("slow_compiler.ts", import.meta.url));
  await using training = Training.start(study.dir, { ...TIMES, engine: "webgpu", preload });
  const compiled = () => training.out.filter((line) => line === "compiling").length;
  await training.untilAtWork("it compiles", () => compiled() > 0);
  const before = compiled();
  training.signal("SIGINT");
  const { code } = await training.ended();
  assert.equal(code, 130, training.transcript);
  // The one under way, and one that was begun before its line was read.
  assert.ok(compiled() <= before + 2, `${compiled()} kernels were begun, ${before} of them before the signal`);
  assert.match(training.out.join("\n"), /"interrupted":\["[0-9a-f]{64}"\]/, training.transcript);
  assert.deepEqual(readClaims(study.queuePath), []);
  await using rest = Training.start(study.dir, { ...TIMES, engine: "webgpu", preload });
  await rest.succeed();
  const needed = rest.out.filter((line) => line === "compiling").length;
  assert.ok(needed > compiled() + 2, `a group needs ${needed} kernels, ${compiled()} were begun`);
});

/** Starts a command on a terminal of its own, which closes when standard input does; ends with the command's exit code. */
const ON_TERMINAL = `
import os, pty, signal, sys, threading
ignored, command = sys.argv[1] == "ignored", sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    if ignored:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.execvp(command[0], command)
def read():
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:
        pass
# What is printed is read until the end, so that nobody waits for a full terminal.
threading.Thread(target=read, daemon=True).start()
sys.stdin.read()
os.close(terminal)
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.exit(code if code >= 0 else 100 - code)
`;

const python = await new Deno.Command("python3", { args: ["-c", "import pty"] }).output()
  .then(({ success }) => success, () => false);
if (!python) console.log("skipped: terminals that close, for this machine has no python3 that makes them");

/** The exit code of the task on a terminal that closes once `isAtWork`. */
async function onTerminal(hangup: "ignored" | "heard", command: string[], isAtWork: () => boolean): Promise<number> {
  const child = new Deno.Command("python3", {
    args: ["-c", ON_TERMINAL, hangup, Deno.execPath(), ...command],
    cwd: ROOT,
    stdin: "piped",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  let ended = false;
  const status = child.status.finally(() => ended = true);
  await until("it is at work", () => ended || isAtWork());
  await child.stdin.close();
  return (await status).code;
}

const [, ...TRAIN] = tasks.tasks.train.command.split(" ");

Deno.test(
  "train saves its run when its terminal closes, though nothing can be printed any more",
  { ignore: !python },
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const study = await makeStudy(join(dir, "study"), { runs: 1, steps: 200_000, history: 4001 });
    const command = [...TRAIN, "--dir", study.dir, "--engine", "onnx", "--parallel", "1"];
    const code = await onTerminal("heard", command, () => stepInQueue(study) > 0);
    assert.equal(code, 129);
    const saved = await stepsSaved(study);
    assert.ok(saved > 0 && saved < stepsOfRun(study), `${saved} steps are saved`);
  },
);

Deno.test("train goes on under nohup when its terminal closes, and its exit code tells of what is lost", {
  ignore: !python,
}, async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const study = await makeStudy(join(dir, "study"), { runs: 3, steps: 4000, history: 201 });
  const command = [...TRAIN, "--dir", study.dir, "--engine", "onnx", "--parallel", "1"];
  const code = await onTerminal("ignored", command, () => readClaims(study.queuePath).length > 0);
  assert.equal(code, 1);
  assert.equal((await finishedRuns(study)).length, 3);
});
