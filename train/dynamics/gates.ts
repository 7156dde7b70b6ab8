/** Gates: how far open they stand, and how often they are all but shut or open. */
import type { Graph } from "../../cells/graph/graph.ts";
import type { Values } from "../../cells/graph/interpreter.ts";
import { sizeOf, type Tensor } from "../../cells/graph/tensor.ts";
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import { type Estimate, estimateOf } from "./estimate.ts";
import { findGates, type Gate } from "./gate_names.ts";
import type { Watched } from "./progress.ts";
import type { StreamOptions } from "./stream_options.ts";
import type { Observer } from "./stream_reader.ts";
import { cutStreams } from "./streams.ts";
import { walk } from "./walk.ts";
import { checkModel, modelOfRows, type WeightedModel } from "./weighted_model.ts";

/** One gate of one layer: a logistic function whose result multiplies. */
export interface GateActivity {
  /** From 0. */
  readonly layer: number;
  /** As the graph names it: its symbol (`z`), the product it reads (`input_gate_nn`), or its formula (`σ(o)`). */
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

/** What {@linkcode gateActivity} takes; all of it may be absent. Progress is in tokens of each stream. */
export interface GateActivityOptions extends StreamOptions, Watched {}

const ACTION = "measure the gates";
/** A gate is all but shut below the first, and all but open above the second. See docs/dynamics.md, "The measures". */
const SHUT = 0.1, OPEN = 0.9;

/**
 * How far each gate stands open while a text is read: mean, share below 0.1 and share above 0.9, over all units and measured tokens. Each is a mean
 * over streams, with its standard error. See docs/dynamics.md, "The measures"; shares of saturated gates as in Karpathy, Johnson and Li, "Visualizing
 * and understanding recurrent networks", 2015.
 *
 * A gate is a logistic function whose result multiplies something, by itself or as `1 − σ(…)`; what the cell calls it does not matter. So the
 * `σ(o)` of a gated cell without output gate counts, and the exponential gates of the sLSTM do not.
 *
 * @param text held-out text, at least `streams · (warm_up + tokens) + 1` tokens; absent options: 8 streams of 4,096 tokens, warm-up 512
 * @throws {RangeError} if a number is out of bounds, the text is too short, or has a token that the model has not
 * @throws {UserError} if a weight is missing or not finite, or a state does not stay finite
 */
export async function gateActivity(
  model: WeightedModel,
  text: Tokens,
  { onProgress, signal, ...cut }: GateActivityOptions = {},
): Promise<GateActivities> {
  const checked = checkModel(model, ACTION), streams = cutStreams(text, cut, checked, ACTION);
  const evaluation = modelOfRows(checked, streams.streams), observer = new GateObserver(evaluation.graph, streams);
  if (observer.outputs.size) {
    await walk(evaluation, checked, streams, [observer], ACTION, { onProgress, signal });
  }
  return observer.activities();
}

/** Of one gate, for each stream. */
interface Sums {
  readonly gate: Gate;
  readonly output: string;
  readonly total: Float64Array;
  readonly below: Float64Array;
  readonly above: Float64Array;
}

/** {@linkcode gateActivity} of a walk. */
export class GateObserver implements Observer {
  readonly outputs: ReadonlyMap<string, Tensor>;
  readonly #gates: readonly Sums[];

  /** @param graph that of the walk, with a row for each stream */
  constructor(graph: Graph, private readonly cut: Required<StreamOptions>) {
    const zeros = () => new Float64Array(cut.streams);
    this.#gates = findGates(graph).map((gate, i) => (
      { gate, output: `gate.${i}`, total: zeros(), below: zeros(), above: zeros() }
    ));
    this.outputs = new Map(this.#gates.map(({ output, gate }) => [output, gate.tensor]));
  }

  see(_token: number, values: ReadonlyMap<string, Values>): void {
    const { streams } = this.cut;
    for (const { output, gate, total, below, above } of this.#gates) {
      const all = values.get(output)!, units = unitsOf(gate, streams);
      for (let stream = 0; stream < streams; stream++) {
        // A gate of weights alone has one row, which is that of all streams.
        const first = units === all.length ? 0 : stream * units;
        for (let i = first; i < first + units; i++) {
          total[stream] += all[i];
          if (all[i] < SHUT) below[stream]++;
          else if (all[i] > OPEN) above[stream]++;
        }
      }
    }
  }

  activities(): GateActivities {
    const { streams, tokens, warm_up } = this.cut;
    const gates = this.#gates.map(({ gate, total, below, above }) => {
      const values = tokens * unitsOf(gate, streams);
      const mean = (sums: Float64Array) => estimateOf([...sums].map((sum) => sum / values));
      return { layer: gate.layer, gate: gate.name, mean: mean(total), below: mean(below), above: mean(above) };
    });
    return { streams, tokens, warm_up, gates };
  }
}

/** Values of a gate in each row. */
function unitsOf({ tensor: { shape } }: Gate, rows: number): number {
  return shape.length < 2 ? sizeOf(shape) : sizeOf(shape) / rows;
}
