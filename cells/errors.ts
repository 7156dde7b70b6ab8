/** Errors that a person can fix: a wrong file, flag, value or device. */
import { oneLine } from "./visible_text.ts";

/**
 * Its message is one sentence without a full stop: what was being done, a colon, what is, what must be. Scripts print it as
 * one line; any other error is a bug, and shows its stack.
 */
export class UserError extends Error {
  /** Tells it from a bug where classes cannot, as across workers. */
  override readonly name = "UserError";

  /**
   * Makes the message one line, whatever it names.
   *
   * @param message line ends and control characters in it are made harmless
   */
  constructor(message: string) {
    super(oneLine(message, Infinity));
  }
}

/** The message of whatever was thrown, in one line. */
export function messageOf(error: unknown): string {
  return oneLine(error instanceof Error ? error.message : String(error), Infinity);
}
