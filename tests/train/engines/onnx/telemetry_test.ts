/** ONNX Runtime's telemetry is off wherever the project loads it; tests/faults/traced_test.ts sees that with the kernel's eyes. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import tasks from "../../../../deno.json" with { type: "json" };
import { TELEMETRY_VARIABLE } from "../../../../train/engines/onnx/telemetry.ts";
import { texts } from "../../../documents/pages.ts";

const ROOT = new URL("../../../../", import.meta.url);
const RUNTIME = "train/engines/onnx/runtime.ts";

/** Every module of the project, tests included. */
const sources = [...texts()].filter(([path]) => /\.[mc]?[tj]s$/.test(path)).map(([path, text]) => ({ path, text }));

Deno.test("one module imports onnxruntime-node, after the one that switches its telemetry off", () => {
  const importers = sources.filter(({ text }) => /\b(from|import)\s*\(?\s*"(npm:)?onnxruntime-/.test(text));
  assert.deepEqual(importers.map(({ path }) => path), [RUNTIME]);
  const imported = [...importers[0].text.matchAll(/^(?:import|export).*"(.+)";$/gm)].map(([, from]) => from);
  assert.deepEqual([imported[0], new Set(imported.slice(1))], [
    "./telemetry.ts",
    new Set(["onnxruntime-node", "onnxruntime-node/dist/binding.js"]),
  ]);
});

Deno.test("one module makes sessions", () => {
  const makers = sources.filter(({ text }) => /(InferenceSession\s*\.\s*create\(|newNativeSession\(\);)/.test(text))
    .map(({ path }) => path);
  assert.deepEqual(makers.filter((path) => !path.startsWith("tests/")), ["train/engines/onnx/session.ts"]);
});

Deno.test("each task that may load ONNX Runtime may switch its telemetry off", () => {
  const commands = Object.entries(tasks.tasks).filter(([, { command }]) => command.includes("--allow-ffi"));
  const able = commands.filter(([, { command }]) =>
    new RegExp(`--allow-env( |=\\S*\\b${TELEMETRY_VARIABLE}\\b)`).test(command)
  );
  const names = (list: typeof commands) => list.map(([name]) => name);
  // What draws pictures loads resvg alone.
  assert.deepEqual(names(able), names(commands).filter((name) => name !== "report"));
});

const SCRIPT = `
import { evaluateModel, exportModel, openOnnxEngine, trainCell, gatedCell, loadCorpus, parseConfig } from "./mod.ts";
const switches = ["input_gate", "forget_gate", "output_gate", "state_gate", "new_state", "old_state", "residual"];
const config = parseConfig({
  ...Object.fromEntries(switches.map((name) => ["use_" + name, true])), n_layers: 1, state_size: 4,
});
const { train } = await loadCorpus("embedded", 5);
const settings = { steps: 4, batch: 2, history: 5, log_every: 1 };
try {
  await trainCell(await openOnnxEngine(), gatedCell(config), { ...config, seed: 0 }, settings, train);
  console.log("trained, variable " + Deno.env.get("${TELEMETRY_VARIABLE}"));
} catch (error) {
  console.log(String(error));
}
`;

/** What a library user's program prints with these permissions. */
async function run(permissions: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const flags = ["--no-prompt", "--ext=ts", "--allow-read", "--allow-ffi", ...permissions];
  // Read from standard input, so that "./mod.ts" is the project's.
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", ...flags, "-"],
    cwd: fileURLToPath(ROOT),
    env: { NO_COLOR: "1", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(SCRIPT));
  await writer.close();
  const { stdout, stderr } = await child.output();
  return (new TextDecoder().decode(stdout) || new TextDecoder().decode(stderr)).trim();
}

Deno.test("a library user's program switches the telemetry off, whatever the environment says", async () => {
  const words = await run([`--allow-env=${TELEMETRY_VARIABLE}`], { [TELEMETRY_VARIABLE]: "0" });
  assert.equal(words, "trained, variable 1");
});

Deno.test("a library user's program that may not switch it off is refused in one line", async () => {
  const words = await run([]);
  assert.match(
    words,
    /^(Error|UserError): Cannot use ONNX Runtime: its telemetry cannot be switched off without --allow-env=\w+: .*$/,
  );
});
