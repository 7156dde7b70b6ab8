/** The commands `slurm` and `status` beside programs that stand for Slurm's. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { initStudy } from "../../../experiments/study/init_study.ts";
import type { Study } from "../../../experiments/study/store.ts";
import { SMALL } from "../small_study.ts";
import { ROOT } from "../tasks.ts";
import tasks from "../../../deno.json" with { type: "json" };

const CONFIG = "ClusterName             = pond\nMaxArraySize            = 5\n";

/** What programs of Slurm leave, and are asked; and a study to submit. */
class FakeCluster {
  private constructor(readonly dir: string, readonly study: Study) {}

  static async make(dir: string): Promise<FakeCluster> {
    const { study } = await initStudy({ dir: join(dir, "study"), experiment: "01", ...SMALL });
    const cluster = new FakeCluster(dir, study);
    await Deno.mkdir(join(dir, "bin"));
    // Each prints what is prepared for it, after what it read and the environment that it found are kept.
    for (const program of ["sbatch", "squeue", "scontrol"]) {
      const at = (name: string) => `'${join(dir, `${program}.${name}`)}'`;
      const text = `#!/bin/sh\n/bin/cat > ${at("in")}\n/usr/bin/env > ${at("env")}\necho "$@" > ${at("args")}\n` +
        `[ -f ${at("err")} ] && { /bin/cat ${at("err")} >&2; exit 1; }\n/bin/cat ${at("out")}\n`;
      await Deno.writeTextFile(join(dir, "bin", program), text, { mode: 0o755 });
    }
    await cluster.prepare("scontrol", CONFIG);
    await cluster.prepare("squeue", "");
    await cluster.prepare("sbatch", "41\n");
    return cluster;
  }

  async prepare(program: string, out: string): Promise<void> {
    await Deno.writeTextFile(join(this.dir, `${program}.out`), out);
    await Deno.remove(join(this.dir, `${program}.err`)).catch(() => {});
  }

  async fail(program: string, err: string): Promise<void> {
    await Deno.writeTextFile(join(this.dir, `${program}.err`), err);
  }

  async kept(program: string, what: "in" | "env" | "args"): Promise<string> {
    return (await Deno.readTextFile(join(this.dir, `${program}.${what}`))).trimEnd();
  }

  /** Has squeue tell of a job's tasks. */
  async queue(...lines: readonly (readonly [job: number, share: number, state: string, more?: string])[]) {
    const [{ name }] = (await this.jobs()) as { name: string }[];
    const text = lines.map(([job, share, state, more = "0|1:05|node1"]) => {
      return `${job}|${share}|${state}|${more}|${name}|None|\n`;
    });
    await this.prepare("squeue", text.join(""));
  }

  /** What is recorded. */
  async jobs(): Promise<unknown[]> {
    return JSON.parse(await Deno.readTextFile(this.study.slurmJobsPath)).jobs;
  }

  /** Runs a command of ours; standard output and standard error as lines, with names in the place of paths. */
  async run(name: "slurm" | "status", args: readonly string[], env: Record<string, string> = {}) {
    const child = new Deno.Command(Deno.execPath(), {
      args: [...tasks.tasks[name].command.split(" ").slice(1), "--dir", this.study.dir, ...args],
      cwd: ROOT,
      env: { NO_COLOR: "1", PATH: join(this.dir, "bin"), ...env },
    });
    const { code, stdout, stderr } = await child.output();
    const lines = (bytes: Uint8Array) =>
      new TextDecoder().decode(bytes).replaceAll(this.study.dir, "STUDY").split("\n").filter(Boolean);
    return { code, out: lines(stdout), err: lines(stderr) };
  }
}

function onFakeCluster(name: string, test: (cluster: FakeCluster) => Promise<void>): void {
  Deno.test(name, async () => {
    const dir = await Deno.makeTempDir();
    try {
      await test(await FakeCluster.make(dir));
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}

/** Makes a run's result one that cannot be read: train leaves it alone. */
async function endRun(study: Study, run: number): Promise<void> {
  const { key } = (await study.runs("01"))[run];
  await study.makeRunFolders("01");
  await Deno.writeTextFile(study.resultPath("01", key), "{");
}

onFakeCluster("slurm submits an array, records it, and hands on no password", async (cluster) => {
  const passwords = { CELLSPACE_QUEUE: "postgres://me:secret@host/db", PGPASSWORD: "secret" };
  const env = { ...passwords, LD_LIBRARY_PATH: "/opt/lib", LD_RUN_PATH: "/opt/run" };
  const given = ["--gpus", "2", "--time", "4:00:00", "--partition", "gpu", "--cpus", "8", "--engine", "onnx"];
  const { code, out, err } = await cluster.run("slurm", ["--shards", "3", ...given, "--parallel", "4"], env);
  assert.deepEqual([code, err], [0, []]);
  assert.deepEqual(out, [
    "Submitted job 41: 3 tasks for shares 1-3 of 3; 'deno task status --dir STUDY' shows them, logs are in STUDY/slurm",
  ]);
  assert.equal(await cluster.kept("sbatch", "args"), "--parsable");
  const script = await cluster.kept("sbatch", "in");
  for (const line of ["array=1-3", "gres=gpu:2", "time=4:00:00", "partition=gpu", "cpus-per-task=8"]) {
    assert.ok(script.includes(`\n#SBATCH --${line}\n`), line);
  }
  assert.match(script, /--shard "\$SLURM_ARRAY_TASK_ID\/3" --engine onnx --parallel 4 &\n/);
  for (const text of [script, await cluster.kept("sbatch", "env")]) assert.ok(!text.includes("secret"), text);
  const [job] = await cluster.jobs() as Record<string, unknown>[];
  assert.deepEqual([job.cluster, job.job, job.experiment, job.shards, job.tasks], ["pond", 41, "01", 3, [1, 2, 3]]);
  assert.match(`${job.name}`, RegExp(`^cellspace-01-${`${job.list}`.slice(0, 8)}$`));
  assert.ok((await Deno.stat(cluster.study.slurmFolder)).isDirectory);
});

onFakeCluster("slurm --dry-run prints a script that sbatch takes, and writes nothing", async (cluster) => {
  const names = () => [...Deno.readDirSync(cluster.study.dir)].map(({ name }) => name).sort();
  const before = names();
  const { code, out, err } = await cluster.run("slurm", ["--shards", "3", "--dry-run"]);
  assert.deepEqual([code, err], [0, []]);
  assert.deepEqual([out[0], out.at(-1)], [
    "#!/bin/bash",
    "# Submitted by: sbatch --parsable, with this script as its standard input",
  ]);
  const without = await cluster.run("slurm", ["--shards", "3", "--dry-run"], { PATH: "/nowhere" });
  assert.deepEqual([without.code, without.out], [0, out]);
  assert.deepEqual(without.err, [
    "Slurm is not installed on this machine: pending and running tasks were not checked",
  ]);
  assert.deepEqual(names(), before);
  const bash = new Deno.Command("bash", { args: ["-n", "-c", out.join("\n")] });
  assert.equal((await bash.output()).code, 0);
});

onFakeCluster("slurm submits what is left: no share that is done, pending or running", async (cluster) => {
  await cluster.run("slurm", ["--shards", "3"]);
  await cluster.queue([41, 1, "RUNNING"], [41, 2, "PENDING", "1|0:00|"], [41, 3, "FAILED"]);
  await cluster.prepare("sbatch", "42;pond\n");
  assert.deepEqual((await cluster.run("slurm", ["--shards", "3"])).out, [
    "shares 1-2 of 3: pending or running in job 41, no further task is submitted",
    "Submitted job 42: 1 task for share 3 of 3; 'deno task status --dir STUDY' shows them, logs are in STUDY/slurm",
  ]);
  assert.equal(await cluster.kept("squeue", "args").then((args) => / --jobs=41 /.test(args)), true);
  await cluster.queue([41, 1, "COMPLETED"], [41, 2, "PENDING"], [42, 3, "CONFIGURING"]);
  const runs = (await cluster.study.runs("01")).length;
  // Their results cannot be read: train leaves them alone, and nothing is left to do.
  for (let run = 0; run < runs; run++) await endRun(cluster.study, run);
  const { code, out } = await cluster.run("slurm", ["--shards", "3"]);
  assert.deepEqual([code, out.slice(runs)], [0, [
    "All runs are done",
    "Nothing is left to submit",
  ]]);
  assert.match(out[0], /^Cannot read STUDY\/results_01_all\/.*; its run is skipped$/);
  assert.equal((await cluster.jobs()).length, 2);
});

onFakeCluster("slurm gives no task to a share that has no runs left", async (cluster) => {
  const runs = (await cluster.study.runs("01")).length;
  for (let run = 2; run < runs; run++) await endRun(cluster.study, run);
  const { out } = await cluster.run("slurm", ["--shards", "4"]);
  assert.match(out.at(-2)!, /^shares? [\d,-]+ of 4: no runs left, no task is submitted$/);
  const [{ tasks }] = await cluster.jobs() as { tasks: number[] }[];
  assert.ok(tasks.length <= 2, `${tasks}`);
});

onFakeCluster("slurm refuses in one line while tasks of another split are at work", async (cluster) => {
  await cluster.run("slurm", ["--shards", "3"]);
  await cluster.queue([41, 1, "COMPLETED"], [41, 2, "PENDING"], [41, 3, "RUNNING"]);
  const refused =
    "slurm: Cannot submit experiment 01 of STUDY: job 41 has 2 tasks pending or running (task 2 is pending) that";
  const advice = "; wait for them, or cancel them with scancel 41";
  assert.deepEqual(await cluster.run("slurm", ["--shards", "2"]), {
    code: 2,
    out: [],
    err: [`${refused} split the list into 3 shares, not 2${advice}`],
  });
  await initStudy({ dir: cluster.study.dir, experiment: "01", levels: { n_layers: [2], state_size: [8] } });
  assert.deepEqual((await cluster.run("slurm", ["--shards", "3"])).err, [
    `${refused} split another list: the list has changed since${advice}`,
  ]);
  await cluster.prepare("squeue", "");
  assert.equal((await cluster.run("slurm", ["--shards", "2"])).code, 0);
});

/** What comes of a call that must fail, and leave no record. */
async function refusal(cluster: FakeCluster, ...args: readonly string[]): Promise<string> {
  const { code, out, err } = await cluster.run("slurm", args);
  assert.deepEqual([code, out, err.length], [2, [], 1], err.join("\n"));
  return err[0];
}

onFakeCluster("slurm says in one line what is wrong, and records nothing", async (cluster) => {
  const cannot = "slurm: Cannot submit experiment 01 of STUDY";
  assert.equal(
    await refusal(cluster, "--shards", "5"),
    `${cannot} in 5 shares: MaxArraySize of cluster pond is 5, so --shards must be at most 4`,
  );
  assert.equal(
    await refusal(cluster),
    "slurm: Cannot submit without --shards: must have the number of tasks, e.g. --shards 3",
  );
  assert.match(await refusal(cluster, "--shards", "0"), /^slurm: Cannot use --shards 0: must be a whole number of /);
  assert.match(await refusal(cluster, "--shards", "2", "--time", "2"), /must be a time .* of at least 5 minutes/);
  assert.match(await refusal(cluster, "--shards", "2", "--time", "4h"), /must be a time in Slurm's format/);
  assert.match(await refusal(cluster, "--shards", "2", "--partition", "a b"), /must be the name of a partition/);
  const invalid = "sbatch: error: invalid partition specified: x\n" +
    "sbatch: error: Batch job submission failed: Invalid partition name specified\n";
  await cluster.fail("sbatch", invalid);
  assert.equal(
    await refusal(cluster, "--shards", "2", "--partition", "x"),
    `${cannot}: sbatch says: Batch job submission failed: Invalid partition name specified`,
  );
  await cluster.fail("scontrol", "slurm_load_ctl_conf error: Unable to contact slurm controller (connect failure)\n");
  assert.equal(
    await refusal(cluster, "--shards", "2"),
    `${cannot}: scontrol says: slurm_load_ctl_conf error: Unable to contact slurm controller (connect failure)`,
  );
  await Deno.remove(join(cluster.dir, "bin/scontrol"));
  assert.equal(
    await refusal(cluster, "--shards", "2"),
    `${cannot}: scontrol is not on this machine; run it where Slurm is installed`,
  );
  await assert.rejects(Deno.stat(cluster.study.slurmJobsPath), Deno.errors.NotFound);
});

onFakeCluster("slurm and status say in one line that the record is damaged, or somebody's", async (cluster) => {
  const path = cluster.study.slurmJobsPath;
  await Deno.writeTextFile(path, '{ "cellspace_slurm": 1, "jobs": [{ "job": 0 }] }');
  assert.match(
    await refusal(cluster, "--shards", "2"),
    /^slurm: Cannot read STUDY\/slurm_jobs\.json: .*; fix it; or cancel/,
  );
  const { code, out } = await cluster.run("status", []);
  assert.deepEqual([code, out.filter((line) => line.startsWith("Slurm: Cannot read STUDY/slurm_jobs.json: ")).length], [
    0,
    1,
  ]);
  await Deno.writeTextFile(path, "[]");
  assert.match(await refusal(cluster, "--shards", "2"), /^slurm: Cannot read STUDY\/slurm_jobs\.json: /);
  assert.equal(await Deno.readTextFile(path), "[]");
});

onFakeCluster("status shows each task beside the runs, and the rest where Slurm does not answer", async (cluster) => {
  const quiet = await cluster.run("status", [], { PATH: "/nowhere" });
  assert.deepEqual([quiet.code, quiet.err], [0, []]);
  await cluster.run("slurm", ["--shards", "4"]);
  await cluster.queue([41, 1, "RUNNING", "2|1:05|node1"], [41, 2, "PENDING", "1|0:00|"], [
    41,
    3,
    "TIMEOUT",
    "0|9:00|node2",
  ]);
  const each = (await cluster.study.runs("01")).length / 4;
  assert.deepEqual((await cluster.run("status", [])).out, [
    ...quiet.out,
    "Slurm job 41 on pond: 4 tasks for 4 shares",
    `  running  share 1, 0 of ${each} runs done, on node1, for 1 min 5 s, started again 2 times`,
    `  pending  share 2, 0 of ${each} runs done, requeued 1 time`,
    `  ended    share 3, 0 of ${each} runs done, timeout`,
    `  ended    share 4, 0 of ${each} runs done`,
    "  'deno task slurm --dir STUDY --shards 4' submits the runs that are left",
  ]);
  const { slurm } = JSON.parse((await cluster.run("status", ["--json"])).out.join("\n"));
  assert.deepEqual(slurm.jobs[0].tasks[0], {
    share: 1,
    state: "running",
    slurm_state: "RUNNING",
    restarts: 2,
    node: "node1",
    seconds: 65,
    runs: each,
    done: 0,
  });
  assert.deepEqual(slurm.jobs[0].tasks[3], { share: 4, state: "ended", runs: each, done: 0 });
  await cluster.fail("squeue", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n");
  assert.deepEqual((await cluster.run("status", [])).out, [
    ...quiet.out,
    "Slurm: Cannot show the study's jobs: squeue says: slurm_load_jobs error: Unable to contact slurm controller " +
    "(connect failure)",
  ]);
  const away = await cluster.run("status", [], { PATH: "/nowhere" });
  assert.deepEqual([away.code, away.err, away.out.at(-1)], [
    0,
    [],
    "Slurm: Cannot show the study's jobs: squeue is not on this machine; run it where Slurm is installed",
  ]);
  // Forgotten ones have ended.
  await cluster.fail("squeue", "slurm_load_jobs error: Invalid job id specified\n");
  assert.equal((await cluster.run("status", [])).out.filter((line) => line.startsWith("  ended ")).length, 4);
});
