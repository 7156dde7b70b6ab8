/**
 * Runs a task on a study with the permissions that this study needs: `deno run … task.ts train --dir runs/a` lets `train` write in
 * `runs/a` and nowhere else.
 *
 * Deno takes permissions before a program has read its flags, so this process has to be given the widest that any study may need.
 * It does nothing with them but start the task's script in a worker that has the narrow ones, and that no code of the task can widen.
 */
import { createRequire } from "node:module";
import { isAbsolute, resolve } from "node:path";
import { parseArgs } from "node:util";
import { UserError } from "./cells/errors.ts";
import { dirFlag } from "./experiments/flags.ts";
import { Study } from "./experiments/store.ts";
import { EMBEDDED } from "./train/corpus/corpus.ts";
import type { LastWord } from "./train/terminal/exit.ts";

/** What a task runs, and what it needs. */
export interface Task {
  readonly script: string;
  /** Where its study is, if the flags do not say. */
  readonly dir: string;
  /** What it may do beside reading its study and this project. */
  readonly writes: boolean;
  readonly readsCorpus: boolean;
  /** Native libraries (ONNX Runtime, the PNG renderer) and what they ask of the system. */
  readonly ffi: boolean;
  readonly sys: readonly ("cpus" | "networkInterfaces" | "hostname")[];
}

const DIR = dirFlag.fallback;
/** What resvg's loader asks for, to tell which C library this is. */
const RENDERER = ["cpus", "networkInterfaces", "hostname"] as const;

export const TASKS: Readonly<Record<string, Task>> = {
  init: { script: "experiments/init.ts", dir: DIR, writes: true, readsCorpus: true, ffi: false, sys: [] },
  train: { script: "experiments/train.ts", dir: DIR, writes: true, readsCorpus: true, ffi: true, sys: [] },
  evaluate: { script: "experiments/evaluate.ts", dir: DIR, writes: true, readsCorpus: true, ffi: true, sys: [] },
  status: { script: "experiments/status.ts", dir: DIR, writes: false, readsCorpus: false, ffi: false, sys: [] },
  sample: { script: "experiments/sample.ts", dir: DIR, writes: false, readsCorpus: false, ffi: true, sys: [] },
  report: { script: "report/report.ts", dir: DIR, writes: true, readsCorpus: false, ffi: true, sys: RENDERER },
  export: { script: "report/export.ts", dir: DIR, writes: true, readsCorpus: false, ffi: false, sys: [] },
  demo: { script: "report/demo.ts", dir: "study/demo", writes: true, readsCorpus: false, ffi: true, sys: RENDERER },
};

/** Variables of the environment that any task reads: colours, and where Vulkan's loader looks. */
const VARIABLES = ["NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "XDG_RUNTIME_DIR"];

/**
 * The permissions that a task gets.
 *
 * @param args its command line, of which `--dir` and `--corpus` are read; what is wrong with it, the task itself will say
 */
export async function permissionsOf(task: Task, args: readonly string[]): Promise<Deno.PermissionOptionsObject> {
  const { values } = parseArgs({
    args: [...args],
    options: { dir: { type: "string" }, corpus: { type: "string" } },
    strict: false,
  });
  const dir = typeof values.dir === "string" && values.dir.trim() ? values.dir : task.dir;
  const corpus = [await corpusOf(dir), values.corpus].filter((source) =>
    typeof source === "string" && source !== EMBEDDED.name
  ) as string[];
  const study = [resolve(dir)], packages = packageFolder();
  return {
    read: [...study, import.meta.dirname!, packages, ...(task.readsCorpus ? corpus.map((path) => resolve(path)) : [])],
    write: task.writes ? study : false,
    ffi: task.ffi ? [packages] : false,
    sys: task.sys.length ? [...task.sys] : false,
    env: VARIABLES,
    net: false,
    run: false,
    import: false,
  };
}

/** Where npm's packages lie: their native libraries and fonts are read from there. */
function packageFolder(): string {
  const [folder] = createRequire(import.meta.url).resolve("zod").split(/[\\/]zod[\\/]/);
  return folder;
}

/** The corpus that a study was made with. */
async function corpusOf(dir: string): Promise<string | undefined> {
  try {
    const source = (await Study.find(dir))?.settings.corpus.source;
    return source !== undefined && isAbsolute(source) ? source : undefined;
  } catch (error) {
    // The task meets the same error, and says it.
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Runs a script in a worker with these permissions; resolves to its exit code. */
export function runConfined(script: URL, permissions: Deno.PermissionOptionsObject): Promise<number> {
  const worker = new Worker(script, { type: "module", deno: { permissions } });
  return new Promise((resolve) => {
    worker.onmessage = ({ data }: MessageEvent<LastWord>) => resolve(data.exit_code);
  });
}

if (import.meta.main) {
  const [name, ...args] = Deno.args;
  const task = TASKS[name];
  if (!task) {
    console.error(`task: Cannot run '${name}': must be one of ${Object.keys(TASKS).join(", ")}`);
    Deno.exit(2);
  }
  Deno.exit(await runConfined(new URL(task.script, import.meta.url), await permissionsOf(task, args)));
}
