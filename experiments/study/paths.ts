/** Where the files of a study lie, and what they are called. */
import { join } from "node:path";
import { isFolder, namesIn } from "./files.ts";
import { type Experiment, EXPERIMENTS } from "./experiment.ts";

/** Names of files in a study's folder itself. */
const SETTINGS_FILE = "study.json";
const TOKENIZER_FILE = "tokenizer.json";
const SPACE_FILE = "space.ts";
/** Called so since the first version. */
export const BASELINES_FILE = "entropy_floors.json";
export const QUEUE_FILE = "queue.sqlite";
/** What has been submitted to Slurm, and the folder of its logs. */
export const SLURM_JOBS_FILE = "slurm_jobs.json";
const SLURM_FOLDER = "slurm";
/** What a process holds that trains a share: in the folder of attempts at that. */
export const SHARE_CLAIMS_FILE = "claims.json";
/** Beside the files that it is for: a task may write in its study's folder alone. It goes with the lock. */
const LOCK_FILE = ".cellspace.lock";

/** How an experiment's files are called. */
const FILES: Readonly<Record<Experiment, { configs: string; suffix: string }>> = {
  "01": { configs: "rnn_configs.json", suffix: "01_all" },
  "02": { configs: "rnn_configs_02.json", suffix: "02_best" },
};

/** Folders into which a training run writes, and all that hold files of runs and nothing else. */
const TRAINING_FOLDERS = ["results", "models", "checkpoints"] as const;
const RUN_FOLDERS = [...TRAINING_FOLDERS, "dynamics"] as const;
type RunFolder = typeof RUN_FOLDERS[number];

/** Where the results of an experiment lie in a study's folder. */
export function resultFolder(dir: string, experiment: Experiment): string {
  return folderOf(dir, "results", experiment);
}

/** Where the measured dynamics of an experiment lie. */
function dynamicsFolder(dir: string, experiment: Experiment): string {
  return folderOf(dir, "dynamics", experiment);
}

function folderOf(dir: string, kind: RunFolder, experiment: Experiment): string {
  return join(dir, `${kind}_${FILES[experiment].suffix}`);
}

/** The keys under which results lie in a study's folder, sorted: of runs that the study has, and of others. */
export async function resultKeys(dir: string, experiment: Experiment): Promise<string[]> {
  return await keysIn(resultFolder(dir, experiment));
}

/** The keys under which measured dynamics lie, sorted; undefined where none have ever been measured. */
export async function dynamicsKeys(dir: string, experiment: Experiment): Promise<string[] | undefined> {
  const folder = dynamicsFolder(dir, experiment);
  return await isFolder(folder) ? await keysIn(folder) : undefined;
}

async function keysIn(folder: string): Promise<string[]> {
  return (await namesIn(folder)).flatMap((name) => /^(.*)\.json$/.exec(name)?.[1] ?? []);
}

/** The paths of a study's files, whether they are there or not. */
export class StudyPaths {
  constructor(readonly dir: string) {}

  get settingsPath(): string {
    return join(this.dir, SETTINGS_FILE);
  }

  get tokenizerPath(): string {
    return join(this.dir, TOKENIZER_FILE);
  }

  /** A copy of the module of the study's space. */
  get spacePath(): string {
    return join(this.dir, SPACE_FILE);
  }

  get queuePath(): string {
    return join(this.dir, QUEUE_FILE);
  }

  get slurmJobsPath(): string {
    return join(this.dir, SLURM_JOBS_FILE);
  }

  /** Where Slurm writes what the tasks of a job say. */
  get slurmFolder(): string {
    return join(this.dir, SLURM_FOLDER);
  }

  get baselinesPath(): string {
    return join(this.dir, BASELINES_FILE);
  }

  get lockPath(): string {
    return join(this.dir, LOCK_FILE);
  }

  configsPath(experiment: Experiment): string {
    return join(this.dir, FILES[experiment].configs);
  }

  resultPath(experiment: Experiment, key: string): string {
    return join(resultFolder(this.dir, experiment), `${key}.json`);
  }

  modelPath(experiment: Experiment, key: string): string {
    return join(folderOf(this.dir, "models", experiment), `${key}.onnx`);
  }

  checkpointPath(experiment: Experiment, key: string): string {
    return join(folderOf(this.dir, "checkpoints", experiment), `${key}.safetensors`);
  }

  dynamicsPath(experiment: Experiment, key: string): string {
    return join(dynamicsFolder(this.dir, experiment), `${key}.json`);
  }

  /** Where the attempts at a run, or at a share of all runs, are numbered. */
  attemptsFolder(experiment: Experiment, name: string): string {
    return join(this.dir, `attempts_${FILES[experiment].suffix}`, name);
  }

  /** The runs and shares at which there have been attempts. */
  async attemptNames(experiment: Experiment): Promise<string[]> {
    return await namesIn(this.attemptsFolder(experiment, ""));
  }

  /** The folders into which an experiment's runs write as they train. */
  trainingFolders(experiment: Experiment): string[] {
    return TRAINING_FOLDERS.map((kind) => folderOf(this.dir, kind, experiment));
  }

  /** The folders that hold files of an experiment's runs and nothing else. */
  runFolders(experiment: Experiment): string[] {
    return RUN_FOLDERS.map((kind) => folderOf(this.dir, kind, experiment));
  }

  /** The same of all experiments. */
  allRunFolders(): string[] {
    return EXPERIMENTS.flatMap((experiment) => this.runFolders(experiment));
  }

  /** Where the runs are written for other tools, if nobody says. */
  exportFolder(experiment: Experiment): string {
    return join(this.dir, `export_${FILES[experiment].suffix}`);
  }
}
