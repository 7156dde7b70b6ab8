/**
 * Makes the scripts of the page: the modules of this folder, with all that they import, in one file each. The files are kept with the
 * project, since whoever draws a report need not have what makes them. A test holds that they are of the modules as they are.
 */
import { fileURLToPath } from "node:url";
import { runCommand } from "../../train/terminal/command_line.ts";

/** The scripts by the modules that they begin with. */
export const BUNDLES: Readonly<Record<string, string>> = { "client.ts": "client.js", "worker.ts": "worker.js" };

/** Where they are kept. */
export const FOLDER: URL = new URL("../page/bundles/", import.meta.url);

/** The script that begins with a module of this folder. `deno bundle` fetches its esbuild from npm when it runs for the first time. */
export async function bundleOf(module: string): Promise<string> {
  const path = fileURLToPath(new URL(module, import.meta.url));
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform", "browser", "--format", "iife", "--minify", path],
    env: { NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (code) throw new Error(`Cannot bundle ${module}: ${text(stderr)}`);
  return text(stdout);
}

if (import.meta.main) {
  const description =
    "Bundles the scripts of a report's page from their modules. The bundles are committed; a test compares them.";
  await runCommand({ name: "bundle", description, flags: {} }, async () => {
    await Deno.mkdir(FOLDER, { recursive: true });
    for (const [module, file] of Object.entries(BUNDLES)) {
      await Deno.writeTextFile(new URL(file, FOLDER), await bundleOf(module));
    }
  });
}
