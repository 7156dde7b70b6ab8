/**
 * Acts on a page in a headless Chromium. playwright-core drives it from a Node.js process: under Deno it reads `/proc`, which Deno
 * allows with all permissions alone. So Deno needs to start programs and nothing more, and no network.
 */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const BROWSERS = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];
const browser = BROWSERS.find((path) => existsSync(path));

// Where there is no Node.js, Deno puts a folder with itself under that name on the PATH: that would be Deno with all permissions.
const programFolders = (Deno.env.get("PATH") ?? "").split(delimiter).filter((path) =>
  !path.endsWith("node_compat_bin")
);
const node = ["node", "node.exe"].flatMap((name) => programFolders.map((folder) => join(folder, name)))
  .find((path) => existsSync(path));

/** Why no page can be acted on here; undefined where it can. */
export const lacking = [browser ? "" : `none of ${BROWSERS.join(", ")} is there`, node ? "" : "node is not on the PATH"]
  .filter(Boolean).join("; ") || undefined;

/** What became of each check, by its name: the error that it ended with, or null. */
export type Outcomes = Readonly<Record<string, string | null>>;

/** Does all checks of `page_checks.mjs` on a page; a folder for pictures of it is for those who want to look. */
export async function checkPage(page: string, facts: unknown, pictures = ""): Promise<Outcomes> {
  const script = fileURLToPath(new URL("in_browser.mjs", import.meta.url));
  const told = JSON.stringify({
    playwright: import.meta.resolve("playwright-core"),
    browser,
    page: new URL(`file://${page}`).href,
    facts,
    pictures,
  });
  const child = new Deno.Command(node!, { args: [script], stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(told));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (code) throw new Error(`in_browser.mjs ended with code ${code}: ${text(stderr)}`);
  return JSON.parse(text(stdout));
}
