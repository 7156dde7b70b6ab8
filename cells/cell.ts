/** What a cell is: one step of a recurrent layer, written once against the graph builder. */
import { input, linear, named } from "./graph/builder.ts";
import type { Shape, Tensor } from "./graph/tensor.ts";

/** A weight or bias that is trained. Drawn from U(−1/√fan_in, 1/√fan_in). */
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
 * step before, all `[batch, state_size]`; the states are constants for the gradient.
 */
export interface Cell<S extends string = string> {
  /** What errors and exported models call the cell. */
  readonly name: string;
  /** The carried states, at least one; `layers.0.h` is state `h` of the first layer. */
  readonly states: readonly S[];
  /**
   * Builds one step of one layer: it is called once for each layer of a graph, not once for each byte. It must return every state
   * that `states` names; else {@linkcode TypeError} is thrown where a model is built.
   */
  forward(layer: Layer, x: Tensor, states: Readonly<Record<S, Tensor>>): CellOutput<S>;
}

/** Makes a cell; the call serves to infer the states' names. */
export function defineCell<const S extends string>(cell: Cell<S>): Cell {
  if (!cell.states.length) {
    throw new TypeError(`Cannot define cell '${cell.name}': it has no state, must have at least one`);
  }
  return cell as unknown as Cell;
}

/** Collects parameters as a model is built, so that no list of them is kept beside the code that uses them. */
export class Parameters {
  readonly #all = new Map<string, { parameter: Parameter; tensor: Tensor }>();

  /** The weight with this name, declared at its first use. */
  get(name: string, shape: Shape, fan_in: number): Tensor {
    const known = this.#all.get(name);
    if (known && known.parameter.shape.join() !== shape.join()) {
      throw new TypeError(
        `Cannot declare weight '${name}': shape is [${known.parameter.shape}] and [${shape}], must be one`,
      );
    }
    const entry = known ?? { parameter: { name, shape, fan_in }, tensor: input(name, shape) };
    this.#all.set(name, entry);
    return entry.tensor;
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

  /** `[x1 … xk] Wᵀ + b` with own weights `<layer>.<name>.weight [features, Σ]` and `.bias [features]`. */
  linear(name: string, xs: readonly Tensor[], features: number = this.state_size): Tensor {
    const fan_in = xs.reduce((total, x) => total + x.shape[1], 0);
    return linear(
      xs,
      this.parameters.get(`${this.prefix}.${name}.weight`, [features, fan_in], fan_in),
      this.parameters.get(`${this.prefix}.${name}.bias`, [features], fan_in),
    );
  }

  /** A weight of any shape, for cells that use more than products (a peephole, say). */
  parameter(name: string, shape: Shape, fan_in: number = this.state_size): Tensor {
    return this.parameters.get(`${this.prefix}.${name}`, shape, fan_in);
  }

  /** A weight whose facts are all known; its name is that within the layer. */
  declare({ name, shape, fan_in }: Parameter): Tensor {
    return this.parameters.get(`${this.prefix}.${name}`, shape, fan_in);
  }

  /** The carried state of this name as it comes in: `<layer>.<name>`, `[batch, state_size]`. */
  state(name: string): Tensor {
    return named(name, input(`${this.prefix}.${name}`, [this.batch, this.state_size]));
  }
}
