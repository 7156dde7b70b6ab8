/** Files that are looked at again and again, and read where they have changed. */
import { isDeepStrictEqual } from "node:util";
import { UserError } from "../../cells/errors.ts";

/** What is known of a file. */
interface Known<T> {
  /** What it was when it was looked at: another stamp, another content. */
  readonly stamp: string;
  readonly value?: T;
  /** Why it cannot be read. */
  readonly problem?: UserError;
}

/** What {@linkcode KnownFiles.look} found. */
export interface Found<T> {
  /** In the order in which they were asked for. A value that was read again and is the same is the same object. */
  readonly values: ReadonlyMap<string, T>;
  /** Why others cannot be read. */
  readonly problems: ReadonlyMap<string, UserError>;
}

/** Parsed files of one kind, by key. */
export class KnownFiles<T> {
  #known = new Map<string, Known<T>>();

  /**
   * @param pathOf where the file of a key is
   * @param read reads one; undefined where it has gone. A {@linkcode UserError} says what is wrong with it.
   */
  constructor(
    private readonly pathOf: (key: string) => string,
    private readonly read: (key: string, path: string) => Promise<T | undefined>,
  ) {}

  /** Has every file read again. */
  forget(): void {
    // What was read stays, to be compared with.
    this.#known = new Map([...this.#known].map(([key, { value }]) => [key, { stamp: "", value }]));
  }

  /** Looks at these files, and at no others; reads those that are new or have changed. */
  async look(keys: readonly string[]): Promise<Found<T>> {
    const stamps = await Promise.all(keys.map((key) => stampOf(this.pathOf(key))));
    const known = new Map<string, Known<T>>();
    for (const [i, key] of keys.entries()) {
      const stamp = stamps[i], before = this.#known.get(key);
      if (stamp === undefined) continue;
      known.set(key, before?.stamp === stamp ? before : await this.#readAgain(key, stamp, before?.value));
    }
    this.#known = known;
    const values = new Map<string, T>(), problems = new Map<string, UserError>();
    for (const [key, { value, problem }] of known) {
      if (problem) problems.set(key, problem);
      else if (value !== undefined) values.set(key, value);
    }
    return { values, problems };
  }

  /** The stamp is older than what is read: where the file changes meanwhile, the next look reads it once more. */
  async #readAgain(key: string, stamp: string, before: T | undefined): Promise<Known<T>> {
    try {
      const value = await this.read(key, this.pathOf(key));
      return { stamp, value: isDeepStrictEqual(value, before) ? before : value };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return { stamp, problem: error };
    }
  }
}

/** What tells a file from one that takes its place, or that it was written to; undefined where there is none. */
export async function stampOf(path: string): Promise<string | undefined> {
  try {
    const { dev, ino, size, mtime } = await Deno.stat(path);
    return [dev, ino, size, mtime?.getTime()].join("/");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    // What it is is said by whoever tries to read it.
    return `cannot be looked at: ${(error as Error).name}`;
  }
}
