/** Known corpora come into the cache whole and right, or not at all, whatever servers, network, disk and other processes do. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fetchCorpus, type FetchOptions } from "../../../train/corpus/fetch.ts";
import { fillDiskOfThisProcess } from "../../faults/disks.ts";
import { playPauses } from "../../played_pauses.ts";
import { type Answer, CorpusServer, type Request } from "./corpus_server.ts";
import { ARCHIVE, corpusAt, TEXT, zipped } from "./known_corpora.ts";

type Reply = (request: Request, number: number) => Answer;

/** A server that answers as a test says, and a folder for the cache. */
class Scene {
  /** Why each try after the first was made. */
  readonly retries: string[] = [];

  constructor(readonly server: CorpusServer, readonly folder: string) {}

  fetch(options: Partial<FetchOptions> = {}, corpus = corpusAt(this.server.host)): Promise<void> {
    const onRetry = (why: string) => void this.retries.push(why);
    // None of these servers is silent but those of which a test says so.
    return fetchCorpus(corpus, { folder: this.folder, timing: { silence: 60_000, pause: 1 }, onRetry, ...options });
  }

  /** The line of a fetch that fails, behind `Cannot `, without addresses and folders; it leaves nothing behind. */
  async line(options?: Partial<FetchOptions>, corpus?: ReturnType<typeof corpusAt>): Promise<string> {
    const error = await this.fetch(options, corpus).then(() => assert.fail("it has not failed"), (error) => error);
    assert.equal(error.name, "UserError", String(error.stack));
    const instead = "; use your own file with --corpus FILE; --corpus embedded needs no network";
    const [, said] = new RegExp(`^Cannot (.*)${instead}$`).exec(error.message) ?? assert.fail(error.message);
    return said.replaceAll(this.server.host, "HOST").replaceAll(this.folder, "CACHE");
  }

  async names(): Promise<string[]> {
    return (await Array.fromAsync(Deno.readDir(this.folder), ({ name }) => name)).sort();
  }

  /** The text is there, and nothing is left of its way there but the lock. */
  async assertFetched(): Promise<void> {
    assert.deepEqual(await Deno.readFile(join(this.folder, "smalltext")), TEXT);
    assert.deepEqual(await this.names(), ["smalltext", "smalltext.lock"]);
  }
}

function fetchTest(name: string, reply: Reply, run: (scene: Scene) => Promise<void>): void {
  Deno.test(`fetchCorpus() ${name}`, async () => {
    const dir = await Deno.makeTempDir();
    await using server = new CorpusServer(reply);
    try {
      await run(new Scene(server, join(dir, "cache", "cellspace")));
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}

const proper: Reply = () => ({ body: ARCHIVE });
/** An answer that breaks off, and others after it. */
const brokenOnce = (broken: Answer = {}): Reply => (_, number) => ({
  body: ARCHIVE,
  ...(number === 0 ? { cut: 500, ...broken } : {}),
});

fetchTest("downloads an archive, unpacks it, and does neither again", proper, async (scene) => {
  const seen: Parameters<NonNullable<FetchOptions["onProgress"]>>[] = [];
  await scene.fetch({ onProgress: (...progress) => void seen.push(progress) });
  await scene.assertFetched();
  for (const [what, size] of [["downloading", ARCHIVE.length], ["unpacking", TEXT.length]] as const) {
    const ofIt = seen.filter(([told]) => told === what), bytes = ofIt.map(([, bytes]) => bytes);
    assert.deepEqual(bytes, bytes.toSorted((a, b) => a - b));
    assert.equal(bytes.at(-1), size);
    assert.ok(ofIt.every(([, , total]) => total === size));
  }
  await scene.fetch();
  assert.equal(scene.server.requests.length, 1);
  assert.equal(scene.server.requests[0].headers["accept-encoding"], "identity");
});

fetchTest("takes a text that is in no archive, from a server that announces no size", () => (
  { headers: { "content-length": "" }, body: TEXT }
), async (scene) => {
  await scene.fetch({}, corpusAt(scene.server.host, { plain: true }));
  await scene.assertFetched();
});

for (
  const [what, broken, why] of [
    ["where the connection broke", {}, /^error reading a body from connection/],
    ["where a server was silent within its answer", { stalls: true }, /^nothing came for 0.2 s$/],
    ["where a server was silent before its answer", { cut: 0, after: 60_000 }, /^nothing came for 0.2 s$/],
    [
      "where a server announced too much",
      { cut: ARCHIVE.length, headers: { "content-length": ARCHIVE.length + 9 } },
      /^error read/,
    ],
    ["where a server was overloaded", { status: "503 Service Unavailable" }, /^the server answers 503 Service Unavail/],
  ] as const
) {
  fetchTest(`begins again ${what}`, brokenOnce(broken), async (scene) => {
    const isSilent = "stalls" in broken || "after" in broken;
    await scene.fetch({ timing: { silence: isSilent ? 200 : 60_000, pause: 1 } });
    await scene.assertFetched();
    assert.match(scene.retries[0], why);
  });
}

fetchTest("tries four times, with longer and longer pauses", () => ({ body: ARCHIVE, cut: 500 }), async (scene) => {
  const silence = 60_000;
  {
    using played = playPauses(silence - 1);
    const line = await scene.line({ timing: { silence, pause: 1000 } });
    assert.match(line, /^download corpus smalltext from http:\/\/HOST\/text: error reading a body from connection/);
    assert.deepEqual(played.pauses.filter((wait) => wait > 0), [1000, 3000, 9000]);
  }
  assert.deepEqual([scene.server.requests.length, scene.retries.length], [4, 3]);
  assert.deepEqual(await scene.names(), ["smalltext.lock"]);
});

fetchTest(
  "says at once that there is no connection, but tries again where there was one",
  brokenOnce(),
  async (scene) => {
    const { host } = scene.server, timing = { silence: 60_000, pause: 1 };
    const closed = scene.line({ timing, onRetry: async () => await scene.server[Symbol.asyncDispose]() });
    assert.match(await closed, /^download corpus smalltext from \S+: no connection: .*refused/);
    // With a pause that this test would not survive.
    const gone = await scene.line({ timing: { silence: 60_000, pause: 10 ** 6 } }, corpusAt(host));
    assert.match(gone, /^download corpus smalltext from \S+: no connection: .*refused/);
    assert.deepEqual(await scene.names(), ["smalltext.lock"]);
  },
);

fetchTest("follows a redirect on the same host", ({ path }) => (
  path === "/moved" ? { body: ARCHIVE } : { status: "302 Found", headers: { location: "/moved" } }
), async (scene) => {
  await scene.fetch();
  await scene.assertFetched();
  assert.deepEqual(scene.server.requests.map(({ path }) => path), ["/text", "/moved"]);
});

const redirect = (location: string): Answer => ({ status: "301 Moved Permanently", headers: { location } });
const another = (host: string) => `the server redirects to another host, ${host}; must be HOST`;
const most = 2 * ARCHIVE.length, tooMuch = `the server sends more than ${most} bytes; must be about ${ARCHIVE.length}`;
for (
  const [what, answer, why] of [
    ["404", { status: "404 Not Found" }, "the server answers 404 Not Found"],
    ["a status without words", { status: "599 " }, "the server answers 599"],
    ["a redirect to another port", redirect("http://localhost:9/text"), another("localhost:9")],
    ["a redirect to another host", redirect("https://other.example/text"), another("other.example:443")],
    ["a redirect to another host by the same protocol", redirect("//other.example"), another("other.example:80")],
    ["a redirect to a file", redirect("file:///etc/passwd"), another(":80")],
    ["a redirect to no address", redirect("http://"), another("http://")],
    ["a redirect to nowhere", { status: "301 Moved Permanently" }, "the server answers 301 Moved Permanently"],
    ["an announcement of too much", { headers: { "content-length": 10 ** 12 }, body: ARCHIVE }, tooMuch],
    ["bytes without end", { headers: { "content-length": "" }, body: new Uint8Array(65536), endless: true }, tooMuch],
  ] as const
) {
  fetchTest(`takes ${what} for the last word`, () => answer, async (scene) => {
    assert.equal(await scene.line(), `download corpus smalltext from http://HOST/text: ${why}`);
    assert.equal(scene.server.requests.length, 1);
    assert.deepEqual(await scene.names(), ["smalltext.lock"]);
  });
}

fetchTest("does not follow redirects for ever", () => redirect("/text"), async (scene) => {
  assert.match(await scene.line(), /: the server redirects more than 5 times$/);
  assert.equal(scene.server.requests.length, 6);
});

const wrongByte = TEXT.with(12_345, 7);
const WRONG: readonly (readonly [what: string, answer: Answer, plain: boolean, why: RegExp])[] = [
  ["with a wrong byte", { body: wrongByte }, true, /its SHA-1 is [0-9a-f]{40}, must be [0-9a-f]{40}/],
  ["that is too short", { body: TEXT.subarray(1) }, true, /it has 59999 bytes, must be 60000/],
  ["that is too long", { body: Uint8Array.of(...TEXT, 32) }, true, /it has more than 60000 bytes/],
  ["with a wrong byte in an archive", { body: await zipped(wrongByte) }, false, /its SHA-1 is /],
  ["that swells", { body: await zipped(new Uint8Array(10_000_000)) }, false, /it has more than 60000 bytes/],
  ["in an archive of other names", { body: await zipped(TEXT, "readme") }, false, /the archive has no file 'text'/],
  ["with a flipped bit", { body: ARCHIVE.with(9000, ARCHIVE[9000] ^ 4) }, false, /the archive is damaged: |SHA-1/],
  ["in half an archive", { body: ARCHIVE.subarray(0, 20_000) }, false, /the archive is damaged: /],
  ["that a server cut", { body: ARCHIVE, headers: { "content-length": 20_000 } }, false, /the archive is damaged: /],
  [
    "that is encoded",
    { body: TEXT.subarray(9), headers: { "content-encoding": "gzip" } },
    true,
    /it has 59991 bytes/,
  ],
  [
    "that is a provider's page",
    { body: new TextEncoder().encode("<html>Log in") },
    false,
    /the archive is damaged: /,
  ],
  ["that is nothing", { status: "204 No Content" }, false, /the archive is damaged: /],
];
for (const [what, answer, plain, why] of WRONG) {
  fetchTest(`throws a text away ${what}`, () => answer, async (scene) => {
    const line = await scene.line({}, corpusAt(scene.server.host, { plain }));
    assert.match(line, /^use what http:\/\/HOST\/text sent for corpus smalltext: .*; it was deleted$/);
    assert.match(line, why);
    assert.deepEqual(await scene.names(), ["smalltext.lock"]);
    assert.equal(scene.server.requests.length, 1);
  });
}

fetchTest("takes nothing that killed processes and earlier versions left, and removes it", proper, async (scene) => {
  await Deno.mkdir(scene.folder, { recursive: true });
  const facts = { url: corpusAt(scene.server.host).url, validator: '"first"', total: ARCHIVE.length };
  await Deno.writeTextFile(join(scene.folder, "smalltext.part.json"), JSON.stringify(facts));
  // Each is longer than what is to lie there, and under the text's own name is a file of another size.
  for (const name of ["smalltext.part", "smalltext.unpacked", "smalltext"]) {
    await Deno.writeFile(join(scene.folder, name), new Uint8Array(90_000));
  }
  await scene.fetch();
  await scene.assertFetched();
});

fetchTest("names the cache where it cannot write, and leaves nothing there", proper, async (scene) => {
  await Deno.mkdir(join(scene.folder, ".."), { recursive: true });
  await Deno.writeTextFile(scene.folder, "a file is where the folder must be");
  assert.match(await scene.line(), /^keep corpus smalltext in CACHE: .+/);
  await Deno.remove(scene.folder);
  {
    using _full = fillDiskOfThisProcess();
    assert.equal(await scene.line(), "keep corpus smalltext in CACHE: No space left on device (os error 28)");
  }
  assert.deepEqual([await scene.names(), scene.retries], [["smalltext.lock"], []]);
  await scene.fetch();
  await scene.assertFetched();
});

fetchTest("downloads once for all who ask at a time, and tells the others that they wait", () => (
  { body: ARCHIVE, after: 100 }
), async (scene) => {
  let waiting = 0;
  await Promise.all([1, 2, 3].map(() => scene.fetch({ onWait: () => waiting++ })));
  assert.deepEqual([waiting, scene.server.requests.length], [2, 1]);
  await scene.assertFetched();
});

for (const when of ["downloading", "unpacking", "pausing"] as const) {
  const answer = when === "unpacking" ? proper : brokenOnce({ stalls: when === "downloading" });
  fetchTest(`leaves nothing when it is stopped while ${when}`, answer, async (scene) => {
    const stop = new AbortController(), reason = new Error("enough");
    const stopped = scene.fetch({
      signal: stop.signal,
      timing: { silence: 60_000, pause: 10 ** 6 },
      onProgress: (what) => what === when && stop.abort(reason),
      onRetry: () => void setTimeout(() => stop.abort(reason)),
    });
    await assert.rejects(stopped, (error) => error === reason);
    assert.deepEqual(await scene.names(), ["smalltext.lock"]);
    await scene.fetch();
    await scene.assertFetched();
  });
}
