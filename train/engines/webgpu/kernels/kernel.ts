/**
 * What a kernel is: a *template* (a product, a sum, a walk over elements …), which makes values, and an *epilogue*, which does the
 * elementwise rest with each and writes the results. An instance is one task's numbers in the table that the kernel reads.
 */
import { ELEMENTWISE, type ElementwiseOperation } from "../../../../cells/graph/elementwise.ts";
import type { Tensor } from "../../../../cells/graph/tensor.ts";

/** Floats that an invocation works on at once: whole `vec4f` where all sizes and offsets allow it. */
export type VectorWidth = 1 | 4;

/** Where a run's tensors and the numbers of a step lie. */
export interface Locations {
  /** Offset of a tensor in the arena, in floats. */
  locate(tensor: Tensor): number;
  /** Word of a scalar that changes from step to step, within the records of a step; undefined for any other tensor. */
  scalar(tensor: Tensor): number | undefined;
  /** Words that {@linkcode INDEX_WORDS} numbers: how tokens are found in the text. */
  index(tensor: Tensor): readonly number[];
  /** First slot of the losses of the run's rows. */
  readonly losses: number;
  /** Slots of the group: how many runs stand side by side at most. */
  readonly slots: number;
}

/** Where tokens come from: start of the run's row offsets, start of its record of the step, tokens ahead of the position, rows of the batch. */
export const INDEX_WORDS = 4;

/** Word of a run's record of a step that tells the position in the text. The scalars of its optimizer have the other words. */
export const POSITION_WORD = 2;

/** Word of scalar number `i` in a run's record of a step. */
export const scalarWord = (i: number): number => i < POSITION_WORD ? i : i + 1;

/** Words of a record that has room for so many scalars: the position's beside them, and whole vectors. */
export const recordWords = (scalars: number): number => 4 * Math.ceil((scalars + 1) / 4);

/** Invocations of every workgroup. */
export const INVOCATIONS = 64;

/**
 * Makes values and hands each to the epilogue: a body that calls `prepare(instance)` and then, for each, `chain(f, column, value)`, or
 * with several rows `chain(f, stride, below, column, value_0, value_1 …)`: `f` is the first row's element, rows
 * are `stride` elements apart, and `below` rows are left in the matrix, this one included.
 */
export interface KernelTemplate {
  /** Names every fact that specialises the source, and nothing else: equal keys mean equal source. */
  readonly key: string;
  readonly vectorWidth: VectorWidth;
  /** Rows that go through the epilogue together: all are read before one is written, so that their loads wait at once. Absent: one. */
  readonly epilogueRows?: number;
  readonly source: () => { readonly declarations: string; readonly body: string };
}

/**
 * The elementwise end of a kernel: statements that see `f` (element), `column` and `value`, in vectors, and its words as `w0`, `w1` …
 * In WGSL it is called `chain`: a version's programs stay the same text.
 */
export interface Epilogue {
  readonly key: string;
  readonly lines: readonly string[];
  /** Number of the instance's word that the epilogue's first word is, and how many words it has. */
  readonly firstWord: number;
  readonly wordCount: number;
}

/** One task as work for the GPU. */
export interface KernelUse {
  readonly template: KernelTemplate;
  readonly epilogue: Epilogue;
  /** The instance's words, after the one that tells its epilogue. */
  readonly words: readonly number[];
  readonly workgroups: number;
  /** Work of one workgroup, in any unit that compares instances of one template. */
  readonly cost: number;
}

/** A compiled unit: one template with one epilogue, or with several that instances tell apart by a tag. */
export interface Kernel {
  readonly template: KernelTemplate;
  readonly epilogues: readonly Epilogue[];
}

export const kernelKey = ({ template, epilogues }: Kernel): string =>
  `${template.key} | ${epilogues.map(({ key }) => key).join(" | ")}`;

export const BINDINGS = { arena: 0, tables: 1, text: 2, step_data: 3, losses: 4, dispatch: 5, step: 6 } as const;

/** Bytes of each uniform record: one `vec4<u32>`. */
export const UNIFORM_BYTES = 16;

/** Word `i` of the instance. */
export const word = (i: number): string => `tables[instance + ${i}u]`;

/** The type of a vector in WGSL. */
export const vectorType = (vectorWidth: VectorWidth): string => vectorWidth === 4 ? "vec4f" : "f32";

/** What the expressions of elementwise operations need, in the order of {@linkcode ELEMENTWISE}. It is the same in every kernel. */
const elementwiseDeclarations = (V: string): string =>
  Object.values<ElementwiseOperation>(ELEMENTWISE)
    .flatMap((record) => record.arity === 1 && record.wgslDeclarations ? [record.wgslDeclarations(V)] : [])
    .join("\n");

/**
 * The statements of an epilogue for several rows at once. What does not depend on the row is done once; what is read beyond the last
 * row is the last row again, and is not written.
 */
export function inRows(lines: readonly string[], rows: number): string[] {
  if (rows === 1) return [...lines];
  const numbers = Array.from({ length: rows }, (_, row) => row);
  const ofRow = new Set(["f", "value"]);
  const NAME = /\b(?:f|value|v\d+)\b/g;
  const inRow = (line: string, row: number) => line.replace(NAME, (name) => ofRow.has(name) ? `${name}_${row}` : name);
  const made: string[] = [], writes: string[] = [];
  for (const line of lines) {
    const [, name, expression] = line.match(/^let (v\d+) = (.+)$/) ?? [];
    if (name === undefined) writes.push(line);
    else if (!expression.match(NAME)?.some((used) => ofRow.has(used))) made.push(line);
    else {
      ofRow.add(name);
      made.push(...numbers.map((row) => inRow(line, row)));
    }
  }
  return [
    ...numbers.map((row) => `let f_${row} = f${row ? ` + min(${row}u, below - 1u) * stride` : ""};`),
    ...made,
    ...numbers.map((row) => {
      const all = writes.map((line) => inRow(line, row)).join(" ");
      return row ? `if (${row}u < below) { ${all} }` : all;
    }),
  ];
}

/** The whole source of a kernel. */
export function shader({ template, epilogues }: Kernel): string {
  const { declarations, body } = template.source();
  const V = vectorType(template.vectorWidth), rows = template.epilogueRows ?? 1;
  const values = Array.from({ length: rows }, (_, row) => rows === 1 ? "value" : `value_${row}`);
  const names = ["f", ...rows === 1 ? [] : ["stride", "below"], "column"];
  const parameters = [...names.map((name) => `${name}: u32`), ...values.map((name) => `${name}: ${V}`)].join(", ");
  const passed = [...names, ...values].join(", ");
  const functions = epilogues.map(({ lines, firstWord, wordCount }, i) => {
    const words = Array.from({ length: wordCount }, (_, n) => `  w${n} = ${word(firstWord + n)};`);
    return `fn prepare_${i}(instance: u32) {\n${words.join("\n")}\n}
fn chain_${i}(${parameters}) {\n${inRows(lines, rows).map((line) => `  ${line}`).join("\n")}\n}`;
  });
  const choose = (tag: string, call: (i: number) => string) =>
    epilogues.length === 1
      ? call(0)
      : `switch (${tag}) {${
        epilogues.map((_, i) => `\n    case ${i}u: { ${call(i)} }`).join("")
      }\n    default: {}\n  }`;
  const mostWords = Math.max(...epilogues.map(({ wordCount }) => wordCount));
  return `
@group(0) @binding(${BINDINGS.arena}) var<storage, read_write> arena: array<${V}>;
@group(0) @binding(${BINDINGS.tables}) var<storage, read> tables: array<u32>;
@group(0) @binding(${BINDINGS.text}) var<storage, read> text: array<u32>;
@group(0) @binding(${BINDINGS.step_data}) var<storage, read> step_data: array<u32>;
@group(0) @binding(${BINDINGS.losses}) var<storage, read_write> losses: array<f32>;
// x: first entry of this dispatch in the tables, y: number of workgroups, z: workgroups in a row of the dispatch,
// w: tokens of the text in a word
@group(0) @binding(${BINDINGS.dispatch}) var<uniform> dispatch: vec4<u32>;
// x: start of the step's records in the step data, y: number of the step within the submit
@group(0) @binding(${BINDINGS.step}) var<uniform> step: vec4<u32>;

${elementwiseDeclarations(V)}
fn stored_scalar(at: u32) -> ${V} { return ${template.vectorWidth === 4 ? "vec4f(arena[at].x)" : "arena[at]"}; }
fn step_scalar(at: u32) -> ${V} { return ${V}(bitcast<f32>(step_data[step.x + at])); }
// a token: rows, record, shift and batch as the instance has them; behind the batch's rows come those of the next token
fn index_at(rows: u32, record: u32, shift: u32, batch: u32, row: u32) -> u32 {
  let at = step_data[rows + row % batch] + step_data[step.x + record + ${POSITION_WORD}u] + shift + row / batch;
  let bits = 32u / dispatch.w;
  return extractBits(text[at / dispatch.w], bits * (at % dispatch.w), bits);
}
var<private> tag: u32;
${Array.from({ length: mostWords }, (_, i) => `var<private> w${i}: u32;`).join("\n")}
${functions.join("\n")}
// An instance's words stay in registers while its chain goes over many elements.
fn prepare(instance: u32) {
  tag = ${word(0)};
  ${choose("tag", (i) => `prepare_${i}(instance);`)}
}
fn chain(${parameters}) {
  ${choose("tag", (i) => `chain_${i}(${passed});`)}
}
${declarations}
@compute @workgroup_size(${INVOCATIONS})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let number = workgroup.y * dispatch.z + workgroup.x;
  if (number >= dispatch.y) { return; }
  let instance = tables[dispatch.x + 2u * number];
  let group = tables[dispatch.x + 2u * number + 1u];
${body}
}
`;
}
