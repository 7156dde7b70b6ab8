/** Data flows one way: a module imports from its own stage or from those before it, and never in a circle. */
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import { dirname, join, relative } from "node:path";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const STAGES = ["cells", "train", "experiments", "report"];

/** The modules that a source names: what it imports, and the scripts that it starts as workers, which are its code as much. */
function importsOf(source: string): string[] {
  return [...source.matchAll(/"(\.\.?\/[^"]+\.ts)"/g)].map(([, target]) => target);
}

/** Every module of the stages with the modules that it imports, by path from the root. */
function readImports(): Map<string, string[]> {
  const modules = new Map<string, string[]>();
  const visit = (folder: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(join(ROOT, folder))) {
      const path = join(folder, name);
      if (isDirectory) visit(path);
      else if (name.endsWith(".ts")) {
        const source = Deno.readTextFileSync(join(ROOT, path));
        modules.set(path, importsOf(source).map((target) => relative(ROOT, join(ROOT, dirname(path), target))));
      }
    }
  };
  STAGES.forEach(visit);
  return modules;
}

/** Folders in the order in which data flows through them; each module imports from its own or from an earlier one. */
interface Pipeline {
  /** Where the folders lie, with a slash at its end; empty: at the root. */
  readonly within: string;
  readonly folders: readonly string[];
}

const PIPELINES: readonly Pipeline[] = [
  { within: "", folders: STAGES },
  { within: "train/engines/webgpu/", folders: ["plan", "kernels", "runtime"] },
  { within: "experiments/", folders: ["study", "queue", "session", "slurm", "bench"] },
  {
    within: "report/",
    folders: ["data", "statistics", "tables", "figures", "content", "watch", "page", "browser", "export"],
  },
];

/** Imports from a later folder of a pipeline, or from what lies beside its folders. */
function wrongWay(modules: ReadonlyMap<string, string[]>, { within, folders }: Pipeline): string[] {
  const stageOf = (path: string) => folders.indexOf(path.slice(within.length).split("/")[0]);
  const isStaged = (path: string) => path.startsWith(within) && stageOf(path) >= 0;
  return [...modules].filter(([path]) => isStaged(path)).flatMap(([path, imports]) =>
    imports
      .filter((target) => target.endsWith(".ts") && target.startsWith(within))
      .filter((target) => !isStaged(target) || stageOf(target) > stageOf(path))
      .map((target) => `${path} imports ${target}`)
  );
}

/** One circle of imports, or undefined. */
function findCycle(modules: ReadonlyMap<string, string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (path: string, trail: string[]): string[] | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return undefined;
    for (const target of modules.get(path) ?? []) {
      const cycle = visit(target, [...trail, path]);
      if (cycle) return cycle;
    }
    done.add(path);
    return undefined;
  };
  for (const path of modules.keys()) {
    const cycle = visit(path, []);
    if (cycle) return cycle;
  }
  return undefined;
}

for (const pipeline of PIPELINES) {
  const { within, folders } = pipeline;
  Deno.test(`modules of ${within}{${folders}} import from their own folder or an earlier one`, () => {
    const modules = readImports();
    assert.ok(modules.size > 50, `only ${modules.size} modules were found`);
    for (const folder of folders) {
      const prefix = `${within}${folder}/`;
      assert.ok([...modules.keys()].some((path) => path.startsWith(prefix)), `${prefix} has no module`);
    }
    assert.deepEqual(wrongWay(modules, pipeline), []);
  });
}

Deno.test("modules do not import each other in a circle", () => {
  assert.equal(findCycle(readImports()), undefined);
});

Deno.test("the import check finds a wrong way and a circle when there is one", () => {
  const modules = new Map([["cells/a.ts", ["train/b.ts"]], ["train/b.ts", ["train/c.ts"]], ["train/c.ts", [
    "train/b.ts",
  ]]]);
  assert.deepEqual(wrongWay(modules, PIPELINES[0]), ["cells/a.ts imports train/b.ts"]);
  assert.deepEqual(findCycle(modules), ["train/b.ts", "train/c.ts", "train/b.ts"]);
});

Deno.test("the import check finds a wrong way within a folder, and what lies beside the pipeline", () => {
  const outside = "train/engines/engine.ts", inside = ["plan/b.ts", "kernels/c.ts", "engine.ts"];
  const targets = [outside, ...inside.map((path) => `train/engines/webgpu/${path}`)];
  const modules = new Map(["plan/a.ts", "runtime/a.ts", "engine.ts"].map((path) => [
    `train/engines/webgpu/${path}`,
    targets,
  ]));
  assert.deepEqual(wrongWay(modules, PIPELINES[1]), [
    "train/engines/webgpu/plan/a.ts imports train/engines/webgpu/kernels/c.ts",
    "train/engines/webgpu/plan/a.ts imports train/engines/webgpu/engine.ts",
    "train/engines/webgpu/runtime/a.ts imports train/engines/webgpu/engine.ts",
  ]);
});

Deno.test("the import check sees static and dynamic imports, and the scripts of workers", () => {
  const source = `import a from "./a.ts"; export * from "../b.ts"; import "./c.ts"; await import("./d.ts");
    new Worker(new URL("../e.ts", import.meta.url)); import z from "zod"; new URL("../data.json", import.meta.url)`;
  assert.deepEqual(importsOf(source), ["./a.ts", "../b.ts", "./c.ts", "./d.ts", "../e.ts"]);
});

Deno.test("one module alone knows the command-line library", () => {
  const users: string[] = [];
  for (const path of readImports().keys()) {
    if (/from "(@commander-js\/extra-typings|commander)"/.test(Deno.readTextFileSync(join(ROOT, path)))) {
      users.push(path);
    }
  }
  assert.deepEqual(users, ["train/terminal/command_line.ts"]);
});

Deno.test("no test changes the environment or the folder of the process, which others share that run beside it", () => {
  const found: string[] = [];
  const visit = (folder: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(join(ROOT, folder))) {
      const path = join(folder, name);
      if (isDirectory) visit(path);
      else if (/\.m?[tj]s$/.test(name)) {
        const source = Deno.readTextFileSync(join(ROOT, path));
        if (/Deno\.(env\.(set|delete)|chdir)\(/.test(source)) found.push(path);
      }
    }
  };
  visit("tests");
  assert.deepEqual(found.filter((path) => path !== "tests/import_order_test.ts"), []);
});

/** Lines of code that write a command themselves; comments may. */
function commandsWritten(source: string): string[] {
  return source.replaceAll(/\/\*\*[^]*?\*\//g, "").split("\n")
    .filter((line) => /\bdeno task\b|["'`]deno["'`]/.test(line.replace(/(^|\s)\/\/ .*/, "")));
}

Deno.test("commands in messages name their study: they all come from one module", () => {
  const writers = [...readImports().keys()].filter((path) =>
    commandsWritten(Deno.readTextFileSync(join(ROOT, path))).length > 0
  );
  // The second says whose help it shows.
  assert.deepEqual(writers.sort(), ["train/terminal/advice.ts", "train/terminal/command_line.ts"]);
});

Deno.test("the check of commands finds one in a string, and none in a comment", () => {
  assert.deepEqual(commandsWritten("const advice = \"run 'deno task train'\";").length, 1);
  assert.deepEqual(commandsWritten("/** `deno task x`: does it. */\nconst a = 1; // see deno task x\n"), []);
});
