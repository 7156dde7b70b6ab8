/** Which parts of a page in Markdown can be run. */

/** A block of shell commands that a page marks to be run: its fence says `sh run`. */
export interface RunnableBlock {
  /** Line of the page at which the fence stands, from 1. */
  readonly line: number;
  readonly script: string;
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
}

function blocksOf(markdown: string): Block[] {
  const fenced = /(?:^<!-- ([^\n]*) -->\n)?^```([^\n]*)\n(.*?)^```$/gms;
  return [...markdown.matchAll(fenced)].map((match) => {
    const [all, comment, info, text] = match;
    const before = markdown.slice(0, match.index + all.indexOf("```"));
    return { line: before.split("\n").length, info: info.trim(), text, comment };
  });
}

/** The blocks of a page that are marked to be run, in their order. */
export function runnableBlocks(markdown: string): RunnableBlock[] {
  let added: ReadonlyMap<string, string> = new Map();
  return blocksOf(markdown).flatMap(({ line, info, text, comment }) => {
    if (info !== "sh run") return [];
    const flags = comment?.startsWith("run with: ") ? comment.slice("run with: ".length) : undefined;
    if (flags !== undefined) added = new Map([...added, ...flags.split(";").map(taskAndFlags)]);
    return [{ line, script: text, added }];
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
