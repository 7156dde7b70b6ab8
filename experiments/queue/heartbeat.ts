/** Says at each heartbeat that this process is alive, and hears what others have taken from it. */
import { messageOf } from "../../cells/errors.ts";
import { BEAT_SECONDS, type ClaimTable } from "./queue.ts";
import type { Timing } from "./study_queue.ts";

export interface HeartbeatOptions {
  readonly timing?: Timing;
  /** Where the runs of this process are, by claim. */
  readonly steps?: () => ReadonlyMap<string, number>;
  /** Given the claims that others have taken over, at every beat that the queue has answered. */
  readonly onBeat?: (lost: readonly string[]) => void;
  /** Called when the queue does not answer, once until it answers again: what fails now is sent at the next beat. */
  readonly onSilence?: (problem: string) => void;
}

/** Beats as often as a living process must be heard of, until it is disposed of. */
export function heartbeat(
  queue: Pick<ClaimTable, "beat">,
  { timing: { beat: seconds = BEAT_SECONDS } = {}, steps = () => new Map(), onBeat, onSilence }: HeartbeatOptions = {},
): Disposable {
  let isSilent = false;
  const beat = async () => {
    try {
      const lost = await queue.beat(steps());
      onBeat?.(lost);
      isSilent = false;
    } catch (error) {
      // Another process that holds the database for long, or a full disk, must not end the work.
      if (!isSilent) onSilence?.(`Cannot write this process's heartbeat to the queue: ${messageOf(error)}`);
      isSilent = true;
    }
  };
  const timer = setInterval(() => void beat(), seconds * 1000);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
