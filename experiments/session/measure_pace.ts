/** How fast an engine trains what is asked for, from a few steps on noise: what a step reads does not change how long it takes. */
import { GATED_SPACE } from "../../cells/catalog/catalog.ts";
import type { Space } from "../../cells/space.ts";
import { type CellConfig, stepsBackOf } from "../../cells/config.ts";
import { BYTE_VOCABULARY } from "../../cells/language_model.ts";
import { stepCost } from "../../cells/sizes.ts";
import { passOffsets, randomStream } from "../../train/corpus/random.ts";
import type { Engine } from "../../train/engines/engine.ts";
import type { TrainingSettings } from "../../train/training/settings.ts";
import { cellJob, passTokens, prepare, trainingRun } from "../../train/training/training_run.ts";
import { smallestSizes } from "../study/levels.ts";
import { type Pace, secondsOf, SHORT_SECONDS, type StepTime, type Work } from "./pace.ts";

/** A measured round takes at least this long; the rounds before it, each half as long, take as much together. */
const ROUND_SECONDS = 0.2;
/** An update that would take longer is not measured: its time follows from the small one's. */
const LONGEST_STEP = 0.5;
/** Updates of a round: more say no more. */
const MOST_STEPS = 256;
/** Runs of a measured group: a GPU with so many is as good as full, and opening more takes time. */
const MOST_RUNS = 32;

/** Runs of one configuration. */
export interface ConfiguredWork extends Work {
  readonly config: CellConfig;
}

/** How it is measured. */
export interface MeasuredOptions {
  readonly settings: TrainingSettings;
  /** What the configurations are of; absent: the built-in space. */
  readonly space?: Space;
  /** Runs that will train at once, as far as they fit. */
  readonly parallel: number;
  readonly signal?: AbortSignal;
  /** Milliseconds, of a clock that never goes back; absent: the process's. */
  readonly now?: () => number;
}

/**
 * Measures the pace of an engine: with the smallest sizes that its space allows, and with those in the middle of the work. It takes about two seconds, and what the
 * engine needs to open two groups; less where all the work is shorter than {@linkcode SHORT_SECONDS}. The engine stays open.
 *
 * @param work at least one
 * @returns undefined if the signal came before there was a number
 * @throws {EngineFailure} if a group does not fit into the engine's memory
 */
export async function measurePace(
  engine: Engine,
  work: readonly ConfiguredWork[],
  options: MeasuredOptions,
): Promise<Pace | undefined> {
  const typical = typicalOf(work), space = options.space ?? GATED_SPACE;
  const smallest = Object.fromEntries(
    Object.entries(smallestSizes(space)).map(([key, levels]) => [key, levels?.[0]]),
  );
  const small = { ...typical, ...smallest };
  // From one time, larger steps are taken for longer than they are: what is short by that is short.
  const isShort = ({ atATime, ...time }: MeasuredTime) =>
    secondsOf({ times: [time], atATime }, work, atATime) < SHORT_SECONDS;
  // A space's rule may forbid the sizes that come by themselves.
  const first = await measure(engine, space.valid.holds(small) ? small : cheapestOf(work), options, isShort);
  if (!first) return undefined;
  const { atATime, ...time } = first, cost = stepCost(typical);
  const isLong = time.seconds * atATime * stepsBackOf(typical) * cost / time.cost > LONGEST_STEP;
  const isEnough = cost === time.cost || isLong || isShort(first);
  const second = isEnough ? undefined : await measure(engine, typical, options, isShort);
  if (!second) return { times: [time], atATime };
  const times = [time, { cost: second.cost, seconds: second.seconds }];
  return { times: times.sort((a, b) => a.cost - b.cost), atATime: second.atATime };
}

function cheapestOf(work: readonly ConfiguredWork[]): CellConfig {
  return work.reduce((least, one) => one.cost < least.cost ? one : least).config;
}

/** The configuration in the middle of the work: half of all cost is at lower steps. */
function typicalOf(work: readonly ConfiguredWork[]): CellConfig {
  const sorted = work.toSorted((a, b) => a.cost - b.cost);
  const half = sorted.reduce((sum, { cost, steps }) => sum + cost * steps, 0) / 2;
  let before = 0;
  return (sorted.find(({ cost, steps }) => (before += cost * steps) >= half) ?? sorted[0]).config;
}

/** Time of a step, and how many runs trained at once. */
type MeasuredTime = StepTime & { readonly atATime: number };

/** Measures runs of one configuration, as many at once as will train so, until a round is long or its time is enough. */
async function measure(
  engine: Engine,
  config: CellConfig,
  { settings, space = GATED_SPACE, parallel, signal, now = () => performance.now() }: MeasuredOptions,
  isEnough: (time: MeasuredTime) => boolean,
): Promise<MeasuredTime | undefined> {
  const run = trainingRun(cellJob({ config, seed: 0, space }), settings), { step } = run;
  const fitting = Math.max(1, Math.floor(engine.memory / engine.footprint(step)));
  const atATime = Math.min(parallel, fitting, MOST_RUNS);
  // All from one draw: what is compared is time.
  const prepared = prepare(run);
  const tokens = passTokens(step, { ...settings, history: 2 * MOST_STEPS * stepsBackOf(config) + 2 }),
    text = noise(2 * tokens, settings);
  const group = await engine.open(Array.from({ length: atATime }, () => prepared), text);
  try {
    const offsets = passOffsets(0, 0, settings.batch, tokens, text.length);
    for (let slot = 0; slot < atATime; slot++) group.beginPass(slot, offsets);
    // The first step compiles and allocates.
    await group.advance(1);
    for (let steps = 1;; steps *= 2) {
      if (signal?.aborted) return undefined;
      const begun = now();
      await group.advance(steps);
      const seconds = (now() - begun) / 1000;
      const time = { cost: stepCost(config), seconds: seconds / steps / stepsBackOf(config) / atATime, atATime };
      if (seconds >= ROUND_SECONDS || steps >= MOST_STEPS || isEnough(time)) return time;
    }
  } finally {
    await group.close();
  }
}

function noise(length: number, { vocabulary = BYTE_VOCABULARY }: TrainingSettings): Uint8Array | Uint16Array {
  const stream = randomStream(0, "estimate"), text = vocabulary > BYTE_VOCABULARY ? Uint16Array : Uint8Array;
  return new text(length).map(() => stream.integer(0, vocabulary - 1));
}
