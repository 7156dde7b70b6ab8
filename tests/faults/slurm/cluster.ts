/**
 * A Slurm cluster on this machine: a munge daemon, a controller, and a daemon for each node. All that it has lies in a folder of its own, the socket of
 * munge too, and its ports are free ones: it meets no cluster that is there.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { freePorts, isThere, sleep, until } from "../processes.ts";

/** What it is made of: Debian's packages `slurmctld`, `slurmd`, `slurm-client` and `munge`. */
const PROGRAMS = ["munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel"] as const;
const FOLDERS = ["/usr/sbin", "/usr/bin"] as const;

const NODES = ["node1", "node2", "node3"] as const;
export type Node = typeof NODES[number];

/** Programs that are missing here. */
export function missingPrograms(): string[] {
  return PROGRAMS.filter((program) => !FOLDERS.some((folder) => isThere(join(folder, program))));
}

/** A task of an array, as squeue tells. */
export interface QueuedTask {
  readonly state: string;
  readonly node: string;
  readonly restarts: number;
}

export class SlurmCluster implements AsyncDisposable {
  readonly #daemons = new Map<string, Deno.ChildProcess>();

  private constructor(readonly dir: string, private readonly ports: readonly number[]) {}

  /** Starts a cluster in an empty folder; resolves when its nodes are idle. */
  static async start(dir: string): Promise<SlurmCluster> {
    const cluster = new SlurmCluster(dir, freePorts(1 + NODES.length));
    try {
      await cluster.#start();
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  /** What programs of Slurm need to find it. */
  get environment(): Record<string, string> {
    return { SLURM_CONF: join(this.dir, "slurm.conf") };
  }

  async #start(): Promise<void> {
    for (const name of ["munge", "state", "spool"]) await Deno.mkdir(join(this.dir, name), { recursive: true });
    const munge = (name: string) => join(this.dir, "munge", name);
    await Deno.writeFile(munge("key"), crypto.getRandomValues(new Uint8Array(1024)), { mode: 0o600 });
    await Deno.writeTextFile(this.environment.SLURM_CONF, this.#configuration());
    const files = ["key", "pid", "log", "seed"].map((name) => `--${name}-file=${munge(name)}`);
    // A temporary folder is closed to others, which munge takes for an error unless it is forced.
    this.#spawn("munged", "--foreground", "--force", `--socket=${munge("socket")}`, ...files);
    await until("munge listens", () => Deno.stat(munge("socket")).then(() => true, () => false));
    this.#spawn("slurmctld", "-D", "-c");
    await until("the controller answers", async () => (await this.#output("scontrol", "ping")).includes("UP"));
    for (const node of NODES) this.startNode(node);
    await until("the nodes are idle", async () => {
      return (await this.#output("sinfo", "--noheader", "--partition=main", "--format=%D %t")).trim() === "3 idle";
    });
  }

  /**
   * As clusters are, with shorter intervals: a node that is silent for six seconds is down, what is requeued starts again after five, and a job that is to
   * make room hears its signal at once and has ten seconds. Who is urgent takes the node from others.
   */
  #configuration(): string {
    const [controller, ...ports] = this.ports, host = Deno.hostname(), user = Deno.uid();
    const at = (name: string) => join(this.dir, name);
    return `ClusterName=cellspace_test
SlurmctldHost=${host}(127.0.0.1)
SlurmctldPort=${controller}
SlurmUser=${user}
SlurmdUser=${user}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=${at("munge/socket")},cred_expire=5
StateSaveLocation=${at("state")}
SlurmdSpoolDir=${at("spool/%n")}
SlurmctldPidFile=${at("slurmctld.pid")}
SlurmdPidFile=${at("%n.pid")}
SlurmctldLogFile=${at("slurmctld.log")}
SlurmdLogFile=${at("%n.log")}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU,CR_LLN
SchedulerParameters=sched_interval=2,bf_interval=2
SlurmctldParameters=preempt_send_user_signal
SlurmdParameters=config_overrides
SlurmdTimeout=6
KillWait=10
MinJobAge=600
ReturnToService=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
${
      NODES.map((node, i) =>
        `NodeName=${node} NodeHostname=${host} NodeAddr=127.0.0.1 Port=${ports[i]} CPUs=2 RealMemory=100\n`
      ).join("")
    }PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=10 PreemptMode=REQUEUE
PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
`;
  }

  startNode(node: Node): void {
    this.#spawn("slurmd", "-D", "-N", node);
  }

  /** Kills a node's daemon without warning. What it started lives on. */
  async killNode(node: Node): Promise<void> {
    const daemon = this.#daemons.get(node);
    assert.ok(daemon, node);
    daemon.kill("SIGKILL");
    await daemon.status;
    this.#daemons.delete(node);
  }

  #spawn(program: string, ...args: string[]): void {
    const env = this.environment, options = { args, env, stdout: "null", stderr: "null" } as const;
    const key = program === "slurmd" ? args.at(-1)! : program;
    this.#daemons.set(key, new Deno.Command(pathOf(program), options).spawn());
  }

  async #output(program: string, ...args: string[]): Promise<string> {
    const { stdout } = await new Deno.Command(program, { args, env: this.environment, stderr: "null" }).output();
    return new TextDecoder().decode(stdout);
  }

  /** Runs a program of Slurm, which must succeed. */
  async run(program: string, ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await new Deno.Command(program, { args, env: this.environment }).output();
    assert.equal(code, 0, `${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
    return new TextDecoder().decode(stdout);
  }

  /** How a task of an array stands; undefined where Slurm does not know it. */
  async task(job: number, index: number): Promise<QueuedTask | undefined> {
    const format = "State:100|,RestartCnt:100|,NodeList:100";
    const args = ["--noheader", "--array", "--states=all", `--jobs=${job}_${index}`, `--Format=${format}`];
    const [state, restarts, node] = (await this.#output("squeue", ...args)).split("|").map((part) => part.trim());
    return node === undefined ? undefined : { state, node, restarts: Number(restarts) };
  }

  /** Has an urgent job take a node for a moment, as a real one does: whoever is there gets a signal, and time to save. */
  async preempt(node: string): Promise<void> {
    const args = ["--wait", "--partition=urgent", "--exclusive", `--nodelist=${node}`, "--output=/dev/null"];
    await this.run("sbatch", ...args, "--wrap=sleep 1");
  }

  /** The end of the controller's log, for messages. */
  async log(): Promise<string> {
    const text = await Deno.readTextFile(join(this.dir, "slurmctld.log")).catch(() => "");
    return text.split("\n").slice(-60).join("\n");
  }

  /** Stops the cluster, and ends all that it has started. */
  async [Symbol.asyncDispose](): Promise<void> {
    const daemons = [...this.#daemons.values()];
    // Again, for what a daemon started while it was ended.
    for (let pids = await this.#processes(); pids.length; pids = await this.#processes()) {
      pids.forEach(end);
      await sleep(50);
    }
    await Promise.all(daemons.map((daemon) => daemon.status));
  }

  /**
   * Daemons and jobs, those included whose daemon is gone: each has the cluster's environment. Deno lets nobody without all permissions look at that of
   * other processes, so a shell does.
   */
  async #processes(): Promise<number[]> {
    const mark = `SLURM_CONF=${this.environment.SLURM_CONF}`;
    const args = ["-c", 'grep -lszxF "$1" /proc/[0-9]*/environ', "sh", mark];
    const { stdout } = await new Deno.Command("sh", { args, stderr: "null" }).output();
    return [...new TextDecoder().decode(stdout).matchAll(/\d+/g)].map(Number);
  }
}

function end(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch {
    // It ended this very moment.
  }
}

/** Daemons lie where not everyone's path leads. */
function pathOf(program: string): string {
  return join(
    program === "slurmctld" || program === "slurmd" || program === "munged" ? "/usr/sbin" : "/usr/bin",
    program,
  );
}
