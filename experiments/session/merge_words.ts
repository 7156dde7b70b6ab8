/** What `merge` has done, in words. */
import { plural } from "../../train/terminal/words.ts";
import type { MergeSummary } from "./merge_study.ts";

/** `14 runs were merged from ../a, 10 from ../b; 2 were already here; 1 was left as it is`. */
export function mergeInWords({ came, here, left, problems }: MergeSummary, isDry = false): string {
  const verb = (runs: number) => isDry ? "would be merged" : runs === 1 ? "was merged" : "were merged";
  const folders = came.map(({ dir, runs }, i) =>
    i ? `${runs} from ${dir}` : `${plural(runs, "run")} ${verb(runs)} from ${dir}`
  );
  return [
    folders.join(", "),
    ...counted(here, "already here"),
    ...counted(left, "left as they are", "left as it is"),
    ...(problems ? [`${problems} could not be merged`] : []),
  ].join("; ");
}

function counted(count: number, what: string, one = what): string[] {
  return count ? [count === 1 ? `1 was ${one}` : `${count} were ${what}`] : [];
}
