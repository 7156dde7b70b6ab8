/** PyTorch through `python3`, one process for each way of running the step; on the CPU with the number of threads that is fastest. */
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import * as z from "zod";
import { parseWith } from "../../../cells/config.ts";
import { messageOf } from "../../../cells/errors.ts";
import { ADAM } from "../../../cells/optimizers.ts";
import { contest, type ContestTiming } from "../contest.ts";
import { fastestOf, threadCounts, threadsInWords } from "../threads.ts";
import { disagreement } from "./agreement.ts";
import { type Absent, LIMIT_SECONDS, type OpenPeer, type Peer, type PeerTask, type Trained } from "./peer.ts";

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

const trainedSchema = z.object({
  version: z.string(),
  where: z.string(),
  /** Absent where it does not compute on the CPU. */
  threads: z.number().optional(),
  runs: z.number(),
  losses: z.array(z.array(z.number())),
});
const roundSchema = z.object({ ms_per_step: z.number() });

/** Where OpenMP, and the libraries of matrix products that PyTorch may be built on, look for their number of threads. */
const THREAD_VARIABLES = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"];

/** Lines that are answers begin so: PyTorch's libraries may print others. */
const REPLY = "reply: ";

/** Relative: TensorFloat-32 rounds each factor of a product by up to 2⁻¹¹. */
const TF32_TOLERANCE = 1e-2;

/** Numbers of threads are tried for less long than peers are measured: what is far behind shows soon. */
const TRIAL: ContestTiming = { rounds: 9, roundSeconds: 0.12, limitSeconds: 20 };

export function torchPeer(name: string, mode: TorchMode): Peer {
  const what = `PyTorch ${name}`;
  const tolerance = mode.tf32 ? { tolerance: TF32_TOLERANCE } : {};
  return {
    what,
    device: "python",
    ...tolerance,
    manyRuns: mode.vmap ?? false,
    async open(task) {
      const opened: OpenTorch[] = [];
      try {
        // The most threads first: on a GPU their number changes nothing, and no other is tried.
        for (const threads of threadCounts(navigator.hardwareConcurrency).toReversed()) {
          const next = await openTorch(name, mode, task, threads);
          opened.push(next);
          const wrong = disagreement(next, task.starts, tolerance.tolerance);
          if (wrong) throw new Error(wrong.absent);
          if (next.threads === undefined) break;
        }
        return await keepFastest(opened);
      } catch (error) {
        for (const peer of opened) await peer.close();
        return { what, absent: messageOf(error) } satisfies Absent;
      }
    },
  };
}

/** PyTorch with so many threads; absent where it does not compute on the CPU. */
interface OpenTorch extends OpenPeer {
  readonly threads?: number;
}

/** A process that has done its first steps. The libraries below PyTorch take the number of threads from their environment as they are loaded. */
async function openTorch(name: string, mode: TorchMode, task: PeerTask, threads: number): Promise<OpenTorch> {
  const python = new Python(threads);
  try {
    const trained = parseTrained(name, await python.ask(encodeTask(task, mode, threads)));
    return {
      ...trained,
      async round(steps) {
        const reply = await python.ask([new TextEncoder().encode(`${steps}\n`)]);
        return parseWith(roundSchema, reply, "the answer of torch_step.py").ms_per_step;
      },
      close: () => python.close(),
    };
  } catch (error) {
    await python.close();
    throw error;
  }
}

/** Lets the same step take turns on several numbers of threads; keeps the fastest, and closes the others. */
export async function keepFastest(opened: readonly OpenTorch[]): Promise<OpenPeer> {
  const counts = opened.map(({ threads }) => threads);
  const best = opened.length > 1
    ? fastestOf(await contest(opened.map(({ what, round }) => ({ name: what, round })), TRIAL))
    : 0;
  for (const [i, peer] of opened.entries()) if (i !== best) await peer.close();
  const { threads, ...kept } = opened[best];
  if (threads === undefined) return kept;
  const tried = counts.filter((count) => count !== undefined);
  return { ...kept, what: `${kept.what}, ${threadsInWords(threads, tried)}` };
}

/** What the process has done, from its first answer. */
export function parseTrained(name: string, reply: unknown): Trained & { readonly threads?: number } {
  const { version, where, ...trained } = parseWith(trainedSchema, reply, "the answer of torch_step.py");
  return { what: `PyTorch ${version} ${name}, ${where}`, ...trained };
}

/** The answer in a line of output; none where it is another's. */
export function replyIn(line: string): unknown {
  if (!line.startsWith(REPLY)) return undefined;
  try {
    return JSON.parse(line.slice(REPLY.length));
  } catch {
    throw new Error(`its answer is no JSON: ${line.slice(0, 80)}`);
  }
}

/** A line of JSON, the weights of each start, the text: see torch_step.py. */
export function encodeTask(
  { sizes, starts, text, runs }: PeerTask,
  { vmap = false, compile = false, graph = false, tf32 = false }: TorchMode,
  threads: number = 1,
): Uint8Array<ArrayBuffer>[] {
  const names = [...starts[0].weights.keys()];
  const header = {
    ...sizes,
    shapes: names.map((name) => [name, starts[0].weights.get(name)!.shape]),
    starts: starts.length,
    checked: starts[0].losses.length,
    lr: ADAM.learningRate,
    runs: vmap ? runs : 1,
    vmap,
    compile,
    graph,
    tf32,
    threads,
    needs_cuda: compile || graph || tf32,
    text_bytes: text.length,
  };
  const floats = starts.flatMap(({ weights }) =>
    names.map((name) => new Uint8Array(Float32Array.from(weights.get(name)!.values).buffer))
  );
  return [new TextEncoder().encode(JSON.stringify(header) + "\n"), ...floats, Uint8Array.from(text)];
}

/** A process that answers a line for each request. */
class Python {
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncIterator<string>;
  readonly #errors: Promise<string>;

  constructor(threads: number) {
    const child = new Deno.Command("python3", {
      args: [fileURLToPath(new URL("./torch_step.py", import.meta.url))],
      env: Object.fromEntries(THREAD_VARIABLES.map((name) => [name, String(threads)])),
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#process = child;
    this.#input = child.stdin.getWriter();
    this.#lines = createInterface({ input: Readable.fromWeb(child.stdout) })[Symbol.asyncIterator]();
    this.#errors = new Response(child.stderr).text();
  }

  async ask(request: readonly Uint8Array[]): Promise<unknown> {
    const late = AbortSignal.timeout(1000 * LIMIT_SECONDS);
    const end = () => this.#kill();
    late.addEventListener("abort", end);
    try {
      // A process that has no torch ends before it has read: that its pipe breaks is no error beside its own.
      const sent = this.#send(request).catch(() => {});
      for (;;) {
        const { done, value } = await this.#lines.next();
        const reply = done ? undefined : replyIn(value);
        if (reply !== undefined) return reply;
        if (!done) continue;
        await sent;
        if (late.aborted) throw new Error(`it did not finish within ${LIMIT_SECONDS} s`);
        throw new Error((await this.#errors).trim().split("\n").at(-1) || "python3 failed without a message");
      }
    } finally {
      late.removeEventListener("abort", end);
    }
  }

  async close(): Promise<void> {
    this.#kill();
    await this.#process.status;
    await this.#lines.return?.();
    await this.#errors;
    await this.#input.abort().catch(() => {});
  }

  async #send(parts: readonly Uint8Array[]): Promise<void> {
    for (const part of parts) await this.#input.write(part);
  }

  #kill(): void {
    try {
      this.#process.kill();
    } catch (error) {
      // It has ended by itself.
      if (!(error instanceof TypeError)) throw error;
    }
  }
}
