/**
 * Acts on pages in a headless Chromium. playwright-core drives it from a Node.js process: under Deno it reads `/proc`, which Deno
 * allows with all permissions alone. So Deno needs to start programs and, where it serves a page, the loopback interface.
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

/** A page, and what `page_checks.mjs` must know of it. */
export interface PageOnDisk {
  readonly path: string;
  readonly facts: unknown;
}

/**
 * Does all checks of `page_checks.mjs`, each on the page that it names; a folder for pictures of these is for those who want to look.
 */
export async function checkPages(pages: Readonly<Record<string, PageOnDisk>>, pictures = ""): Promise<Outcomes> {
  const served = Object.entries(pages).map((
    [name, { path, facts }],
  ) => [name, { page: new URL(`file://${path}`).href, facts }]);
  return await runScript("in_browser.mjs", { pages: Object.fromEntries(served), pictures });
}

/** Acts on a page that is served, as a script of this folder says; returns what it tells. */
export async function actOn<T>(script: string, page: string, facts: unknown, pictures = ""): Promise<T> {
  return await runScript<T>(script, { page, facts, pictures });
}

/** A function on a page, and what it is given. */
export interface PageCall {
  readonly name: string;
  readonly given: unknown;
}

/** What a function on a page came to, or why it failed, and what the page complained of meanwhile. */
export type Called =
  & { readonly wrong: readonly string[] }
  & ({ readonly returned: unknown } | { readonly error: string });

/**
 * Serves a page with one module on the loopback interface, and calls functions that the module has put on the window, one after the other,
 * where WebGPU is SwiftShader's. Each gets a page loaded anew; one that fails ends no other. What is given and returned travels as JSON.
 */
export async function callOnPage(module: string, calls: readonly PageCall[]): Promise<readonly Called[]> {
  const answers: Record<string, readonly [content: string, type: string]> = {
    "/": [`<!doctype html><link rel="icon" href="data:,"><script type="module" src="module.js"></script>`, "text/html"],
    "/module.js": [module, "text/javascript"],
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ url }) => {
    const [content, type] = answers[new URL(url).pathname] ?? [];
    return new Response(content, { status: type ? 200 : 404, headers: { "content-type": type ?? "text/plain" } });
  });
  try {
    return await runScript("call_page.mjs", { page: `http://127.0.0.1:${server.addr.port}/`, calls });
  } finally {
    await server.shutdown();
  }
}

/** Bundles a module for browsers. `deno bundle` fetches its esbuild from npm when it runs for the first time. */
export async function bundled(path: URL): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform", "browser", fileURLToPath(path)],
    env: { NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (code) throw new Error(`Cannot bundle ${path}: ${text(stderr)}`);
  return text(stdout);
}

/** Runs a script of this folder in Node.js, with a browser; returns what it tells. */
async function runScript<T>(name: string, facts: object): Promise<T> {
  const script = fileURLToPath(new URL(name, import.meta.url));
  const told = JSON.stringify({ playwright: import.meta.resolve("playwright-core"), browser, ...facts });
  const child = new Deno.Command(node!, { args: [script], stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  // Both at once: a script that has much to be told may say something before it has read all.
  const [{ code, stdout, stderr }] = await Promise.all([child.output(), tell(child.stdin, told)]);
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (code) throw new Error(`${name} ended with code ${code}: ${text(stderr)}`);
  return JSON.parse(text(stdout));
}

async function tell(stdin: WritableStream<Uint8Array<ArrayBuffer>>, told: string): Promise<void> {
  const writer = stdin.getWriter();
  await writer.write(new TextEncoder().encode(told));
  await writer.close();
}
