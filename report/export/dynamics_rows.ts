/** All that was measured of the dynamics of runs as one long table: a row for each number. */
import type { Unit } from "../../cells/unit.ts";
import { unitOf } from "../../cells/unit.ts";
import type { Estimate } from "../../train/dynamics/estimate.ts";
import type { TokenFixedPoints } from "../../train/dynamics/fixed_points.ts";
import type { GradientAgreement } from "../../train/dynamics/agreement.ts";
import { type Measure, MEASURES } from "../../train/dynamics/measure.ts";
import { RECALL_LAGS } from "../../train/dynamics/stream_options.ts";
import type { RunDynamics } from "../../experiments/study/dynamics_file.ts";
import { runKey } from "../../experiments/study/run_key.ts";
import type { RunResult } from "../../experiments/study/result.ts";
import type { Column } from "../data/table.ts";

/** What a number is of; absent where it is of the whole model, or of all of the text. */
interface Place {
  readonly layer?: number;
  readonly exponent?: number;
  readonly lag?: number;
  readonly token?: number;
  readonly point?: number;
  readonly gate?: string;
  readonly steps_back?: number;
  readonly weight?: string;
}

/** A number of one measure. */
interface Quantity extends Place, Estimate {
  readonly quantity: string;
  readonly unit: string;
}

/** A row of the table. */
export interface DynamicsRow extends Quantity {
  readonly id: string;
  readonly seed: number;
  readonly measure: Measure;
}

/** What the names of some quantities do not say by themselves. */
const EXPLAINED: Readonly<Record<string, string>> = {
  diverged: "starts of echo_state, of all streams, whose state became infinite or NaN",
  horizon: `the last lag with recall above two standard errors; at most ${RECALL_LAGS}, the longest measured`,
  shuffled_bits: "bits that a state seems to hold about a randomly paired byte or token; already subtracted from bits",
  found_from: "starts of Newton's method that ended at this fixed point",
  slow:
    "starts of Newton's method that ended at a slow point, where the state hardly changes, and not at a fixed point",
};

function aboutQuantity(): string {
  const explained = Object.entries(EXPLAINED).map(([name, what]) => `${name}: ${what}`);
  return ["which quantity of the measure", ...explained].join("; ");
}

/** Columns of the table of dynamics, in order. */
export const DYNAMICS_COLUMNS: readonly Column<DynamicsRow>[] = [
  { name: "id", type: "string", about: "the run's id", of: ({ id }) => id },
  { name: "seed", type: "int", about: "the run's seed", of: ({ seed }) => seed },
  { name: "measure", type: "string", about: `which measure: ${MEASURES.join(", ")}`, of: ({ measure }) => measure },
  { name: "quantity", type: "string", about: aboutQuantity(), of: ({ quantity }) => quantity },
  place("layer", "int", "number of the layer, counted from 0; none: of the whole model"),
  place("exponent", "int", "lyapunov: number of the exponent in its layer, from 1, the largest first"),
  place("lag", "int", "byte_recall: lag in bytes or tokens (see tokens of the run), 0 for the last one read"),
  place("token", "int", "fixed_points: the repeated byte or token"),
  place(
    "point",
    "int",
    "fixed_points: number of this token's fixed point, from 1, ordered by how often it was found",
  ),
  place("gate", "string", "gates: the gate's name in the graph"),
  place(
    "steps_back",
    "int",
    "truncation_gap: steps of the gradient that is compared with the one through a single step",
  ),
  place("weight", "string", "truncation_gap: the weight or bias; none: all of them"),
  {
    name: "value",
    type: "double",
    about:
      "the number; none: an exponent that is minus infinity or too small for float64 to tell, a time that never comes, or nothing to measure",
    of: ({ value }) => value,
  },
  {
    name: "standard_error",
    type: "double",
    about: "standard error of the value over the streams of the text; none: a count, or one stream",
    of: ({ standard_error }) => standard_error,
  },
  { name: "unit", type: "string", about: "unit of value and standard_error; 1: none", of: ({ unit }) => unit },
];

function place(name: keyof Place, type: "int" | "string", about: string): Column<DynamicsRow> {
  return { name, type, about, of: (row) => row[name] ?? null };
}

/** The rows of these runs, in their order. @param measured by the runs' keys */
export function dynamicsRows(
  results: readonly RunResult[],
  measured: ReadonlyMap<string, RunDynamics>,
): DynamicsRow[] {
  return results.flatMap((result) => {
    const { id, seed } = result, dynamics = measured.get(runKey(id, seed));
    if (!dynamics) return [];
    return MEASURES.flatMap((measure) =>
      quantitiesOf(measure, dynamics, unitOf(result)).map((quantity) => ({ id, seed, measure, ...quantity }))
    );
  });
}

function quantitiesOf<M extends Measure>(measure: M, dynamics: RunDynamics, reads: Unit): Quantity[] {
  const found = dynamics[measure];
  return found ? QUANTITIES[measure](found, reads) : [];
}

type Found<M extends Measure> = NonNullable<RunDynamics[M]>;

/** What each measure's file holds beside how it was taken. */
const QUANTITIES: { readonly [M in Measure]: (found: Found<M>, reads: Unit) => Quantity[] } = {
  lyapunov: ({ layers, largest, forgetting_time }, reads) => [
    quantity("largest_exponent", `nats per ${reads}`, largest),
    quantity("forgetting_time", `${reads}s`, forgetting_time),
    ...layers.flatMap(({ exponents }, layer) =>
      exponents.map((one, i) => quantity("exponent", `nats per ${reads}`, one, { layer, exponent: i + 1 }))
    ),
  ],
  echo_state: ({ merged_share, responses, merged_after, diverged }, reads) => [
    quantity("merged_share", NO_UNIT, merged_share),
    quantity("responses", NO_UNIT, responses),
    quantity("merged_after", `${reads}s`, merged_after),
    counted("diverged", diverged),
  ],
  byte_recall: ({ entropy, total, horizon, lags }, reads) => [
    quantity("entropy", "bits", certain(entropy)),
    quantity("total", "bits", total),
    quantity("horizon", `${reads}s`, certain(horizon)),
    ...lags.flatMap(({ lag, bits, shuffled }) => [
      quantity("bits", "bits", bits, { lag }),
      quantity("shuffled_bits", "bits", certain(shuffled), { lag }),
    ]),
  ],
  fixed_points: ({ tokens }) => tokens.flatMap(ofToken),
  participation_ratio: ({ whole, layers }) =>
    [whole, ...layers].flatMap(({ numbers, ...ratio }, i) => {
      const at = i ? { layer: i - 1 } : {};
      return [quantity("participation_ratio", "dimensions", ratio, at), counted("carried_numbers", numbers, at)];
    }),
  gates: ({ gates }) =>
    gates.flatMap(({ layer, gate, mean, below, above }) => [
      quantity("mean", NO_UNIT, mean, { layer, gate }),
      quantity("share_below_0.1", NO_UNIT, below, { layer, gate }),
      quantity("share_above_0.9", NO_UNIT, above, { layer, gate }),
    ]),
  truncation_gap: ({ loss, gaps }, reads) => [
    quantity("loss", `nats per ${reads}`, certain(loss)),
    ...gaps.flatMap(({ bptt: steps_back, whole, weights }) => [
      ...agreement(whole, { steps_back }),
      ...Object.entries(weights).flatMap(([weight, found]) => agreement(found, { steps_back, weight })),
    ]),
  ],
};

/** The unit of shares, counts and ratios. */
const NO_UNIT = "1";

function quantity(quantity: string, unit: string, { value, standard_error }: Estimate, at: Place = {}): Quantity {
  return { quantity, unit, value, standard_error, ...at };
}

function certain(value: number | null): Estimate {
  return { value, standard_error: null };
}

function counted(name: string, count: number, at: Place = {}): Quantity {
  return quantity(name, NO_UNIT, certain(count), at);
}

function ofToken({ token, share, starts, converged, slow, failed, points }: TokenFixedPoints): Quantity[] {
  const counts = { share, starts, converged, slow, failed, fixed_points: points.length };
  return [
    ...Object.entries(counts).map(([name, count]) => counted(name, count, { token })),
    ...points.flatMap(({ found_from, spectral_radius, unstable }, i) =>
      Object.entries({ found_from, spectral_radius, unstable })
        .map(([name, value]) => counted(name, value, { token, point: i + 1 }))
    ),
  ];
}

function agreement(
  { cosine, ratio, cosine_standard_error, ratio_standard_error }: GradientAgreement,
  at: Place,
): Quantity[] {
  return [
    quantity("cosine", NO_UNIT, { value: cosine, standard_error: cosine_standard_error }, at),
    quantity("ratio", NO_UNIT, { value: ratio, standard_error: ratio_standard_error }, at),
  ];
}
