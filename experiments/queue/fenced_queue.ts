/** Claims whose attempts are numbered: a table says who trains what, the study's folder who may write. */
import type { Attempts } from "./attempts.ts";
import { type Claim, type ClaimTable, type Queue, STALE_SECONDS } from "./queue.ts";

/** A table that counts attempts itself, for folders that do not see each other. */
export interface CountingTable extends ClaimTable {
  /** The number of this process's attempt at a run that it holds. */
  attemptOf(key: string): number | undefined;
}

export interface FencedQueueOptions {
  /** The key of this process's attempt at a share, where it trains one: who has lost that begins no run any more. */
  readonly share?: string;
  /** Claims in tables of another kind: runs whose owners are alive are left to them. */
  readonly others?: () => Promise<readonly Claim[]>;
  /** Seconds, of a clock that never jumps. */
  readonly now?: () => number;
}

export class FencedQueue implements Queue {
  /** Runs that were refused since the share is another's, by who has them. */
  readonly #refused = new Map<string, string>();
  /** What claims in other tables show, and since when by this process's clock. */
  #watched = new Map<string, number>();

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
    if ((await this.#others()).some((claim) => claim.key === key)) return false;
    if (!await this.table.claim(key)) return false;
    try {
      await this.attempts.take(key, "attemptOf" in this.table ? this.table.attemptOf(key) : undefined);
    } catch (error) {
      await this.table.release(key).catch(() => {});
      throw error;
    }
    return true;
  }

  /** Claims in other tables, but those whose owners have not been heard of while this process watched: one that was killed leaves its claims behind. */
  async #others(): Promise<Claim[]> {
    const claims = await this.options.others?.() ?? [], now = this.options.now?.() ?? performance.now() / 1000;
    this.#watched = new Map(claims.map((claim) => {
      const sign = signOf(claim);
      return [sign, this.#watched.get(sign) ?? now];
    }));
    return claims.filter((claim) => now - this.#watched.get(signOf(claim))! < (claim.staleAfter ?? STALE_SECONDS));
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

  /** The runs of a lost share are another's, and nobody need wait for them: each look shows them again, as a heartbeat would. */
  async living(): Promise<Claim[]> {
    const claims = [...await this.table.living(), ...await this.#others()], now = performance.now();
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

/** Differs after each heartbeat. */
function signOf({ key, owner, heard }: Claim): string {
  return `${key} ${owner} ${heard}`;
}
