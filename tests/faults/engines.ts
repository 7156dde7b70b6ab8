/** Engines that fail as they are told, and sessions that train on them. */
import { trainingDisplay } from "../../experiments/display.ts";
import { EvaluationWorkers } from "../../train/scoring/evaluation_workers.ts";
import type { TrainingStep } from "../../cells/language_model.ts";
import type { Engine, EngineRun, TrainingGroup } from "../../train/engines/engine.ts";
import type { Study } from "../../experiments/study/store.ts";
import { TrainingSession } from "../../experiments/session/session.ts";
import { isDone, type TrainStudyOptions } from "../../experiments/session/train_options.ts";
import { studyText } from "../../experiments/study/text.ts";
import type { Queue } from "../../experiments/queue/queue.ts";
import { openStudyQueue } from "../../experiments/queue/study_queue.ts";
import { recordErrors } from "./processes.ts";

/** Faults to inject into an engine: what it does otherwise than it should. */
export interface Faults {
  /** Instead of the engine's own layout: how many runs train as one group. */
  readonly runsPerGroup?: number;
  /** Instead of the engine's own memory: bytes of it, and those that a run takes. */
  readonly memory?: number;
  readonly footprint?: (step: TrainingStep) => number;
  /** Called before a group is opened; may throw. */
  readonly onOpen?: (runs: readonly EngineRun[]) => void;
  /** Called before a run takes a slot of an open group. Says whether it fits; may throw. */
  readonly onJoin?: (run: EngineRun) => boolean;
  /** Called when steps have been queued; `engine` is the real one. */
  readonly onAdvance?: (engine: Engine) => void;
  /** Awaited before losses are handed on; `engine` is the real one, `chunk` counts the group's calls of `advance()`, from 0, and `updates` are those of this one. */
  readonly beforeLosses?: (engine: Engine, chunk: number, updates: number) => Promise<void>;
  /** Puts other losses in the place of a run's; `first` is the number of the first step, from 1. */
  readonly losses?: (run: EngineRun, losses: Float64Array, first: number) => Float64Array;
}

export function injectFaults(
  engine: Engine,
  { runsPerGroup, memory, footprint, onOpen, onJoin, onAdvance, beforeLosses, losses }: Faults,
): Engine {
  const wrap = (group: TrainingGroup, runs: readonly EngineRun[]): TrainingGroup => {
    const enter = (run: EngineRun) => ({ run, done: run.stepsDone });
    const slots: (ReturnType<typeof enter> | undefined)[] = runs.map(enter);
    let chunks = 0;
    return {
      beginPass: (run, offsets, position) => group.beginPass(run, offsets, position),
      advance(count) {
        const chunk = chunks++, before = slots.map((slot) => slot && { ...slot });
        for (const slot of slots) if (slot) slot.done += count;
        const advanced = group.advance(count);
        onAdvance?.(engine);
        return advanced.then(async (all) => {
          await beforeLosses?.(engine, chunk, count);
          return all.map((values, i) => {
            const slot = before[i];
            return slot && losses?.(slot.run, values, slot.done + 1) || values;
          });
        });
      },
      read: (run) => group.read(run),
      async replace(run, next) {
        slots[run] = undefined;
        const fits = !next || (onJoin?.(next) ?? true);
        await group.replace(run, fits ? next : undefined);
        if (next && fits) slots[run] = enter(next);
        return fits;
      },
      close: () => group.close(),
    };
  };
  return {
    name: engine.name,
    adapter: engine.adapter,
    software: engine.software,
    capabilities: engine.capabilities,
    defaultParallel: engine.defaultParallel,
    memory: memory ?? engine.memory,
    get failed() {
      return engine.failed;
    },
    layout: (parallel) => runsPerGroup ? { groups: 1, runsPerGroup: runsPerGroup } : engine.layout(parallel),
    footprint: (step) => footprint?.(step) ?? engine.footprint(step),
    async open(runs, text, options) {
      onOpen?.(runs);
      return wrap(await engine.open(runs, text, options), runs);
    },
    close: () => engine.close(),
  };
}

/** Trains what is waiting of a study on an engine of the test's choice; returns the session and what it printed as errors. */
export async function trainOn(
  study: Study,
  engine: Engine,
  options: Pick<TrainStudyOptions, "parallel" | "limit" | "retryFailed" | "timing"> & {
    reopen?: () => Promise<Engine>;
    /** Puts another queue before the study's. */
    wrapQueue?: (queue: Queue) => Queue;
  } = {},
): Promise<{ session: TrainingSession; errors: readonly string[] }> {
  const { training } = study.settings;
  const settings = { ...training, steps: training.steps["01"], log_every: training.log_every["01"] };
  const all = {
    dir: study.dir,
    experiment: "01",
    engine: "auto",
    ...trainingDisplay("train", { quiet: true }),
    ...options,
  } as const;
  await study.makeRunFolders("01");
  const waiting = [];
  for (const run of await study.runs("01")) {
    if (!isDone(await study.readResult("01", run.key), settings, all)) waiting.push(run);
  }
  const text = await studyText(study);
  const { queue: real, owner } = await openStudyQueue(study, options.timing), queue = options.wrapQueue?.(real) ?? real;
  using errors = recordErrors();
  try {
    const reopen = options.reopen ?? (() => Promise.reject(new Error("Nothing was to be opened again")));
    using workers = new EvaluationWorkers();
    const runs = { waiting, meant: waiting };
    const session = new TrainingSession({ study, text, queue, owner, engine, workers, reopen }, settings, runs, all);
    await session.run();
    return { session, errors: errors.lines };
  } finally {
    await real.close();
  }
}
