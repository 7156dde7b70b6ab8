/** Sends what a follower sees to any number of pages, each as far as it reads: what is kept for one that does not is bounded. */
import { type Changes, encodeEvent, isNothing, KEEP_ALIVE, OPENING, type Snapshot } from "./events.ts";

/** What is looked at. */
export interface Source {
  readonly snapshot: Snapshot;
  poll(): Promise<Changes>;
}

/** How a {@linkcode Broadcast} goes about it. */
export interface BroadcastOptions {
  /** Milliseconds from one look to the next. */
  readonly every?: number;
  /** Milliseconds without an event after which one that says nothing is sent. */
  readonly keepAlive?: number;
  /** Bytes that may wait for a page that does not read; then it gets no more changes, and a snapshot once it reads again. */
  readonly mostWaiting?: number;
  /** Called where looking fails for good. */
  readonly onError: (error: unknown) => void;
}

const DEFAULTS = { every: 1000, keepAlive: 15_000, mostWaiting: 2 ** 20 } as const;

/** A page that is connected. */
interface Client {
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  /** Whether it needs a snapshot before it can make use of changes. */
  isBehind: boolean;
}

/** Looks again and again while anybody is connected, and never while nobody is. */
export class Broadcast {
  readonly #clients = new Set<Client>();
  readonly #options: Required<BroadcastOptions>;
  /** Tells this server's events from those of one that ran before, whose pages connect again to this one. */
  readonly #session = crypto.randomUUID();
  #version = 0;
  #encoded: { readonly version: number; readonly snapshot: Uint8Array } | undefined;
  /** Whether somebody is looking, so that the last snapshot is hardly older than the time between two looks. */
  #isCurrent = false;
  #isLooking = false;
  #lastSent = 0;
  #wake = () => {};

  constructor(private readonly source: Source, options: BroadcastOptions) {
    this.#options = { ...DEFAULTS, ...options };
  }

  /** Pages that are connected. */
  get clients(): number {
    return this.#clients.size;
  }

  /**
   * What a page is sent: a snapshot, and then what changes.
   *
   * @param lastHeard the id of the last event that it has had, where it was connected before
   */
  connect(lastHeard?: string): ReadableStream<Uint8Array> {
    let client: Client;
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        client = { controller, isBehind: lastHeard !== this.#id };
        controller.enqueue(encoder.encode(OPENING));
        this.#clients.add(client);
        if (!this.#isLooking) this.#lookAlways();
      },
      // It has read what waited for it.
      pull: () => this.#catchUp(client),
      cancel: () => {
        this.#clients.delete(client);
        if (!this.#clients.size) this.#wake();
      },
    }, new ByteLengthQueuingStrategy({ highWaterMark: this.#options.mostWaiting }));
  }

  /** Ends what is sent to each page. */
  close(): void {
    for (const { controller } of this.#clients) controller.close();
    this.#clients.clear();
    this.#wake();
  }

  get #id(): string {
    return `${this.#session}-${this.#version}`;
  }

  async #lookAlways(): Promise<void> {
    this.#isLooking = true;
    try {
      while (this.#clients.size) {
        this.#send(await this.source.poll());
        this.#isCurrent = true;
        for (const client of this.#clients) this.#catchUp(client);
        if (this.#clients.size) await this.#sleep();
      }
    } catch (error) {
      this.#options.onError(error);
    } finally {
      this.#isLooking = this.#isCurrent = false;
    }
  }

  #send(changes: Changes): void {
    const now = performance.now();
    if (isNothing(changes)) {
      if (now - this.#lastSent < this.#options.keepAlive) return;
      return this.#sendBytes(encoder.encode(KEEP_ALIVE), now, () => {});
    }
    this.#version++;
    this.#sendBytes(encoder.encode(encodeEvent("changes", changes, this.#id)), now, (client) => client.isBehind = true);
  }

  #sendBytes(bytes: Uint8Array, now: number, onFull: (client: Client) => void): void {
    this.#lastSent = now;
    for (const client of this.#clients) {
      if (client.isBehind) continue;
      if (hasRoom(client)) client.controller.enqueue(bytes);
      else onFull(client);
    }
  }

  #catchUp(client: Client): void {
    if (!client.isBehind || !this.#isCurrent || !hasRoom(client)) return;
    client.isBehind = false;
    client.controller.enqueue(this.#snapshot());
  }

  /** The same bytes for all pages that need them now. */
  #snapshot(): Uint8Array {
    if (this.#encoded?.version !== this.#version) {
      const snapshot = encoder.encode(encodeEvent("snapshot", this.source.snapshot, this.#id));
      this.#encoded = { version: this.#version, snapshot };
    }
    return this.#encoded.snapshot;
  }

  /** Until the next look, or until nobody is connected any more. */
  #sleep(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#options.every);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

const encoder = new TextEncoder();

function hasRoom({ controller }: Client): boolean {
  return (controller.desiredSize ?? 0) > 0;
}
