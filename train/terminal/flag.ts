/** Flags: how each is written and checked, and what a command line says of one that is read before all others; exit codes, which tasks need as early. */
import { parseDecimal } from "./words.ts";

/** How one flag is written, explained and checked. */
export interface Flag<T> {
  /** As in `--parallel <n>`; a flag without `<…>` is a switch. */
  readonly usage: string;
  readonly help: string;
  /** Turns the text into a value; throws an error whose message says what must be. */
  readonly parse?: (text: string) => T;
  /** What it is given may hold a password: no message repeats it. */
  readonly isSecret?: true;
  readonly fallback: T;
  /** Of a list: whether further words up to the next flag are values too, as a shell writes them for `../shards/*`. */
  readonly takesMore?: boolean;
}

/** The flags of a script, by the names that it gives them. */
export type Flags = Readonly<Record<string, Flag<unknown>>>;

/** The values of some flags, by the names that the script gives them. */
export type FlagValues<F extends Flags> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

/** Exit codes of scripts. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/** What a number may be. Each flag gives its own most, for the reason that stands there. */
export interface Bounds {
  /** 1 for whole numbers and 0 for others, where it is absent. */
  readonly least?: number;
  readonly most: number;
  /** What the number means, for whoever meant something else: it stands behind what it must be. */
  readonly note?: string;
}

export const flag = {
  text: <T extends string | undefined>(usage: string, help: string, fallback: T): Flag<string | T> => ({
    usage,
    help,
    fallback,
    parse: (text) => {
      if (!text.trim()) throw new Error("must not be empty");
      return text;
    },
  }),
  on: (usage: string, help: string): Flag<boolean> => ({ usage, help, fallback: false }),
  choice: <T extends string, D extends T | undefined>(
    usage: string,
    help: string,
    choices: readonly T[],
    fallback: D,
  ): Flag<T | D> => ({
    usage,
    help: `${help} (${choices.join(", ")})`,
    fallback,
    parse: (text) => {
      const found = choices.find((choice) => choice === text);
      if (found === undefined) throw new Error(`must be one of ${choices.join(", ")}`);
      return found;
    },
  }),
  whole: <T extends number | undefined>(
    usage: string,
    help: string,
    fallback: T,
    bounds: Bounds,
  ): Flag<number | T> => ({ usage, help, fallback, parse: (text) => parseWhole(text, bounds) }),
  /** A number above 0. */
  positive: <T extends number | undefined>(
    usage: string,
    help: string,
    fallback: T,
    { most }: Pick<Bounds, "most">,
  ): Flag<number | T> => ({
    usage,
    help,
    fallback,
    parse: (text) => {
      const value = parseDecimal(text);
      if (!(value > 0 && value <= most)) throw new Error(`must be a number above 0 and at most ${most}`);
      return value;
    },
  }),
  number: <T extends number | undefined>(
    usage: string,
    help: string,
    fallback: T,
    { least = 0, most }: Bounds,
  ): Flag<number | T> => ({
    usage,
    help,
    fallback,
    parse: (text) => {
      const value = parseDecimal(text);
      if (!(value >= least && value <= most)) {
        throw new Error(`must be a number of at least ${least} and at most ${most}`);
      }
      return value;
    },
  }),
  /**
   * A list of values separated by commas; absent where the flag is not given.
   *
   * @param parsePart turns one part into a value; throws an error whose message says what must be
   * @param most values that the list may have
   */
  list: <T>(
    usage: string,
    help: string,
    parsePart: (text: string) => T,
    most: number,
  ): Flag<readonly T[] | undefined> => ({
    usage,
    help,
    fallback: undefined,
    parse: (text) => {
      const values = splitList(text, most).map(parsePart);
      refuseRepeated(values);
      return values;
    },
  }),
};

/**
 * The values of a list, separated by commas.
 *
 * @throws {Error} if they are too many, or one stands there twice: nothing that was typed is dropped
 */
export function splitList(text: string, most: number): string[] {
  // One more than allowed tells enough of a list of millions.
  const values = text.split(",", most + 1).map((part) => part.trim());
  if (values.length > most) throw new Error(`must have at most ${most} values`);
  // What is empty has no name to be named by: whoever reads the values says what must stand there.
  refuseRepeated(values.filter(Boolean));
  return values;
}

function refuseRepeated(values: readonly unknown[]): void {
  const repeated = values.find((value, i) => values.indexOf(value) < i);
  if (repeated !== undefined) throw new Error(`must name ${repeated} once`);
}

function parseWhole(text: string, { least = 1, most, note }: Bounds): number {
  const value = Number(text);
  if (!/^\d+$/.test(text.trim()) || value < least || value > most) {
    const meaning = note === undefined ? "" : `: ${note}`;
    throw new Error(`must be a whole number of at least ${least} and at most ${most}${meaning}`);
  }
  return value;
}

/** A flag as it stands in a command line. */
export interface GivenFlag {
  readonly name: string;
  /** Behind `=`, or the next argument unless that is a flag too. */
  readonly value?: string;
  /** The next argument, where that is a flag. */
  readonly next?: string;
  /** Further arguments, up to the next that begins with `-`. */
  readonly more: readonly string[];
  /** Where it stands, and where what is not its own begins. */
  readonly at: number;
  readonly end: number;
}

/** The flags of a command line in order, up to `--`. */
export function* givenFlags(args: readonly string[]): Generator<GivenFlag> {
  for (const [i, arg] of args.entries()) {
    if (arg === "--") return;
    const [, name, value] = /^--([^=]+)(?:=([^]*))?$/.exec(arg) ?? [];
    if (name === undefined) continue;
    const next = args[i + 1], isFlag = next?.startsWith("--");
    const from = i + (value === undefined && !isFlag ? 2 : 1);
    const rest = args.slice(from), flagAt = rest.findIndex((arg) => arg.startsWith("-"));
    const more = flagAt < 0 ? rest : rest.slice(0, flagAt);
    yield {
      name,
      value: value ?? (isFlag ? undefined : next),
      ...(isFlag && value === undefined ? { next } : {}),
      more,
      at: i,
      end: from + more.length,
    };
  }
}

/** What asks for the help. */
export const HELP_FLAGS: readonly string[] = ["-h", "--help"];

/** Whether a command line asks for the help, and for nothing else then. */
export function asksHelp(args: readonly string[]): boolean {
  return args.some((arg) => HELP_FLAGS.includes(arg));
}

/** The value of a flag that takes one, as a script would read it; undefined where there is none. */
export function valueIn(args: readonly string[], name: string): string | undefined {
  for (const given of givenFlags(args)) if (given.name === name) return given.value;
  return undefined;
}

/**
 * The values of a flag that takes a list, those included that stand behind it as words of their own. Parts that are empty say nothing, and would
 * stand for the folder that a task runs in.
 */
export function valuesIn(args: readonly string[], name: string): string[] {
  for (const { name: given, value = "", more } of givenFlags(args)) {
    if (given !== name) continue;
    return [value, ...more].flatMap((word) => word.split(",")).map((part) => part.trim()).filter(Boolean);
  }
  return [];
}
