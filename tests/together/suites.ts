/**
 * Which test files `deno task test` runs in one module. Each module of `deno test` loads and compiles all that it
 * imports: for a hundred files with the same imports that cost more than what most of them test. A file runs by itself as
 * ever, and failures and reports name the file in which a test is written.
 */
import { readdirSync } from "node:fs";

const ROOT = new URL("../../", import.meta.url);

/**
 * The suites, each with its folders and files. A file belongs to the nearest folder that is named here. Each suite has a
 * module of its name beside this one, so that several run at once: none should take much longer than the others. Deno
 * runs files of one folder in the order in which the task names them: first those that take long.
 */
export const SUITES = {
  advice: ["tests/experiments/advice_test.ts", "tests/experiments/advice_on_files_test.ts"],
  browser: ["tests/browser"],
  cells: ["tests/cells"],
  documents: ["tests/documents"],
  experiments: ["tests/experiments"],
  figures: ["tests/report/figures"],
  input: [
    "tests/experiments/bad_input_test.ts",
    "tests/experiments/bad_questions_test.ts",
    "tests/experiments/command_line_test.ts",
  ],
  onnx: ["tests/train/engines"],
  others: ["tests"],
  report: ["tests/report"],
  session: ["tests/experiments/session"],
  study: ["tests/experiments/study", "tests/experiments/queue"],
  train: ["tests/train"],
  webgpu: ["tests/train/engines/webgpu"],
} as const;

/** Folders and files that run in their own modules. */
const APART: readonly string[] = [
  // The task `test:faults` runs them.
  "tests/faults",
  // It takes as long as a suite, and does no work in its own process.
  "tests/train/engines/webgpu/second_driver_test.ts",
];

export type SuiteName = keyof typeof SUITES;

/** Registers the tests of a suite. */
export async function importSuite(name: SuiteName): Promise<void> {
  for (const path of filesOf(name)) await import(new URL(path, ROOT).href);
}

/** Paths of a suite's files from the root, sorted. */
export function filesOf(name: SuiteName): string[] {
  return testFilesIn("tests").filter((path) => suiteOf(path) === name);
}

/** Paths of all test files in a folder and in those within it, sorted. */
export function testFilesIn(folder: string): string[] {
  const paths = readdirSync(new URL(folder, ROOT), { recursive: true, encoding: "utf8" });
  return paths.filter((path) => path.endsWith("_test.ts")).map((path) => `${folder}/${path.replaceAll("\\", "/")}`)
    .sort();
}

/** Whether a path is a folder or file, or lies in that folder. */
export function isIn(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function suiteOf(path: string): SuiteName | undefined {
  if (APART.some((apart) => isIn(path, apart))) return undefined;
  let nearest: { suite: SuiteName; folder: string } | undefined;
  for (const suite of Object.keys(SUITES) as SuiteName[]) {
    for (const folder of SUITES[suite]) {
      if (isIn(path, folder) && folder.length > (nearest?.folder.length ?? 0)) nearest = { suite, folder };
    }
  }
  return nearest?.suite;
}
