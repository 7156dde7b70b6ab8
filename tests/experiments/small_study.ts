/** A study of small runs that is trained once, copies of it to damage, and ways to damage them. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { evaluateStudy } from "../../experiments/session/scoring.ts";
import type { Run } from "../../experiments/study/runs.ts";
import { Study } from "../../experiments/study/store.ts";
import { initStudy } from "../../experiments/study/init_study.ts";
import { trainStudy } from "../../experiments/session/training.ts";
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from "../../train/training/safetensors.ts";
import { corpusFile } from "./corpus_file.ts";

/** Of the runs, so many are trained. */
export const TRAINED = 3;
/** Steps of a trained run, and of one that has gone on. */
export const STEPS = 100;
export const MORE_STEPS = 150;

/** The settings of the study, and of others as small. */
export const SMALL = {
  levels: { n_layers: [1], state_size: [8] },
  steps: STEPS,
  batch: 8,
  history: 51,
  seeds: 1,
} as const;

/**
 * Makes the study in a folder, and trains its first runs.
 *
 * @param bytes of its corpus, a twentieth of which is the test split
 */
export async function makeSmallStudy(dir: string, bytes?: number): Promise<void> {
  Deno.mkdirSync(dir);
  await initStudy({ dir, experiment: "01", corpus: corpusFile(dir, { bytes }), ...SMALL });
  // One worker is started sooner than several, and these runs take no time.
  await trainStudy({ dir, experiment: "01", engine: "onnx", parallel: 1, limit: TRAINED });
  await evaluateStudy({ dir, experiment: "01", again: false });
  for (const { name } of Deno.readDirSync(dir)) if (name.startsWith("queue.sqlite")) Deno.removeSync(join(dir, name));
}

/** Makes the study before a file's tests, and removes it and its copies after them; returns what makes a copy. */
export function copiesOfSmallStudy(bytes?: number): () => Promise<SmallStudy> {
  let folder = "", copies = 0;
  Deno.test.beforeAll(async () => {
    folder = await Deno.makeTempDir();
    await makeSmallStudy(join(folder, "study"), bytes);
  });
  Deno.test.afterAll(() => Deno.remove(folder, { recursive: true }));
  return () => SmallStudy.copy(join(folder, "study"), join(folder, `${copies++}`));
}

/** A copy of the study, with its own corpus. */
export class SmallStudy {
  private constructor(readonly dir: string, readonly study: Study, readonly runs: readonly Run[]) {}

  static async copy(from: string, dir: string): Promise<SmallStudy> {
    cpSync(from, dir, { recursive: true });
    return await SmallStudy.#at(dir);
  }

  /** The same study, where its folder has been renamed. */
  async movedTo(dir: string): Promise<SmallStudy> {
    return await SmallStudy.#at(dir);
  }

  static async #at(dir: string): Promise<SmallStudy> {
    editJson(join(dir, "study.json"), ({ corpus }) => corpus.source = join(dir, "corpus.txt"));
    const study = await Study.open(dir);
    return new SmallStudy(dir, study, await study.runs("01"));
  }

  get settings(): string {
    return join(this.dir, "study.json");
  }
  get list(): string {
    return join(this.dir, "rnn_configs.json");
  }
  get corpus(): string {
    return join(this.dir, "corpus.txt");
  }
  get queue(): string {
    return this.study.queuePath;
  }
  result(run: number): string {
    return this.study.resultPath("01", this.runs[run].key);
  }
  checkpoint(run: number): string {
    return this.study.checkpointPath("01", this.runs[run].key);
  }
  model(run: number): string {
    return this.study.modelPath("01", this.runs[run].key);
  }
  dynamics(run: number): string {
    return this.study.dynamicsPath("01", this.runs[run].key);
  }

  /** The bytes of every file by its path, but for the queue's, and for those that number attempts: each try adds one. */
  files(): Map<string, string> {
    const found = new Map<string, string>();
    const walk = (folder: string) => {
      for (const { name, isDirectory } of Deno.readDirSync(folder)) {
        const path = join(folder, name);
        if (isDirectory && !name.startsWith("attempts_")) walk(path);
        else if (!isDirectory && !path.startsWith(this.queue)) found.set(path, sha256(Deno.readFileSync(path)));
      }
    };
    if (Deno.statSync(this.dir).isDirectory) walk(this.dir);
    return found;
  }

  /** A line with names in the place of paths and keys: DIR, RUN0, RUN1, ... */
  named(line: string): string {
    const keys = this.runs.slice(0, TRAINED + 1).map(({ key }) => key);
    return keys.reduce(
      (text, key, i) => text.replaceAll(key, `RUN${i}`).replaceAll(key.slice(0, 8), `RUN${i}`),
      line.replaceAll(this.dir, "DIR"),
    );
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

// deno-lint-ignore no-explicit-any -- what is edited is wrong on purpose
export function editJson(path: string, edit: (value: any) => unknown): void {
  const value = JSON.parse(Deno.readTextFileSync(path));
  edit(value);
  Deno.writeTextFileSync(path, JSON.stringify(value));
}

export function cut(path: string, bytes: number): void {
  Deno.truncateSync(path, bytes);
}

/** Cuts off the second half. */
export function halve(path: string): void {
  cut(path, Math.floor(Deno.statSync(path).size / 2));
}

/** Changes one bit; `at` counts from the end if it is negative. */
export function flipBit(path: string, at: number): void {
  const bytes = Deno.readFileSync(path);
  bytes[at < 0 ? bytes.length + at : at] ^= 1;
  Deno.writeFileSync(path, bytes);
}

/** Where a file goes on after some text. */
export function placeAfter(path: string, text: string): number {
  const at = Buffer.from(Deno.readFileSync(path)).indexOf(text);
  if (at < 0) throw new Error(`${path} has no ${text}`);
  return at + text.length;
}

/** Puts a folder, with something in it, in a file's place. */
export function makeFolderOf(path: string): void {
  Deno.removeSync(path);
  Deno.mkdirSync(path);
  Deno.writeTextFileSync(join(path, "something"), "of somebody's");
}

/** Changes what a checkpoint holds, and sets its checksum right again. */
export function reseal(
  path: string,
  edit: (metadata: Record<string, string>, tensors: Map<string, StoredTensor>) => void,
): void {
  const file = decodeSafetensors(Deno.readFileSync(path), path);
  const unsummed = "0".repeat(64);
  const metadata = { ...file.metadata, sha256: unsummed }, tensors = new Map(file.tensors);
  edit(metadata, tensors);
  const bytes = Buffer.from(encodeSafetensors({ metadata, tensors }));
  if (metadata.sha256) bytes.write(sha256(bytes), bytes.indexOf(unsummed));
  Deno.writeFileSync(path, bytes);
}
