/** Draws the initial values of parameters: what each kind of draw in `cells/draw.ts` means, in float64. */
import type { BlockDraw, ColumnsDraw, Draw, RingDraw } from "../../cells/draw.ts";
import { type Shape, sizeOf } from "../../cells/graph/tensor.ts";
import { orthonormalizeRows, transpose } from "./orthogonal.ts";

/** Gives the next number of a stream, uniform in [0, 1). */
type Uniform = () => number;

/** What is drawn, and from which random numbers. */
export interface DrawnTensor {
  readonly shape: Shape;
  readonly fan_in: number;
  /** The tensor's own stream. */
  readonly uniform: Uniform;
  /** A stream from its start, for what several tensors have in common. */
  streamOf(name: string): Uniform;
}

/** What makes the values of one kind of draw, row-major. */
type Drawer<D> = (draw: D, tensor: DrawnTensor) => Float64Array;

/** Initial values of a tensor, row-major; without a draw each from U(−1/√fan_in, 1/√fan_in). */
export function drawTensor(draw: Draw | undefined, tensor: DrawnTensor): Float64Array {
  if (!draw) return drawAsUsual(tensor);
  return draw.kind === "columns" ? drawColumns(draw, tensor) : drawBlock(draw, tensor);
}

function drawAsUsual({ shape, fan_in, uniform }: DrawnTensor): Float64Array {
  const bound = 1 / Math.sqrt(fan_in);
  return filled(shape, () => (2 * uniform() - 1) * bound);
}

const DRAWERS: { readonly [K in BlockDraw["kind"]]: Drawer<Extract<BlockDraw, { kind: K }>> } = {
  uniform: ({ from, to }, { shape, uniform }) => filled(shape, () => from + (to - from) * uniform()),
  normal: ({ deviation }, { shape, uniform }) => filled(shape, () => deviation * standardNormal(uniform)),
  constant: ({ value }, { shape }) => filled(shape, () => value),
  spaced({ from, to, power = 1 }, { shape }) {
    const last = Math.max(sizeOf(shape) - 1, 1);
    return filled(shape, (i) => from + (to - from) * (i / last) ** power);
  },
  chrono: ({ longest }, { shape, uniform }) => filled(shape, () => Math.log(1 + (longest - 2) * uniform())),
  orthogonal({ gain = 1 }, { shape, uniform }) {
    const [rows, columns] = shape, isTall = rows > columns;
    const [few, many] = isTall ? [columns, rows] : [rows, columns];
    const values = filled(shape, () => standardNormal(uniform));
    const wide = isTall ? transpose(values, rows, columns) : values;
    orthonormalizeRows(wide, few, many);
    return (isTall ? transpose(wide, few, many) : wide).map((value) => gain * value);
  },
  identity({ scale = 1 }, { shape }) {
    const columns = shape[1];
    return filled(shape, (i) => Math.floor(i / columns) === i % columns ? scale : 0);
  },
  ring(draw, { shape, streamOf }) {
    const uniform = streamOf(draw.eigenvalues);
    return filled(shape, () => ringPart(draw, uniform));
  },
};

function drawBlock<K extends BlockDraw["kind"]>(draw: Extract<BlockDraw, { kind: K }>, tensor: DrawnTensor) {
  return DRAWERS[draw.kind as K](draw, tensor);
}

/** Block after block from the tensor's own stream. */
function drawColumns({ blocks }: ColumnsDraw, tensor: DrawnTensor): Float64Array {
  const [rows, columns] = tensor.shape, values = new Float64Array(rows * columns);
  let first = 0;
  for (const { width, draw } of blocks) {
    const block = drawTensor(draw, { ...tensor, shape: [rows, width] });
    for (let row = 0; row < rows; row++) {
      values.set(block.subarray(row * width, (row + 1) * width), row * columns + first);
    }
    first += width;
  }
  return values;
}

/** Two numbers of the stream make one eigenvalue, whichever part of it is asked for. */
function ringPart({ part, least, most }: RingDraw, uniform: Uniform): number {
  const squared = least ** 2 + (most ** 2 - least ** 2) * inside(uniform), angle = 2 * Math.PI * uniform();
  switch (part) {
    case "nu_log":
      // r = exp(−exp(ν)), so that ν = ln(−ln r).
      return Math.log(-Math.log(squared) / 2);
    case "gamma_log":
      return Math.log(1 - squared) / 2;
    case "cos":
      return Math.cos(angle);
    case "sin":
      return Math.sin(angle);
    default:
      return part satisfies never;
  }
}

/** Uniform in (0, 1): the middle of each of the stream's 2³² parts, where a logarithm is finite. */
const inside = (uniform: Uniform) => uniform() + 2 ** -33;

/** N(0, 1). Source: Box and Muller, "A note on the generation of random normal deviates", 1958. */
function standardNormal(uniform: Uniform): number {
  const length = Math.sqrt(-2 * Math.log(inside(uniform)));
  return length * Math.cos(2 * Math.PI * uniform());
}

const filled = (shape: Shape, value: (i: number) => number) => new Float64Array(sizeOf(shape)).map((_, i) => value(i));
