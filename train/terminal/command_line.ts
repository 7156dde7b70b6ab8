/**
 * Command lines of all scripts. The only module that knows the command-line library, so that another can take its place.
 * A wrong flag or value, and any error that a person can fix, ends with one line on standard error and exit code 2.
 */
import { messageOf, UserError } from "../../cells/errors.ts";
import { endWith } from "./exit.ts";
import { EXIT, type Flags, type FlagValues, givenFlags, HELP_FLAGS } from "./flag.ts";
import { lostOn, print, printError, routeConsole } from "./output.ts";
import { Stopped } from "./stop_signal.ts";
import { Command, CommanderError, Option } from "@commander-js/extra-typings";

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
