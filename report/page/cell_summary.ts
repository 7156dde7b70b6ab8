/** The line that stands for a cell and its runs where these are folded. */
import { counted } from "../../cells/counts.ts";

/** @param title HTML @param best what the best of its configurations is ranked by @param rank of that one */
export function cellSummary(title: string, configurations: number, best: string, rank: number): string {
  return `${title}: ${counted(configurations, "configuration")}, best ${best} (rank ${rank})`;
}
