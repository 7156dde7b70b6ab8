/** The worker's side of a peer in JavaScript: does its first steps, then rounds of steps on request. */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import { messageOf } from "../../../cells/errors.ts";
import type { PeerTask, WorkerRequest } from "./peer.ts";

/** A run that a library trains, step by step. */
export interface Stepper {
  /** The library, its version and its device. */
  readonly what: string;
  /** Queues step `t` of the pass (at 0 states become zero) and keeps its loss instead of the one before. */
  step(t: number): void;
  /** The kept loss, once the device has computed it and all before it. */
  loss(): Promise<number>;
}

class Rounds {
  #t = 0;

  constructor(private readonly stepper: Stepper, private readonly pass: number) {}

  /** The losses of the first steps. */
  async begin(count: number): Promise<number[]> {
    const losses: number[] = [];
    while (this.#t < count) {
      this.stepper.step(this.#t++);
      losses.push(await this.stepper.loss());
    }
    return losses;
  }

  /** Milliseconds per step of so many. */
  async time(steps: number): Promise<number> {
    const start = performance.now();
    for (let i = 0; i < steps; i++) this.stepper.step(this.#t++ % this.pass);
    await this.stepper.loss();
    return (performance.now() - start) / steps;
  }
}

/** Answers the first request with what the peer has done, each further one with the time of a round; or with `{ error }`. */
export function serveStepper(open: (task: PeerTask, backend: string) => Promise<Stepper>): void {
  let rounds: Rounds | undefined;
  self.onmessage = async ({ data }: MessageEvent<WorkerRequest>) => {
    try {
      if ("steps" in data) return self.postMessage(await rounds!.time(data.steps));
      const { task, backend } = data;
      const stepper = await open(task, backend);
      rounds = new Rounds(stepper, task.text.length / task.sizes.batch - 1);
      const losses = [await rounds.begin(task.starts[0].losses.length)];
      self.postMessage({ what: stepper.what, runs: 1, losses });
    } catch (error) {
      self.postMessage({ error: messageOf(error) });
    }
  };
}
