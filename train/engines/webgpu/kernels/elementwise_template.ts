/** Templates that make each element by itself: epilogues without a head, copies, and the embedding. */
import { sizeOf, type Tensor } from "../../../../cells/graph/tensor.ts";
import { areVectorAligned, buildEpilogue, readsVectors } from "./epilogue.ts";
import {
  INDEX_WORDS,
  INVOCATIONS,
  type KernelTemplate,
  type KernelUse,
  type Locations,
  vectorType,
  type VectorWidth,
  word,
} from "./kernel.ts";
import { elementsOf, type Task } from "../plan/tasks.ts";

/** Vectors that an invocation does, one after the other. */
const VECTORS_PER_INVOCATION = 4;
const VECTORS = INVOCATIONS * VECTORS_PER_INVOCATION;

const eachVector = (make: string) => `
  prepare(instance);
  for (var part = 0u; part < ${VECTORS_PER_INVOCATION}u; part++) {
    let f = group * ${VECTORS}u + part * ${INVOCATIONS}u + local;
    if (f < ${word(1)}) {
${make}
      chain(f, column, value);
    }
  }`;

/**
 * Vectors of a tensor that is walked element by element; the last vector may hang over, since tensors end at whole vectors. Rows of a larger
 * tensor do not.
 */
const vectorsOf = (elements: number, vectorWidth: VectorWidth) => Math.ceil(elements / vectorWidth);

// Words: vectors, vectors of a row.
const elementwiseTemplate = (vectorWidth: VectorWidth): KernelTemplate => ({
  key: `elementwise f32x${vectorWidth}`,
  vectorWidth,
  source: () => ({
    declarations: "",
    body: eachVector(`      let column = f % ${word(2)};\n      let value = ${vectorType(vectorWidth)}();`),
  }),
});

export function elementwiseUse(task: Task, locations: Locations): KernelUse {
  const elements = elementsOf(task), columns = task.nodes[0].shape.at(-1) ?? 1;
  const isWhole = (columns % 4 === 0 || !readsVectors(task)) && (!task.inRows || areVectorAligned(task, locations));
  const vectorWidth: VectorWidth = isWhole ? 4 : 1;
  const epilogue = buildEpilogue(task, locations, vectorWidth, 3);
  const vectors = vectorsOf(elements, vectorWidth);
  const words = [vectors, readsVectors(task) ? columns / vectorWidth : vectors, ...epilogue.words];
  return {
    template: elementwiseTemplate(vectorWidth),
    epilogue,
    words,
    workgroups: Math.ceil(vectors / VECTORS),
    cost: 1,
  };
}

// Words: vectors, vectors of a row, weight in floats, vocabulary, where tokens come from. y[b,s] = W[s, token b]; the bias is the epilogue's.
const embeddingTemplate = (vectorWidth: VectorWidth): KernelTemplate => ({
  key: `embedding f32x${vectorWidth}`,
  vectorWidth,
  source: () => {
    const at = (i: number) => `weight_at(first + ${i}u * ${word(4)})`;
    return {
      declarations: vectorWidth === 4
        ? "fn weight_at(at: u32) -> f32 { return arena[at / 4u][at % 4u]; }"
        : "fn weight_at(at: u32) -> f32 { return arena[at]; }",
      body: eachVector(`      let column = f % ${word(2)};
      let token = index_at(${word(5)}, ${word(6)}, ${word(7)}, ${word(8)}, f / ${word(2)});
      let first = ${word(3)} + column * ${vectorWidth}u * ${word(4)} + token;
      let value = ${vectorWidth === 4 ? `vec4f(${[0, 1, 2, 3].map(at).join(", ")})` : at(0)};`),
    };
  },
});

export function embeddingUse(task: Task, locations: Locations): KernelUse {
  const [head] = task.heads as [Tensor<"embedding">];
  const [indices, weight] = head.inputs;
  const [states, vocabulary] = weight.shape;
  const vectorWidth: VectorWidth = states % 4 === 0 ? 4 : 1;
  const epilogue = buildEpilogue(task, locations, vectorWidth, 5 + INDEX_WORDS);
  const vectors = sizeOf(head.shape) / vectorWidth;
  const words = [
    vectors,
    states / vectorWidth,
    locations.locate(weight),
    vocabulary,
    ...locations.index(indices),
    ...epilogue.words,
  ];
  return {
    template: embeddingTemplate(vectorWidth),
    epilogue,
    words,
    workgroups: Math.ceil(vectors / VECTORS),
    cost: 1,
  };
}
