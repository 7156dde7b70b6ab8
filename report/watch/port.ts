/** The port on which a study is watched: the flag, and what a task that has it may do. */
import { flag, valueIn } from "../../train/terminal/flag.ts";

const MOST_PORT = 65_535;

/** The one address on which is served: nobody reaches it from another machine. */
export const LOOPBACK = "127.0.0.1";

/** Zero stands for one that is free. */
export const portFlag = flag.whole("--port <n>", "the port on this machine; 0 takes a free one", 0, {
  least: 0,
  most: MOST_PORT,
});

/** The host and port that the command line has served; of one that is wrong a port that is free, for the task itself says what is. */
export function servedAt(args: readonly string[]): string {
  const text = valueIn(args, "port");
  try {
    return `${LOOPBACK}:${text === undefined ? portFlag.fallback : portFlag.parse!(text)}`;
  } catch {
    return `${LOOPBACK}:${portFlag.fallback}`;
  }
}
