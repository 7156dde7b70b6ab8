/** Commands in messages, as a person can type them. */

/** Flags of a command by their names without dashes; `true` stands for one that takes no value, and what is undefined is left out. */
export type CommandFlags = Readonly<Record<string, string | number | true | undefined>>;

/** A study in commands where no folder can be named, for whoever reads them to put in. */
export const ANY_STUDY = { dir: "STUDY" } as const;

/**
 * A command in quotation marks, for the text of a message: `'deno task init --dir "my study"'`. Every command on a study names its
 * folder as the person did, or else it would do its work on another one.
 */
export function taskCommand(name: string, flags: CommandFlags): string {
  const words = Object.entries(flags).flatMap(([flag, value]) =>
    value === undefined ? [] : value === true ? [`--${flag}`] : [`--${flag}`, quoted(`${value}`)]
  );
  return `'${["deno", "task", name, ...words].join(" ")}'`;
}

/** A word as a shell takes it for one; within quotation marks a backslash counts only before what it takes the meaning from. */
function quoted(word: string): string {
  if (/^[\p{L}\p{N}@%+=:,./_-]+$/u.test(word)) return word;
  const escaped = word.replace(
    /(\\*)(["$`]|$)/g,
    (_, slashes: string, mark: string) => slashes.repeat(2) + (mark && `\\${mark}`),
  );
  return `"${escaped}"`;
}
