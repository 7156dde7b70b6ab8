/** Claims whose attempts are numbered: a table says who trains what, the study's folder who may write. */
import type { Attempts } from "./attempts.ts";
import type { Claim, ClaimTable, Queue } from "./queue.ts";

/** A table that counts attempts itself, for folders that do not see each other. */
export interface CountingTable extends ClaimTable {
  /** The number of this process's attempt at a run that it holds. */
  attemptOf(key: string): number | undefined;
}

export class FencedQueue implements Queue {
  constructor(private readonly table: ClaimTable | CountingTable, private readonly attempts: Attempts) {}

  async claim(key: string): Promise<boolean> {
    if (!await this.table.claim(key)) return false;
    try {
      await this.attempts.take(key, "attemptOf" in this.table ? this.table.attemptOf(key) : undefined);
    } catch (error) {
      await this.table.release(key).catch(() => {});
      throw error;
    }
    return true;
  }

  async beat(steps: ReadonlyMap<string, number>): Promise<string[]> {
    const lost = await this.table.beat(steps);
    return [...new Set([...lost, ...this.attempts.superseded()])];
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

  living(): Promise<Claim[]> {
    return this.table.living();
  }

  close(): Promise<void> {
    return this.table.close();
  }

  attemptOf(key: string): number | undefined {
    return this.attempts.numberOf(key);
  }

  latestOwner(key: string): string | undefined {
    return this.attempts.latest(key)?.owner;
  }
}
