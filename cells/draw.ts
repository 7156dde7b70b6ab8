/** How the initial values of a parameter are drawn: plain data, so that it travels between workers and files. What draws them is in `train/corpus/`. */
import { formatShape, type Shape } from "./graph/tensor.ts";

/** Each value from U(from, to). */
export interface UniformDraw {
  /** Each value from U(from, to). */
  readonly kind: "uniform";
  /** The smallest value. */
  readonly from: number;
  /** The largest value, which is not reached. */
  readonly to: number;
}

/** Each value from N(0, deviation²). */
export interface NormalDraw {
  /** Each value from N(0, deviation²). */
  readonly kind: "normal";
  /** Standard deviation, at least 0. */
  readonly deviation: number;
}

/** One number everywhere: an LSTM's forget bias of 1, say. */
export interface ConstantDraw {
  /** One number everywhere. */
  readonly kind: "constant";
  /** The number. */
  readonly value: number;
}

/** `from + (to − from)·(i/(n−1))^power` for element `i` of `n`: one end to the other, with nothing random. */
export interface SpacedDraw {
  /** `from + (to − from)·(i/(n−1))^power` for element `i` of `n`. */
  readonly kind: "spaced";
  /** The first element. */
  readonly from: number;
  /** The last element. */
  readonly to: number;
  /** Above 0; absent: 1, evenly. */
  readonly power?: number;
}

/**
 * `ln U(1, longest − 1)`: the bias of a forget gate whose units forget within 2 to `longest` steps, all times equally likely.
 * Source: Tallec and Ollivier, "Can recurrent neural networks warp time?", 2018, equation 16.
 */
export interface ChronoDraw {
  /** `ln U(1, longest − 1)`. */
  readonly kind: "chrono";
  /** The longest dependency to be expected, in steps: above 2. */
  readonly longest: number;
}

/**
 * A matrix with orthonormal rows or columns, whichever are fewer, times `gain`; of all such matrices each equally likely.
 * Source: Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks", 2014; as PyTorch's
 * `nn.init.orthogonal_`.
 */
export interface OrthogonalDraw {
  /** Orthonormal rows or columns, whichever are fewer. */
  readonly kind: "orthogonal";
  /** The length of each; absent: 1. */
  readonly gain?: number;
}

/**
 * `scale` on the diagonal, 0 elsewhere.
 * Source: Le et al., "A simple way to initialize recurrent networks of rectified linear units", 2015.
 */
export interface IdentityDraw {
  /** `scale` on the diagonal, 0 elsewhere. */
  readonly kind: "identity";
  /** Absent: 1. */
  readonly scale?: number;
}

/**
 * One of the four parameters of eigenvalues `λ = r e^{iφ}` that are uniform on a ring of the complex plane: `r²` uniform between `least²` and
 * `most²`, `φ` between 0 and 2π. The four parameters that name the same `eigenvalues` are of the same numbers.
 * Source: Orvieto et al., "Resurrecting recurrent neural networks for long sequences", 2023, lemma 3.2.
 */
export interface RingDraw {
  /** Of eigenvalues `λ = r e^{iφ}` that are uniform on a ring. */
  readonly kind: "ring";
  /** `nu_log`: `ln(−ln r)`; `cos` and `sin`: of `φ`; `gamma_log`: `ln √(1 − r²)`, which keeps the state's variance that of its input. */
  readonly part: "nu_log" | "cos" | "sin" | "gamma_log";
  /** Inner radius, at least 0. */
  readonly least: number;
  /** Outer radius, above the inner one and at most 1. */
  readonly most: number;
  /** What the parameters of the same eigenvalues have in common: a name within the model. */
  readonly eigenvalues: string;
}

/** A draw of a whole tensor, or of a block of it. */
export type BlockDraw =
  | UniformDraw
  | NormalDraw
  | ConstantDraw
  | SpacedDraw
  | ChronoDraw
  | OrthogonalDraw
  | IdentityDraw
  | RingDraw;

/** Columns of a matrix: those that meet one input of a linear layer. */
export interface ColumnBlock {
  /** Columns in the block. */
  readonly width: number;
  /** Absent: as a parameter without a draw, with the fan-in of the whole matrix. */
  readonly draw?: BlockDraw;
}

/** A matrix whose blocks of columns, from left to right, are each drawn by themselves: recurrent weights may be orthogonal, those of `x` uniform. */
export interface ColumnsDraw {
  /** Blocks of columns, each drawn by itself. */
  readonly kind: "columns";
  /** From left to right; their widths are all of the matrix. */
  readonly blocks: readonly ColumnBlock[];
}

/** How a parameter is drawn, where that is not U(−1/√fan_in, 1/√fan_in). */
export type Draw = BlockDraw | ColumnsDraw;

/** What is wrong with a draw's numbers, as the end of a sentence; undefined where nothing is. */
function faultOf(draw: Draw, shape: Shape): string | undefined {
  const isMatrix = shape.length === 2;
  switch (draw.kind) {
    case "uniform":
      return draw.from <= draw.to ? undefined : `from is ${draw.from} and to ${draw.to}, must be no less`;
    case "normal":
      return draw.deviation >= 0 ? undefined : `deviation is ${draw.deviation}, must be at least 0`;
    case "spaced":
      return (draw.power ?? 1) > 0 ? undefined : `power is ${draw.power}, must be above 0`;
    case "chrono":
      return draw.longest > 2 ? undefined : `longest is ${draw.longest}, must be above 2`;
    case "orthogonal":
    case "identity":
      return isMatrix ? undefined : `shape is ${formatShape(shape)}, must have two axes`;
    case "ring": {
      const { least, most } = draw;
      return 0 <= least && least < most && most <= 1
        ? undefined
        : `least is ${least} and most ${most}, must be 0 ≤ least < most ≤ 1`;
    }
    case "columns": {
      const columns = draw.blocks.reduce((sum, { width }) => sum + width, 0);
      if (!isMatrix || columns !== shape[1]) {
        return `blocks have ${columns} columns, shape is ${formatShape(shape)}, must be a matrix of as many`;
      }
      const faults = draw.blocks.map(({ width, draw }) => draw && faultOf(draw, [shape[0], width]));
      return faults.find((fault) => fault !== undefined);
    }
    case "constant":
      return undefined;
    default:
      return draw satisfies never;
  }
}

/** Every number of a draw, with those of its blocks. */
function numbersOf(draw: Draw): number[] {
  if (draw.kind === "columns") return draw.blocks.flatMap(({ draw }) => draw ? numbersOf(draw) : []);
  return Object.values(draw).filter((value): value is number => typeof value === "number");
}

/**
 * Checks a draw before anything is drawn.
 *
 * @param name of the parameter
 * @throws {TypeError} naming the parameter, what is and what must be
 */
export function checkDraw(name: string, shape: Shape, draw: Draw): void {
  const number = numbersOf(draw).find((value) => !Number.isFinite(value));
  const fault = number === undefined ? faultOf(draw, shape) : `a number of it is ${number}, must be finite`;
  if (fault !== undefined) throw new TypeError(`Cannot draw '${name}' (${draw.kind}): ${fault}`);
}

/** A draw in words, as lists show it: `orthogonal`, `1`, `ln U(1, 99)`. */
export function describeDraw(draw: Draw): string {
  switch (draw.kind) {
    case "uniform":
      return `U(${draw.from}, ${draw.to})`;
    case "normal":
      return `N(0, ${Number(draw.deviation.toPrecision(4))}²)`;
    case "constant":
      return `${draw.value}`;
    case "spaced": {
      const { power = 1 } = draw;
      return `from ${draw.from} to ${draw.to}${power === 1 ? "" : `, by i^${power}`}`;
    }
    case "chrono":
      return `ln U(1, ${draw.longest - 1})`;
    case "orthogonal":
      return draw.gain === undefined ? "orthogonal" : `${draw.gain} × orthogonal`;
    case "identity":
      return draw.scale === undefined ? "identity" : `${draw.scale} × identity`;
    case "ring":
      return `${RING_WORDS[draw.part]}, λ = r e^(iφ) uniform on the ring ${draw.least} ≤ r ≤ ${draw.most}`;
    case "columns":
      return draw.blocks.map(({ width, draw }) => `${width} columns ${draw ? describeDraw(draw) : "as usual"}`).join(
        ", ",
      );
    default:
      return draw satisfies never;
  }
}

const RING_WORDS: Readonly<Record<RingDraw["part"], string>> = {
  nu_log: "ln(−ln r)",
  cos: "cos φ",
  sin: "sin φ",
  gamma_log: "ln √(1 − r²)",
};
