/** Errors that a person can mend: a wrong file, flag, value or device. */
import { showable } from "./visible_text.ts";

/**
 * Its message is one sentence without a full stop: what was being done, a colon, what is, what must be. Scripts print it as
 * one line; any other error is a bug, and shows its stack.
 */
export class UserError extends Error {
  /** Tells it from a bug where classes cannot, as across workers. */
  override readonly name = "UserError";

  /** @param message line ends and control characters in it are made harmless: it is one line whatever it names */
  constructor(message: string) {
    super(inOneLine(message));
  }
}

/** The message of whatever was thrown, in one line. */
export function messageOf(error: unknown): string {
  return inOneLine(error instanceof Error ? error.message : String(error));
}

/**
 * Runtimes write messages of several lines, and names in files may hold line ends, or characters that a terminal obeys: a log has one
 * plain line for each problem.
 */
function inOneLine(text: string): string {
  const lines = text.split(/[\t\v\f\r\n\u2028\u2029]+/).map((line) => line.trim()).filter((line) => line);
  return showable(lines.join(" "));
}
