/** An engine that trains nothing: its losses are what a test says, and it keeps what it was asked. */
import assert from "node:assert/strict";
import { gatedCell } from "../../../cells/catalog/gated_cell.ts";
import { SMALL_CONFIG } from "../../../cells/known_configs.ts";
import type { Engine, EngineRun, TensorMap, TrainingGroup } from "../../../train/engines/engine.ts";
import { stateNames } from "../../../train/training/loss_log.ts";
import { stepOf } from "../../../train/training/training_run.ts";
import { textOf } from "../engines/runs.ts";

export const job = { cell: gatedCell(SMALL_CONFIG), n_layers: 1, state_size: 4, seed: 5 };
export const settings = { steps: 25, batch: 3, history: 11, log_every: 4 };
export const TEXT = textOf(100, 256);

export interface Asked {
  /** Of passes that began. */
  readonly offsets: Uint32Array[];
  readonly positions: (number | undefined)[];
  /** Steps of each call of `advance`. */
  readonly counts: number[];
  /** How many steps back the runs go that each call of `advance` is about. */
  readonly bptts: (number | undefined)[];
  /** For each call of `advance`, which run stood in each slot, by the order in which they came. */
  readonly slots: (number | undefined)[][];
}

export interface Fake {
  readonly lossAt?: (step: number, run: number) => number;
  readonly read?: (step: number, run: number) => TensorMap;
  /** Whether a run that is to take a slot fits. */
  readonly fits?: (run: number) => boolean;
}

export function fakeEngine({ lossAt = () => 1, read, fits }: Fake = {}): { engine: Engine; asked: Asked } {
  const asked: Asked = { offsets: [], positions: [], counts: [], bptts: [], slots: [] };
  const engine: Engine = {
    name: "fake",
    capabilities: { trainsOnCpu: true, isolatedRuns: false },
    adapter: "no device",
    defaultParallel: 1,
    layout: () => ({ groups: 1, runsPerGroup: 1 }),
    memory: Infinity,
    footprint: () => 0,
    close: () => Promise.resolve(),
    open: (runs) => Promise.resolve(fakeGroup(runs, asked, { lossAt, read, fits })),
  };
  return { engine, asked };
}

function fakeGroup(runs: readonly EngineRun[], asked: Asked, { lossAt, read, fits }: Fake): TrainingGroup {
  const zeros: TensorMap = new Map(stateNames(stepOf(job, settings)).map((name) => [name, new Float32Array(1)]));
  let came = 0, underWay = 0;
  const enter = ({ stepsDone, step: { bptt } }: EngineRun) => ({ run: came++, step: stepsDone, bptt });
  const slots: (ReturnType<typeof enter> | undefined)[] = runs.map(enter);
  /** A device takes its time, and lets timers have their turn. */
  const later = async <T>(answer: T): Promise<T> => {
    underWay++;
    await new Promise((resolve) => setTimeout(resolve));
    underWay--;
    return answer;
  };
  return {
    beginPass(run, offsets, position) {
      assert.ok(slots[run], `a pass begins in the empty slot ${run}`);
      asked.offsets.push(offsets);
      asked.positions.push(position);
    },
    advance(count, bptt) {
      asked.counts.push(count);
      asked.bptts.push(bptt);
      asked.slots.push(slots.map((slot) => slot?.run));
      return later(slots.map((slot) => {
        if (!slot || bptt !== undefined && slot.bptt !== bptt) return new Float64Array();
        const first = slot.step + 1;
        slot.step += count;
        return new Float64Array(count).map((_, i) => lossAt!(first + i, slot.run));
      }));
    },
    read: (run) => later(new Map([...zeros, ...read?.(slots[run]!.step, slots[run]!.run) ?? []])),
    replace(run, next) {
      assert.equal(underWay, 0, "a slot is emptied while something is under way");
      slots[run] = undefined;
      if (!next) return Promise.resolve(true);
      if (fits && !fits(came)) return Promise.resolve(came++ < 0);
      slots[run] = enter(next);
      return Promise.resolve(true);
    },
    close: () => Promise.resolve(),
  };
}
