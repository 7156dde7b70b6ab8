/** Gates over the seeds of a configuration. */
import type { Estimate } from "../../train/dynamics/estimate.ts";
import type { GateActivity } from "../../train/dynamics/gates.ts";
import type { MergedRow } from "./merged.ts";
import { meanOverSeeds, measuresOf } from "./seed_estimates.ts";

/** A gate of a layer. */
export interface MeanGate {
  /** `1 state input`: the layer, from 1, and what the graph calls the gate. */
  readonly label: string;
  readonly mean: Estimate;
  /** Shares of units and bytes at which it is below 0.1, and above 0.9. */
  readonly below: Estimate;
  readonly above: Estimate;
}

function labelOf({ layer, gate }: GateActivity): string {
  return `${layer + 1} ${gate.replace(/(_gate)?_nn$/, "").replaceAll("_", " ")}`;
}

/** The gates of which all seeds have a number, layer by layer. */
export function meanGates(row: MergedRow): MeanGate[] {
  const all = measuresOf(row, ({ gates }) => gates).flatMap(({ gates }) => gates);
  const means = [...Map.groupBy(all, labelOf)].map(([label, same]): MeanGate => ({
    label,
    mean: meanOverSeeds(same.map(({ mean }) => mean)),
    below: meanOverSeeds(same.map(({ below }) => below)),
    above: meanOverSeeds(same.map(({ above }) => above)),
  }));
  return means.filter(({ mean, below, above }) => [mean, below, above].every(({ value }) => value !== null));
}
