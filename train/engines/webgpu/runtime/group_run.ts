/** A run of a group, and what the GPU is told of it for each step. */
import type { Optimizer } from "../../../../cells/optimizer.ts";
import type { Tokens } from "../../../corpus/tokens/tokenizer.ts";
import { type EngineRun, Pass } from "../../engine.ts";
import { POSITION_WORD, scalarWord } from "../kernels/kernel.ts";
import { type GroupSizes, type Layout, type LocatedRun, planRun } from "../kernels/schedule.ts";
import type { TextReader } from "./text_reader.ts";

/** A run in its slot. */
export interface GroupRun extends LocatedRun {
  base: number;
  readonly run: EngineRun;
  readonly pass: Pass;
  stepsDone: number;
  /** The loss of the last step that was queued, once the GPU is finished with it; absent before the first. */
  lastLoss?: Promise<number>;
}

/** @param base where the run's memory begins in the arena, in floats */
export function groupRun(run: EngineRun, slot: number, base: number, text: Tokens): GroupRun {
  return {
    run,
    plan: planRun(run.step),
    slot,
    base,
    pass: new Pass(run, text),
    stepsDone: run.stepsDone,
  };
}

/**
 * The records of some steps, and so what differs from step to step: positions in the text, which is brought, and the optimizers'
 * scalars. The runs count as that much further.
 */
export function nextRecords(
  runs: readonly GroupRun[],
  steps: number,
  { slots }: Pick<GroupSizes, "slots">,
  { recordSize }: Pick<Layout, "recordSize">,
  reader: TextReader,
): Uint32Array<ArrayBuffer> {
  const floats = new Float32Array(steps * slots * recordSize), words = new Uint32Array(floats.buffer);
  // Most runs of a group are at one step.
  const scalarsAt = rememberScalars();
  for (const run of runs) {
    const { step: { optimizer, bptt }, learningRate } = run.run;
    const first = reader.bring(run.slot, run.pass.advance(steps), steps * bptt);
    for (let step = 0; step < steps; step++) {
      const at = (step * slots + run.slot) * recordSize;
      scalarsAt(optimizer, ++run.stepsDone, learningRate).forEach((value, i) => floats[at + scalarWord(i)] = value);
      words[at + POSITION_WORD] = first + step * bptt;
    }
  }
  return words;
}

/** Scalars of optimizers, each worked out once. */
function rememberScalars(): (optimizer: Optimizer, update: number, learningRate: number) => readonly number[] {
  const known = new Map<Optimizer, Map<string, readonly number[]>>();
  return (optimizer, update, learningRate) => {
    const own = known.get(optimizer) ?? new Map<string, readonly number[]>();
    known.set(optimizer, own);
    const key = `${update} ${learningRate}`;
    const values = own.get(key) ?? optimizer.scalars(update, learningRate);
    own.set(key, values);
    return values;
  };
}
