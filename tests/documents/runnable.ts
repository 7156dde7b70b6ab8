/** Which parts of a page in Markdown can be run. */

/** A block of shell commands that a page marks to be run: its fence says `sh run`, or `sh run numbers`. */
export interface RunnableBlock {
  /** Line of the page at which the fence stands, from 1. */
  readonly line: number;
  readonly script: string;
  /** Heading of the section in which it stands. */
  readonly heading: string;
  /** Whether the section's numbers must be among those that it prints. */
  readonly printsNumbers: boolean;
  /**
   * Flags that are added to each call of a task, here and in the blocks below, by the task's name. They make a task short that would be long
   * as a reader calls it. A comment before the fence has them: `<!-- run with: init --steps 60; train --limit 2 -->`.
   */
  readonly added: ReadonlyMap<string, string>;
}

/** A block that a page has as a file: the comment `<!-- file: my_space.ts -->` stands before its fence. */
export interface FileBlock {
  readonly name: string;
  readonly text: string;
}

interface Block {
  readonly line: number;
  readonly info: string;
  readonly text: string;
  /** Content of the comment on the line before the fence. */
  readonly comment: string | undefined;
  /** Heading of the section in which it stands. */
  readonly heading: string;
}

const FENCED = /(?:^<!-- ([^\n]*) -->\n)?^```([^\n]*)\n(.*?)^```$/gms;

function blocksOf(markdown: string): Block[] {
  return [...markdown.matchAll(FENCED)].map((match) => {
    const [all, comment, info, text] = match;
    const before = markdown.slice(0, match.index + all.indexOf("```"));
    const heading = sectionsOf(before).at(-1)!.heading;
    return { line: before.split("\n").length, info: info.trim(), text, comment, heading };
  });
}

/** The blocks of a page that are marked to be run, in their order. */
export function runnableBlocks(markdown: string): RunnableBlock[] {
  let added: ReadonlyMap<string, string> = new Map();
  return blocksOf(markdown).flatMap(({ line, info, text, comment, heading }) => {
    const printsNumbers = info === "sh run numbers";
    if (info !== "sh run" && !printsNumbers) return [];
    const flags = comment?.startsWith("run with: ") ? comment.slice("run with: ".length) : undefined;
    if (flags !== undefined) added = new Map([...added, ...flags.split(";").map(taskAndFlags)]);
    return [{ line, script: text, heading, printsNumbers, added }];
  });
}

function taskAndFlags(text: string): [task: string, flags: string] {
  const [, task, flags] = /^\s*(\S+) (.*?)\s*$/.exec(text) ?? [];
  if (task === undefined) throw new Error(`Cannot read 'run with': '${text}' must be a task and its flags`);
  return [task, flags];
}

/** The files that a page shows. */
export function fileBlocks(markdown: string): FileBlock[] {
  return blocksOf(markdown).flatMap(({ text, comment }) =>
    comment?.startsWith("file: ") ? [{ name: comment.slice("file: ".length), text }] : []
  );
}

/** The sections of a page with their prose, without blocks; the first begins with the page. */
export function sectionsOf(markdown: string): { readonly heading: string; readonly prose: string }[] {
  return markdown.replace(FENCED, "").split(/^(?=#+ )/m).map((section) => {
    const [, heading = ""] = /^#+ ([^\n]*)/.exec(section) ?? [];
    return { heading, prose: section };
  });
}

/** The numbers with a decimal point in a text, with the sign that stands before them. */
export function decimalsIn(text: string): string[] {
  return text.match(/(?<![\w.])[+−-]?(?<![\w.])\d+\.\d+(?![\w.]*\.\d)/g) ?? [];
}

/** The numbers of a text that an output does not have. One without a sign may have any there: words say it as "lower by". */
export function unprinted(text: string, output: string): string[] {
  const printed = decimalsIn(output),
    known = new Set([...printed, ...printed.map((number) => number.replace(/^[+−-]/, ""))]);
  return decimalsIn(text).filter((number) => !known.has(number));
}
