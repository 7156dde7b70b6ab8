/** The page's worker: does what takes long beside the page, which so stays at hand. */
import { messageOf, UserError } from "../../cells/errors.ts";
import { Answers } from "./answers.ts";
import type { Reply, Request } from "./protocol.ts";

/** What of a worker's scope is used; its types are those of neither a page nor Deno. */
interface Scope {
  onmessage: ((event: { readonly data: Request }) => void) | null;
  postMessage(reply: Reply): void;
}

const scope = globalThis as unknown as Scope, answers = new Answers();

scope.onmessage = async ({ data: { number, ...ask } }) => {
  try {
    scope.postMessage({ number, value: await answers.answer(ask) });
  } catch (error) {
    // Anything else is a mistake of ours, and is to be seen on the console.
    if (!(error instanceof UserError)) setTimeout(() => Promise.reject(error));
    scope.postMessage({ number, error: messageOf(error) });
  }
};
