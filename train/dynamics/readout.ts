/** A linear softmax readout: how much of a token a state tells, by multinomial logistic regression. */
import { add, input, linear, mul, softmaxCrossEntropy } from "../../cells/graph/builder.ts";
import { gradients } from "../../cells/graph/gradient.ts";
import { buildGraph } from "../../cells/graph/graph.ts";
import type { Values } from "../../cells/graph/interpreter.ts";
import { momentName, updateOf } from "../../cells/optimizer.ts";
import { ADAM, adam } from "../../cells/optimizers.ts";
import { Float64Graph } from "./float64.ts";

/** Whitened states, and what each row is for. */
export interface ReadoutRows {
  /**
   * `[rows, size]`, row-major: first the rows that a readout is fitted to, in random order, then those that its scale is chosen by, then those of each
   * stream that are scored.
   */
  readonly states: Values;
  readonly size: number;
  readonly fitted: number;
  readonly validated: number;
  readonly streams: number;
  /** Rows of each stream that are scored. */
  readonly scored: number;
}

/**
 * Updates of a readout's weights, two passes over 23,552 rows, and the learning rate of the first, which falls linearly to 0. What they leave to be
 * found stands in the docstring of `byteRecall`. Methods that read all rows for each update need a hundred passes and more where tokens can be told
 * all but surely, since weights grow long there.
 */
const UPDATES = 90, LEARNING_RATE = 0.07;

/** Rows of an update. */
const BATCH = 512;

/** λ of the penalty `λ/(2n) · ‖W‖²`, with `n` fitted rows: prior variance 1/λ of each weight on a whitened number. */
const RIDGE = 3;

/** Rows of mean 0 that each class has beside its own where weights start: its mean is to be known before it counts. */
const EXTRA_ROWS = 100;

/** Adam's ε: as large as the gradients of rare tokens, whose weights otherwise grow on noise as fast as those of frequent ones. */
const EPSILON = 1e-3;

/** Counts that each class has beside its own, so that one which was not fitted to costs no infinite loss. Source: Krichevsky and Trofimov, 1981. */
const EXTRA_COUNT = 0.5;

/** The scales of the weights that are tried lie from 0 to this. */
const MOST_SCALE = 2;

/** Narrows the scale down to a width of `2 · 0.618⁵ = 0.18`: the loss is flat where it is lowest. */
const SCALE_STEPS = 5;

const WEIGHT = "weight", BIAS = "bias";

/** The weights of a readout of whitened states: `logits = W x + b`. */
type Weights = ReadonlyMap<string, Values>;

/** Fits readouts of the same states, one after the other, to different tokens. */
export class ReadoutFit implements AsyncDisposable {
  private constructor(
    private readonly rows: ReadoutRows,
    private readonly classes: number,
    private readonly batch: number,
    private readonly step: Float64Graph,
    private readonly validation: Float64Graph,
    private readonly scoring: Float64Graph,
    private readonly opened: AsyncDisposableStack,
  ) {}

  /** @param classes how many there are */
  static async open(rows: ReadoutRows, classes: number): Promise<ReadoutFit> {
    const batch = Math.min(BATCH, rows.fitted);
    await using graphs = new AsyncDisposableStack();
    const open = async (outputs: Parameters<typeof buildGraph>[0]) =>
      graphs.use(await Float64Graph.open(buildGraph(outputs), { weights: new Map() }));
    const step = await open(updateGraph(batch, rows.size, classes, RIDGE / rows.fitted));
    const validation = await open({ loss: readoutLoss(rows.validated, rows.size, classes).loss });
    const scoring = await open({ loss: readoutLoss(rows.scored, rows.size, classes).loss });
    return new ReadoutFit(rows, classes, batch, step, validation, scoring, graphs.move());
  }

  /**
   * How much better a readout tells the classes of each stream's scored rows than their frequencies among the fitted rows do, nats per row: the
   * cross-entropy under these frequencies less that of the readout. 0 where the rows that choose the scale find nothing.
   *
   * @param classes of each row
   */
  async score(classes: Values): Promise<Gains> {
    const frequencies = logFrequencies(classes.subarray(0, this.rows.fitted), this.classes);
    const weights = await this.#scaled(await this.#fitted(classes, frequencies), classes, frequencies);
    const { fitted, validated, streams, scored } = this.rows;
    const coded: number[] = [], gains: number[] = [];
    for (let stream = 0; stream < streams; stream++) {
      const first = fitted + validated + stream * scored;
      coded.push(codeLength(classes.subarray(first, first + scored), frequencies));
      gains.push(weights ? coded[stream] - await this.#loss(this.scoring, first, scored, weights, classes) : 0);
    }
    return { coded, gains };
  }

  async #fitted(classes: Values, frequencies: Values): Promise<Weights> {
    const { states, size, fitted } = this.rows;
    let carried = startingValues(this.rows, classes, frequencies);
    for (let update = 0; update < UPDATES; update++) {
      // Batch after batch; where the last one would end beyond the rows, it starts over by as much, and so all rows are read.
      const first = update * this.batch % (fitted - this.batch + 1), end = first + this.batch;
      const [stepSize, epsilon] = adam.scalars(update + 1, LEARNING_RATE * (1 - update / UPDATES));
      const [stepName, epsilonName] = adam.scalarNames;
      carried = await this.step.run(
        new Map([
          ...carried,
          ["x", states.subarray(first * size, end * size)],
          ["classes", classes.subarray(first, end)],
          [stepName, Float64Array.of(stepSize)],
          [epsilonName, Float64Array.of(epsilon * EPSILON / ADAM.epsilon)],
        ]),
      );
    }
    return carried;
  }

  /**
   * The weights between the frequencies alone (scale 0) and those that were fitted (1), or beyond, that have the lowest loss on rows which were not
   * fitted to; undefined where none has a lower one than the frequencies. The loss is convex in the scale. Source: golden-section search, Kiefer, 1953.
   */
  async #scaled(weights: Weights, classes: Values, frequencies: Values): Promise<Weights | undefined> {
    const { fitted, validated } = this.rows;
    const at = (scale: number): Weights =>
      new Map([
        [WEIGHT, weights.get(WEIGHT)!.map((w) => scale * w)],
        [BIAS, weights.get(BIAS)!.map((b, i) => frequencies[i] + scale * (b - frequencies[i]))],
      ]);
    const loss = (scale: number) => this.#loss(this.validation, fitted, validated, at(scale), classes);
    const { place, value } = await lowest(loss, MOST_SCALE, SCALE_STEPS);
    return value < codeLength(classes.subarray(fitted, fitted + validated), frequencies) ? at(place) : undefined;
  }

  /** Mean cross-entropy of some rows, nats. */
  async #loss(graph: Float64Graph, first: number, count: number, weights: Weights, classes: Values): Promise<number> {
    const { states, size } = this.rows;
    const x = states.subarray(first * size, (first + count) * size);
    const results = await graph.run(
      new Map([...weights, ["x", x], ["classes", classes.subarray(first, first + count)]]),
    );
    return results.get("loss")![0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.opened.disposeAsync();
  }
}

/** Of each stream's scored rows, nats per row. */
export interface Gains {
  /** Cross-entropy of the classes under their frequencies among the fitted rows. */
  readonly coded: readonly number[];
  /** That, less the readout's cross-entropy. */
  readonly gains: readonly number[];
}

/** `ln` of the frequency of each class. */
function logFrequencies(classes: Values, count: number): Values {
  const counts = new Float64Array(count).fill(EXTRA_COUNT);
  for (const each of classes) counts[each]++;
  return counts.map((own) => Math.log(own / (classes.length + EXTRA_COUNT * count)));
}

/** Mean cross-entropy of classes under these frequencies, nats. */
function codeLength(classes: Values, frequencies: Values): number {
  return -classes.reduce((sum, each) => sum + frequencies[each], 0) / classes.length;
}

function readoutLoss(rows: number, size: number, classes: number) {
  const weight = input(WEIGHT, [classes, size]), bias = input(BIAS, [classes]);
  const logits = linear([input("x", [rows, size])], weight, bias);
  return { weight, bias, loss: softmaxCrossEntropy(logits, input("classes", [rows], "index")) };
}

/** One update of weight and bias by Adam. */
function updateGraph(batch: number, size: number, classes: number, decay: number) {
  const { weight, bias, loss } = readoutLoss(batch, size, classes);
  const [ofWeight, ofBias] = gradients(loss, [weight, bias]);
  return {
    ...updateOf(adam, WEIGHT, weight, add(ofWeight!, mul(decay, weight))),
    ...updateOf(adam, BIAS, bias, ofBias!),
  };
}

/**
 * Where a fit starts, with moments of zero: `W` has the mean `μ` of each class as its row, and `b = ln frequency − ½‖μ‖²`. Of whitened states that
 * is the linear discriminant of classes whose states scatter around their own means as all states do around theirs.
 */
function startingValues({ states, size, fitted }: ReadoutRows, classes: Values, frequencies: Values) {
  const means = new Float64Array(frequencies.length * size), bias = frequencies.slice();
  const counts = new Float64Array(frequencies.length).fill(EXTRA_ROWS);
  for (let row = 0; row < fitted; row++) {
    counts[classes[row]]++;
    for (let i = 0, to = classes[row] * size, from = row * size; i < size; i++) means[to + i] += states[from + i];
  }
  for (const [each, count] of counts.entries()) {
    for (let i = each * size; i < (each + 1) * size; i++) {
      means[i] /= count;
      bias[each] -= means[i] ** 2 / 2;
    }
  }
  const values = [[WEIGHT, means], [BIAS, bias]] as const;
  const moments = values.flatMap(([name, { length }]) =>
    adam.moments.map((moment) => [momentName(moment, name), new Float64Array(length)] as const)
  );
  return new Map<string, Values>([...values, ...moments]);
}

/** Where from 0 to `most` a convex function is lowest, within `most · 0.618^steps`, and its value there. */
async function lowest(value: (at: number) => Promise<number>, most: number, steps: number): Promise<Lowest> {
  const ratio = (Math.sqrt(5) - 1) / 2;
  let low = 0, high = most, left = most - ratio * most, right = ratio * high;
  let atLeft = await value(left), atRight = await value(right);
  for (let i = 0; i < steps; i++) {
    if (atLeft <= atRight) {
      [high, right, atRight] = [right, left, atLeft];
      left = high - ratio * (high - low);
      atLeft = await value(left);
    } else {
      [low, left, atLeft] = [left, right, atRight];
      right = low + ratio * (high - low);
      atRight = await value(right);
    }
  }
  return atLeft <= atRight ? { place: left, value: atLeft } : { place: right, value: atRight };
}

interface Lowest {
  readonly place: number;
  readonly value: number;
}
