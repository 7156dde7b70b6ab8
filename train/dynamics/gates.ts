/** Gates: how far open they stand, and how often they are all but shut or open. */
import type { Estimate } from "./estimate.ts";
import type { StreamOptions } from "./streams.ts";

/** One gate of one layer: a logistic function whose result multiplies. */
export interface GateActivity {
  /** From 0. */
  readonly layer: number;
  /** As the graph names it: its symbol (`z`), or that of the weight it reads (`input_gate_nn`). */
  readonly gate: string;
  /** Mean over all units and tokens. */
  readonly mean: Estimate;
  /** Share of all units and tokens at which it is below 0.1. */
  readonly below: Estimate;
  /** Share at which it is above 0.9. */
  readonly above: Estimate;
}

/** What {@linkcode gateActivity} finds. */
export interface GateActivities extends Required<StreamOptions> {
  /** Layer by layer, each in the order of the graph; none where the cell has no gate. */
  readonly gates: readonly GateActivity[];
}
