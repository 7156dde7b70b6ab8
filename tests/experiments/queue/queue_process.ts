/** A queue in a process of its own: takes one call at a time on standard input, answers each with a line of JSON. */
import { messageOf } from "../../../cells/errors.ts";
import { openSqliteQueue } from "../../../experiments/queue/sqlite_queue.ts";

const [path, owner] = Deno.args;
const queue = await openSqliteQueue(path, { owner });
const calls: Record<string, (key: string) => Promise<unknown>> = {
  claim: (key) => queue.claim(key),
  beat: () => queue.beat(new Map()),
  whileHeld: (key) => queue.whileHeld(key, () => {}),
};
for await (const chunk of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const [call, key] = chunk.trim().split(" ");
  console.log(JSON.stringify(await calls[call](key).catch(messageOf)));
}
await queue.close();
