/** Somebody's files, the commands that must leave them alone, and what these say. */
import { trainingDisplay } from "../../../experiments/display.ts";
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { UserError } from "../../../cells/errors.ts";
import { measureStudy } from "../../../experiments/session/measure_dynamics.ts";
import { evaluateStudy } from "../../../experiments/session/scoring.ts";
import { readCurrentDynamics } from "../../../experiments/study/read_dynamics.ts";
import { Study } from "../../../experiments/study/store.ts";
import { initStudy } from "../../../experiments/study/init_study.ts";
import { trainStudy } from "../../../experiments/session/training.ts";
import { FORMATS, INCLUSIONS } from "../../../report/export/formats.ts";
import { exportStudy } from "../../../report/export_study.ts";
import { drawReport, type ReportOptions, writeReport } from "../../../report/write_report.ts";
import { recordErrors } from "../../faults/processes.ts";

export const of01 = (dir: string) => ({ dir, experiment: "01" } as const);

async function reportOptions(dir: string): Promise<ReportOptions> {
  const study = await Study.open(dir), read = await study.readResults("01");
  return { ...read, ...of01(dir), dynamics: await readCurrentDynamics(study, "01", read.results), below: 1.9 };
}

/** A report that is drawn, but for its PNGs, and not written. */
export const drawnReport = async (dir: string) => drawReport(await reportOptions(dir));

/** What each command does to a study, as its script calls it. */
export const COMMANDS = {
  init: (dir: string) => initStudy({ ...of01(dir), seeds: 2 }),
  train: (dir: string) =>
    trainStudy({ ...of01(dir), engine: "onnx", parallel: 1, limit: 1, ...trainingDisplay("train", { quiet: true }) }),
  evaluate: (dir: string) => evaluateStudy({ ...of01(dir), again: true }),
  dynamics: (dir: string) =>
    measureStudy({ ...of01(dir), again: false, settings: { streams: 1, tokens: 32, exponents: 2 }, parallel: 1 }),
  report: async (dir: string) => writeReport(await reportOptions(dir)),
  export: async (dir: string) =>
    exportStudy(await Study.open(dir), { experiment: "01", formats: FORMATS, include: INCLUSIONS }),
} as const;

/** Somebody's files: other text, other JSON, and nothing at all. */
export const FOREIGN = [
  "somebody's own notes\n",
  '{"model": {"merges": []}, "version": "1.0"}\n',
  "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\0\0\0\x01\0",
];

export const sha256 = (path: string) => createHash("sha256").update(Deno.readFileSync(path)).digest("hex");

export function plant(path: string, content: string): string {
  Deno.mkdirSync(dirname(path), { recursive: true });
  Deno.writeFileSync(path, Uint8Array.from(content, (character) => character.charCodeAt(0)));
  return sha256(path);
}

export function filesIn(dir: string): string[] {
  return [...Deno.readDirSync(dir)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesIn(join(dir, name)).map((path) => join(name, path)) : [name]
  ).sort();
}

/** What a command says where it is refused, or warns; any error but a `UserError` is one. */
export async function saidBy(command: () => Promise<unknown>): Promise<string[]> {
  using errors = recordErrors();
  try {
    await command();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [...errors.lines, error.message];
  }
  return [...errors.lines];
}

export type Command = keyof typeof COMMANDS;
