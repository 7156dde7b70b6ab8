/** Errors that a person can mend: a wrong file, flag, value or device. */

/**
 * Its message is one sentence without a full stop: what was being done, a colon, what is, what must be. Scripts print it as
 * one line; any other error is a bug, and shows its stack.
 */
export class UserError extends Error {
  override readonly name = "UserError";
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
