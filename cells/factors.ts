/**
 * The one table of what the built-in study varies. From it follow the schema of a configuration, ids, the grid, flags of `init` and
 * `--only`, axes, groups, effects, regression terms, the columns of tables, page and export, and the words for each value.
 * See the README, "The seven switches"; docs/study.md, "What is listed"; docs/structure.md, "One table per thing".
 */
import type { Factor, FactorTable } from "./factor.ts";
import { LEARNING_RATE, OPTIMIZER_CHOICES } from "./optimizers.ts";
import { enlarged, LISTED, MOST_SMALL_STATES, VALID } from "./gated_rules.ts";

/** The most layers that a configuration may ask for: a typing error must not ask for a graph of millions. */
export const MAX_LAYERS = 64;
/** The most states that a configuration may ask for: a typing error must not ask for terabytes. */
export const MAX_STATE_SIZE = 16_384;
/** The most steps that a gradient may go back: each is a copy of the layers in the graph of a training step. */
export const MAX_BPTT = 64;
/** The largest learning rate that a configuration may ask for: with any larger one every known model diverges. */
export const MAX_LEARNING_RATE = 10;

/** Both values of a switch, off before on, as a grid sweeps them. */
const OFF_ON = [false, true] as const;

/**
 * The factors, in the order in which they are listed, swept and shown. Those without a default are the original study's nine: they stand in
 * every configuration and id.
 */
export const FACTORS = [
  {
    key: "use_input_gate",
    kind: "switch",
    label: "input gate",
    about: "whether gates scale the input and the old state",
    levels: OFF_ON,
    on: "the input and the old state are each scaled by their own gate first",
    off: "the input and the old state are not gated",
  },
  {
    key: "use_forget_gate",
    kind: "switch",
    label: "forget gate",
    about: "whether a gate scales the new state",
    levels: OFF_ON,
    on: "a forget gate scales the new state",
    off: "nothing scales the new state",
  },
  {
    key: "use_output_gate",
    kind: "switch",
    label: "output gate",
    about: "whether a learned gate scales the output",
    levels: OFF_ON,
    on: "a learned gate scales the output",
    off: "the output is scaled by its own sigmoid",
  },
  {
    key: "use_state_gate",
    kind: "switch",
    label: "state gate",
    about: "whether a gate mixes the candidate with the old state",
    levels: OFF_ON,
    on: "a state gate mixes the candidate with the old state",
    off: "the candidate replaces the old state",
  },
  {
    key: "use_new_state",
    kind: "switch",
    label: "new state",
    about: "whether the output reads the new state",
    levels: OFF_ON,
    on: "the output reads the new state",
    off: "the output does not read the new state, so the weights behind it stay at their initial values",
  },
  {
    key: "use_old_state",
    kind: "switch",
    label: "old state",
    about: "whether the output reads the old state",
    levels: OFF_ON,
    on: "the output reads the old state",
    off: "the output does not read the old state",
  },
  {
    key: "use_residual",
    kind: "switch",
    label: "residual",
    about: "whether the output reads the layer's raw input",
    levels: OFF_ON,
    on: "the output reads the layer's raw input",
    off: "the output does not read the layer's raw input",
  },
  {
    key: "n_layers",
    kind: "integer",
    label: "layers",
    plural: "layer counts",
    about: "layers",
    levels: [1, 2, 3],
    least: 1,
    most: MAX_LAYERS,
    unit: ["layer", "layers"],
    mark: "shape",
    flag: { name: "--layers", help: "numbers of layers to list" },
  },
  {
    key: "state_size",
    kind: "integer",
    label: "state size",
    heading: "state",
    plural: "state sizes",
    about: "numbers in one layer's state",
    levels: [32, 256],
    least: 1,
    most: MAX_STATE_SIZE,
    mark: "colour",
    flag: {
      name: "--state-size",
      help: "state sizes to list",
      note: `up to ${MOST_SMALL_STATES} states, only cells with a residual are listed`,
    },
  },
  {
    key: "gate_inputs",
    kind: "choice",
    label: "gate inputs",
    about: "inputs of the state gate and the forget gate",
    levels: ["x,h,n"],
    default: "x,h,n",
    choices: [
      { value: "x,h,n" },
      {
        value: "x,h",
        phrase: "gates read x,h",
        clause: "the state gate and the forget gate do not read the candidate",
      },
    ],
    contrast: ["x,h,n", "x,h"],
    ofCell: true,
  },
  {
    key: "cell",
    kind: "choice",
    label: "cell",
    about: "name of the cell; the switches are the gated cell's",
    levels: ["gated"],
    default: "gated",
    namesCell: true,
  },
  {
    key: "learning_rate",
    kind: "number",
    label: "learning rate",
    about: "learning rate of the optimizer",
    // No contrast: no two rates are there in every study, and the loss has its minimum between them.
    levels: [LEARNING_RATE],
    default: LEARNING_RATE,
    above: 0,
    most: MAX_LEARNING_RATE,
    flag: { name: "--learning-rate", help: "learning rates to list" },
  },
  {
    key: "optimizer",
    kind: "choice",
    label: "optimizer",
    about: "the optimizer",
    levels: ["adam"],
    default: "adam",
    // No contrast: one rate is another length of step with each, so the loss at one rate compares rates more than optimizers.
    choices: OPTIMIZER_CHOICES,
    flag: { name: "--optimizer", help: "optimizers to list" },
  },
  {
    key: "bptt",
    kind: "integer",
    label: "steps back",
    about: "steps of backpropagation through time",
    // No contrast: k has no two levels that every study has, and its effect need not be a straight line.
    levels: [1],
    default: 1,
    least: 1,
    most: MAX_BPTT,
    unit: ["step back", "steps back"],
    isCondition: true,
    flag: {
      name: "--bptt",
      help: `truncated BPTT lengths to list, in steps back, 1 to ${MAX_BPTT}`,
      note: "an update reads this many tokens of each sequence; more steps need more memory",
    },
  },
] as const satisfies readonly Factor[];

/** The name of a factor, as it stands in files. */
export type FactorKey = typeof FACTORS[number]["key"];

/** The seven switches of the gated cell. `label` is for axes and tables; `on` and `off` say in words what the forward function does. */
export const SWITCHES: readonly NamedFactor<SwitchKey>[] = FACTORS.filter((factor) => factor.kind === "switch");

/** The name of one switch, as it stands in files. */
export type SwitchKey = Extract<typeof FACTORS[number], { readonly kind: "switch" }>["key"];

/** Keys of the factors without a default: the original study's nine, which stand in every configuration and id. */
export const ORIGINAL_KEYS: readonly string[] = FACTORS.flatMap((factor) => "default" in factor ? [] : factor.key);

/** The factors of the gated cells. */
export const GATED: FactorTable = {
  name: "gated",
  lead: "In each layer, the candidate for the new state is the tanh of a linear map of the input and the old state; " +
    "around it:",
  factors: FACTORS,
  valid: VALID,
  listed: LISTED,
  enlarged,
  isOwnCell: ({ cell = "gated" }) => cell === "gated",
};

/** Steps that a gradient goes back: see `stepsBackOf()`. */
export const STEPS_BACK: NamedFactor<"bptt"> = factor("bptt");

/** What `z` and `f` read beside the gated input and state: the candidate too (`x,h,n`), or not. */
export const GATE_INPUTS: readonly GateInputs[] = factor("gate_inputs").choices.map(({ value }) => value);
/** One of {@linkcode GATE_INPUTS}. */
export type GateInputs = NamedFactor<"gate_inputs">["choices"][number]["value"];

/** The factor of this key, with its own type. */
export type NamedFactor<K extends FactorKey> = Extract<typeof FACTORS[number], { readonly key: K }>;

function factor<K extends FactorKey>(key: K): NamedFactor<K> {
  return FACTORS.find((one): one is NamedFactor<K> => one.key === key)!;
}
