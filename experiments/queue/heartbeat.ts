/** What a session tells the queue, and hears from it, at each heartbeat. */
import { messageOf } from "../../cells/errors.ts";
import type { Board } from "../session/board.ts";
import type { Intake } from "../session/intake.ts";
import type { Queue } from "./queue.ts";
import type { Experiment } from "../study/store.ts";
import { claimKey } from "./study_queue.ts";

export class Pulse {
  /** Whether the last beat failed. */
  #silent = false;

  constructor(
    private readonly queue: Queue,
    private readonly experiment: Experiment,
    private readonly board: Board,
    private readonly intake: Intake,
  ) {}

  /** Says that this process is alive, and lets go of what another has taken meanwhile. */
  async beat(): Promise<void> {
    const steps = [...this.board.atWork.values()].flatMap(({ runs }) =>
      [...runs].map(([run, { step }]) => [claimKey(this.experiment, run.key), step] as const)
    );
    try {
      this.intake.lose(await this.queue.beat(new Map(steps)));
      for (const { runs, stop } of this.board.atWork.values()) {
        // A group of which this process holds some trains on without the others.
        if (runs.size && [...runs.keys()].every((run) => this.intake.isLost(run))) stop.abort();
      }
      this.#silent = false;
    } catch (error) {
      // Another process that holds the database for long, or a full disk, must not end the work; once said is enough.
      if (!this.#silent) {
        this.board.print(`The queue could not be told that this process is alive: ${messageOf(error)}`);
      }
      this.#silent = true;
    }
  }
}
