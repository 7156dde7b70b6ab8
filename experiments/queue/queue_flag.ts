/** The flag that says where a queue is, for each command that claims runs or looks at claims. */
import type { Flag } from "../../train/terminal/flag.ts";
import { parseQueueUrl, PASSWORD_VARIABLE, QUEUE_VARIABLE, queueUrl } from "./queue_url.ts";

export const queueFlag: Flag<string | undefined> = {
  usage: "--queue <url>",
  help: "PostgreSQL server that holds the queue, for several machines: postgres://role@host:port/database, " +
    `the password in ${PASSWORD_VARIABLE} (default: ${QUEUE_VARIABLE}, else a file in the study)`,
  parse(text) {
    if (parseQueueUrl(text).password === undefined) return text;
    throw new Error(
      `must be without a password, which others see in a command line; put that into ${PASSWORD_VARIABLE}, or the whole URL into ` +
        QUEUE_VARIABLE,
    );
  },
  fallback: undefined,
  isSecret: true,
};

/** The queue that a command is told of, by its flag or by the environment. */
export function queueOf({ queue }: { readonly queue?: string }): string | undefined {
  return queueUrl(queue, (name) => Deno.env.get(name));
}
