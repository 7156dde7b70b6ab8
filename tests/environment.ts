/** The environment that tests and their processes share: no test changes it, since others run beside it in the same process. */
import { join } from "node:path";

/** Where Deno keeps packages and compiled modules: for processes that get another home or cache. */
export function denoDir(): string {
  const variable = (name: string) => Deno.env.get(name) || undefined;
  const home = variable("HOME") ?? "/root";
  return variable("DENO_DIR") ?? join(variable("XDG_CACHE_HOME") ?? join(home, ".cache"), "deno");
}
