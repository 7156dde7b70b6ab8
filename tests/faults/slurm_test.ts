import assert from "node:assert/strict";
import { join } from "node:path";
import { runCosts } from "../../experiments/study/run_cost.ts";
import { shortKey } from "../../experiments/study/run_key.ts";
import type { Run } from "../../experiments/study/runs.ts";
import { sharesOf } from "../../experiments/study/shard.ts";
import type { Study } from "../../experiments/study/store.ts";
import { isUnderWay } from "../../experiments/study/result.ts";
import { everyOne } from "../../train/process/every_one.ts";
import { processOf, until } from "./processes.ts";
import { missingPrograms, type Node, SlurmCluster } from "./slurm/cluster.ts";
import { latestOf, stopAmidRun } from "./stopped.ts";
import {
  assertSameRuns,
  checkpointSteps,
  finishedRuns,
  makeStudy,
  quietAndStudy,
  resultsOf,
  tempFolder,
} from "./studies.ts";
import { commandOf, ROOT } from "../experiments/tasks.ts";

const SHARDS = 3;
const missing = missingPrograms();
if (missing.length) console.log(`Skipped: Slurm on one machine, ${missing.join(", ")} missing`);

/** Runs one of our commands where the cluster is found; it must succeed. */
async function command(
  cluster: SlurmCluster,
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<string> {
  const env = { NO_COLOR: "1", ...variables, ...cluster.environment };
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: [...args], cwd: ROOT, env })
    .output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert.equal(code, 0, `${args.join(" ")}\n${text(stdout)}${text(stderr)}`);
  return text(stdout);
}

/** The address of a queue, with a password: jobs must not get to know it. */
const SECRET = { CELLSPACE_QUEUE: "postgres://me:secret@host/db" };

/** Runs a task's own command. */
async function taskOn(cluster: SlurmCluster, name: "slurm" | "status", ...args: string[]): Promise<string> {
  const variables = name === "slurm" ? SECRET : {};
  return await command(cluster, [...commandOf(name), ...args], variables);
}

/** Submits a study whose tasks save in quick succession; returns the array's number, and what was said. */
async function submitAtShortIntervals(cluster: SlurmCluster, { dir }: Study): Promise<[job: number, said: string]> {
  const permissions = ["--allow-env", "--allow-read", "--allow-write", "--allow-run", "--allow-ffi", "--allow-sys"];
  const script = "tests/faults/slurm/submit_at_short_intervals.ts";
  const said = await command(cluster, [
    "run",
    "--no-prompt",
    ...permissions,
    script,
    "--dir",
    dir,
    "--shards",
    `${SHARDS}`,
  ]);
  return [Number(/Submitted job (\d+)/.exec(said)?.[1]), said];
}

/** Waits for what a cluster does; says how it stands where that does not come. */
async function untilOn(cluster: SlurmCluster, what: string, happened: () => Promise<boolean>): Promise<void> {
  try {
    await until(what, happened);
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${await cluster.run("squeue", "--array")}\n${await cluster.log()}`);
  }
}

/** What the tasks of a share have said. */
async function logOf(study: Study, job: number, share: number): Promise<string> {
  return await Deno.readTextFile(join(study.slurmFolder, `${job}_${share}.log`)).catch(() => "");
}

/** A run of a share that a process has begun and saved, and that process. */
async function atWork(
  study: Study,
  share: readonly Run[],
): Promise<{ run: Run; pid: number; attempt: number } | undefined> {
  const results = await resultsOf(study), steps = await checkpointSteps(study);
  const run = share.find(({ key }) => {
    const result = results.get(key);
    return result && isUnderWay(result) && steps.get(key)! > 0;
  });
  const latest = run && latestOf(study, run.key);
  const pid = processOf(latest?.owner);
  return run && latest && pid ? { run, pid, attempt: latest.attempt } : undefined;
}

/** The bytes of a run's result, model and checkpoint. */
async function filesOf(study: Study, { key }: Run): Promise<Uint8Array[]> {
  const paths = [study.resultPath("01", key), study.modelPath("01", key), study.checkpointPath("01", key)];
  return await Promise.all(paths.map((path) => Deno.readFile(path)));
}

/** Preempts a share's task by an urgent job, and waits until it has been started again. */
async function preempt(cluster: SlurmCluster, job: number, share: number): Promise<void> {
  const before = await cluster.task(job, share);
  assert.equal(before?.state, "RUNNING", `share ${share}`);
  await cluster.preempt(before.node);
  await untilOn(cluster, `share ${share} runs again`, async () => {
    const task = await cluster.task(job, share);
    return task!.restarts > before.restarts && task!.state === "RUNNING";
  });
}

Deno.test("slurm trains each of 24 runs once, with two preemptions and a node that falls silent", {
  ignore: missing.length > 0,
}, async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { quiet, study } = await quietAndStudy(dir, { runs: 24, steps: 2400 }, {
    at: join(dir, "a shared 100% study"),
  });
  await using cluster = await SlurmCluster.start(join(dir, "cluster"));
  const [job] = await submitAtShortIntervals(cluster, study);
  const [again, said] = await submitAtShortIntervals(cluster, study);
  assert.ok(Number.isNaN(again) && said.includes(`pending or running in job ${job}`), said);
  const runs = await study.runs("01"), shares = sharesOf(runs, SHARDS, runCosts(study, "01"));
  const finishedIn = async (share: number) => {
    const finished = new Set(await finishedRuns(study));
    return shares[share - 1].filter(({ key }) => finished.has(key)).length;
  };

  await untilOn(cluster, "share 1 has finished a run", async () => await finishedIn(1) >= 1);
  const preemptTwice = async () => {
    for (const finished of [1, 2]) {
      await untilOn(cluster, "share 1 is amid a further run", async () => {
        return await finishedIn(1) >= finished && await atWork(study, shares[0]) !== undefined;
      });
      await preempt(cluster, job, 1);
    }
  };
  await everyOne([preemptTwice(), takeOver(cluster, study, job, shares[2])]);
  const shown = await taskOn(cluster, "status", "--dir", study.dir);
  assert.match(shown, RegExp(`^Slurm job ${job} on cellspace_test: 3 tasks for 3 shares$`, "m"));
  for (let share = 1; share <= SHARDS; share++) {
    await untilOn(cluster, `share ${share} is through`, async () => {
      return (await cluster.task(job, share))?.state === "COMPLETED";
    });
  }
  const logs = await Promise.all(shares.map((_, i) => logOf(study, job, i + 1)));
  assert.equal(logs[0].match(/^Stopping after the queued steps/gm)?.length, 2, logs[0]);
  for (const [i, share] of shares.entries()) {
    for (const { key } of share) {
      assert.equal(logs[i].split(`${shortKey(key)}  min loss `).length, 2, `${shortKey(key)}\n${logs[i]}`);
    }
  }
  await assertSameRuns(study, quiet, logs.join("\n\n"));
  assert.match(await taskOn(cluster, "slurm", "--dir", study.dir, "--shards", "3"), /^Nothing is left to submit$/m);
});

/** Kills the daemon of a task's node and stops the task's process, waits until another has taken its run over and finished it, and lets it go on. */
async function takeOver(cluster: SlurmCluster, study: Study, job: number, share: readonly Run[]): Promise<void> {
  const number = 3, { node } = (await cluster.task(job, number))!;
  await cluster.killNode(node as Node);
  let old: Awaited<ReturnType<typeof atWork>>;
  await stopAmidRun(study, (name) => Deno.kill(old!.pid, name), async () => {
    await untilOn(cluster, "it has saved a run", async () => (old = await atWork(study, share)) !== undefined);
    return old!.run.key;
  });
  const { run, pid, attempt } = old!;
  await untilOn(cluster, "another node has the task", async () => {
    const task = await cluster.task(job, number);
    return task!.restarts === 1 && task!.state === "RUNNING" && task!.node !== node;
  });
  await untilOn(cluster, "the new process has finished the run", async () => {
    const result = (await resultsOf(study)).get(run.key);
    return result?.test_loss !== undefined && result.owner === undefined;
  });
  const written = await filesOf(study, run), result = (await resultsOf(study)).get(run.key)!;
  assert.ok(result.attempt! > attempt, `attempt ${result.attempt} after ${attempt}`);
  Deno.kill(pid, "SIGCONT");
  await untilOn(cluster, "the old process has noticed", async () => {
    return (await logOf(study, job, number)).includes(`${shortKey(run.key)}  was taken over`);
  });
  assert.deepEqual(await filesOf(study, run), written);
}

/** Names of files below a folder that hold a text. */
async function filesWith(folder: string, text: string): Promise<string[]> {
  const { stdout } = await new Deno.Command("grep", { args: ["-rlaF", text, folder] }).output();
  return new TextDecoder().decode(stdout).split("\n").filter(Boolean);
}

Deno.test(
  "slurm submits again a share whose task was cancelled, and no other",
  { ignore: missing.length > 0 },
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const study = await makeStudy(join(dir, "study"), { runs: 3, steps: 2000 });
    await using cluster = await SlurmCluster.start(join(dir, "cluster"));
    const flags = ["--dir", study.dir, "--shards", "3"], submit = [...flags, "--engine", "onnx", "--cpus", "1"];
    assert.match(await taskOn(cluster, "slurm", ...submit), /^Submitted job 1: 3 tasks for shares 1-3 of 3; /m);
    const state = async (job: number, share: number) => (await cluster.task(job, share))?.state;
    await untilOn(cluster, "share 2 trains", async () => (await logOf(study, 1, 2)).includes("Training 1 run "));
    await cluster.run("scancel", "1_2");
    for (const [share, end] of [[1, "COMPLETED"], [2, "CANCELLED"], [3, "COMPLETED"]] as const) {
      await untilOn(cluster, `share ${share} is ${end}`, async () => await state(1, share) === end);
    }
    // It was stopped and has saved, as if it had been preempted.
    await untilOn(cluster, "share 2 has ended", async () => (await logOf(study, 1, 2)).includes("train: stopped"));
    const shown = await taskOn(cluster, "status", "--dir", study.dir);
    assert.match(shown, /^ {2}ended {4}share 2, 0 of 1 run done, cancelled$/m);
    const lines = (await taskOn(cluster, "slurm", ...submit)).split("\n");
    assert.equal(lines[0], "shares 1,3 of 3: no runs left, no task is submitted");
    assert.match(lines[1], /^Submitted job \d+: 1 task for share 2 of 3; /);
    const job = Number(/job (\d+)/.exec(lines[1])![1]);
    await untilOn(cluster, "share 2 is through", async () => await state(job, 2) === "COMPLETED");
    assert.equal(await state(1, 2), "CANCELLED");
    assert.equal((await finishedRuns(study)).length, 3);
    assert.match(await taskOn(cluster, "slurm", ...submit), /^Nothing is left to submit$/m);
    // The queue's address was in the environment of whoever submitted.
    for (const folder of [study.dir, cluster.dir]) assert.deepEqual(await filesWith(folder, "secret"), []);
    assert.notDeepEqual(await filesWith(cluster.dir, "CELLSPACE_QUEUE"), []);
  },
);
