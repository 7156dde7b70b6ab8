/** PyTorch through `python3`, one process for each way of running the step. */
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { parseWith } from "../../../cells/config.ts";
import { messageOf } from "../../../cells/errors.ts";
import { ADAM } from "../../../cells/language_model.ts";
import type { Absent, Measured, Peer, PeerTask } from "./peer.ts";

/** How PyTorch runs the step. */
export interface TorchMode {
  /** Stack as many runs as the task says and map over them; else one run. */
  readonly vmap?: boolean;
  /** `torch.compile`. */
  readonly compile?: boolean;
  /** Capture the whole step as a CUDA graph: on CUDA only. */
  readonly graph?: boolean;
  /** Products in TensorFloat-32, which keeps 10 bits of the mantissa: on CUDA only. */
  readonly tf32?: boolean;
}

const replySchema = z.object({
  version: z.string(),
  where: z.string(),
  runs: z.number(),
  ms_per_step: z.number(),
  losses: z.array(z.array(z.number())),
});

/** Relative: TensorFloat-32 rounds each factor of a product by up to 2⁻¹¹. */
const TF32_TOLERANCE = 1e-2;

export function torchPeer(name: string, mode: TorchMode): Peer {
  const what = `PyTorch ${name}`;
  return {
    what,
    device: "python",
    ...(mode.tf32 ? { tolerance: TF32_TOLERANCE } : {}),
    async measure(task) {
      try {
        return parseReply(name, await runPython(encodeTask(task, mode), task.timing.limitSeconds));
      } catch (error) {
        return { what, absent: messageOf(error) } satisfies Absent;
      }
    },
  };
}

/** What the process printed, as a measurement. */
export function parseReply(name: string, output: string): Measured {
  // PyTorch's libraries may print before it.
  const line = output.trim().split("\n").at(-1) ?? "";
  let reply: unknown;
  try {
    reply = JSON.parse(line);
  } catch {
    throw new Error(`its answer is no JSON: ${line.slice(0, 80)}`);
  }
  const { version, where, ...measured } = parseWith(replySchema, reply, "the answer of torch_step.py");
  return { what: `PyTorch ${version} ${name}, ${where}`, ...measured };
}

/** A line of JSON, the weights of each start, the text: see torch_step.py. */
export function encodeTask(
  { sizes, starts, text, runs, timing }: PeerTask,
  { vmap = false, compile = false, graph = false, tf32 = false }: TorchMode,
): Uint8Array<ArrayBuffer>[] {
  const names = [...starts[0].weights.keys()];
  const header = {
    ...sizes,
    shapes: names.map((name) => [name, starts[0].weights.get(name)!.shape]),
    starts: starts.length,
    checked: starts[0].losses.length,
    learning_rate: ADAM.learning_rate,
    runs: vmap ? runs : 1,
    vmap,
    compile,
    graph,
    tf32,
    needs_cuda: compile || graph || tf32,
    rounds: timing.rounds,
    round_seconds: timing.roundSeconds,
  };
  const floats = starts.flatMap(({ weights }) =>
    names.map((name) => new Uint8Array(Float32Array.from(weights.get(name)!.values).buffer))
  );
  return [new TextEncoder().encode(JSON.stringify(header) + "\n"), ...floats, Uint8Array.from(text)];
}

async function runPython(input: readonly Uint8Array[], limitSeconds: number): Promise<string> {
  const script = fileURLToPath(new URL("./torch_step.py", import.meta.url));
  const late = AbortSignal.timeout(1000 * limitSeconds);
  const process = new Deno.Command("python3", {
    args: [script],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: late,
  }).spawn();
  const [{ success, stdout, stderr }] = await Promise.all([process.output(), feed(process.stdin, input)]);
  if (success) return new TextDecoder().decode(stdout);
  if (late.aborted) throw new Error(`it was not through after ${limitSeconds} s`);
  throw new Error(new TextDecoder().decode(stderr).trim().split("\n").at(-1) || "python3 failed without a word");
}

/** A process that has no torch ends before it has read: that its pipe breaks is no error beside its own. */
async function feed(stdin: WritableStream<Uint8Array>, parts: readonly Uint8Array[]): Promise<void> {
  const writer = stdin.getWriter();
  try {
    for (const part of parts) await writer.write(part);
    await writer.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
