/** Named cells: the gated one, and known ones to compare with. Each is one short function in the files beside this one. */
import { UserError } from "../errors.ts";
import type { Cell } from "../cell.ts";
import * as z from "zod";
import { type CellConfig, type ConfigFields, configFieldsOf, parseConfig } from "../config.ts";
import { GATED, ORIGINAL_KEYS, SWITCHES } from "../factors.ts";
import type { Space } from "../space.ts";
import { gatedCell } from "./gated_cell.ts";
import { gruCell, liGruCell, mguCell, ugRnnCell } from "./gru_cells.ts";
import { lruCell, minGruCell, minLstmCell } from "./linear_cells.ts";
import {
  janetCell,
  lstmCell,
  lstmForgetBias1Cell,
  multiplicativeLstmCell,
  peepholeLstmCell,
  ranCell,
  slstmCell,
} from "./lstm_cells.ts";
import type { NamedCell } from "./named_cell.ts";
import { coRnnCell, lemCell } from "./ode_cells.ts";
import { indRnnCell, vanillaCell } from "./plain_cells.ts";

export { gruCell, lstmCell, minGruCell, vanillaCell };

/** What the LSTM and its kin have in common. */
const CAROUSEL = "the memory is updated by a product with the forget gate and a sum, without weights or a nonlinearity";

/**
 * The named cells, besides the gated one. Fingerprints of versions and golden numbers name them in this order, so new ones come last.
 */
export const CATALOG: readonly NamedCell[] = [
  {
    cell: vanillaCell,
    label: "vanilla RNN",
    about: "tanh of a linear map, without gates",
    source: "Elman, Finding structure in time, 1990",
  },
  {
    cell: gruCell,
    label: "GRU",
    about: "gated recurrent unit: reset and update gate, one state",
    source: "Cho et al., Learning phrase representations using RNN encoder–decoder, 2014",
  },
  {
    cell: lstmCell,
    label: "LSTM",
    about: "long short-term memory: input, forget and output gate, and a memory besides the state",
    source: "Gers et al., Learning to forget, 2000",
    keepsGradients: CAROUSEL,
  },
  {
    cell: minGruCell,
    label: "minGRU",
    about: "a GRU whose gate and candidate read only the input",
    source: "Feng et al., Were RNNs all we needed?, 2024",
  },
  {
    cell: minLstmCell,
    label: "minLSTM",
    about: "an LSTM whose gates and candidate read only the input, with one state",
    source: "Feng et al., Were RNNs all we needed?, 2024",
  },
  {
    cell: indRnnCell,
    label: "IndRNN",
    about: "relu; each unit reads only its own old state",
    source: "Li et al., Independently recurrent neural network, 2018",
    keepsGradients: "each unit has one recurrent weight, which is kept near 1",
  },
  {
    cell: mguCell,
    label: "MGU",
    about: "minimal gated unit: a GRU with one gate for both purposes",
    source: "Zhou et al., Minimal gated unit for recurrent neural networks, 2016",
  },
  {
    cell: janetCell,
    label: "JANET",
    about: "just another network: an LSTM with only the forget gate, and chrono initialization of its bias",
    source: "van der Westhuizen and Lasenby, The unreasonable effectiveness of the forget gate, 2018",
    keepsGradients: "forget gates are initialized with forgetting times over the whole range of dependencies",
  },
  {
    cell: liGruCell,
    label: "Li-GRU",
    about: "light GRU: no reset gate, relu; without batch normalisation",
    source: "Ravanelli et al., Light gated recurrent units for speech recognition, 2018",
  },
  {
    cell: ugRnnCell,
    label: "UGRNN",
    about: "a vanilla cell with an update gate",
    source: "Collins et al., Capacity and trainability in recurrent neural networks, 2017",
  },
  {
    cell: ranCell,
    label: "RAN",
    about: "recurrent additive network: the memory is a gated sum of inputs",
    source: "Lee et al., Recurrent additive networks, 2017",
    keepsGradients: CAROUSEL,
  },
  {
    cell: slstmCell,
    label: "sLSTM",
    about: "an LSTM with an exponential input gate and a normaliser, of xLSTM",
    source: "Beck et al., xLSTM: extended long short-term memory, 2024",
    keepsGradients: CAROUSEL,
  },
  {
    cell: lruCell,
    label: "LRU",
    about: "linear recurrent unit: a diagonal complex recurrence, then a gated linear unit",
    source: "Orvieto et al., Resurrecting recurrent neural networks for long sequences, 2023",
    keepsGradients:
      "the recurrence is linear, with eigenvalues in the unit disk that are initialized and learned individually",
  },
  {
    cell: coRnnCell,
    label: "coRNN",
    about: "coupled oscillators: a position and a velocity",
    source: "Rusch and Mishra, Coupled oscillatory recurrent neural network, 2021",
    keepsGradients: "damped oscillators, whose gradients are bounded on both sides where time steps are small",
  },
  {
    cell: lemCell,
    label: "LEM",
    about: "long expressive memory: two states, each with its own learned time steps",
    source: "Rusch et al., Long expressive memory for sequence modeling, 2022",
    keepsGradients: "each unit learns its time step, over several scales",
  },
  {
    cell: peepholeLstmCell,
    label: "peephole LSTM",
    about: "an LSTM whose gates see the memory",
    source: "Gers and Schmidhuber, Recurrent nets that time and count, 2000",
    keepsGradients: CAROUSEL,
  },
  {
    cell: multiplicativeLstmCell,
    label: "multiplicative LSTM",
    about: "an LSTM whose recurrent matrix depends on the input; not the mLSTM of xLSTM",
    source: "Krause et al., Multiplicative LSTM for sequence modelling, 2017",
    keepsGradients: CAROUSEL,
  },
  {
    cell: lstmForgetBias1Cell,
    label: "LSTM, forget bias 1",
    about: "an LSTM whose forget gate bias is initialized to 1",
    source: "Jozefowicz et al., An empirical exploration of recurrent network architectures, 2015",
    keepsGradients: CAROUSEL,
  },
];

const BY_NAME: ReadonlyMap<string, NamedCell> = new Map(CATALOG.map((entry) => [entry.cell.name, entry]));

/** Names that `cell` may have in a configuration; `gated`, the default, is made from the switches. */
export const CELL_NAMES: readonly string[] = ["gated", ...BY_NAME.keys()];

/** The record of a cell of the catalog; undefined where no cell has the name. */
export function findCell(name: string): NamedCell | undefined {
  return BY_NAME.get(name);
}

/**
 * What is known of a cell of the catalog.
 *
 * @throws {UserError} if there is none of this name: the gated cell, which has many forms, is none of them
 */
export function namedCell(name: string): NamedCell {
  const entry = findCell(name);
  if (!entry) throw new UserError(`Cannot find cell '${name}': must be one of ${[...BY_NAME.keys()].join(", ")}`);
  return entry;
}

/**
 * What tables and pictures call a cell of the catalog: `GRU`.
 *
 * @throws {UserError} as {@linkcode namedCell}
 */
export function cellLabel(name: string): string {
  return namedCell(name).label;
}

/**
 * The cell of a configuration.
 *
 * @throws {UserError} if `config.cell` is not in the catalog
 */
export function cellOf(config: CellConfig): Cell {
  if (config.cell === undefined || config.cell === "gated") return sharedGatedCell(config);
  const entry = findCell(config.cell);
  if (!entry) throw new UserError(`Cannot make cell '${config.cell}': must be one of ${CELL_NAMES.join(", ")}`);
  return entry.cell;
}

/** The built-in space: the gated cells, with the catalog's cells as baselines. */
export const GATED_SPACE: Space = {
  ...GATED,
  cellNames: CELL_NAMES,
  cellOf: (config) => cellOf(config as CellConfig),
  definesCell: () => false,
};

/**
 * The fields of a configuration whose cell can be made: those of the table, where `cell`, if there is one, must be one that the space knows.
 *
 * @throws {UserError} if the table breaks a rule
 */
export function knownFieldsOf(space: Space): ConfigFields {
  const fields = configFieldsOf(space);
  return "cell" in fields ? { ...fields, cell: z.enum(space.cellNames).optional() } : fields;
}

const gatedCells = new Map<string, Cell>();

/** One cell for all configurations that have its switches, whatever their sizes: what is worked out for a cell is kept with it. */
function sharedGatedCell(config: CellConfig): Cell {
  const key = [...SWITCHES.map(({ key }) => config[key]), config.gate_inputs].join();
  const known = gatedCells.get(key) ?? gatedCell(config);
  gatedCells.set(key, known);
  return known;
}

/**
 * A configuration of a catalog cell. The switches say nothing there, so they have one fixed setting: one cell, one id.
 *
 * @throws {UserError} if there is no such cell, or a size is out of bounds
 */
export function catalogConfig(cell: string, n_layers: number, state_size: number): CellConfig {
  const original = SWITCHES.filter(({ key }) => ORIGINAL_KEYS.includes(key));
  const switches = Object.fromEntries(original.map(({ key }) => [key, key === "use_new_state"]));
  const config = parseConfig({ ...switches, n_layers, state_size, cell }, `a configuration of cell '${cell}'`);
  cellOf(config);
  return config;
}
