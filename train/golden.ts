/**
 * Golden files: reference numbers of cells, and how far an engine is from them (docs/design.md, "Reference numbers").
 */
import { MAX_VOCABULARY } from "../cells/bounds.ts";
import { formatShape, type Shape, sizeOf } from "../cells/graph/tensor.ts";
import { UserError } from "../cells/errors.ts";
import * as z from "zod";
import { catalogConfig, cellOf } from "../cells/catalog/catalog.ts";
import { MAX_BPTT } from "../cells/factors.ts";
import { type CellConfig, describeSchemaError, parseConfig } from "../cells/config.ts";
import {
  buildTrainingStep,
  BYTE_VOCABULARY,
  evaluationModel,
  gradientName,
  type TrainingStep,
} from "../cells/language_model.ts";
import type { Tokens } from "./corpus/tokens/tokenizer.ts";
import type { Engine, EngineRun, OnPreparing, TensorMap } from "./engines/engine.ts";

/** The step whose gradients a golden file holds, from 0: the second one, so that the carried states are not zero any more. */
const GRADIENT_STEP = 1;

/** A tensor as nested lists, or as one list of its numbers. */
const nestedNumbers = z.union([z.array(z.number()), z.array(z.array(z.number()))]);

const caseSchema = z.looseObject({
  n_layers: z.number().int().positive(),
  /** A cell of the catalog; absent: the gated one, whose switches the case has. */
  cell: z.string().optional(),
  losses: z.array(z.number()).min(1),
  /** `[sum, sum of squares]` of each gradient, or null where none flows. */
  grads_at_step_1: z.record(z.string(), z.tuple([z.number(), z.number()]).nullable()),
  /** Full values of some of them. */
  gradients_at_step_1: z.record(z.string(), nestedNumbers).optional(),
  /** For each layer, each carried state in the cell's order, row-major. */
  final_state: z.array(z.array(z.number())),
});

const goldenSchema = z.looseObject({
  settings: z.object({
    state: z.number().int().positive(),
    vocab: z.number().int().min(2).max(MAX_VOCABULARY),
    batch: z.number().int().positive(),
    steps: z.number().int().min(GRADIENT_STEP + 2),
    lr: z.number().positive(),
    phase: z.number(),
    /** Steps back; absent: 1. A step, of which there are `steps`, reads so many tokens of each row. */
    bptt: z.number().int().min(1).max(MAX_BPTT).optional(),
  }),
  cases: z.array(caseSchema).min(1),
});

export type GoldenFile = z.infer<typeof goldenSchema>;
export type GoldenSettings = GoldenFile["settings"];
export type GoldenCase = z.infer<typeof caseSchema>;
/** A case, of which the configuration alone is used. */
type SwitchCase = Pick<GoldenCase, "n_layers"> & Partial<GoldenCase>;

/** Largest errors of one engine on one case. */
export interface CaseErrors {
  readonly losses: number;
  readonly gradients: number;
  readonly states: number;
}

/**
 * Checks the text of a golden file.
 *
 * @throws {UserError} with one line that names the file and what is wrong
 */
export function parseGolden(text: string, file: string): GoldenFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UserError(`Cannot read golden file ${file}: it is not JSON`);
  }
  const parsed = goldenSchema.safeParse(value);
  if (!parsed.success) throw new UserError(`Cannot read golden file ${file}: ${describeSchemaError(parsed.error)}`);
  parsed.data.cases.forEach((golden, i) => {
    const fail = (why: string): never => {
      throw new UserError(`Cannot read golden file ${file}: case ${i}: ${why}`);
    };
    const { steps, state, batch } = parsed.data.settings, carried = carriedIn(golden, parsed.data.settings, fail);
    if (golden.losses.length !== steps) fail(`it has ${golden.losses.length} losses, must have ${steps}`);
    checkGradients(golden, parsed.data.settings, fail);
    const sizes = golden.final_state.map((values) => values.length);
    if (sizes.length !== carried || sizes.some((size) => size !== state * batch)) {
      fail(`its final states have [${sizes}] numbers, must be ${carried} times ${state * batch}`);
    }
  });
  return parsed.data;
}

/** Full gradients must have the shapes of the case's weights, and the sums that stand beside them. */
function checkGradients(golden: GoldenCase, settings: GoldenSettings, fail: (why: string) => never): void {
  const full = Object.entries(golden.gradients_at_step_1 ?? {});
  if (!full.length) return;
  const { state, vocab } = settings, sizes = { n_layers: golden.n_layers, state_size: state, vocabulary: vocab };
  const { parameters } = evaluationModel(cellOf(goldenConfig(settings, golden)), sizes);
  const shapes = new Map(parameters.map(({ name, shape }) => [name, shape]));
  for (const [name, values] of full) {
    const shape = shapes.get(name), wanted = golden.grads_at_step_1[name];
    if (!shape) return fail(`'gradients_at_step_1' has '${name}', which is not a weight of the cell`);
    if (!wanted) return fail(`'gradients_at_step_1' has '${name}', which 'grads_at_step_1' lacks`);
    const isShape = [shape, [sizeOf(shape)]].some((each) => hasShape(values, each));
    if (!isShape) {
      return fail(`the values of gradient '${name}' have another shape than the weight, ${formatShape(shape)}`);
    }
    const found = sums(values.flat()), norm = Math.sqrt(Math.max(found[1], wanted[1]));
    for (const [i, what] of ["sum", "sum of squares"].entries()) {
      if (Math.abs(found[i] - wanted[i]) <= 1e-9 * norm * (i ? norm : Math.sqrt(sizeOf(shape)))) continue;
      return fail(`the values of gradient '${name}' have ${found[i]} as their ${what}, must be ${wanted[i]}`);
    }
  }
}

function hasShape(values: readonly (number | readonly number[])[], [rows, columns]: Shape): boolean {
  const rowsOf = (value: number | readonly number[]) => typeof value === "number" ? undefined : value.length;
  return values.length === rows && values.every((value) => rowsOf(value) === columns);
}

/** States that a case carries, of all its layers. */
function carriedIn(golden: SwitchCase, settings: GoldenSettings, fail: (why: string) => never): number {
  try {
    return golden.n_layers * cellOf(goldenConfig(settings, golden)).states.length;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return fail(error.message);
  }
}

/**
 * The configuration of a case.
 *
 * @throws {UserError} if it has none that can be made into a cell
 */
export function goldenConfig({ state }: GoldenSettings, golden: SwitchCase): CellConfig {
  const { losses: _, grads_at_step_1: __, gradients_at_step_1: ___, final_state: ____, ...switches } = golden;
  const { cell, n_layers } = golden;
  if (cell !== undefined && cell !== "gated") return catalogConfig(cell, n_layers, state);
  return parseConfig({ ...switches, state_size: state });
}

/** Element `i` of tensor `n` (names sorted): `0.5·sin(0.7·(i+1) + 1.3·(n+1) + phase)`. */
export function goldenWeights(step: TrainingStep, phase: number): Map<string, Float64Array> {
  return new Map(step.parameters.map(({ name, shape }, n) => {
    const values = new Float64Array(sizeOf(shape));
    return [name, values.map((_, i) => 0.5 * Math.sin(0.7 * (i + 1) + 1.3 * (n + 1) + phase))];
  }));
}

/** The rows of the golden text one after the other, and where each starts: token `t` of row `b` is `(3t + 5b + t·b) mod vocabulary`. */
export function goldenText({ batch, steps, vocab, bptt = 1 }: GoldenSettings): { text: Tokens; offsets: Uint32Array } {
  const length = steps * bptt + 1;
  const Text = vocab > BYTE_VOCABULARY ? Uint16Array : Uint8Array;
  const text = new Text(batch * length).map((_, at) => {
    const b = Math.floor(at / length), t = at % length;
    return (3 * t + 5 * b + t * b) % vocab;
  });
  return { text, offsets: new Uint32Array(batch).map((_, b) => b * length) };
}

function goldenRun(settings: GoldenSettings, golden: SwitchCase): EngineRun {
  const config = goldenConfig(settings, golden);
  const sizes = { ...config, vocabulary: settings.vocab, batch: settings.batch };
  const step = buildTrainingStep(cellOf(config), sizes, { withGradients: true, bptt: settings.bptt });
  return { step, tensors: goldenWeights(step, settings.phase), stepsDone: 0, learningRate: settings.lr };
}

/** What a group of cases came to on an engine, by case. */
interface CaseNumbers {
  readonly step: TrainingStep;
  readonly losses: readonly number[];
  /** The tensors after {@linkcode GRADIENT_STEP}, and after the last step. */
  readonly afterFirst: TensorMap;
  readonly afterLast: TensorMap;
}

async function runCases(
  engine: Engine,
  settings: GoldenSettings,
  cases: readonly SwitchCase[],
  onPreparing?: OnPreparing,
): Promise<CaseNumbers[]> {
  const { text, offsets } = goldenText(settings);
  const runs = cases.map((golden) => goldenRun(settings, golden));
  const group = await engine.open(runs, text, { onPreparing });
  try {
    for (const i of runs.keys()) group.beginPass(i, offsets);
    const first = await group.advance(GRADIENT_STEP + 1);
    const afterFirst = await Promise.all(runs.map((_, i) => group.read(i)));
    const rest = await group.advance(settings.steps - GRADIENT_STEP - 1);
    const afterLast = await Promise.all(runs.map((_, i) => group.read(i)));
    return runs.map(({ step }, i) => ({
      step,
      losses: [...first[i], ...rest[i]],
      afterFirst: afterFirst[i],
      afterLast: afterLast[i],
    }));
  } finally {
    await group.close();
  }
}

/**
 * Runs some cases as one group on an engine.
 *
 * @returns the errors of each case, in the order of `cases`
 */
export async function certifyGroup(
  engine: Engine,
  settings: GoldenSettings,
  cases: readonly GoldenCase[],
  onPreparing?: OnPreparing,
): Promise<CaseErrors[]> {
  const found = await runCases(engine, settings, cases, onPreparing);
  return cases.map((golden, i) => {
    const { step, losses, afterFirst, afterLast } = found[i];
    return {
      losses: largest(golden.losses.map((loss, t) => relative(losses[t], loss))),
      gradients: gradientError(golden, afterFirst),
      states: largest(
        step.states.flatMap(({ name }, i) =>
          golden.final_state[i].map((value, at) => Math.abs(afterLast.get(name)![at] - value))
        ),
      ),
    };
  });
}

/**
 * Cases of other settings than a golden file has (a larger vocabulary, say), with the numbers that an engine gives: the reference,
 * which is right where it can be compared with a file, so that the others can be compared with it.
 */
export async function goldenFrom(
  engine: Engine,
  settings: GoldenSettings,
  cases: readonly SwitchCase[],
): Promise<GoldenFile> {
  const found = await runCases(engine, settings, cases);
  return {
    settings,
    cases: found.map(({ step, losses, afterFirst, afterLast }, i): GoldenCase => ({
      ...cases[i],
      losses: [...losses],
      grads_at_step_1: Object.fromEntries(step.parameters.map(({ name }) => {
        const gradient = afterFirst.get(gradientName(name));
        return [name, gradient ? sums(gradient) : null];
      })),
      gradients_at_step_1: Object.fromEntries(
        step.trained.map((name) => [name, Array.from(afterFirst.get(gradientName(name))!)]),
      ),
      final_state: step.states.map(({ name }) => Array.from(afterLast.get(name)!)),
    })),
  };
}

const relative = (value: number, wanted: number) => Math.abs(value - wanted) / Math.abs(wanted);

/** NaN counts as infinitely wrong: `Math.max` would pass it on, and `NaN > tolerance` is false. */
function largest(errors: readonly number[]): number {
  return errors.reduce((a, b) => Math.max(a, Number.isNaN(b) ? Infinity : b), 0);
}

/** Largest difference in sum, norm or, where they are known, values of a gradient, relative to its norm. */
function gradientError(golden: GoldenCase, results: Map<string, ArrayLike<number>>): number {
  return largest([
    ...Object.entries(golden.gradients_at_step_1 ?? {}).map(([name, values]) => {
      const wanted = values.flat(), found = results.get(gradientName(name));
      if (found?.length !== wanted.length) return Infinity;
      const norm = Math.sqrt(squaresOf(wanted));
      return largest(wanted.map((value, i) => Math.abs(found[i] - value))) / (norm || 1);
    }),
    ...Object.entries(golden.grads_at_step_1).map(([name, wanted]) => {
      const gradient = results.get(gradientName(name));
      if (!wanted || !gradient) return (!wanted) === (!gradient) ? 0 : Infinity;
      const [sum, squares] = sums(gradient);
      const norm = Math.sqrt(wanted[1]);
      if (norm === 0) return Math.sqrt(squares);
      return Math.max(
        Math.abs(sum - wanted[0]) / norm,
        Math.abs(Math.sqrt(squares) - norm) / norm,
      );
    }),
  ]);
}

/** `[sum, sum of squares]`. */
function sums(values: ArrayLike<number>): [number, number] {
  const all = Array.from(values);
  return [all.reduce((a, b) => a + b, 0), squaresOf(all)];
}

function squaresOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b * b, 0);
}
