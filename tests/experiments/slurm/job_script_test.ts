import assert from "node:assert/strict";
import { jobScript, type JobScriptOptions, rangesOf } from "../../../experiments/slurm/job_script.ts";

const OPTIONS: JobScriptOptions = {
  study: "/home/me/study",
  project: "/home/me/cellspace",
  deno: "/home/me/.deno/bin/deno",
  logs: "/home/me/study/slurm",
  experiment: "01",
  name: "cellspace-01-0123abcd",
  shards: 4,
  tasks: [1, 2, 4],
};

/** The beginning of a script, up to where it starts `train`; and that line. */
function head(script: string): string[] {
  const lines = script.split("\n");
  return [...lines.slice(0, lines.indexOf('cd "$project" || exit 1')), lines.find((line) => line.includes("--shard"))!];
}

Deno.test("jobScript() asks for what was given, and trains the share of the task", () => {
  const script = jobScript({
    ...OPTIONS,
    experiment: "02",
    resources: { gpus: 1, time: "4:00:00", partition: "gpu", cpus: 8 },
    flags: ["--engine", "webgpu", "--parallel", "16"],
  });
  assert.deepEqual(head(script), [
    "#!/bin/bash",
    "# Trains experiment 02 of a study in 4 shares: task i of this array trains share i. Made by 'deno task slurm';",
    "# may be edited and submitted with sbatch. Slurm starts no task whose log it cannot write: the folder of --output must be there.",
    "#SBATCH --job-name=cellspace-01-0123abcd",
    "#SBATCH --array=1-2,4",
    "#SBATCH --ntasks=1",
    "#SBATCH --cpus-per-task=8",
    "#SBATCH --gres=gpu:1",
    "#SBATCH --time=4:00:00",
    "#SBATCH --partition=gpu",
    '#SBATCH --output="/home/me/study/slurm/%A_%a.log"',
    "#SBATCH --open-mode=append",
    "#SBATCH --requeue",
    "#SBATCH --signal=B:TERM@120",
    "",
    "study='/home/me/study'",
    "project='/home/me/cellspace'",
    "deno='/home/me/.deno/bin/deno'",
    '"$deno" task --quiet train --dir "$study" --shard "$SLURM_ARRAY_TASK_ID/4" --experiment 02 --engine webgpu --parallel 16 &',
  ]);
});

Deno.test("jobScript() asks for nothing that was not given", () => {
  const directives = jobScript(OPTIONS).split("\n").filter((line) => line.startsWith("#SBATCH"));
  assert.deepEqual(directives.map((line) => /--([a-z-]+)/.exec(line)![1]), [
    "job-name",
    "array",
    "ntasks",
    "output",
    "open-mode",
    "requeue",
    "signal",
  ]);
});

Deno.test("jobScript() keeps spaces, quotes and percent signs of a path, and refuses what Slurm takes for something else", () => {
  const study = `/home/me/it's "50%" $x`;
  const lines = jobScript({ ...OPTIONS, study, logs: `${study}/slurm` }).split("\n");
  assert.ok(lines.includes(`study='/home/me/it'\\''s "50%" $x'`));
  assert.ok(lines.includes(`#SBATCH --output="/home/me/it's \\"50%%\\" $x/slurm/%A_%a.log"`));
  for (const logs of ["/a\\b/slurm", "/a\nb/slurm"]) {
    assert.throws(() => jobScript({ ...OPTIONS, logs }), {
      name: "UserError",
      message:
        /^Cannot write a job script for ".*": Slurm writes no logs below a folder with a backslash or a line break in its name; rename it$/,
    });
  }
});

Deno.test("rangesOf() joins neighbours", () => {
  assert.equal(rangesOf([1, 2, 3, 7, 9, 10]), "1-3,7,9-10");
  assert.equal(rangesOf([5]), "5");
});

/** What a script did with a `train` that a shell runs: its exit code, and what it asked of scontrol. */
async function runScript(train: string, { restarts = 0, before = 0, termAfter = [] as number[] } = {}) {
  const dir = await Deno.makeTempDir();
  try {
    const scontrol =
      `#!/bin/sh\necho "$@" >> '${dir}/asked'\n[ "$1" = show ] && echo "   Requeue=1 Restarts=${restarts} X=1"\n`;
    await Deno.writeTextFile(`${dir}/scontrol`, scontrol, { mode: 0o755 });
    await Deno.writeTextFile(`${dir}/train`, `#!/bin/bash\n${train}\n`, { mode: 0o755 });
    const script = jobScript({ ...OPTIONS, study: dir, project: dir, train: "./train" });
    const child = new Deno.Command("bash", {
      args: ["-c", script],
      env: {
        PATH: `${dir}:/usr/bin:/bin`,
        SLURM_ARRAY_JOB_ID: "7",
        SLURM_ARRAY_TASK_ID: "2",
        ...(before ? { SLURM_RESTART_COUNT: `${before}` } : {}),
      },
      stdout: "null",
      stderr: "null",
    }).spawn();
    const isReady = () => Deno.stat(`${dir}/ready`).then(() => true, () => false);
    while (termAfter.length && !await isReady()) await new Promise((resolve) => setTimeout(resolve, 10));
    for (const milliseconds of termAfter) {
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      child.kill("SIGTERM");
    }
    // Later than any further TERM would be handed on, and no sooner however busy the machine is.
    await new Promise((resolve) => setTimeout(resolve, termAfter.length ? 100 : 0));
    await Deno.writeTextFile(`${dir}/saved`, "");
    const { code } = await child.status;
    const read = (name: string) => Deno.readTextFile(`${dir}/${name}`).catch(() => "");
    return { code, asked: (await read("asked")).split("\n").filter(Boolean), heard: (await read("heard")).length };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Notes each TERM, saves until it is told that it has, and ends as `train` does that was stopped. */
const SAVES = `trap 'printf T >> heard; stopped=1' TERM
touch ready
until [ "$stopped" ]; do sleep 0.05; done
until [ -e saved ]; do sleep 0.05; done
exit 143`;

Deno.test("the job script hands TERM to train once, waits until it has saved, and requeues its task", async () => {
  assert.deepEqual(await runScript(SAVES, { termAfter: [0, 100] }), {
    code: 143,
    asked: ["show job 7_2", "requeue Incomplete 7_2"],
    heard: 1,
  });
  assert.deepEqual((await runScript(SAVES, { termAfter: [0], restarts: 3, before: 3 })).asked.length, 2);
});

Deno.test("the job script requeues nothing when Slurm has started the task again elsewhere", async () => {
  const { code, asked } = await runScript(SAVES, { termAfter: [0], restarts: 4, before: 3 });
  assert.deepEqual([code, asked], [143, ["show job 7_2"]]);
});

Deno.test("the job script ends as train does, and requeues nothing, when train ends by itself", async () => {
  for (const code of [0, 1, 2]) assert.deepEqual(await runScript(`exit ${code}`), { code, asked: [], heard: 0 });
  // Also while it is being stopped: what it had was through, or cannot be done.
  const atOnce = (code: number) => `trap 'exit ${code}' TERM; touch ready; while :; do sleep 0.05; done`;
  for (const code of [0, 1]) {
    assert.deepEqual(await runScript(atOnce(code), { termAfter: [0] }), { code, asked: [], heard: 0 });
  }
});
