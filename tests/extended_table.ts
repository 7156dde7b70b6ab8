/**
 * The original table with two more factors, as somebody would add them: a switch, and a number with levels of its own. Nothing else of the
 * project knows them, so whatever shows them follows from the table alone.
 */
import type { Space } from "../cells/space.ts";
import type { Factor } from "../cells/factor.ts";
import { ORIGINAL } from "./original_table.ts";

/** An eighth switch. Off is its default, so configurations without it keep their ids. */
const LAYER_NORM: Factor = {
  key: "use_layer_norm",
  kind: "switch",
  label: "layer norm",
  about: "whether the output is normalized",
  levels: [false, true],
  default: false,
  on: "the output is normalized",
  off: "the output is not normalized",
};

/** A number of which a grid takes two levels. */
const WEIGHT_DECAY: Factor = {
  key: "weight_decay",
  kind: "number",
  label: "weight decay",
  about: "share of each weight that a step takes away",
  levels: [0.001, 0.01],
  default: 0.001,
  above: 0,
  most: 1,
  contrast: [0.001, 0.01],
  flag: { name: "--weight-decay", help: "weight decays to list" },
};

/** The original factors, {@linkcode LAYER_NORM} and {@linkcode WEIGHT_DECAY}. */
export const EXTENDED: Space = {
  ...ORIGINAL,
  name: "extended",
  factors: [...ORIGINAL.factors, LAYER_NORM, WEIGHT_DECAY],
};
