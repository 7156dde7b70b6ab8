/** Reads a stream of server-sent events as a browser does. */
import assert from "node:assert/strict";
import { type Events, type Snapshot, withChanges } from "../../../report/watch/events.ts";

/** An event, parsed. */
export type SentEvent = { [K in keyof Events]: { event: K; id: string; data: Events[K] } }[keyof Events];

export class EventReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = "";
  /** Bytes so far. */
  bytes = 0;
  /** Comments so far. */
  readonly comments: string[] = [];
  /** What a page shows after the events so far. */
  shown: Snapshot | undefined;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** The next event; undefined at the end of the stream. */
  async next(): Promise<SentEvent | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end < 0) {
        const { value, done } = await this.#reader.read();
        if (done) return undefined;
        this.bytes += value.length;
        this.#text += this.#decoder.decode(value, { stream: true });
        continue;
      }
      const lines = this.#text.slice(0, end).split("\n");
      this.#text = this.#text.slice(end + 2);
      this.comments.push(...lines.filter((line) => line.startsWith(":")));
      const fields = Object.fromEntries(
        lines.map((line) => line.split(/: (.*)/s)).map(([name, value]) => [name, value]),
      );
      if (fields.data === undefined) continue;
      const sent = { event: fields.event, id: fields.id, data: JSON.parse(fields.data) } as SentEvent;
      assert.ok(this.shown || sent.event === "snapshot", "changes are of no use without a snapshot");
      this.shown = sent.event === "snapshot" ? sent.data : withChanges(this.shown!, sent.data);
      return sent;
    }
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel();
  }
}
