/** What a peer is: another program that does the same training step, from the same weights on the same bytes. */
import type { ModelSizes } from "../../../cells/language_model.ts";
import type { StoredTensor } from "../../../train/safetensors.ts";

/** A run's start, and what its first losses must be. */
export interface PeerStart {
  readonly weights: ReadonlyMap<string, StoredTensor>;
  /** The first losses of our own engine, each before its update, nats per byte. */
  readonly losses: readonly number[];
}

/** How long a peer measures: the median of `rounds` rounds of about `roundSeconds` each, and never more than `limitSeconds`. */
export interface PeerTiming {
  readonly rounds: number;
  readonly roundSeconds: number;
  /** With start and compilation; then the peer is ended and counts as absent. */
  readonly limitSeconds: number;
}

/** Plain data: it is handed to a worker as it is. */
export interface PeerTask {
  readonly sizes: ModelSizes;
  /** A peer that trains several runs starts run `i` from start `i` modulo their number: so it is seen if runs get mixed up. */
  readonly starts: readonly PeerStart[];
  /** `[steps + 1, batch]`: step `t` reads row `t` and is to predict row `t + 1`; after the last, a pass begins anew. */
  readonly text: Uint8Array;
  /** Runs that train together, where a peer can do that. */
  readonly runs: number;
  readonly timing: PeerTiming;
}

export interface Measured {
  readonly what: string;
  /** Milliseconds for a step of all its runs. */
  readonly ms_per_step: number;
  readonly runs: number;
  /** The first losses of each run: as many as each start has. */
  readonly losses: readonly (readonly number[])[];
}

/** Not measured, and why, in one line. */
export interface Absent {
  readonly what: string;
  readonly absent: string;
}

export interface Peer {
  readonly what: string;
  /** What it computes on; `python` means CUDA where that is, else the CPU. */
  readonly device: "webgpu" | "cpu" | "python";
  /** The largest relative error that its losses may have; absent: {@linkcode LOSS_TOLERANCE}. */
  readonly tolerance?: number;
  measure(task: PeerTask): Promise<Measured | Absent>;
}

/** What the worker of a peer in JavaScript is sent. */
export interface WorkerRequest {
  readonly task: PeerTask;
  /** The library's name for its device. */
  readonly backend: string;
}

/** As for our own engines on float32. */
export const LOSS_TOLERANCE = 1e-4;
