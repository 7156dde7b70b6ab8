/**
 * Who trains which run. Claims keep processes from doing the same work twice; they lie in one of several tables. An attempt's number keeps a
 * process that was thought dead from writing: see {@linkcode Attempts}. The results are the truth about what is done.
 */

/** Seconds between two heartbeats of an owner. */
export const BEAT_SECONDS = 3;

/** Seconds of watching without a heartbeat after which a claim counts as left behind. */
export const STALE_SECONDS = 30;

/** Who holds a run. */
export interface Claim {
  readonly key: string;
  /** Names a process: `host:pid`, and what tells it from others that had these before. */
  readonly owner: string;
  /** Unix seconds, for people: a clock may jump, so nothing is decided by them. */
  readonly since: number;
  readonly heard: number;
  /** Where the run is. */
  readonly step: number;
  /** Seconds of silence after which it counts as left behind; absent: {@linkcode STALE_SECONDS}. */
  readonly staleAfter?: number;
}

/** For readers that hold no claims. */
export interface ClaimReader {
  /** The claims as they stand: `heard` says how fresh each is. None where it is unknown which processes train. */
  claims(): Promise<readonly Claim[]>;
}

/** Where claims lie: a database on this machine, a server, or nowhere, where shares are fixed. */
export interface ClaimTable {
  /** Takes a run, unless its owner has been heard of lately. */
  claim(key: string): Promise<boolean>;
  /**
   * Says that the owner is alive, and where its runs are. Watches the others.
   *
   * @returns runs that this owner held and another has taken over: it must leave them alone
   */
  beat(steps: ReadonlyMap<string, number>): Promise<string[]>;
  /**
   * Does something that only the holder of a run may do; nobody can take the run over meanwhile.
   *
   * @returns whether it was done: false if the run is another's by now
   */
  whileHeld(key: string, action: () => void): Promise<boolean>;
  /**
   * Gives a run up. Where that cannot be written the promise rejects, and the claim gets no more heartbeats: it becomes stale, and others
   * take it over.
   */
  release(key: string): Promise<void>;
  /** All claims with a heartbeat that was seen or may still come. */
  living(): Promise<Claim[]>;
  /** Runs that could not be claimed, since a folder that this one does not see has them trained; absent where all folders are seen. */
  readonly elsewhere?: ReadonlySet<string>;
  /** Seconds without a heartbeat until a claim is taken over, where that is not {@linkcode STALE_SECONDS}. */
  readonly staleSeconds?: number;
  close(): Promise<void>;
}

/** Claims of a study whose attempts are numbered. */
export interface Queue extends ClaimTable {
  /** The number of this process's attempt at a run that it holds, from 1; undefined where it holds none. */
  attemptOf(key: string): number | undefined;
  /** Who has made the latest attempt at a run: an owner; undefined where nobody has, or nobody can tell. */
  latestOwner(key: string): string | undefined;
}

/** A name for this process, different each time: `host:pid-` and eight digits. */
export function newOwner(): string {
  return `${hostName()}:${Deno.pid}-${crypto.randomUUID().slice(0, 8)}`;
}

/** The `host:pid` of an owner, for people. Earlier versions named the process alone. */
export function ownerInWords(owner: string): string {
  return owner.replace(/-[0-9a-f]{8}$/, "");
}

/** A program that uses this as a library may not ask. */
function hostName(): string {
  try {
    return Deno.hostname();
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return "localhost";
    throw error;
  }
}
