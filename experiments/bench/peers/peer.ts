/** What a peer is: another program that does the same training step, from the same weights on the same bytes. */
import type { ModelSizes } from "../../../cells/language_model.ts";
import type { StoredTensor } from "../../../train/training/safetensors.ts";

/** A run's start, and what its first losses must be. */
export interface PeerStart {
  readonly weights: ReadonlyMap<string, StoredTensor>;
  /** The first losses of our own engine, each before its update, nats per byte. */
  readonly losses: readonly number[];
}

/** Plain data: it is handed to a worker as it is. */
export interface PeerTask {
  readonly sizes: ModelSizes;
  /** A peer that trains several runs starts run `i` from start `i` modulo their number: so it is seen if runs get mixed up. */
  readonly starts: readonly PeerStart[];
  /** `[steps + 1, batch]`: step `t` reads row `t` and is to predict row `t + 1`; after the last, a pass begins again. */
  readonly text: Uint8Array;
  /** Runs that train together, where a peer can do that. */
  readonly runs: number;
}

/** What a peer has done before it is measured. */
export interface Trained {
  /** With its version and what it computes on. */
  readonly what: string;
  readonly runs: number;
  /** The first losses of each run: as many as each start has. */
  readonly losses: readonly (readonly number[])[];
}

/** A peer that has done its first steps, and does more on request. */
export interface OpenPeer extends Trained {
  /** Does so many steps of all its runs; returns the milliseconds of one. */
  round(steps: number): Promise<number>;
  close(): Promise<void>;
}

/** A peer beside ours, in turns. */
export interface Measured {
  readonly what: string;
  readonly runs: number;
  /** Milliseconds for a step of all its runs, and of as many of ours. */
  readonly ms_per_step: number;
  readonly ours_ms_per_step: number;
  /** Its time divided by ours: the median of those within each round. */
  readonly ratio: number;
}

/** Not measured, and why, in one line. */
export interface Absent {
  readonly what: string;
  readonly absent: string;
}

export interface Peer {
  readonly what: string;
  /** What it computes on; `gpu` means WebGPU, `python` means CUDA where that is, else the CPU. */
  readonly device: "gpu" | "cpu" | "python";
  /** The largest relative error that its losses may have; absent: {@linkcode LOSS_TOLERANCE}. */
  readonly tolerance?: number;
  /** Several runs at once, where the task asks for them; else one. */
  readonly manyRuns?: boolean;
  open(task: PeerTask): Promise<OpenPeer | Absent>;
}

/** What the worker of a peer in JavaScript is sent: the task, and the library's name for its device; then how many steps to do. */
export type WorkerRequest = { readonly task: PeerTask; readonly backend: string } | { readonly steps: number };

/** A peer must open, and do a round, in so long: else it counts as absent. */
export const LIMIT_SECONDS = 150;

/** As for our own engines on float32. */
export const LOSS_TOLERANCE = 1e-4;
