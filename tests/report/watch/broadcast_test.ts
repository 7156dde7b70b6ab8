/** Pages get a snapshot and what changes; who does not read costs no memory; nobody looks while nobody is there. */
import assert from "node:assert/strict";
import { Broadcast } from "../../../report/watch/broadcast.ts";
import { type Changes, encodeEvent, type Snapshot, withChanges } from "../../../report/watch/events.ts";
import { EventReader } from "./sent_events.ts";

const START = {
  experiment: "01",
  list: [],
  results: [],
  curves: [],
  overview: {},
  problems: [],
} as unknown as Snapshot;

/** What is looked at when the test says so. */
class Looked {
  snapshot = START;
  looks = 0;
  #waiting = Promise.withResolvers<void>();
  #next = Promise.withResolvers<Changes>();

  async poll(): Promise<Changes> {
    this.looks++;
    this.#waiting.resolve();
    const changes = await this.#next.promise;
    this.#next = Promise.withResolvers();
    this.snapshot = withChanges(this.snapshot, changes);
    return changes;
  }

  /** Has the look that is under way, or the next, find this; resolves when the look after it has begun. */
  async find(changes: Changes): Promise<void> {
    await this.begun();
    this.#waiting = Promise.withResolvers();
    this.#next.resolve(changes);
  }

  /** Resolves when somebody looks. */
  begun(): Promise<void> {
    return this.#waiting.promise;
  }

  fail(error: Error): void {
    this.#next.reject(error);
  }
}

const line = (text: string): Changes => ({ problems: [text] });

function broadcastOf(looked: Looked, options: Partial<ConstructorParameters<typeof Broadcast>[1]> = {}): Broadcast {
  const onError = (error: unknown) => assert.fail(`${error}`);
  return new Broadcast(looked, { every: 1, onError, ...options });
}

Deno.test("encodeEvent() puts data of any text on one line", () => {
  const text = encodeEvent("changes", line("a\nb\r\n\u2028data: x"), "7");
  assert.deepEqual(text.split(/\r\n|\r|\n/).slice(0, 2), ["event: changes", "id: 7"]);
  const [, , data, ...rest] = text.split(/\r\n|\r|\n/);
  assert.deepEqual([JSON.parse(data.slice("data: ".length)), rest], [line("a\nb\r\n\u2028data: x"), ["", ""]]);
});

Deno.test("a page gets what there is now, then what changes, and no more when nothing does", async () => {
  const looked = new Looked(), broadcast = broadcastOf(looked), page = new EventReader(broadcast.connect());
  await looked.find(line("a"));
  const first = await page.next();
  assert.deepEqual([first?.event, page.shown?.problems], ["snapshot", ["a"]]);
  await looked.find({});
  await looked.find(line("b"));
  const second = await page.next();
  assert.deepEqual([second?.event, second?.data], ["changes", line("b")]);
  assert.notEqual(second?.id, first?.id);
  const other = new EventReader(broadcast.connect()), third = await other.next();
  assert.deepEqual([third?.event, third?.id, other.shown], ["snapshot", second?.id, page.shown]);
  await looked.find(line("c"));
  assert.deepEqual((await page.next())?.id, (await other.next())?.id);
  assert.deepEqual([page.shown, other.shown], [looked.snapshot, looked.snapshot]);
  broadcast.close();
  assert.equal(await page.next(), undefined);
});

Deno.test("nobody looks while no page is connected, and a page that comes then gets no old news", async () => {
  const looked = new Looked(), broadcast = broadcastOf(looked, { every: 1e6 });
  assert.equal(looked.looks, 0);
  const page = new EventReader(broadcast.connect());
  await looked.find({});
  await page.next();
  assert.deepEqual([looked.looks, broadcast.clients], [1, 1]);
  await page.cancel();
  assert.equal(broadcast.clients, 0);
  // Else it would sleep for a thousand seconds before it looks.
  const later = new EventReader(broadcast.connect());
  await looked.find(line("news"));
  assert.deepEqual([(await later.next())?.event, later.shown?.problems, looked.looks], ["snapshot", ["news"], 2]);
  await later.cancel();
});

Deno.test("a page that connects again goes on where it was, or gets a snapshot where it has missed something", async () => {
  const looked = new Looked(), broadcast = broadcastOf(looked), stays = new EventReader(broadcast.connect());
  await looked.find({});
  const { id } = (await stays.next())!;
  const page = new EventReader(broadcast.connect(id));
  page.shown = looked.snapshot;
  await looked.find(line("a"));
  assert.equal((await page.next())?.event, "changes");
  assert.deepEqual(page.shown, looked.snapshot);
  const late = new EventReader(broadcast.connect(id));
  assert.equal((await late.next())?.event, "snapshot");
  // The id of another server's event.
  const stranger = new EventReader(broadcast.connect("0-1"));
  assert.equal((await stranger.next())?.event, "snapshot");
  broadcast.close();
});

Deno.test("a page that does not read has a bounded number of bytes waiting, and a snapshot when it reads again", async () => {
  const mostWaiting = 50_000, text = "x".repeat(10_000);
  const looked = new Looked(), broadcast = broadcastOf(looked, { mostWaiting });
  const slow = new EventReader(broadcast.connect()), quick = new EventReader(broadcast.connect());
  await looked.find({});
  await slow.next();
  await quick.next();
  for (let i = 0; i < 100; i++) {
    await looked.find(line(`${i} ${text}`));
    assert.equal((await quick.next())?.event, "changes", "the other page is none the slower");
  }
  const events: string[] = [], before = slow.bytes;
  while (slow.shown?.problems[0] !== `99 ${text}`) events.push((await slow.next())!.event);
  const taken = slow.bytes - before;
  assert.ok(taken > mostWaiting && taken < mostWaiting + 3 * text.length, `${taken} bytes`);
  assert.deepEqual([events.at(-1), events.slice(0, -1).every((event) => event === "changes")], ["snapshot", true]);
  await looked.find(line("after"));
  assert.deepEqual([(await slow.next())?.event, (await quick.next())?.event], ["changes", "changes"]);
  assert.deepEqual(slow.shown, looked.snapshot);
  broadcast.close();
});

Deno.test("where nothing changes, a comment is sent now and then", async () => {
  const looked = new Looked(), broadcast = broadcastOf(looked, { keepAlive: 0 });
  const page = new EventReader(broadcast.connect());
  await looked.find({});
  await page.next();
  await looked.find({});
  await looked.find(line("a"));
  await page.next();
  assert.ok(page.comments.length > 0);
  broadcast.close();
});

Deno.test("what goes wrong for good is told, once", async () => {
  const looked = new Looked(), told = Promise.withResolvers<unknown>();
  const broadcast = broadcastOf(looked, { onError: told.resolve }), page = new EventReader(broadcast.connect());
  await looked.begun();
  looked.fail(new Error("no more"));
  assert.match(`${await told.promise}`, /no more/);
  await page.cancel();
});
