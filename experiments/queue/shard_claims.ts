/**
 * Claims where shares are fixed and a scheduler outside says who trains which: nobody is asked. Whoever comes later has been started again in the
 * place of the one before, so it takes each run over; attempts keep the earlier one from writing. What a process holds is written down now and then
 * beside its attempt at the share, for people who look: nothing is decided by it but that processes with a queue leave such runs alone.
 */
import { join } from "node:path";
import * as z from "zod";
import { latestIn } from "./attempts.ts";
import type { Claim, ClaimTable } from "./queue.ts";
import { removeFile, writeAtomically } from "../study/files.ts";
import { checkReplaceable } from "../study/ownership.ts";
import { SHARE_CLAIMS_FILE } from "../study/paths.ts";

/** Seconds from one writing to the next where no run comes or goes: a network disk is not to be kept busy, and a living process must not look silent. */
const WRITE_SECONDS = 10;

/** Seconds from one writing to the next where runs are begun: of hundreds at once most are written down with the next heartbeat. */
const BEGIN_SECONDS = 1;

const schema = z.object({
  owner: z.string(),
  /** Unix seconds. */
  heard: z.number(),
  runs: z.array(z.object({ key: z.string(), since: z.number(), step: z.number().int().nonnegative() })),
});

export interface ShardClaimsOptions {
  readonly owner: string;
  /** The folder of attempts at this share. */
  readonly folder: string;
}

export class ShardClaims implements ClaimTable {
  readonly #held = new Map<string, { since: number; step: number }>();
  #written = -Infinity;
  /** Whether other runs are held than were written down. */
  #hasChanged = false;

  constructor(private readonly options: ShardClaimsOptions) {}

  async claim(key: string): Promise<boolean> {
    this.#held.set(key, { since: Date.now() / 1000, step: 0 });
    this.#hasChanged = true;
    try {
      if (this.#secondsSince >= BEGIN_SECONDS) await this.#write();
    } catch (error) {
      this.#held.delete(key);
      throw error;
    }
    return true;
  }

  async beat(steps: ReadonlyMap<string, number>): Promise<string[]> {
    for (const [key, held] of this.#held) held.step = steps.get(key) ?? held.step;
    if (this.#hasChanged || this.#secondsSince >= WRITE_SECONDS) await this.#write();
    return [];
  }

  whileHeld(key: string, action: () => void): Promise<boolean> {
    if (!this.#held.has(key)) return Promise.resolve(false);
    action();
    return Promise.resolve(true);
  }

  release(key: string): Promise<void> {
    if (this.#held.delete(key)) this.#hasChanged = true;
    return Promise.resolve();
  }

  living(): Promise<Claim[]> {
    return Promise.resolve([]);
  }

  close(): Promise<void> {
    const { folder, owner } = this.options;
    // Whoever has taken the share over writes there now.
    if (latestIn(folder)?.owner === owner) removeFile(join(folder, SHARE_CLAIMS_FILE));
    return Promise.resolve();
  }

  /** Since what is held was written down. */
  get #secondsSince(): number {
    return performance.now() / 1000 - this.#written;
  }

  async #write(): Promise<void> {
    const { folder, owner } = this.options;
    if (latestIn(folder)?.owner !== owner) return;
    this.#written = performance.now() / 1000;
    this.#hasChanged = false;
    const runs = [...this.#held].map(([key, held]) => ({ key, ...held }));
    const path = join(folder, SHARE_CLAIMS_FILE);
    checkReplaceable(path);
    await writeAtomically(path, JSON.stringify({ owner, heard: Date.now() / 1000, runs }) + "\n");
  }
}

/** What the latest process of a share has written down of its runs; nothing where there is none, or its file cannot be read. */
export function readShardClaims(folder: string): Claim[] {
  try {
    const { owner, heard, runs } = schema.parse(JSON.parse(Deno.readTextFileSync(join(folder, SHARE_CLAIMS_FILE))));
    return latestIn(folder)?.owner === owner ? runs.map((run) => ({ ...run, owner, heard })) : [];
  } catch {
    return [];
  }
}
