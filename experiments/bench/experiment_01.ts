/**
 * How long experiment 01 takes from its first step to its last score: arithmetic on what was measured of it (`measure_01.ts`). Nothing here
 * measures.
 */
import { maxOf } from "../../cells/extremes.ts";
import type { CellConfig } from "../../cells/config.ts";
import { sizesOf } from "../../cells/sizes.ts";
import { countParameters } from "../../cells/language_model.ts";
import { knownCorpus } from "../../train/corpus/known.ts";
import { splitEnds } from "../../train/corpus/split.ts";
import { cutFor } from "../../train/scoring/evaluate.ts";
import type { Cut } from "../../train/scoring/score.ts";
import { locationInWords, type ScoreLocation } from "../../train/scoring/score_on.ts";
import { VALIDATION_BYTES } from "../../train/scoring/validation.ts";
import { formatDuration, plural } from "../../train/terminal/words.ts";
import { totalSteps, type TrainingSettings } from "../../train/training/settings.ts";
import { cellJob, stepOf } from "../../train/training/training_run.ts";
import { DEFAULT_TRAINING } from "../study/default_settings.ts";

/** What it is estimated on: the corpus of the original study. */
const CORPUS = knownCorpus("enwik8")!;
const TEST_BYTES = CORPUS.bytes - splitEnds(CORPUS.bytes).validation;

/** How experiment 01 trains. */
export const SETTINGS_01: TrainingSettings = {
  ...DEFAULT_TRAINING,
  steps: DEFAULT_TRAINING.steps["01"],
  log_every: DEFAULT_TRAINING.log_every["01"],
};

/** Runs of one number of layers and one state size: about alike in time and in the size of their files. */
export interface Shape {
  readonly name: string;
  readonly runs: number;
  /** The one of them whose number of parameters is nearest to their mean: what is measured. */
  readonly typical: CellConfig;
}

/** The shapes among some configurations, in their order. */
export function shapesOf(configs: readonly CellConfig[]): Shape[] {
  const parameters = (config: CellConfig) =>
    countParameters(stepOf(cellJob({ config, seed: 0 }), SETTINGS_01).parameters);
  return [...Map.groupBy(configs, shapeOf)].map(([name, alike]) => {
    const counts = new Map(alike.map((config) => [config, parameters(config)]));
    const mean = counts.values().reduce((sum, count) => sum + count, 0) / alike.length;
    const distance = (config: CellConfig) => Math.abs(counts.get(config)! - mean);
    const typical = alike.reduce((best, config) => distance(config) < distance(best) ? config : best);
    return { name, runs: alike.length, typical };
  });
}

/** `2 layers × 256`. */
export function shapeOf(config: CellConfig): string {
  const [states, layers] = sizesOf(config);
  return `${plural(layers, "layer")} × ${states}`;
}

/** The two texts that each run is scored on, as they are cut. */
const TEXTS = [TEST_BYTES, VALIDATION_BYTES].map((bytes) => ({ bytes, cut: cutFor(bytes) }));

/** Rows that are read at once where so many may be: those of both texts together, if they fit. */
export function rowsRead(most: number): number {
  return Math.min(most, TEXTS.reduce((rows, { cut }) => rows + cut.streams, 0));
}

/** Tokens that one score reads, warm-ups included. Texts that are read together take as many steps as the longer one. @param most rows at once */
export function tokensRead(most: number): number {
  const steps = TEXTS.map(({ bytes, cut }) => stepsOf(bytes, cut)), rows = TEXTS.map(({ cut }) => cut.streams);
  const all = rowsRead(Infinity);
  return all <= most ? all * maxOf(steps) : rows.reduce((sum, count, i) => sum + count * steps[i], 0);
}

function stepsOf(bytes: number, { streams, warm_up }: Cut): number {
  return warm_up + Math.ceil((bytes - 1) / streams);
}

/** What reading so many tokens took, in seconds of the location that reads. */
export interface Reading {
  readonly tokens: number;
  readonly seconds: number;
}

/** Scores of one model. */
export interface ScoreTimes {
  /** Two parts of a text alone. */
  readonly short: Reading;
  readonly long: Reading;
  /** A part with all that a score has beside it: state resets and a sample. */
  readonly withExtras: Reading;
}

/**
 * Seconds of one score of so many tokens: on the line through the two parts, since opening a model takes as long for any text. What a score has
 * beside its text is done on the CPU, after the text if that is read there too, else meanwhile.
 */
export function scoreSeconds({ short, long, withExtras }: ScoreTimes, tokens: number, onCpu: boolean): number {
  const rise = (long.seconds - short.seconds) / (long.tokens - short.tokens);
  // Where noise has swallowed the difference, all of the time counts as reading.
  const perToken = rise > 0 ? rise : long.seconds / long.tokens;
  const opening = Math.max(0, long.seconds - perToken * long.tokens);
  const reading = (count: number) => opening + perToken * count;
  if (!onCpu) return Math.max(reading(tokens), withExtras.seconds);
  return reading(tokens) + Math.max(0, withExtras.seconds - reading(withExtras.tokens));
}

/** Runs that train together. */
export interface TrainedGroup {
  readonly seconds: number;
  readonly configs: readonly CellConfig[];
}

/** What was measured of experiment 01. */
export interface Measured01 {
  readonly training: {
    /** The engine and its device. */
    readonly on: string;
    readonly trainsOnCpu: boolean;
    /** In their order. */
    readonly groups: readonly TrainedGroup[];
    /** From what it is extrapolated. */
    readonly from: string;
  };
  readonly scores: {
    readonly location: ScoreLocation;
    /** Of each shape by its name, seconds of a run's score. */
    readonly seconds: ReadonlyMap<string, number>;
    readonly from: string;
  };
  readonly files: {
    /** Of each shape by its name, seconds of a run's files. */
    readonly seconds: ReadonlyMap<string, number>;
    readonly from: string;
  };
}

/** One part of the work. */
interface Part {
  readonly seconds: number;
  /** Where it is done. */
  readonly on: string;
  readonly from: string;
}

/** How long experiment 01 takes. */
export interface Estimate01 {
  readonly corpus: string;
  readonly runs: number;
  /** Of each run. */
  readonly steps: number;
  readonly training: Part;
  readonly scores: Part;
  readonly files: Part;
  /** What runs beside what. */
  readonly order: string;
  /** The whole, where what runs side by side does not slow each other. */
  readonly seconds: number;
  /** The sum of the parts: the whole, if nothing runs in parallel. */
  readonly one_after_the_other_seconds: number;
}

/** The whole from its parts. */
export function estimate01({ training, scores, files }: Measured01): Estimate01 {
  const { groups, trainsOnCpu } = training, configs = groups.flatMap((group) => group.configs);
  const total = (seconds: ReadonlyMap<string, number>) =>
    configs.reduce((sum, config) => sum + seconds.get(shapeOf(config))!, 0);
  const parts = {
    training: {
      seconds: groups.reduce((sum, { seconds }) => sum + seconds, 0),
      on: training.on,
      from: training.from,
    },
    scores: { seconds: total(scores.seconds), on: locationInWords(scores.location), from: scores.from },
    files: { seconds: total(files.seconds), on: "this project's disk", from: files.from },
  };
  const sum = parts.training.seconds + parts.scores.seconds + parts.files.seconds;
  // As a session has it: on the CPU a score would only take training's cores.
  const isInARow = trainsOnCpu && scores.location.provider === "cpu";
  return {
    corpus: CORPUS.name,
    runs: configs.length,
    steps: totalSteps(SETTINGS_01, 1),
    ...parts,
    order: isInARow
      ? "training, files and scores sequentially, on all cores"
      : `${groups.length} groups, each followed by its files; scores in parallel with the training of the next groups`,
    seconds: isInARow ? sum : besideEachOther(groups, scores.seconds, files.seconds),
    one_after_the_other_seconds: sum,
  };
}

/**
 * Seconds until the last score, if scores do not slow training: a group's files are written when it has ended, and its runs are scored one after
 * the other as they are written, while the next group trains.
 */
function besideEachOther(
  groups: readonly TrainedGroup[],
  scores: ReadonlyMap<string, number>,
  files: ReadonlyMap<string, number>,
): number {
  let written = 0, scored = 0;
  for (const { seconds, configs } of groups) {
    written += seconds;
    for (const config of configs) {
      written += files.get(shapeOf(config))!;
      scored = Math.max(scored, written) + scores.get(shapeOf(config))!;
    }
  }
  return scored;
}

/** An estimate as lines of text. */
export function estimateLines(estimate: Estimate01): string[] {
  const { corpus, runs, steps, order, seconds, one_after_the_other_seconds: sum } = estimate;
  const parts = (["training", "scores", "files"] as const).map((name) => {
    const part = estimate[name];
    return { name, time: formatDuration(part.seconds), words: `${part.on}; from ${part.from}` };
  });
  const most = seconds < sum ? `; ${formatDuration(sum)} if nothing runs in parallel` : "";
  const rows = [...parts, { name: "whole", time: formatDuration(seconds), words: order + most }];
  const names = maxOf(rows.map(({ name }) => name.length)), times = maxOf(rows.map(({ time }) => time.length));
  return [
    `Experiment 01 on ${corpus}, ${runs} runs of ${steps} steps, with scores and files, estimated:`,
    ...rows.map(({ name, time, words }) => `${name.padEnd(names)}  ${time.padStart(times)}  ${words}`),
  ];
}
