/**
 * Damages one file of a study again and again, and gives each variant to a command: `fuzz.ts STUDY FILE RUNS FIRST LAST SEED`. It runs in a process
 * of its own, so that native code that dies takes no test along. Prints one JSON line for each thing that must not be.
 */
import { Buffer } from "node:buffer";
import { join, relative } from "node:path";
import { messageOf, UserError } from "../../cells/errors.ts";
import { randomStream } from "../../train/corpus/random.ts";
import { COMMANDS, type FuzzCommand } from "./fuzz_commands.ts";
import { FOREIGN, FUZZED, type FuzzedFile, type FuzzedRuns } from "./fuzz_study.ts";
import { damage, type Damaged } from "./mutations.ts";

/** What went wrong with a variant. */
export interface Failure {
  readonly file: string;
  readonly variant: number;
  readonly how: string;
  readonly command: string;
  readonly what: string;
}

/** Longer than any command takes here on a loaded machine. */
const HANG_MILLISECONDS = 120_000;

/** What JavaScript says of a bug, in the words of whoever caught it. */
const OF_THE_RUNTIME =
  /is not a function|is not iterable|Cannot read propert|\[object |Maximum call stack|Invalid (typed )?array length|Cannot convert|Cannot destructure|Offset is out/;

const isSame = (one: Uint8Array, other: Uint8Array) => Buffer.compare(one, other) === 0;

/** Every file of a folder but the queue's, by its path inside. */
function readAll(dir: string): Map<string, Uint8Array<ArrayBuffer>> {
  const found = new Map<string, Uint8Array<ArrayBuffer>>();
  const walk = (folder: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      const path = join(folder, name), inside = relative(dir, path);
      if (isDirectory) walk(path);
      else found.set(inside, Deno.readFileSync(path));
    }
  };
  walk(dir);
  return found;
}

class Fuzzer {
  readonly #pristine: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  readonly #target: string;

  constructor(
    private readonly dir: string,
    private readonly file: FuzzedFile,
    private readonly runs: FuzzedRuns,
  ) {
    this.#pristine = readAll(dir);
    this.#target = file.path(runs);
  }

  async run(variant: number, seed: number): Promise<Failure[]> {
    const random = randomStream(seed, `fuzz/${this.file.name}/${variant}`);
    const others = [...this.#pristine.values()];
    const damaged = damage(
      this.#pristine.get(this.#target)!,
      others[random.integer(0, others.length - 1)],
      random,
      this.file.inside,
    );
    const failures: Failure[] = [];
    for (const command of this.#commandsFor(variant)) {
      Deno.writeFileSync(join(this.dir, this.#target), damaged.bytes);
      const complaints = await this.#try(command, damaged);
      failures.push(...complaints.map((what) => (
        { file: this.file.name, variant, how: damaged.how, command: command.name, what }
      )));
    }
    return failures;
  }

  /** Those that read the file: two of the cheap ones, and each fifth time one that trains, scores or draws; or always, where only these do. */
  #commandsFor(variant: number): FuzzCommand[] {
    const all = COMMANDS.filter(({ reads }) => reads.includes(this.file.kind));
    const cheap = all.filter(({ isCheap }) => isCheap), dear = all.filter(({ isCheap }) => !isCheap);
    const next = (list: readonly FuzzCommand[], turn: number) => list[turn % list.length];
    if (!cheap.length) return [next(dear, variant)];
    if (variant % 5 === 0) return [next(dear, variant / 5)];
    return [...new Set([next(cheap, variant), next(cheap, variant + 1)])];
  }

  async #try(command: FuzzCommand, { bytes }: Damaged): Promise<string[]> {
    const said: string[] = [], complaints: string[] = [];
    const { promise: hang, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error("it hangs")), HANG_MILLISECONDS);
    let refused = false;
    try {
      said.push(...await Promise.race([command.run(this.dir, this.runs), hang]));
    } catch (error) {
      refused = true;
      if (error instanceof UserError) said.push(error.message);
      else complaints.push(`no UserError: ${error instanceof Error ? error.stack : messageOf(error)}`);
    } finally {
      clearTimeout(timer);
    }
    complaints.push(
      ...said.filter((line) => /[\n\r]/.test(line)).map((line) => `more than one line: ${line}`),
      ...said.filter((line) => OF_THE_RUNTIME.test(line)).map((line) => `a runtime's words: ${line}`),
    );
    // Reading the study is much of the work: it is read once, to compare and to restore.
    const after = readAll(this.dir);
    complaints.push(...this.#changed(command, after, bytes, refused));
    this.#restore(after);
    return complaints;
  }

  /** Files that the command may not have touched and did. */
  #changed(
    { changes }: FuzzCommand,
    after: ReadonlyMap<string, Uint8Array>,
    damaged: Uint8Array,
    refused: boolean,
  ): string[] {
    const complaints: string[] = [];
    for (const [path, bytes] of this.#pristine) {
      if (path.startsWith("queue.sqlite") || path.startsWith("attempts_")) continue;
      const isTarget = path === this.#target, now = after.get(path);
      if (now && isSame(now, isTarget ? damaged : bytes)) continue;
      const how = now === undefined ? "was removed" : "was changed";
      if (FOREIGN.includes(path)) complaints.push(`the foreign file ${path} ${how}`);
      else if (refused && isTarget) complaints.push(`${path} ${how}, though the command was refused`);
      else if (!changes(path, this.runs, this.#target)) complaints.push(`${path} ${how}`);
    }
    return complaints;
  }

  /** @param now every file, as it is */
  #restore(now: ReadonlyMap<string, Uint8Array>): void {
    for (const path of now.keys()) {
      if (!this.#pristine.has(path)) Deno.removeSync(join(this.dir, path));
    }
    for (const [path, bytes] of this.#pristine) {
      const there = now.get(path);
      if (!there || !isSame(there, bytes)) Deno.writeFileSync(join(this.dir, path), bytes);
    }
  }
}

if (import.meta.main) {
  const [dir, name, runs, first, last, seed] = Deno.args;
  const fuzzer = new Fuzzer(dir, FUZZED.find((file) => file.name === name)!, JSON.parse(runs));
  for (let variant = Number(first); variant <= Number(last); variant++) {
    for (const failure of await fuzzer.run(variant, Number(seed))) console.log(JSON.stringify(failure));
  }
  console.log(JSON.stringify({ done: name }));
}
