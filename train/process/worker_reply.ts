/** What workers and those who ask them say to each other, whatever the task. */
import { messageOf, UserError } from "../../cells/errors.ts";

/** A message with the number that its reply has too. */
export type Numbered<T> = T & { readonly number: number };

/** What a worker answers where it cannot do what it was asked. */
export interface Refusal {
  readonly error: string;
  /** Classes do not cross over: so the far end says whether a person can fix it. */
  readonly isUserError: boolean;
}

/** What a worker says on the way to its answer. */
export interface ProgressMessage<T> {
  readonly told: T;
}

export function refusalOf(error: unknown): Refusal {
  return { error: messageOf(error), isUserError: error instanceof UserError };
}

export function isRefusal<T extends object>(reply: T | Refusal): reply is Refusal {
  return "error" in reply;
}

export function isProgressMessage<T extends object, P>(message: T | ProgressMessage<P>): message is ProgressMessage<P> {
  return "told" in message;
}
