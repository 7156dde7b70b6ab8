/** Flags that say where a study and its queue lie: `task.ts` reads them before a task starts, so little is loaded here. */
import { type Flag, flag } from "../train/terminal/flag.ts";

export const dirFlag: Flag<string> = flag.text("--dir <folder>", "the study's folder", "study");

export const nodeLocalFlag: Flag<boolean> = flag.on(
  "--node-local",
  "keep the queue in this machine's temporary folder, for processes on this machine only; needed if the study is on a network disk",
);
