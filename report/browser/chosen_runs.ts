/** Configurations that a person has chosen to compare. */
import { counted } from "../../cells/counts.ts";

/** More are not told apart. */
export const MOST_COMPARED = 8;

/** What is chosen once a configuration is, or no longer; undefined where it would be one too many. */
export function withRun(chosen: readonly string[], name: string, isChosen: boolean): string[] | undefined {
  const others = chosen.filter((other) => other !== name);
  if (!isChosen) return others;
  return others.length < MOST_COMPARED ? [...others, name] : undefined;
}

/** How many are chosen, in a line. @param shown names of the configurations that the page shows now */
export function chosenInWords(chosen: readonly string[], shown: ReadonlySet<string>): string {
  const hidden = chosen.filter((name) => !shown.has(name)).length;
  const parts = [
    `${counted(chosen.length, "configuration")} chosen to compare`,
    ...(hidden ? [`${hidden} of them hidden by the filter`] : []),
    ...(chosen.length < 2 ? ["choose another"] : []),
  ];
  return parts.join(", ");
}
