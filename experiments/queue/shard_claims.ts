/**
 * Claims where shares are fixed and a scheduler outside says who trains which: nothing is asked and nothing is written. Whoever comes later has been
 * started again in the place of the one before, so it takes each run over; attempts keep the earlier one from writing. That one ends when it notices.
 */
import type { Claim, ClaimTable } from "./queue.ts";

export interface ShardClaimsOptions {
  /** The owner of the latest attempt at a run that this process has lost. */
  readonly latestOwner: (key: string) => string | undefined;
  /** Runs that others have begun anew. */
  readonly superseded: () => readonly string[];
  /** Claims in another table that a living process on this machine holds: those runs are left to it. */
  readonly others?: () => Promise<readonly Claim[]>;
}

export class ShardClaims implements ClaimTable {
  /** Whoever has taken a run of this share over. */
  #successor: string | undefined;
  readonly #refused = new Set<string>();

  constructor(private readonly options: ShardClaimsOptions) {}

  async claim(key: string): Promise<boolean> {
    const others = await this.options.others?.() ?? [];
    if (this.#successor === undefined && !others.some((claim) => claim.key === key)) return true;
    this.#refused.add(key);
    return false;
  }

  beat(): Promise<string[]> {
    const lost = [...this.options.superseded()];
    for (const key of lost) this.#successor ??= this.options.latestOwner(key) ?? "another process";
    return Promise.resolve(lost);
  }

  whileHeld(_key: string, action: () => void): Promise<boolean> {
    action();
    return Promise.resolve(true);
  }

  release(): Promise<void> {
    return Promise.resolve();
  }

  /** What was refused is another's, and nobody need wait for it: each look shows it anew. */
  async living(): Promise<Claim[]> {
    const others = await this.options.others?.() ?? [], now = performance.now();
    const successor = this.#successor;
    if (successor === undefined) return others.map((claim) => ({ ...claim, heard: now }));
    return [...this.#refused].map((key) => ({ key, owner: successor, since: now, heard: now, step: 0 }));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
