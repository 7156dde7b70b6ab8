/** Whether a peer does what it is compared for: its first losses must be ours. */
import { type Absent, LOSS_TOLERANCE, type PeerStart, type Trained } from "./peer.ts";

/**
 * Why a peer does not count, if a run's losses do not agree with those of its start.
 *
 * @param tolerance relative
 */
export function disagreement(
  { what, runs, losses }: Trained,
  starts: readonly PeerStart[],
  tolerance: number = LOSS_TOLERANCE,
): Absent | undefined {
  if (losses.length !== runs) {
    return { what, absent: `its losses disagree with ours: it gave those of ${losses.length} runs, must be ${runs}` };
  }
  for (const [run, got] of losses.entries()) {
    const ours = starts[run % starts.length].losses;
    if (got.length !== ours.length) {
      return { what, absent: `its losses disagree with ours: run ${run} has ${got.length}, must be ${ours.length}` };
    }
    // Written so that a loss that is no number disagrees.
    const step = ours.findIndex((loss, t) => !(Math.abs(got[t] - loss) <= tolerance * Math.abs(loss)));
    if (step >= 0) {
      const [theirs, right] = [got[step], ours[step]].map((loss) => Number(loss).toFixed(6));
      return {
        what,
        absent:
          `its losses disagree with ours: run ${run}, step ${step}: ${theirs}, must be ${right} within ${tolerance}`,
      };
    }
  }
  return undefined;
}
