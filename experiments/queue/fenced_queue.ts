/** Claims whose attempts are numbered: a table says who trains what, the study's folder who may write. */
import type { Attempts } from "./attempts.ts";
import type { Claim, ClaimTable, Queue } from "./queue.ts";

/** A table that counts attempts itself, for folders that do not see each other. */
export interface CountingTable extends ClaimTable {
  /** The number of this process's attempt at a run that it holds. */
  attemptOf(key: string): number | undefined;
}

export interface FencedQueueOptions {
  /** The key of this process's attempt at a share, where it trains one: who has lost that begins no run any more. */
  readonly share?: string;
  /** Living processes' claims in tables of another kind: those runs are left to them. */
  readonly others?: () => Promise<readonly Claim[]>;
}

export class FencedQueue implements Queue {
  /** Runs that were refused, by who has them. */
  readonly #refused = new Map<string, string>();

  constructor(
    private readonly table: ClaimTable | CountingTable,
    private readonly attempts: Attempts,
    private readonly options: FencedQueueOptions = {},
  ) {}

  async claim(key: string): Promise<boolean> {
    const { share } = this.options;
    if (share === undefined) return await this.#begin(key);
    // Whoever starts the share again waits meanwhile, so that its attempts at runs come after this one.
    return await this.attempts.guarded(share, async (isLatest) => {
      if (isLatest()) return await this.#begin(key);
      this.#refused.set(key, this.latestOwner(key) ?? "another process");
      return false;
    });
  }

  async #begin(key: string): Promise<boolean> {
    const other = (await this.options.others?.() ?? []).find((claim) => claim.key === key);
    if (other) this.#refused.set(key, other.owner);
    if (other || !await this.table.claim(key)) return false;
    try {
      await this.attempts.take(key, "attemptOf" in this.table ? this.table.attemptOf(key) : undefined);
    } catch (error) {
      await this.table.release(key).catch(() => {});
      throw error;
    }
    this.#refused.delete(key);
    return true;
  }

  /** Who has lost its share gives up all runs: whoever has it now will come to them. */
  async beat(steps: ReadonlyMap<string, number>): Promise<string[]> {
    const lost = new Set([...await this.table.beat(steps), ...this.attempts.superseded()]), { share } = this.options;
    if (share === undefined || !lost.has(share)) return [...lost];
    return this.attempts.held().filter((key) => key !== share);
  }

  async whileHeld(key: string, action: () => void): Promise<boolean> {
    return await this.attempts.guarded(key, async (isLatest) => {
      let isDone = false;
      const isHeld = await this.table.whileHeld(key, () => {
        if (!isLatest()) return;
        action();
        isDone = true;
      });
      return isHeld && isDone;
    });
  }

  async release(key: string): Promise<void> {
    this.attempts.leave(key);
    await this.table.release(key);
  }

  get elsewhere(): ReadonlySet<string> | undefined {
    return this.table.elsewhere;
  }

  get staleSeconds(): number | undefined {
    return this.table.staleSeconds;
  }

  /** What was refused is another's, and nobody need wait for it: each look shows it anew, as a heartbeat would. */
  async living(): Promise<Claim[]> {
    const claims = await this.table.living(), now = performance.now();
    const refused = [...this.#refused].map(([key, owner]) => ({ key, owner, since: now, heard: now, step: 0 }));
    return [...claims, ...refused];
  }

  close(): Promise<void> {
    return this.table.close();
  }

  attemptOf(key: string): number | undefined {
    return this.attempts.numberOf(key);
  }

  latestOwner(key: string): string | undefined {
    return this.attempts.latest(this.options.share ?? key)?.owner;
  }
}
