/** Training in processes of their own, which tests can stop, kill and listen to. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { EngineChoice } from "../../train/engines/registry.ts";
import { commandOf, permissionsOf, ROOT } from "../experiments/tasks.ts";

const SCRIPT = fileURLToPath(new URL("train_at_short_intervals.ts", import.meta.url));

/** What the real task may do; the script needs no worker with fewer permissions than that. */
const PERMISSIONS = permissionsOf("train");

/** Seconds that anything may take that is expected to happen at all: other work may keep the machine busy. */
const TIMEOUT_SECONDS = 120;

/** From one look to the next, at least and at most: a look that takes long comes more rarely, or it takes the processor from what it waits for. */
const LOOK_MILLISECONDS = { least: 20, most: 250, times: 4 };

export interface TrainingOptions {
  readonly engine?: EngineChoice;
  /** Where a PostgreSQL server has the claims. */
  readonly queue?: string;
  /** Variables of its environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly parallel?: number;
  readonly steps?: number;
  /** Seconds; the true ones where they are absent. */
  readonly beat?: number;
  readonly stale?: number;
  readonly save?: number;
  /** Milliseconds that each update rests; see the script. */
  readonly pause?: number;
  /** As `i/K`. */
  readonly shard?: string;
  /** Path of a module that is run before the script. */
  readonly preload?: string;
}

/** Several processes at once, on two cores: none falls silent for so long unless it is stopped. */
export const SHORT_INTERVALS = { beat: 0.3, stale: 3, save: 0.2 } as const;

/** One process at a time: nobody alive is ever mistaken for dead. */
export const SHORTEST_INTERVALS = { beat: 0.25, stale: 1.2, save: 0.2 } as const;

/** A process that trains. It is killed, if it still lives, where its scope ends. */
export class Training implements AsyncDisposable {
  /** Whole lines of standard output, and of standard error. */
  readonly out: string[] = [];
  readonly err: string[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #ended: Promise<Deno.CommandStatus>;
  #status: Deno.CommandStatus | undefined;

  private constructor(args: readonly string[], variables: Readonly<Record<string, string>> = {}) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [...args],
      cwd: ROOT,
      env: { NO_COLOR: "1", ...variables },
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#ended = Promise.all([
      this.#child.status,
      collectLines(this.#child.stdout, this.out),
      collectLines(this.#child.stderr, this.err),
    ]).then(([status]) => this.#status = status);
  }

  /** Starts the script that trains with the given times. */
  static start(dir: string, { engine = "onnx", preload, env, ...values }: TrainingOptions = {}): Training {
    const before = preload === undefined ? [] : [`--preload=${preload}`];
    const flags = Object.entries(values).flatMap(([name, value]) =>
      value === undefined ? [] : [`--${name}`, `${value}`]
    );
    return new Training([
      "run",
      "--no-prompt",
      ...before,
      ...PERMISSIONS,
      SCRIPT,
      "--dir",
      dir,
      "--engine",
      engine,
      ...flags,
    ], env);
  }

  /** The script that trains with the times of {@linkcode SHORT_INTERVALS}, as a shell reads it where `$deno` is Deno; its folder is the project's. */
  static readonly commandAtShortIntervals = [
    '"$deno" run --no-prompt',
    ...PERMISSIONS,
    "tests/faults/train_at_short_intervals.ts --parallel 1",
    ...Object.entries({ ...SHORT_INTERVALS, pause: 0.7 }).filter(([name]) => name !== "stale").map(([name, value]) =>
      `--${name} ${value}`
    ),
  ].join(" ");

  /** Starts `deno task train` itself. */
  static startTask(dir: string, ...flags: readonly string[]): Training {
    return Training.startTaskWith({}, dir, ...flags);
  }

  /** The same with variables of the environment. */
  static startTaskWith(
    variables: Readonly<Record<string, string>>,
    dir: string,
    ...flags: readonly string[]
  ): Training {
    return new Training([...commandOf("train"), "--dir", dir, ...flags], variables);
  }

  /** Starts `deno task dynamics`: it measures, and is stopped, killed and listened to in the same way. */
  static startDynamics(dir: string, ...flags: readonly string[]): Training {
    return new Training([...commandOf("dynamics"), "--dir", dir, ...flags]);
  }

  get pid(): number {
    return this.#child.pid;
  }

  get hasEnded(): boolean {
    return this.#status !== undefined;
  }

  signal(name: Deno.Signal): void {
    this.#child.kill(name);
  }

  /** Kills the process without warning. Returns false if it had ended by itself before. */
  async kill(): Promise<boolean> {
    if (this.hasEnded) return false;
    try {
      this.signal("SIGKILL");
    } catch {
      // It ended this very moment.
    }
    return (await this.ended()).signal === "SIGKILL";
  }

  async ended(): Promise<Deno.CommandStatus> {
    await this.until("it has ended", () => this.hasEnded);
    return await this.#ended;
  }

  /** Waits for the end, which must be a good one. */
  async succeed(): Promise<void> {
    const { code } = await this.ended();
    assert.equal(code, 0, this.transcript);
  }

  /** Waits for something that this process, or another, does. */
  async until(what: string, happened: () => boolean | Promise<boolean>): Promise<void> {
    await until(what, happened, () => `\n${this.transcript}`);
  }

  /** Waits for something that must happen before the process ends. */
  async untilAtWork(what: string, happened: () => boolean | Promise<boolean>): Promise<void> {
    await this.until(what, async () => {
      if (await happened()) return true;
      if (this.hasEnded) throw new Error(`It ended before ${what}\n${this.transcript}`);
      return false;
    });
  }

  /** Waits until it has its engine and its runs. */
  async begun(): Promise<void> {
    await this.until(
      "training has begun",
      () => this.hasEnded || this.out.some((line) => line.startsWith("Training ")),
    );
  }

  /** Short keys of the runs that this process says it has finished. */
  get finished(): string[] {
    return this.out.flatMap((line) => line.match(/^(\S+) {2}min loss /)?.[1] ?? []);
  }

  /** All that it printed, for messages. */
  get transcript(): string {
    return [`process ${this.pid}:`, ...this.out, ...this.err.map((line) => `! ${line}`)].join("\n  ");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.#ended;
  }
}

/** Whether there is a file of this path: a program or a driver that a test needs. */
export function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Ports of this machine that nobody listens on. */
export function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  try {
    return listeners.map(({ addr }) => addr.port);
  } finally {
    for (const listener of listeners) listener.close();
  }
}

/** The process that an owner names; NaN where it names none. */
export function processOf(owner: string | undefined): number {
  return Number(owner?.match(/:(\d+)-/)?.[1]);
}

async function collectLines(stream: ReadableStream<Uint8Array<ArrayBuffer>>, lines: string[]): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    lines.push(...parts);
  }
  if (rest) lines.push(rest);
}

/** @throws if it has not happened after two minutes */
export async function until(
  what: string,
  happened: () => boolean | Promise<boolean>,
  more: () => string = () => "",
): Promise<void> {
  const end = performance.now() + TIMEOUT_SECONDS * 1000, { least, most, times } = LOOK_MILLISECONDS;
  for (;;) {
    const begun = performance.now();
    if (await happened()) return;
    const now = performance.now();
    if (now > end) throw new Error(`Not within ${TIMEOUT_SECONDS} s: ${what}${more()}`);
    await sleep(Math.min(most, Math.max(least, times * (now - begun))));
  }
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Keeps what this process would print on standard error. */
export function recordErrors(): Disposable & { readonly lines: string[] } {
  const { writeSync } = Deno.stderr;
  const lines: string[] = [];
  Deno.stderr.writeSync = (bytes) => {
    lines.push(...new TextDecoder().decode(bytes).trimEnd().split("\n"));
    return bytes.length;
  };
  return { lines, [Symbol.dispose]: () => void (Deno.stderr.writeSync = writeSync) };
}
