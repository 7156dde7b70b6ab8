/**
 * Runs a task on a study with the permissions that this study needs: `deno run … task.ts train --dir runs/a` lets `train` write in
 * `runs/a` and nowhere else.
 *
 * Deno takes permissions before a program has read its flags, so this process has to be given the widest that any study may need.
 * It does nothing with them but start the task's script in a worker that has the narrow ones, and that no code of the task can widen.
 */
import { isAbsolute, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "./cells/errors.ts";
import { dirFlag, nodeLocalFlag } from "./experiments/place_flags.ts";
import { gpusIn, trainOnGpus } from "./experiments/gpus.ts";
import { nodeLocalFolder, TEMPORARY_VARIABLE } from "./experiments/queue/queue_place.ts";
import { queuePermissions, queueUrl } from "./experiments/queue/queue_url.ts";
import { StudyPaths } from "./experiments/study/paths.ts";
import type { SlurmProgram } from "./experiments/slurm/programs.ts";
import {
  CACHE_VARIABLES,
  cachedPath,
  cacheFolder,
  type Environment,
  isCached,
  ownEnvironment,
} from "./train/corpus/cache.ts";
import { CORPUS_NAMES } from "./train/corpus/corpus.ts";
import { knownCorpus } from "./train/corpus/known.ts";
import { packageFolder, projectFolder } from "./train/process/folders.ts";
import { TELEMETRY_VARIABLE } from "./train/engines/onnx/telemetry.ts";
import { valueIn, valuesIn } from "./train/terminal/flag.ts";
import { hangupName } from "./train/terminal/hangup.ts";
import type { MessageToMain } from "./train/terminal/exit.ts";
import { printError } from "./train/terminal/output.ts";
import { servedAt } from "./report/watch/port.ts";
import { endAtSecondSignal } from "./train/terminal/stop_signal.ts";
import config from "./deno.json" with { type: "json" };

/** What a task runs, and what it needs. */
export interface Task {
  readonly script: string;
  /** Where its study is, if the flags do not say; absent where it has none. */
  readonly dir?: string;
  /** What it may do beside reading its study and this project. */
  readonly writes: boolean;
  readonly readsCorpus: boolean;
  /** Whether it reads the corpus only where `--include` names the test split. */
  readonly readsTest?: boolean;
  /** Whether it reads the module that `--space` names. */
  readonly readsSpace?: boolean;
  /** The flag that names studies which it reads. */
  readonly readsStudies?: "with" | "from";
  /** Whether it downloads a known corpus that `--corpus` names, where that is not on this machine. */
  readonly fetchesCorpus?: boolean;
  /** Whether it looks at what has been downloaded. */
  readonly listsCorpora?: boolean;
  /** Whether it asks how much memory this machine has: runs that need more would be killed by the system, silently. */
  readonly asksMemory?: boolean;
  /** Whether it names itself by machine and process, to others that work on the study. */
  readonly namesItself?: boolean;
  /** Whether it asks who is at work, or says so, where a PostgreSQL server has the queue: of `--queue`, or of a variable. */
  readonly asksQueue?: boolean;
  /** Whether it looks at the claims on the study's runs, which may lie on a disk of this machine instead. */
  readonly readsQueue?: boolean;
  /** Whether it serves a page on loopback, at the port of `--port`. */
  readonly serves?: boolean;
  /** Programs of Slurm that it starts; Deno does not watch what these do. */
  readonly starts?: readonly SlurmProgram[];
  /** Whether it starts them only for a study that has been submitted. */
  readonly startsForJobs?: boolean;
  /** Whether it trains on a card that `--gpu` names: this process chooses it, or starts one process for each. */
  readonly choosesCard?: boolean;
  /** Native libraries that it loads; Deno does not watch what these do. */
  readonly native: readonly (keyof typeof NATIVE)[];
}

const DIR = dirFlag.fallback;

/** What each native library needs beside `ffi`: what it asks of the system, and variables of the environment that are set for it. */
const NATIVE = {
  onnxruntime: { sys: [], env: [TELEMETRY_VARIABLE] },
  /** Its loader asks which C library this is. */
  resvg: { sys: ["cpus", "networkInterfaces", "hostname"], env: [] },
} as const;

export const TASKS: Readonly<Record<string, Task>> = {
  init: {
    script: "experiments/init.ts",
    dir: DIR,
    writes: true,
    readsCorpus: true,
    readsSpace: true,
    fetchesCorpus: true,
    // It may measure how long runs take.
    native: ["onnxruntime"],
  },
  remove: {
    script: "experiments/remove.ts",
    dir: DIR,
    writes: true,
    readsCorpus: false,
    readsQueue: true,
    native: [],
  },
  train: {
    script: "experiments/train.ts",
    dir: DIR,
    writes: true,
    readsCorpus: true,
    asksMemory: true,
    choosesCard: true,
    namesItself: true,
    asksQueue: true,
    readsQueue: true,
    native: ["onnxruntime"],
  },
  evaluate: {
    script: "experiments/evaluate.ts",
    dir: DIR,
    writes: true,
    readsCorpus: true,
    namesItself: true,
    asksQueue: true,
    readsQueue: true,
    native: ["onnxruntime"],
  },
  dynamics: {
    script: "experiments/dynamics.ts",
    dir: DIR,
    writes: true,
    readsCorpus: true,
    namesItself: true,
    asksQueue: true,
    readsQueue: true,
    native: ["onnxruntime"],
  },
  merge: {
    script: "experiments/merge.ts",
    dir: DIR,
    writes: true,
    readsCorpus: false,
    readsStudies: "from",
    namesItself: true,
    asksQueue: true,
    readsQueue: true,
    native: [],
  },
  status: {
    script: "experiments/status.ts",
    dir: DIR,
    writes: false,
    readsCorpus: false,
    asksQueue: true,
    readsQueue: true,
    starts: ["squeue"],
    startsForJobs: true,
    native: [],
  },
  watch: {
    script: "report/watch.ts",
    dir: DIR,
    writes: false,
    readsCorpus: false,
    asksQueue: true,
    readsQueue: true,
    serves: true,
    native: [],
  },
  slurm: {
    script: "experiments/slurm.ts",
    dir: DIR,
    writes: true,
    readsCorpus: false,
    starts: ["sbatch", "squeue", "scontrol"],
    native: [],
  },
  sample: { script: "experiments/sample.ts", dir: DIR, writes: false, readsCorpus: false, native: ["onnxruntime"] },
  report: {
    script: "report/report.ts",
    dir: DIR,
    writes: true,
    readsCorpus: false,
    readsStudies: "with",
    native: ["resvg"],
  },
  export: { script: "report/export.ts", dir: DIR, writes: true, readsCorpus: false, readsTest: true, native: [] },
  corpora: { script: "train/corpora.ts", writes: false, readsCorpus: false, listsCorpora: true, native: [] },
  demo: {
    script: "report/demo.ts",
    dir: "study/demo",
    writes: true,
    readsCorpus: false,
    namesItself: true,
    readsQueue: true,
    native: ["onnxruntime", "resvg"],
  },
};

/** Variables of the environment that any task reads: colours, and where Vulkan's loader looks. */
const VARIABLES = ["NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "XDG_RUNTIME_DIR"];

/**
 * The permissions that a task gets.
 *
 * @param args its command line, of which `--dir`, `--corpus`, `--space`, `--with`, `--from`, `--include`, `--queue` and `--port` are read; what is wrong with it, the task itself will say
 * @param environment says where the cache of corpora is
 * @param queueVariable says where the queue is, if no flag does
 */
export async function permissionsOf(
  task: Task,
  args: readonly string[],
  environment: Environment = ownEnvironment,
  queueVariable: (name: string) => string | undefined = (name) => Deno.env.get(name),
): Promise<Deno.PermissionOptionsObject> {
  const given = { dir: textIn(args, "dir"), corpus: textIn(args, "corpus"), space: textIn(args, "space") };
  const dir = task.dir && (given.dir ?? task.dir);
  const includesTest = task.readsTest === true && valuesIn(args, "include").includes("test");
  const named = task.readsCorpus || includesTest
    ? [dir === undefined ? undefined : await corpusOf(dir), task.readsCorpus ? given.corpus : undefined]
    : [];
  const corpora = named.filter((name) => name !== undefined);
  const files = corpora.filter((name) => !CORPUS_NAMES.includes(name));
  const cache = await cachePermissions(task, corpora, environment, given.corpus);
  const study = dir === undefined ? [] : [resolve(dir)], packages = packageFolder();
  const space = task.readsSpace && given.space !== undefined ? [given.space] : [];
  const others = task.readsStudies ? valuesIn(args, task.readsStudies) : [];
  const nodeLocal = dir !== undefined && task.readsQueue ? [nodeLocalFolder(dir)] : [];
  const isNodeLocal = task.namesItself === true && args.includes(nodeLocalFlag.usage);
  const queue = task.asksQueue
    ? queuePermissions(queueUrl(textIn(args, "queue"), queueVariable))
    : { net: [], env: [] };
  const orNone = <T>(list: readonly T[]) => list.length ? [...list] : false;
  return {
    read: [
      ...study,
      ...nodeLocal,
      projectFolder(),
      packages,
      ...[...files, ...space, ...others].map((path) => resolve(path)),
      ...cache.read,
    ],
    write: orNone([...(task.writes ? study : []), ...(isNodeLocal ? nodeLocal : []), ...cache.write]),
    ffi: task.native.length ? [packages] : false,
    sys: orNone([
      ...(task.asksMemory ? ["systemMemoryInfo"] as const : []),
      ...(task.namesItself ? ["hostname"] as const : []),
      ...(task.readsQueue ? ["statfs", "uid"] as const : []),
      ...task.native.flatMap((library) => NATIVE[library].sys),
    ]),
    env: [
      ...VARIABLES,
      ...(task.readsQueue ? [TEMPORARY_VARIABLE] : []),
      ...task.native.flatMap((library) => NATIVE[library].env),
      ...cache.env,
      ...queue.env,
    ],
    net: orNone([...cache.net, ...queue.net, ...(task.serves ? [servedAt(args)] : [])]),
    run: orNone(await programsOf(task, dir)),
    import: false,
  };
}

/** A flag that permissions follow from, where it says something: read as the task itself will read it. */
function textIn(args: readonly string[], flag: "dir" | "corpus" | "space" | "queue"): string | undefined {
  return valueIn(args, flag)?.trim() ? valueIn(args, flag) : undefined;
}

interface CachePermissions {
  readonly read: readonly string[];
  readonly write: readonly string[];
  readonly net: readonly string[];
  readonly env: readonly string[];
}

/**
 * What a task may do with the corpora of this machine: read the one that it trains on; or, where that has yet to come, write
 * beside it, and reach the hosts that have it.
 */
async function cachePermissions(
  task: Task,
  names: readonly string[],
  environment: Environment,
  asked?: string,
): Promise<CachePermissions> {
  const none = { read: [], write: [], net: [], env: [] };
  const corpora = names.map(knownCorpus).filter((corpus) => corpus !== undefined);
  if (!corpora.length && !task.listsCorpora) return none;
  const env = CACHE_VARIABLES, folder = await unlessRefused(() => cacheFolder(Deno.build.os, environment));
  if (folder === undefined) return { ...none, env };
  if (task.listsCorpora) return { ...none, env, read: [folder] };
  const wanted = task.fetchesCorpus ? knownCorpus(asked) : undefined;
  if (!wanted || await isCached(wanted, folder)) {
    return { ...none, env, read: corpora.map((corpus) => cachedPath(corpus, folder)) };
  }
  return { env, read: [folder], write: [folder], net: wanted.hosts };
}

/** The programs that a task may start. */
async function programsOf({ starts = [], startsForJobs }: Task, dir: string | undefined): Promise<readonly string[]> {
  if (!startsForJobs || dir === undefined) return starts;
  const hasJobs = await Deno.stat(new StudyPaths(dir).slurmJobsPath).then(() => true, () => false);
  return hasJobs ? starts : [];
}

/** The corpus that a study was made with. */
async function corpusOf(dir: string): Promise<string | undefined> {
  // Loaded here: the checks of settings take half as long to load as all else, and most tasks have no corpus.
  const { readStudySettings } = await import("./experiments/study/settings_file.ts");
  const source = (await unlessRefused(() => readStudySettings(dir)))?.settings.corpus.source;
  return source !== undefined && (CORPUS_NAMES.includes(source) || isAbsolute(source)) ? source : undefined;
}

/** What comes of an action; nothing where a person must fix something first: the task meets the same error, and says it. */
async function unlessRefused<T>(action: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Runs a script in a worker with these permissions; resolves to its exit code. While it hears signals, the second ends this process. */
export function runConfined(script: URL, permissions: Deno.PermissionOptionsObject): Promise<number> {
  const worker = new Worker(script, { type: "module", name: hangupName(), deno: { permissions } });
  let hearing: Disposable | undefined;
  return new Promise((resolve) => {
    worker.onmessage = ({ data }: MessageEvent<MessageToMain>) => {
      if ("exit_code" in data) return resolve(data.exit_code);
      hearing?.[Symbol.dispose]();
      hearing = data.handles_signals ? endAtSecondSignal() : undefined;
    };
  });
}

/** The program and arguments that start a task as its command in `deno.json` does, but so that it starts no further process. */
export function commandOf(name: string): (args: readonly string[]) => string[] {
  const { command } = config.tasks[name as keyof typeof config.tasks];
  const parts = command.split(" "), script = parts.indexOf("task.ts");
  const start = parts.slice(0, script).filter((flag) => !flag.startsWith("--allow-run"));
  return (args) => [...start, fileURLToPath(import.meta.url), name, ...args];
}

if (import.meta.main) {
  const [name, ...args] = Deno.args;
  const task = Object.hasOwn(TASKS, name) ? TASKS[name] : undefined;
  if (!task) {
    printError(`task: Cannot run '${name}': must be one of ${Object.keys(TASKS).join(", ")}`);
    Deno.exit(2);
  }
  const here = async () => await runConfined(new URL(task.script, import.meta.url), await permissionsOf(task, args));
  const gpus = task.choosesCard ? gpusIn(args) : undefined;
  Deno.exit(gpus === undefined ? await here() : await trainOnGpus(gpus, args, { here, command: commandOf(name) }));
}
