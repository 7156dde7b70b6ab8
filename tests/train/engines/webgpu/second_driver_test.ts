/** The engine on a second Vulkan driver, SwiftShader of Debian's chromium: drivers are chosen once a process, so in one of its own. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const SWIFTSHADER = "/usr/lib/chromium/vk_swiftshader_icd.json";
const TESTS = fileURLToPath(new URL("second_driver.ts", import.meta.url));

const isThere = existsSync(SWIFTSHADER);
if (!isThere) console.log(`Ignored: a second Vulkan driver, ${SWIFTSHADER} is not there`);

Deno.test("the WebGPU engine gives the same numbers on SwiftShader, whatever is in a kernel", {
  ignore: !isThere,
}, async () => {
  const permissions = ["--allow-env", "--allow-read", "--allow-ffi"];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--no-check", "--no-prompt", ...permissions, TESTS],
    env: { VK_DRIVER_FILES: SWIFTSHADER, VK_ICD_FILENAMES: SWIFTSHADER, DENO_WEBGPU_BACKEND: "vulkan", NO_COLOR: "1" },
  }).output();
  const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.equal(code, 0, output);
  assert.match(output, /^WebGPU tests run on SwiftShader/m);
  // None was left out.
  assert.match(output, /^ok \| 2 passed \| 0 failed \(/m);
});
