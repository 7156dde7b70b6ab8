/** Scores of ONNX Runtime's WebGPU provider beside the CPU's, on Chromium's software adapter: that shows that numbers are right, not that anything is fast. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Evaluation } from "../../../train/scoring/evaluate.ts";

/** Dawn, which the provider is built on, refuses Mesa's llvmpipe. */
const SWIFTSHADER = "/usr/lib/chromium/vk_swiftshader_icd.json";
const LLVMPIPE = "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json";

interface Told {
  readonly location?: { readonly provider: string; readonly adapter?: string };
  readonly messages: readonly string[];
  readonly scores: readonly { readonly webgpu: Evaluation; readonly cpu: Evaluation }[];
  readonly stopped: string;
  readonly error?: string;
}

async function told(
  driver: string,
  mode: "auto" | "webgpu" | "auto, then failing" | "webgpu, then failing",
): Promise<Told> {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-q",
      "--no-prompt",
      "--allow-env",
      "--allow-read",
      "--allow-ffi",
      fileURLToPath(new URL("webgpu_scores.ts", import.meta.url)),
      mode,
    ],
    env: { VK_DRIVER_FILES: driver, VK_ICD_FILENAMES: driver, DENO_WEBGPU_BACKEND: "vulkan" },
  }).output();
  const line = new TextDecoder().decode(stdout).trim().split("\n").at(-1)!;
  assert.ok(line.startsWith("{"), `it ended without a word: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(line);
}

function onDriver(driver: string, name: string, test: () => Promise<void>): void {
  const isThere = existsSync(driver);
  if (!isThere) console.log(`Ignored: '${name}': ${driver} is not there`);
  Deno.test({ name, ignore: !isThere, fn: test });
}

onDriver(
  SWIFTSHADER,
  "evaluateModel() on webgpu gives the CPU's scores within 1e-5 bits per byte, its sample, and hears a signal",
  async () => {
    const { location, messages, scores, stopped, error } = await told(SWIFTSHADER, "webgpu");
    assert.equal(error, undefined);
    assert.deepEqual(messages, []);
    assert.equal(location!.provider, "webgpu");
    assert.match(location!.adapter!, /SwiftShader/);
    assert.equal(scores.length, 2);
    for (const { webgpu, cpu } of scores) {
      assert.deepEqual([webgpu.location, cpu.location], [location, { provider: "cpu" }]);
      const near = (one: number, other: number) => assert.ok(Math.abs(one - other) < 1e-5, `${one} against ${other}`);
      near(webgpu.bits_per_byte, cpu.bits_per_byte);
      near(webgpu.validation!.bits_per_byte, cpu.validation!.bits_per_byte);
      near(webgpu.memory!.carried, cpu.memory!.carried);
      // It rounds in another way: the same bits would have come from the CPU.
      assert.notEqual(webgpu.nats, cpu.nats);
      assert.deepEqual([webgpu.tokens, webgpu.bytes, webgpu.streams, webgpu.drawn], [299, 299, 6, cpu.drawn]);
      // Of resets the CPU takes care in both.
      assert.deepEqual(webgpu.memory!.reset, cpu.memory!.reset);
    }
    assert.equal(stopped, "AbortError");
  },
);

onDriver(SWIFTSHADER, "EvaluationWorkers.open('auto') leaves a software adapter alone", async () => {
  const { location, messages } = await told(SWIFTSHADER, "auto");
  assert.deepEqual([location, messages], [{ provider: "cpu" }, []]);
});

onDriver(LLVMPIPE, "EvaluationWorkers.open('webgpu') refuses an adapter that cannot score in one line", async () => {
  const { error } = await told(LLVMPIPE, "webgpu");
  assert.match(error!, /^Cannot open the model on webgpu \([^\n]*adapter[^\n]*\); use --score-on cpu$/);
});

Deno.test("evaluateModel() scores on the CPU from the first failure of the device on, and says so once, where the choice was 'auto'", async () => {
  const { location, messages, scores, error } = await told("/no/such/driver.json", "auto, then failing");
  assert.equal(error, undefined);
  assert.deepEqual(location, { provider: "cpu" });
  assert.equal(messages.length, 1);
  assert.match(messages[0], /^Scoring on the CPU instead: Cannot open the model on webgpu \([^\n]+\)$/);
  assert.equal(scores.length, 2);
  for (const { webgpu, cpu } of scores) assert.deepEqual(webgpu, cpu);
});

Deno.test("evaluateModel() says what can be done where a device fails that was asked for", async () => {
  const { error, scores } = await told("/no/such/driver.json", "webgpu, then failing");
  assert.equal(scores, undefined);
  assert.match(error!, /^Cannot open the model on webgpu \([^\n]+\); use --score-on cpu$/);
});
