/** Flags that the scripts on a study share. */
import { type Flag, flag } from "../train/terminal/command_line.ts";
import { type Experiment, EXPERIMENTS } from "./study/store.ts";

export const dirFlag: Flag<string> = flag.text("--dir <folder>", "the study's folder", "study");
export const experimentFlag: Flag<Experiment> = flag.choice(
  "--experiment <number>",
  "which experiment",
  EXPERIMENTS,
  "01",
);
