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

/** A draw in which every name within a model is another: draws of one layer's weights may share random numbers by a name. */
export function renamedDraw(draw: Draw, rename: (name: string) => string): Draw {
  if (draw.kind === "ring") return { ...draw, eigenvalues: rename(draw.eigenvalues) };
  if (draw.kind !== "columns") return draw;
  const blocks = draw.blocks.map((block) =>
    block.draw ? { ...block, draw: renamedDraw(block.draw, rename) as BlockDraw } : block
  );
  return { ...draw, blocks };
}

/** What the rest of the program needs to know of one kind of draw. A user's module may be untyped, so that any value may come. */
interface DrawKind<D> {
  /** What is wrong with one for a tensor of this shape, as the end of a sentence; undefined where nothing is. */
  fault(draw: D, shape: Shape): string | undefined;
  /** It in words, as lists show it. */
  words(draw: D): string;
}

const needsMatrix = (shape: Shape): string | undefined =>
  shape.length === 2 ? undefined : `shape is ${formatShape(shape)}, must have two axes`;

const KINDS: { readonly [K in Draw["kind"]]: DrawKind<Extract<Draw, { kind: K }>> } = {
  uniform: {
    fault: ({ from, to }) => from <= to ? undefined : `from is ${from} and to ${to}, must be no less`,
    words: ({ from, to }) => `U(${from}, ${to})`,
  },
  normal: {
    fault: ({ deviation }) => deviation >= 0 ? undefined : `deviation is ${deviation}, must be at least 0`,
    words: ({ deviation }) => `N(0, ${Number(deviation.toPrecision(4))}²)`,
  },
  constant: {
    fault: ({ value }) => Number.isFinite(value) ? undefined : `value is ${value}, must be a number`,
    words: ({ value }) => `${value}`,
  },
  spaced: {
    fault: ({ from, to, power = 1 }) =>
      power > 0 && Number.isFinite(from) && Number.isFinite(to)
        ? undefined
        : `from is ${from}, to ${to} and power ${power}, must be numbers, and power above 0`,
    words: ({ from, to, power = 1 }) => `from ${from} to ${to}${power === 1 ? "" : `, by i^${power}`}`,
  },
  chrono: {
    fault: ({ longest }) => longest > 2 ? undefined : `longest is ${longest}, must be above 2`,
    words: ({ longest }) => `ln U(1, ${longest - 1})`,
  },
  orthogonal: {
    fault: (_, shape) => needsMatrix(shape),
    words: ({ gain }) => gain === undefined ? "orthogonal" : `${gain} × orthogonal`,
  },
  identity: {
    fault: (_, shape) => needsMatrix(shape),
    words: ({ scale }) => scale === undefined ? "identity" : `${scale} × identity`,
  },
  ring: {
    fault({ part, least, most, eigenvalues }) {
      if (!Object.hasOwn(RING_PARTS, part)) {
        return `part is ${part}, must be one of ${Object.keys(RING_PARTS).join(", ")}`;
      }
      if (typeof eigenvalues !== "string") return `eigenvalues is ${eigenvalues}, must be a name`;
      return 0 <= least && least < most && most <= 1
        ? undefined
        : `least is ${least} and most ${most}, must be 0 ≤ least < most ≤ 1`;
    },
    words: ({ part, least, most }) => `${RING_PARTS[part]}, λ = r e^(iφ) uniform on the ring ${least} ≤ r ≤ ${most}`,
  },
  columns: {
    fault({ blocks }, shape) {
      const odd = blocks.find(({ width }) => !(Number.isInteger(width) && width > 0));
      if (odd) return `a block has ${odd.width} columns, must have a whole number of at least 1`;
      const columns = blocks.reduce((sum, { width }) => sum + width, 0);
      if (shape.length !== 2 || columns !== shape[1]) {
        return `blocks have ${columns} columns, shape is ${formatShape(shape)}, must be a matrix of as many`;
      }
      return blocks.map(({ width, draw }) => draw && faultOf(draw, [shape[0], width])).find((fault) => fault);
    },
    words: ({ blocks }) =>
      blocks.map(({ width, draw }) => `${width} columns ${draw ? describeDraw(draw) : "as usual"}`).join(", "),
  },
};

const RING_PARTS: Readonly<Record<RingDraw["part"], string>> = {
  nu_log: "ln(−ln r)",
  cos: "cos φ",
  sin: "sin φ",
  gamma_log: "ln √(1 − r²)",
};

function kindOf<K extends Draw["kind"]>(draw: Extract<Draw, { kind: K }>): DrawKind<Extract<Draw, { kind: K }>> {
  return KINDS[draw.kind as K];
}

/** What of a draw is not a number. */
const WORDS: readonly string[] = ["kind", "part", "eigenvalues", "blocks"];

function faultOf(draw: Draw, shape: Shape): string | undefined {
  if (!Object.hasOwn(KINDS, draw.kind)) return `its kind must be one of ${Object.keys(KINDS).join(", ")}`;
  const wrong = Object.entries(draw).find(([key, value]) =>
    !WORDS.includes(key) && value !== undefined && !Number.isFinite(value)
  );
  return wrong ? `${wrong[0]} is ${wrong[1]}, must be a finite number` : kindOf(draw).fault(draw, shape);
}

/**
 * Checks a draw before anything is drawn.
 *
 * @param name of the parameter
 * @throws {TypeError} naming the parameter, what is and what must be
 */
export function checkDraw(name: string, shape: Shape, draw: Draw): void {
  const fault = faultOf(draw, shape);
  if (fault !== undefined) throw new TypeError(`Cannot draw '${name}' (${draw.kind}): ${fault}`);
}

/** A draw in words, as lists show it: `orthogonal`, `1`, `ln U(1, 99)`. */
export function describeDraw(draw: Draw): string {
  return kindOf(draw).words(draw);
}
