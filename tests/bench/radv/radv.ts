/**
 * What AMD's GPUs make of our kernels, told without a GPU: Mesa's Vulkan driver RADV compiles them for a chip that is not there and
 * says how many registers each takes, what it spills and how many waves of it a SIMD unit holds. The way is a user's: WGSL, Deno's
 * compiler (naga), SPIR-V, the driver.
 *
 * It needs Linux with Debian's `mesa-vulkan-drivers`, `libvulkan-dev` and `gcc`:
 *
 *     deno run --no-prompt --allow-env=NO_COLOR,FORCE_COLOR,CLICOLOR_FORCE --allow-read --allow-write=/tmp \
 *       --allow-run=cc,deno tests/bench/radv/radv.ts [--json]
 */
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { UserError } from "../../../cells/errors.ts";
import { runCommand } from "../../../train/terminal/command_line.ts";
import { flag } from "../../../train/terminal/flag.ts";
import { print } from "../../../train/terminal/output.ts";
import { type KernelStatistics, parseStatistics, toTable } from "./statistics.ts";

/** RDNA 2 (RX 6800 to 6900), RDNA 3 (RX 7900) and GCN 5 (Vega), as this Mesa calls them. */
const FAMILIES = ["navi21", "gfx1100", "vega10"] as const;

const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));

async function output(command: string, args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { code, stderr } = await new Deno.Command(command, { args: [...args], env, stdout: "null" }).output()
    .catch((error) => {
      throw new UserError(`Cannot run ${command}: ${error.message}`);
    });
  const text = new TextDecoder().decode(stderr);
  if (code !== 0) throw new UserError(`Cannot go on: ${command} ended with code ${code}: ${text.trim().slice(-400)}`);
  return text;
}

/** Compiles the layer that lets wgpu open RADV's null device, into a folder where the loader finds it. */
async function buildLayer(folder: string): Promise<void> {
  const flags = ["-shared", "-fPIC", "-O1", "-fvisibility=hidden"];
  await output("cc", [...flags, pathOf("null_device_layer.c"), "-o", join(folder, "null_device_layer.so")]);
  await Deno.copyFile(pathOf("null_device_layer.json"), join(folder, "null_device_layer.json"));
}

/** Compiles all kernels for a family. */
async function statisticsFor(family: string, layers: string) {
  const text = await output("deno", ["run", "--no-prompt", pathOf("compile.ts")], {
    DENO_WEBGPU_BACKEND: "vulkan",
    NO_COLOR: "1",
    RADV_DEBUG: "shaderstats,nocache",
    RADV_FORCE_FAMILY: family,
    VK_DRIVER_FILES: "/usr/share/vulkan/icd.d/radeon_icd.x86_64.json",
    VK_INSTANCE_LAYERS: "VK_LAYER_cellspace_null_device",
    VK_LAYER_PATH: layers,
    XDG_RUNTIME_DIR: layers,
  });
  return parseStatistics(text);
}

const flags = { json: flag.on("--json", "print JSON instead of tables") };

const options = {
  name: "radv",
  description: "Registers, spills and occupancy of the main kernels on AMD's GPUs, without a GPU",
  flags,
};

await runCommand(options, async ({ json }) => {
  const layers = await Deno.makeTempDir();
  try {
    await buildLayer(layers);
    const families: Record<string, readonly KernelStatistics[]> = {};
    let driver = "";
    for (const family of FAMILIES) {
      const told = await statisticsFor(family, layers);
      ({ driver } = told);
      families[family] = told.kernels;
    }
    if (json) return print(JSON.stringify({ driver, date: new Date().toISOString().slice(0, 10), families }, null, 2));
    print(driver);
    for (const family of FAMILIES) print(`\n${family}\n\n${toTable(families[family])}`);
  } finally {
    await Deno.remove(layers, { recursive: true });
  }
});
