/** The worker's side of a peer in JavaScript: checks its first steps, then times rounds of steps. */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import { median } from "../median.ts";
import type { Measured, PeerTask, WorkerRequest } from "./peer.ts";

/** A run that a library trains, step by step. */
export interface Stepper {
  /** The library, its version and its device. */
  readonly what: string;
  /** Queues step `t` of the pass (at 0 states become zero) and keeps its loss instead of the one before. */
  step(t: number): void;
  /** The kept loss, once the device has computed it and all before it. */
  loss(): Promise<number>;
}

export async function timeStepper(stepper: Stepper, { sizes, starts, text, timing }: PeerTask): Promise<Measured> {
  const pass = text.length / sizes.batch - 1;
  let t = 0;
  const losses: number[] = [];
  for (; t < starts[0].losses.length; t++) {
    stepper.step(t);
    losses.push(await stepper.loss());
  }
  const time = async (steps: number) => {
    const start = performance.now();
    for (let i = 0; i < steps; i++) stepper.step(t++ % pass);
    await stepper.loss();
    return (performance.now() - start) / steps;
  };
  const perStep = await time(2);
  const steps = Math.max(1, Math.min(100, Math.round(1000 * timing.roundSeconds / perStep)));
  // A slow device gets fewer rounds: three times the time that they should take.
  const end = performance.now() + 3000 * timing.rounds * timing.roundSeconds;
  const times: number[] = [];
  for (let round = -1; round < timing.rounds && (round < 1 || performance.now() < end); round++) {
    const perStepOfRound = await time(steps);
    if (round >= 0) times.push(perStepOfRound);
  }
  return { what: stepper.what, ms_per_step: median(times), runs: 1, losses: [losses] };
}

/** Answers one request with a measurement, or with `{ error }`. */
export function serveStepper(open: (task: PeerTask, backend: string) => Promise<Stepper>): void {
  self.onmessage = async ({ data: { task, backend } }: MessageEvent<WorkerRequest>) => {
    try {
      self.postMessage(await timeStepper(await open(task, backend), task));
    } catch (error) {
      self.postMessage({ error: error instanceof Error ? error.message : String(error) });
    }
  };
}
