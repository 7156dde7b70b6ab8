/** Where each tensor of a run lies in the group's arena, in units of one float. */
import type { Graph } from "../../../../cells/graph/graph.ts";
import { sizeOf, type Tensor } from "../../../../cells/graph/tensor.ts";
import { isLoss, type TaskGraph } from "./tasks.ts";
import { withinOthers } from "./views.ts";

/** Tensors start at multiples of this, so that kernels may load whole `vec4f`. */
const ALIGNMENT = 4;

export interface MemoryPlan {
  /** Offset of each tensor that goes to memory, from the run's start. */
  readonly offsets: ReadonlyMap<Tensor, number>;
  /** Floats that hold what outlives a step: inputs, and outputs of the graph. They come first. */
  readonly persistent: number;
  /** Floats of the run in all. */
  readonly size: number;
}

/** Floats of a tensor that starts where a whole vector does and may be read to the end of its last one. */
const aligned = (size: number) => Math.ceil(size / ALIGNMENT) * ALIGNMENT;

/**
 * Inputs and outputs get a location of their own; what lives inside a step shares storage by lifetime. Tasks of one level run
 * at once, so two tensors share a location only if one's last reader stands at an earlier level than the other's writer. What is rows of
 * another tensor lies there, and that one lives from the first of its rows to the last reader of any.
 */
export function planMemory(graph: Graph, { tasks, inPlace }: TaskGraph, fed: ReadonlySet<string>): MemoryPlan {
  const offsets = new Map<Tensor, number>();
  let end = 0;
  const reserve = (tensor: Tensor) => {
    offsets.set(tensor, end);
    end += aligned(sizeOf(tensor.shape));
  };
  for (const [name, tensor] of graph.inputs) if (!fed.has(name)) reserve(tensor);
  for (const [output, target] of inPlace) offsets.set(output, offsets.get(target)!);
  for (const tensor of graph.outputs.values()) {
    // A carried output that is copied into its input lives inside the step only, like any other.
    const isResult = [...graph.outputs].some(([name, t]) => t === tensor && !graph.inputs.has(name));
    if (isResult && !isLoss(tensor) && !offsets.has(tensor)) reserve(tensor);
  }
  const persistent = end;

  const places = withinOthers(graph);
  for (const [part, { whole }] of places) {
    if (!offsets.has(part)) continue;
    throw new TypeError(
      `Cannot place '${part.op}' in '${whole.op}': it has a location of its own, must have none: shape [${part.shape}]`,
    );
  }
  const isWithin = (x: Tensor) => places.has(x) && !offsets.has(x);
  /** What is to have the memory in which a tensor lies. */
  const ownerOf = (x: Tensor): Tensor => isWithin(x) ? ownerOf(places.get(x)!.whole) : x;
  const lastUse = new Map<Tensor, number>();
  for (const { level, reads, writes } of tasks) {
    for (const x of [...reads, ...writes].map(ownerOf)) lastUse.set(x, Math.max(level, lastUse.get(x) ?? 0));
  }
  const free: { offset: number; size: number; from: number }[] = [];
  for (const task of [...tasks].sort((a, b) => a.level - b.level)) {
    for (const tensor of task.writes.map(ownerOf)) {
      if (offsets.has(tensor)) continue;
      const size = aligned(sizeOf(tensor.shape));
      const fits = free.filter((block) =>
        block.from <= task.level && block.size >= size
      ).sort((a, b) => a.size - b.size)[0];
      const block = fits ?? { offset: end, size, from: 0 };
      if (!fits) {
        end += size;
        free.push(block);
      }
      offsets.set(tensor, block.offset);
      block.from = lastUse.get(tensor)! + 1;
    }
  }
  const locate = (x: Tensor): number | undefined => {
    const known = offsets.get(x), place = places.get(x);
    if (known !== undefined || !place) return known;
    const whole = locate(place.whole);
    if (whole !== undefined) offsets.set(x, whole + place.first);
    return offsets.get(x);
  };
  for (const x of places.keys()) locate(x);
  return { offsets, persistent, size: end };
}
