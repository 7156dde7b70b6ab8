/**
 * Claims where shares are fixed and a scheduler outside says who trains which: nothing is asked and nothing is written. Whoever comes later has been
 * started again in the place of the one before, so it takes each run over; attempts keep the earlier one from writing.
 */
import type { Claim, ClaimTable } from "./queue.ts";

export class ShardClaims implements ClaimTable {
  /** @param others claims in the machine's queue of living processes: those runs are left to them */
  constructor(private readonly others: () => Promise<readonly Claim[]>) {}

  async claim(key: string): Promise<boolean> {
    return !(await this.others()).some((claim) => claim.key === key);
  }

  beat(): Promise<string[]> {
    return Promise.resolve([]);
  }

  whileHeld(_key: string, action: () => void): Promise<boolean> {
    action();
    return Promise.resolve(true);
  }

  release(): Promise<void> {
    return Promise.resolve();
  }

  /** Nobody need wait for what was refused: each look shows it anew, as a heartbeat would. */
  async living(): Promise<Claim[]> {
    const heard = performance.now();
    return (await this.others()).map((claim) => ({ ...claim, heard }));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
