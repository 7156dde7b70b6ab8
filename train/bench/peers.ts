/** Other programs that do the same training step. */
import { fileURLToPath } from "node:url";

export type Peer = { readonly what: string; readonly ms_per_step: number } | { readonly absent: string };

/** PyTorch, eager, through `python3`: the best configuration's step with PyTorch's own Adam. */
export async function torchPeer(): Promise<Peer> {
  const script = fileURLToPath(new URL("./torch_step.py", import.meta.url));
  try {
    const { success, stdout, stderr } = await new Deno.Command("python3", {
      args: [script],
      stdout: "piped",
      stderr: "piped",
    }).output();
    if (success) return JSON.parse(new TextDecoder().decode(stdout));
    const last = new TextDecoder().decode(stderr).trim().split("\n").at(-1);
    return { absent: `PyTorch was not measured: ${last}` };
  } catch (error) {
    return { absent: `PyTorch was not measured: ${error instanceof Error ? error.message : error}` };
  }
}
