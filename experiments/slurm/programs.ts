/** Slurm's own programs. What goes wrong with them is one line. */
import { messageOf, UserError } from "../../cells/errors.ts";
import { PASSWORD_VARIABLE, QUEUE_VARIABLE } from "../queue/queue_url.ts";

export type SlurmProgram = "sbatch" | "squeue" | "scontrol";

/** What Slurm is asked, and for what. */
export interface SlurmQuestion {
  readonly program: SlurmProgram;
  readonly args: readonly string[];
  /** What needs it, after "Cannot". */
  readonly doing: string;
  /** What the program reads. */
  readonly input?: string;
}

/** Slurm's programs are not on this machine. */
export class NoSlurm extends UserError {}

/** A program of Slurm ended with an error: a controller that does not answer, a partition that is none. */
export class SlurmError extends UserError {}

/** Variables that no program of Slurm gets: they may hold a password, Slurm keeps what a job is submitted with, and shares need no queue. */
const WITHHELD = [QUEUE_VARIABLE, PASSWORD_VARIABLE];

/** Names in Deno's refusal to start a program with variables of the dynamic linker, such as a cluster's modules set. */
const LINKER_VARIABLES = /\b(?:LD|DYLD)_\w+/g;

/**
 * Runs a program of Slurm; resolves to what it prints.
 *
 * @throws {NoSlurm} if it is not on this machine
 * @throws {SlurmError} with its own last words
 */
export async function askSlurm({ program, args, doing, input = "" }: SlurmQuestion): Promise<string> {
  let child: Deno.ChildProcess;
  try {
    child = start(program, args, WITHHELD);
  } catch (error) {
    throw startFailure(error, program, doing);
  }
  const written = write(child.stdin, input), { code, stdout, stderr } = await child.output();
  await written;
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (code === 0) return text(stdout);
  throw new SlurmError(`Cannot ${doing}: ${program} says: ${lastWords(text(stderr)) ?? `nothing, exit code ${code}`}`);
}

/** Starts a program with these variables empty. */
function start(program: SlurmProgram, args: readonly string[], withheld: readonly string[]): Deno.ChildProcess {
  const env = Object.fromEntries(withheld.map((name) => [name, ""]));
  try {
    const options: Deno.CommandOptions = { args: [...args], env, stdin: "piped", stdout: "piped", stderr: "piped" };
    return new Deno.Command(program, options).spawn();
  } catch (error) {
    // Slurm's programs need none of them.
    const more = error instanceof Deno.errors.NotCapable ? error.message.match(LINKER_VARIABLES) ?? [] : [];
    if (!more.some((name) => !withheld.includes(name))) throw error;
    return start(program, args, [...withheld, ...more]);
  }
}

function startFailure(error: unknown, program: SlurmProgram, doing: string): UserError {
  return error instanceof Deno.errors.NotFound
    ? new NoSlurm(`Cannot ${doing}: ${program} is not on this machine; run it where Slurm is installed`)
    : new SlurmError(`Cannot ${doing}: ${program} cannot be started: ${messageOf(error)}`);
}

async function write(stream: WritableStream<Uint8Array>, text: string): Promise<void> {
  const writer = stream.getWriter();
  try {
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
  } catch {
    // The program has ended before it read all: its exit code says why.
  }
}

/** The last line of an error, without the program's name: earlier ones are hints and retries. */
function lastWords(text: string): string | undefined {
  const line = text.split("\n").map((line) => line.trim()).filter(Boolean).at(-1);
  return line?.replace(/^\w+: (?:error|fatal): /, "");
}

/** What a cluster says of itself. */
export interface Cluster {
  readonly name: string;
  /** The indices of an array are below it. */
  readonly max_array_size: number;
}

/** @throws {UserError} if Slurm does not say so */
export async function askCluster(doing: string): Promise<Cluster> {
  return parseCluster(await askSlurm({ program: "scontrol", args: ["show", "config"], doing }), doing);
}

/** Reads what `scontrol show config` prints. */
export function parseCluster(text: string, doing: string): Cluster {
  const valueOf = (key: string) => new RegExp(`^${key}\\s*=\\s*(\\S+)`, "m").exec(text)?.[1];
  const name = valueOf("ClusterName"), size = Number(valueOf("MaxArraySize"));
  if (name !== undefined && Number.isSafeInteger(size)) return { name, max_array_size: size };
  throw new SlurmError(`Cannot ${doing}: scontrol does not show the cluster's name and MaxArraySize`);
}
