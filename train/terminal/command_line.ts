/**
 * Command lines of all scripts. The only module that knows the command-line library, so that another can take its place.
 * A wrong flag or value, and any error that a person can mend, ends with one line on standard error and exit code 2.
 */
import { messageOf, UserError } from "../../cells/errors.ts";
import { endWith } from "./exit.ts";
import { Command, CommanderError, Option } from "@commander-js/extra-typings";

/** How one flag is written, explained and checked. */
export interface Flag<T> {
  /** As in `--parallel <n>`; a flag without `<…>` is a switch. */
  readonly usage: string;
  readonly help: string;
  /** Turns the text into a value; throws an error whose message says what must be. */
  readonly parse?: (text: string) => T;
  readonly fallback: T;
}

type Flags = Readonly<Record<string, Flag<unknown>>>;

/** The values of some flags, by the names that the script gives them. */
export type FlagValues<F extends Flags> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

export const flag = {
  text: <T extends string | undefined>(usage: string, help: string, fallback: T): Flag<string | T> => (
    { usage, help, parse: (text) => text, fallback }
  ),
  on: (usage: string, help: string): Flag<boolean> => ({ usage, help, fallback: false }),
  choice: <T extends string>(usage: string, help: string, choices: readonly T[], fallback: T): Flag<T> => ({
    usage,
    help: `${help} (${choices.join(", ")})`,
    fallback,
    parse: (text) => {
      const found = choices.find((choice) => choice === text);
      if (found === undefined) throw new Error(`must be one of ${choices.join(", ")}`);
      return found;
    },
  }),
  whole: <T extends number | undefined>(usage: string, help: string, fallback: T, least = 1): Flag<number | T> => (
    { usage, help, fallback, parse: (text) => parseWhole(text, least) }
  ),
  positive: <T extends number | undefined>(usage: string, help: string, fallback: T): Flag<number | T> => ({
    usage,
    help,
    fallback,
    parse: (text) => {
      const value = Number(text);
      if (!(Number.isFinite(value) && value > 0)) throw new Error("must be a number above 0");
      return value;
    },
  }),
  number: <T extends number | undefined>(usage: string, help: string, fallback: T, least = 0): Flag<number | T> => ({
    usage,
    help,
    fallback,
    parse: (text) => {
      const value = Number(text);
      if (!text.trim() || !Number.isFinite(value) || value < least) {
        throw new Error(`must be a number of at least ${least}`);
      }
      return value;
    },
  }),
  wholeList: <T extends readonly number[] | undefined>(
    usage: string,
    help: string,
    fallback: T,
    most: number,
  ): Flag<readonly number[] | T> => (
    { usage, help, fallback, parse: (text) => text.split(",").map((part) => parseWhole(part, 1, most)) }
  ),
};

function parseWhole(text: string, least: number, most = Number.MAX_SAFE_INTEGER): number {
  if (!/^\d+$/.test(text.trim()) || Number(text) < least || Number(text) > most) {
    const limit = most < Number.MAX_SAFE_INTEGER ? ` and at most ${most}` : "";
    throw new Error(`must be a whole number of at least ${least}${limit}`);
  }
  return Number(text);
}

/**
 * Parses the command line, runs the script, and sets the exit code.
 *
 * @param run returns the exit code, or nothing for success
 */
export async function runCommand<const F extends Flags>(
  { name, description, flags }: { name: string; description: string; flags: F },
  run: (values: FlagValues<F>) => Promise<number | void>,
): Promise<void> {
  try {
    const values = parseFlags(name, description, flags, argumentsOf(name));
    endWith(values ? await run(values) ?? EXIT.ok : EXIT.ok);
  } catch (error) {
    endWith(report(name, error));
  }
}

/** The command line of a script: all of it, or what stands behind its name where `task.ts` runs it. */
function argumentsOf(name: string): string[] {
  return Deno.args[0] === name ? Deno.args.slice(1) : Deno.args;
}

/** Prints an error the way it helps most; returns the exit code. */
function report(name: string, error: unknown): number {
  const message = messageOf(error);
  if (error instanceof UserError) {
    // Deno's advice on permissions is for whoever wrote the command, which was not the user.
    console.error(`${name}: ${message.replaceAll("\n", " ").replace(/, run again with the --[\w-]+ flag/, "")}`);
    return EXIT.usage;
  }
  console.error(error instanceof Deno.errors.NotCapable ? `${name}: Cannot go on: ${message}` : error);
  return EXIT.failed;
}

/** @returns undefined if the help was asked for and has been printed */
function parseFlags<F extends Flags>(
  name: string,
  description: string,
  flags: F,
  args: string[],
): FlagValues<F> | undefined {
  const command = new Command(`deno task ${name}`).description(description).exitOverride().allowExcessArguments(false)
    .helpOption("--help", "show this help")
    .configureOutput({ writeOut: (text) => console.log(text.trimEnd()), writeErr: () => {} });
  for (const { usage, help, fallback, parse } of Object.values(flags)) {
    const option = new Option(usage, help);
    if (parse) {
      option.argParser((text: string) => {
        try {
          return parse(text);
        } catch (error) {
          throw new UserError(`Cannot use ${usage.split(" ")[0]} ${text}: ${(error as Error).message}`);
        }
      });
    }
    const shown = Array.isArray(fallback) ? fallback.join(",") : fallback;
    command.addOption(fallback === undefined || fallback === false ? option : option.default(fallback, `${shown}`));
  }
  try {
    command.parse(args, { from: "user" });
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
