/**
 * Command lines of all scripts. The only module that knows the command-line library, so that another can take its place.
 * A wrong flag or value, and any error that a person can fix, ends with one line on standard error and exit code 2.
 */
import { messageOf, UserError } from "../../cells/errors.ts";
import { endWith } from "./exit.ts";
import { lostOn, print, printError, routeConsole } from "./output.ts";
import { Stopped } from "./stop_signal.ts";
import { parseDecimal } from "./words.ts";
import { Command, CommanderError, Option } from "@commander-js/extra-typings";

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

/** What a script is called, and takes. */
export interface CommandOptions<F extends Flags> {
  readonly name: string;
  readonly description: string;
  /** Some follow from what the command line itself names: they are made from it. */
  readonly flags: F | ((args: readonly string[]) => Promise<F>);
  /** Standard output is what was asked for, perhaps for another program: nothing else may be said there. */
  readonly printsData?: boolean;
}

/**
 * Parses the command line, runs the script, and sets the exit code.
 *
 * @param run returns the exit code, or nothing for success
 */
export async function runCommand<const F extends Flags>(
  { name, description, flags, printsData = false }: CommandOptions<F>,
  run: (values: FlagValues<F>) => Promise<number | void>,
): Promise<void> {
  routeConsole();
  let code: number;
  try {
    const args = argumentsOf(name);
    const values = parseFlags(name, description, typeof flags === "function" ? await flags(args) : flags, args);
    code = values ? await run(values) ?? EXIT.ok : EXIT.ok;
  } catch (error) {
    code = report(name, error);
  }
  // Whoever reads the exit code alone must not take it that all has been said.
  endWith(tellLost(name, printsData) && code === EXIT.ok ? EXIT.failed : code);
}

/** Says on one stream what was lost on the other. A reader that has gone needs no word. Returns whether anything was lost. */
function tellLost(name: string, printsData: boolean): boolean {
  const output = lostOn("output"), error = lostOn("error");
  if (output && !output.isClosedPipe) printError(`${name}: Cannot write to standard output: ${output.message}`);
  if (error && !error.isClosedPipe && !printsData) print(`${name}: Cannot write to standard error: ${error.message}`);
  return output !== undefined || error !== undefined;
}

/** The command line of a script: all of it, or what stands behind its name where `task.ts` runs it. */
function argumentsOf(name: string): string[] {
  return Deno.args[0] === name ? Deno.args.slice(1) : Deno.args;
}

/** Prints an error the way it helps most; returns the exit code. */
function report(name: string, error: unknown): number {
  const message = withoutPasswords(messageOf(error));
  if (error instanceof UserError) {
    // Deno's advice on permissions is for the command's author, which was not the user.
    printError(`${name}: ${message.replace(/, run again with the --[\w-]+ flag/, "")}`);
    return EXIT.usage;
  }
  if (error instanceof Stopped) {
    printError(`${name}: ${message}`);
    return error.exitCode;
  }
  printError(
    error instanceof Deno.errors.NotCapable
      ? `${name}: Cannot go on: ${message}`
      : withoutPasswords(Deno.inspect(error)),
  );
  return EXIT.failed;
}

/** A text in which URLs have lost their passwords: a misspelt flag is named with what it was given. */
function withoutPasswords(text: string): string {
  return text.replace(/(\b[a-z][a-z+.-]*:\/\/[^\s:@/]*):\S*@/gi, "$1:…@");
}

/** A flag as it stands in a command line. */
interface GivenFlag {
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
function* givenFlags(args: readonly string[]): Generator<GivenFlag> {
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
const HELP_FLAGS: readonly string[] = ["-h", "--help"];

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

/** A command line with commas in the place of spaces, behind flags that take more words. */
function withCommas(flags: Flags, args: readonly string[]): string[] {
  const taking = Object.values(flags).filter(({ takesMore }) => takesMore).map(({ usage }) =>
    usage.split(" ")[0].slice(2)
  );
  for (const { name, value, more, at, end } of givenFlags(args)) {
    if (!taking.includes(name) || value === undefined || !more.length) continue;
    return [...args.slice(0, at), `--${name}=${[value, ...more].join(",")}`, ...withCommas(flags, args.slice(end))];
  }
  return [...args];
}

/**
 * Refuses what the library would pass over: a flag that is there twice, of which it takes the last; and one whose value is missing, for which
 * it takes the next flag.
 */
function checkGiven(flags: Flags, args: readonly string[]): void {
  const usages = new Map(Object.values(flags).map(({ usage }) => [usage.split(" ")[0].slice(2), usage]));
  const seen = new Set<string>();
  for (const { name, next } of givenFlags(args)) {
    const usage = usages.get(name);
    if (usage === undefined) continue;
    const [, kind] = /<(.*)>/.exec(usage) ?? [];
    if (seen.has(name)) {
      const joined = kind === "list" || kind === "expression" ? ", with its values separated by commas" : "";
      throw new UserError(`Cannot use --${name} twice: it must be given once${joined}`);
    }
    seen.add(name);
    if (kind === undefined || next === undefined) continue;
    throw new UserError(`Cannot use --${name} ${next}: a value that begins with -- must be given as --${name}=${next}`);
  }
}

/**
 * Reads a command line, without the name of its script.
 *
 * @returns undefined if the help was asked for and has been printed
 * @throws {UserError} with the line that the script ends with, behind its name
 */
export function parseFlags<F extends Flags>(
  name: string,
  description: string,
  flags: F,
  args: string[],
): FlagValues<F> | undefined {
  const command = new Command(`deno task ${name}`).description(description).exitOverride().allowExcessArguments(false)
    .helpOption(HELP_FLAGS.join(", "), "show this help")
    .configureOutput({ writeOut: (text) => print(text.trimEnd()), writeErr: () => {} });
  for (const { usage, help, fallback, parse, isSecret } of Object.values(flags)) {
    const option = new Option(usage, help);
    if (parse) {
      option.argParser((text: string) => {
        try {
          return parse(text);
        } catch (error) {
          const given = isSecret ? "" : ` ${text}`;
          throw new UserError(`Cannot use ${usage.split(" ")[0]}${given}: ${(error as Error).message}`);
        }
      });
    }
    const shown = Array.isArray(fallback) ? fallback.join(",") : fallback;
    command.addOption(fallback === undefined || fallback === false ? option : option.default(fallback, `${shown}`));
  }
  checkGiven(flags, args);
  try {
    command.parse(withCommas(flags, args), { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    throw new UserError(`Cannot read the command line: ${error.message.replace(/^error: /, "")}; see --help`);
  }
  const given = command.opts() as Record<string, unknown>;
  const keys = Object.entries(flags).map(([key, { usage, fallback }]) => [key, given[optionKey(usage)] ?? fallback]);
  return Object.fromEntries(keys);
}

/** The name under which the library keeps a flag: `--state-size <list>` → `stateSize`. */
function optionKey(usage: string): string {
  const long = usage.split(" ")[0].replace(/^--/, "");
  return long.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}
