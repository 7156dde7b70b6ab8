/** What a process and its native libraries do to files and to the network, as the kernel sees it: Deno does not watch native code. */
import { isAbsolute, join, resolve } from "node:path";
import { denoDir } from "../environment.ts";

/** Calls that change a folder or a file, and calls that send something. */
const WATCHED = {
  files:
    "open,openat,openat2,creat,mknod,mknodat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,rmdir,link,linkat,symlink," +
    "symlinkat,truncate,chmod,fchmodat",
  network: "connect,bind,sendto,sendmsg,sendmmsg",
} as const;

/** What a process was seen at. */
export interface Traced {
  readonly code: number;
  readonly output: string;
  /** Absolute paths that it wrote, made, renamed or removed, or tried to. */
  readonly written: readonly string[];
  /** Calls that reach beyond this machine's processes, as strace prints them. */
  readonly network: readonly string[];
}

/** Whether processes can be watched here: strace is there, and may. */
export async function canTrace(): Promise<boolean> {
  try {
    const { code } = await new Deno.Command("strace", { args: ["-f", "-o", "/dev/null", "true"] }).output();
    return code === 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * Runs Deno under strace, with a home and a folder for temporary files of its own, so that nothing is there already.
 *
 * @param home an empty folder
 */
export async function trace(
  args: readonly string[],
  { cwd, home, env = {} }: { cwd: string; home: string; env?: Readonly<Record<string, string>> },
): Promise<Traced> {
  const temporary = join(home, "tmp"), log = join(home, "strace.log");
  await Deno.mkdir(temporary);
  const calls = `${WATCHED.files},${WATCHED.network}`;
  // -y names the folder behind a descriptor; --seccomp-bpf stops the process at these calls alone.
  const strace = ["-f", "-y", "-qq", "--seccomp-bpf", "-e", "signal=none", "-e", `trace=${calls}`, "-s", "200"];
  const { code, stdout, stderr } = await new Deno.Command("strace", {
    args: [...strace, "-o", log, Deno.execPath(), ...args],
    cwd,
    // Nothing else of the environment: where CI is set, for one, ONNX Runtime keeps its telemetry to itself, and nothing would be seen.
    clearEnv: true,
    env: {
      ...inherited(),
      HOME: home,
      XDG_CACHE_HOME: "",
      TMPDIR: temporary,
      // Deno's own cache stays where it is, and Deno does not ask for a newer version of itself.
      DENO_DIR: denoDir(),
      DENO_NO_UPDATE_CHECK: "1",
      NO_COLOR: "1",
      ...env,
    },
  }).output();
  const lines = (await Deno.readTextFile(log)).split("\n");
  return {
    code,
    output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr),
    written: [...new Set(lines.flatMap((line) => pathsWritten(line, cwd)))].sort(),
    network: lines.filter(isNetwork),
  };
}

/** What processes need of this one's environment: programs, and which driver serves WebGPU. */
function inherited(): Record<string, string> {
  const { PATH, DENO_WEBGPU_BACKEND, XDG_RUNTIME_DIR, VK_DRIVER_FILES } = Deno.env.toObject();
  const all = { PATH, DENO_WEBGPU_BACKEND, XDG_RUNTIME_DIR, VK_DRIVER_FILES };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

const networkCall = new RegExp(`^\\d+ +(?:${WATCHED.network.replaceAll(",", "|")})\\(`);

/** Whether a line is a call to another machine, or to where names are looked up. Within this machine: pipes, and the kernel's netlink. */
function isNetwork(line: string): boolean {
  return networkCall.test(line) && /AF_INET|sin_addr|nscd/.test(line);
}

/** The paths that a line of the log says were written. */
function pathsWritten(line: string, cwd: string): string[] {
  const call = /^\d+ +(\w+)\((.*)$/.exec(line);
  if (!call || networkCall.test(line)) return [];
  const [, name, rest] = call;
  if (/^open/.test(name) && !/O_WRONLY|O_RDWR|O_CREAT|O_TRUNC/.test(rest)) return [];
  const found: string[] = [];
  let folder = cwd;
  // Descriptors of folders stand before the names that lie in them.
  for (const [, at, path] of rest.matchAll(/(?:^|, )(?:AT_FDCWD|\d+)<([^>]*)>|"((?:[^"\\]|\\.)*)"/g)) {
    if (at !== undefined) folder = at;
    else if (path) found.push(isAbsolute(path) ? path : resolve(folder, path));
  }
  return found;
}
