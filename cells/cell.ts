/** What a cell is: one step of a recurrent layer, written once against the graph builder. */
import { type BlockDraw, checkDraw, type Draw, renamedDraw } from "./draw.ts";
import { input, linear, named } from "./graph/builder.ts";
import type { Shape, Tensor } from "./graph/tensor.ts";

/** A weight or bias that is trained. */
export interface Parameter {
  /** PyTorch's name, as in files of weights: `layers.0.state_nn.weight`. */
  readonly name: string;
  /** PyTorch's layout: `[out, in]` for the weight of a linear layer, `[out]` for its bias. */
  readonly shape: Shape;
  /**
   * Inputs that each output of its linear layer sums. A bias has that of its layer; what {@linkcode Layer.parameter} makes has the one
   * that is given there.
   */
  readonly fan_in: number;
  /** How its initial values are drawn; absent: each from U(−1/√fan_in, 1/√fan_in). */
  readonly draw?: Draw;
}

/** How the weights of a linear layer are drawn. */
export interface LinearDraws {
  /**
   * Of the weight: one draw for all of it, or a list with one for each input, since a recurrent weight that is orthogonal concerns the columns
   * of `h` alone. Where there is none, or `undefined` in the list: U(−1/√fan_in, 1/√fan_in).
   */
  readonly weight?: BlockDraw | readonly (BlockDraw | undefined)[];
  /** Of the bias; absent: U(−1/√fan_in, 1/√fan_in). */
  readonly bias?: BlockDraw;
}

/** What {@linkcode Layer.parameter} may be told beside a shape. */
export interface ParameterOptions {
  /** Inputs that each output sums; absent: the state size. */
  readonly fan_in?: number;
  /** How its initial values are drawn; absent: each from U(−1/√fan_in, 1/√fan_in). */
  readonly draw?: Draw;
}

/** What a cell makes of one step. */
export interface CellOutput<S extends string = string> {
  /** `[batch, state_size]`; feeds the next layer. */
  readonly output: Tensor;
  /** The carried states after this step, each `[batch, state_size]`. */
  readonly states: Readonly<Record<S, Tensor>>;
}

/**
 * A recurrent cell with named states. `forward` gets the layer (for its weights), the input `x` and the states from the
 * step before, all `[batch, state_size]`; the states that a training step begins
 * with are constants for the gradient.
 */
export interface Cell<S extends string = string> {
  /** What errors and exported models call the cell. */
  readonly name: string;
  /** The carried states, at least one; `layers.0.h` is state `h` of the first layer. */
  readonly states: readonly S[];
  /**
   * Builds one step of one layer: it is called once for each layer of a graph, and where a gradient goes back
   * through several steps, once for each of them; never while a model runs. It must return every state
   * that `states` names; else {@linkcode TypeError} is thrown where a model is built.
   */
  forward(layer: Layer, x: Tensor, states: Readonly<Record<S, Tensor>>): CellOutput<S>;
}

/**
 * Makes a cell; the call serves to infer the states' names.
 *
 * @throws {TypeError} if it has no state, or one twice
 */
export function defineCell<const S extends string>(cell: Cell<S>): Cell {
  if (!cell.states.length) {
    throw new TypeError(`Cannot define cell '${cell.name}': it has no state, must have at least one`);
  }
  const twice = cell.states.find((state, i) => cell.states.indexOf(state) < i);
  if (twice !== undefined) {
    throw new TypeError(`Cannot define cell '${cell.name}': state '${twice}' is declared twice, must be declared once`);
  }
  return cell as unknown as Cell;
}

/** Collects parameters as a model is built, so that no list of them is kept beside the code that uses them. */
export class Parameters {
  readonly #all = new Map<string, { parameter: Parameter; tensor: Tensor }>();

  /**
   * The weight with this name, declared at its first use.
   *
   * @throws {TypeError} if it was declared with another shape or draw, the draw does not fit the shape, or the fan-in is not a number above 0
   */
  get(name: string, shape: Shape, fan_in: number, draw?: Draw): Tensor {
    const known = this.#all.get(name);
    if (known) {
      const differs = (what: string, before: string, now: string) => {
        throw new TypeError(`Cannot declare weight '${name}': ${what} is ${before} and ${now}, must be one`);
      };
      const { parameter } = known, before = JSON.stringify(parameter.draw), now = JSON.stringify(draw);
      if (parameter.shape.join() !== shape.join()) differs("shape", `[${parameter.shape}]`, `[${shape}]`);
      if (before !== now) differs("draw", before ?? "the usual one", now ?? "the usual one");
      return known.tensor;
    }
    if (!(fan_in > 0 && Number.isFinite(fan_in))) {
      throw new TypeError(`Cannot declare weight '${name}': its fan-in is ${fan_in}, must be a number above 0`);
    }
    if (draw) checkDraw(name, shape, draw);
    const tensor = input(name, shape);
    this.#all.set(name, { parameter: { name, shape, fan_in, ...(draw ? { draw } : {}) }, tensor });
    return tensor;
  }

  /** Whether a weight has been declared under this name. */
  has(name: string): boolean {
    return this.#all.has(name);
  }

  /** All parameters with their tensors, names sorted. */
  entries(): { parameter: Parameter; tensor: Tensor }[] {
    return [...this.#all.values()].sort((a, b) => (a.parameter.name < b.parameter.name ? -1 : 1));
  }
}

/** One layer of a model: gives a cell its weights, named as PyTorch names them. */
export class Layer {
  /**
   * Made for each layer while a model is built, and handed to {@linkcode Cell.forward}.
   *
   * @param prefix how the names of its weights and states begin: `layers.0`
   * @param batch rows of every tensor that the cell sees
   * @param state_size columns of `x` and of each state
   * @param parameters collects the model's weights
   */
  constructor(
    readonly prefix: string,
    readonly batch: number,
    readonly state_size: number,
    private readonly parameters: Parameters,
  ) {}

  /**
   * `[x1 … xk] Wᵀ + b` with own weights `<layer>.<name>.weight [features, Σ]` and `.bias [features]`.
   *
   * @throws {TypeError} if a draw does not fit, or is not given for each input
   */
  linear(
    name: string,
    xs: readonly Tensor[],
    features: number = this.state_size,
    { weight, bias }: LinearDraws = {},
  ): Tensor {
    const full = `${this.prefix}.${name}`, fan_in = xs.reduce((total, x) => total + x.shape[1], 0);
    const draw = isList(weight) ? columns(`${full}.weight`, xs, weight) : weight;
    return linear(
      xs,
      this.parameters.get(`${full}.weight`, [features, fan_in], fan_in, draw),
      this.parameters.get(`${full}.bias`, [features], fan_in, bias),
    );
  }

  /**
   * A weight of any shape, for cells that use more than products (a peephole, say).
   *
   * @param options the fan-in, or what {@linkcode ParameterOptions} has
   * @throws {TypeError} if the draw does not fit the shape, or the fan-in is not a number above 0
   */
  parameter(name: string, shape: Shape, options: number | ParameterOptions = {}): Tensor {
    const { fan_in = this.state_size, draw } = typeof options === "number" ? { fan_in: options } : options;
    return this.parameters.get(`${this.prefix}.${name}`, shape, fan_in, draw);
  }

  /** A weight whose facts are all known; its name, and those in its draw, are those within the layer. */
  declare({ name, shape, fan_in, draw }: Parameter): Tensor {
    const full = (name: string) => `${this.prefix}.${name}`;
    return this.parameters.get(full(name), shape, fan_in, draw && renamedDraw(draw, full));
  }

  /** The carried state of this name as it comes in: `<layer>.<name>`, `[batch, state_size]`. */
  state(name: string): Tensor {
    return named(name, input(`${this.prefix}.${name}`, [this.batch, this.state_size]));
  }
}

type Draws = NonNullable<LinearDraws["weight"]>;

const isList = (draws: Draws | undefined): draws is Extract<Draws, readonly unknown[]> => Array.isArray(draws);

/** One draw for each input's columns, as one of the whole matrix. */
function columns(name: string, xs: readonly Tensor[], draws: readonly (BlockDraw | undefined)[]): Draw {
  if (draws.length !== xs.length) {
    throw new TypeError(
      `Cannot draw '${name}': has ${draws.length} draws for ${xs.length} inputs, must be one for each`,
    );
  }
  const blocks = xs.map(({ shape }, i) => ({ width: shape[1], ...(draws[i] ? { draw: draws[i] } : {}) }));
  return { kind: "columns", blocks };
}
