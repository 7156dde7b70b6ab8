/** Tasks do to files and network what docs/tasks.md says, also in native code. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import project from "../../deno.json" with { type: "json" };
import { makeSmallStudy } from "../experiments/small_study.ts";
import { tempFolder } from "./studies.ts";
import { denoDir } from "../environment.ts";
import { canTrace, trace } from "./traced.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Devices and what the kernel tells are no files; shared memory under /dev/shm is. */
const NO_FILE = /^\/(dev\/(null|tty|u?random|pts\/|dri\/)|proc\/|sys\/)/;

/** Compiled shaders that a driver (Mesa, NVIDIA) keeps for itself, wherever HOME is; only an adapter that is opened does it. */
const DRIVER = /\/(mesa_shader_cache|\.nv|nvidia)(_db)?(\/|$)/;

/** Tasks that load native libraries, or could: each with flags that make it work little. */
const TASKS: readonly { name: keyof typeof project.tasks; flags: readonly string[]; opensAdapter?: true }[] = [
  { name: "train", flags: ["--engine", "onnx", "--parallel", "2", "--limit", "2"] },
  { name: "train", flags: ["--engine", "auto", "--parallel", "1", "--limit", "1"], opensAdapter: true },
  { name: "evaluate", flags: ["--again"] },
  { name: "dynamics", flags: ["--streams", "1", "--bytes", "64", "--top", "1"] },
  { name: "sample", flags: ["--bytes", "20"] },
  { name: "report", flags: [] },
  { name: "export", flags: [] },
  { name: "status", flags: [] },
];

/** A program that loads ONNX Runtime without our modules. */
const UNGUARDED = `
import * as ort from ${JSON.stringify(project.imports["onnxruntime-node"])};
await ort.InferenceSession.create(new Uint8Array(1)).catch(() => {});
await new Promise((resolve) => setTimeout(resolve, 1000));
`;

async function tracedTasks(): Promise<void> {
  await using temp = await tempFolder();
  const dir = temp.path;
  const study = join(dir, "study"), cache = denoDir();
  // Long enough for its dynamics to be measured.
  await makeSmallStudy(study, 24_000);
  const isOurs = (path: string) => path === study || path.startsWith(`${study}/`);
  const isDenos = (path: string) => path === cache || path.startsWith(`${cache}/`);
  for (const [i, { name, flags, opensAdapter }] of TASKS.entries()) {
    const home = join(dir, `home${i}`);
    await Deno.mkdir(home);
    const [, ...command] = project.tasks[name].command.split(" ");
    const { code, output, written, network } = await trace([...command, "--dir", study, ...flags], { cwd: ROOT, home });
    assert.equal(code, 0, output);
    const elsewhere = written.filter((path) => !isOurs(path) && !isDenos(path) && !NO_FILE.test(path));
    assert.deepEqual(
      elsewhere.filter((path) => !(opensAdapter && DRIVER.test(path))),
      [],
      `${name} ${flags.join(" ")}`,
    );
    assert.deepEqual(network, [], name);
    // The trace has seen what is known to be written.
    if (["train", "evaluate", "dynamics", "report", "export"].includes(name)) assert.ok(written.some(isOurs), name);
  }
}

/** Shows that the trace would see it, and that the library still does it. */
async function unguarded(): Promise<void> {
  await using temp = await tempFolder();
  const dir = temp.path;
  const script = join(dir, "unguarded.ts"), home = join(dir, "home");
  await Deno.mkdir(home);
  await Deno.writeTextFile(script, UNGUARDED);
  const flags = ["--config", join(ROOT, "deno.json"), "--no-lock", "--allow-env", "--allow-read", "--allow-ffi"];
  const { code, output, written } = await trace(["run", ...flags, script], {
    cwd: dir,
    home,
    env: { ORT_DISABLE_TELEMETRY: "0" },
  });
  assert.equal(code, 0, output);
  assert.ok(written.some((path) => path.startsWith(home) && /onnxruntime.*deviceid/.test(path)), written.join("\n"));
}

const ignore = !await canTrace();
if (ignore) console.log("No process can be traced here: strace is not installed, or not permitted");
Deno.test("tasks write in their study alone and reach no network, native code included", { ignore }, tracedTasks);
Deno.test("a program that loads ONNX Runtime without our guard keeps a device id, and the trace sees it", {
  ignore,
}, unguarded);
