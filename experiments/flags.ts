/** Flags that the scripts on a study share. */
import { type Flag, flag } from "../train/terminal/command_line.ts";
import { type Experiment, EXPERIMENTS } from "./store.ts";

export const dirFlag: Flag<string> = {
  usage: "--dir <folder>",
  help: "the study's folder",
  fallback: "study",
  parse: (text) => {
    if (!text.trim()) throw new Error("must name a folder");
    return text;
  },
};
export const experimentFlag: Flag<Experiment> = flag.choice(
  "--experiment <number>",
  "which experiment",
  EXPERIMENTS,
  "01",
);
