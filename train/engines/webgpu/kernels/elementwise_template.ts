/** Frames that make each element by itself: chains without a head, copies, and the embedding. */
import { sizeOf, type Tensor } from "../../../../cells/graph/tensor.ts";
import { buildChain, readsVectors } from "./epilogue.ts";
import {
  type Frame,
  INDEX_WORDS,
  INVOCATIONS,
  type KernelUse,
  type Lane,
  laneType,
  type Place,
  word,
} from "./kernel.ts";
import { elementsOf, type Task } from "../plan/tasks.ts";

/** Lanes that an invocation does, one after the other. */
const LANES_PER_INVOCATION = 4;
const LANES = INVOCATIONS * LANES_PER_INVOCATION;

const eachLane = (make: string) => `
  prepare(instance);
  for (var part = 0u; part < ${LANES_PER_INVOCATION}u; part++) {
    let f = group * ${LANES}u + part * ${INVOCATIONS}u + local;
    if (f < ${word(1)}) {
${make}
      chain(f, column, value);
    }
  }`;

/** Lanes of a tensor that is walked element by element; the last lane may hang over, since tensors end at whole vectors. */
const lanesOf = (elements: number, lane: Lane) => Math.ceil(elements / lane);

// Words: lanes, lanes of a row.
const elementwiseFrame = (lane: Lane): Frame => ({
  key: `elementwise f32x${lane}`,
  lane,
  source: () => ({
    declarations: "",
    body: eachLane(`      let column = f % ${word(2)};\n      let value = ${laneType(lane)}();`),
  }),
});

export function elementwiseUse(task: Task, place: Place): KernelUse {
  const elements = elementsOf(task), columns = task.nodes[0].shape.at(-1) ?? 1;
  const lane: Lane = columns % 4 === 0 || !readsVectors(task) ? 4 : 1;
  const chain = buildChain(task, place, lane, 3);
  const lanes = lanesOf(elements, lane);
  const words = [lanes, readsVectors(task) ? columns / lane : lanes, ...chain.words];
  return { frame: elementwiseFrame(lane), chain, words, workgroups: Math.ceil(lanes / LANES), cost: 1 };
}

// Words: lanes, lanes of a row, weight in floats, vocabulary, where tokens come from. y[b,s] = W[s, token b]; the bias is the chain's.
const embeddingFrame = (lane: Lane): Frame => ({
  key: `embedding f32x${lane}`,
  lane,
  source: () => {
    const at = (i: number) => `weight_at(first + ${i}u * ${word(4)})`;
    return {
      declarations: lane === 4
        ? "fn weight_at(at: u32) -> f32 { return arena[at / 4u][at % 4u]; }"
        : "fn weight_at(at: u32) -> f32 { return arena[at]; }",
      body: eachLane(`      let column = f % ${word(2)};
      let token = index_at(${word(5)}, ${word(6)}, ${word(7)}, f / ${word(2)});
      let first = ${word(3)} + column * ${lane}u * ${word(4)} + token;
      let value = ${lane === 4 ? `vec4f(${[0, 1, 2, 3].map(at).join(", ")})` : at(0)};`),
    };
  },
});

export function embeddingUse(task: Task, place: Place): KernelUse {
  const [head] = task.heads as [Tensor<"embedding">];
  const [indices, weight] = head.inputs;
  const [states, vocabulary] = weight.shape;
  const lane: Lane = states % 4 === 0 ? 4 : 1;
  const chain = buildChain(task, place, lane, 5 + INDEX_WORDS);
  const lanes = sizeOf(head.shape) / lane;
  const words = [lanes, states / lane, place.locate(weight), vocabulary, ...place.index(indices), ...chain.words];
  return { frame: embeddingFrame(lane), chain, words, workgroups: Math.ceil(lanes / LANES), cost: 1 };
}
