/** Known corpora come into the cache whole and right, or not at all, whatever network, disk and other processes do. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fillDiskOfThisProcess } from "../../faults/disks.ts";
import { properly } from "./corpus_server.ts";
import { assertFetched, assertNotCached, brokenOff, fetchTest, namesIn, proper } from "./fetch_scene.ts";
import { ARCHIVE, corpusAt, TEXT, zipped } from "./known_corpora.ts";

fetchTest("fetchCorpus() downloads an archive, unpacks it, and does neither again", proper, async (scene) => {
  const seen: [what: string, bytes: number, total: number][] = [];
  await scene.fetch(undefined, { onProgress: (...progress) => void seen.push(progress) });
  await assertFetched(scene);
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

fetchTest("fetchCorpus() takes a text that is in no archive", (request) => properly(TEXT, request), async (scene) => {
  await scene.fetch(corpusAt(scene.server.host, { plain: true }));
  await assertFetched(scene);
});

fetchTest(
  "fetchCorpus() goes on where the connection broke, as often as something comes",
  brokenOff(500, 700, 1, 900),
  async (scene) => {
    await scene.fetch();
    await assertFetched(scene);
    assert.deepEqual(scene.server.ranges, [null, "bytes=500-", "bytes=1200-", "bytes=1201-", "bytes=2101-"]);
    assert.equal(scene.server.requests[1].headers["if-range"], '"first"');
  },
);

fetchTest(
  "fetchCorpus() gives up when nothing more comes, says what it has, and goes on from there",
  (request, number) => {
    const answer = proper(request, number);
    return number < 3 ? { ...answer, cut: number === 0 ? 500 : 0 } : answer;
  },
  async (scene) => {
    const line = await scene.line();
    const all = ARCHIVE.length;
    assert.equal(
      line,
      `download corpus smalltext from http://HOST/text: error reading a body from connection; ` +
        `500 of ${all} bytes were downloaded; the same command resumes from there`,
    );
    assert.deepEqual(scene.server.ranges, [null, "bytes=500-", "bytes=500-"]);
    await assertNotCached(scene);
    await scene.fetch();
    assert.equal(scene.server.ranges.at(-1), "bytes=500-");
    await assertFetched(scene);
  },
);

fetchTest("fetchCorpus() takes all of it from a server that ignores where it was to go on", (_, number) => (
  { headers: { etag: '"first"' }, body: ARCHIVE, cut: number === 0 ? 500 : undefined }
), async (scene) => {
  await scene.fetch();
  await assertFetched(scene);
  assert.deepEqual(scene.server.ranges, [null, "bytes=500-"]);
});

fetchTest("fetchCorpus() takes all of a file that has changed on the server meanwhile", (request, number) => (
  number === 0
    ? { ...properly(ARCHIVE.map((byte) => ~byte), request), cut: 500 }
    : properly(ARCHIVE, request, '"second"')
), async (scene) => {
  await scene.fetch();
  await assertFetched(scene);
  assert.equal(scene.server.requests[1].headers["if-range"], '"first"');
});

const MODIFIED = "Thu, 01 Sep 2011 10:00:00 GMT";
fetchTest("fetchCorpus() goes on by the file's date where its ETag is weak", (request, number) => {
  const answer = properly(ARCHIVE, request, MODIFIED), headers = { etag: 'W/"first"', "last-modified": MODIFIED };
  return { ...answer, headers: { ...answer.headers, ...headers }, cut: number === 0 ? 500 : undefined };
}, async (scene) => {
  await scene.fetch();
  await assertFetched(scene);
  assert.deepEqual(scene.server.ranges, [null, "bytes=500-"]);
  assert.equal(scene.server.requests[1].headers["if-range"], MODIFIED);
});

fetchTest(
  "fetchCorpus() begins anew where nothing tells whether a file is still the same, and promises nothing",
  () => ({ body: ARCHIVE, cut: 500 }),
  async (scene) => {
    assert.match(await scene.line(), /^download corpus \S+ from \S+: error reading a body from connection$/);
    assert.deepEqual(scene.server.ranges, [null, null, null]);
  },
);

fetchTest("fetchCorpus() begins anew when a server sends another part than the one asked for", (request, number) => {
  if (number === 0) return { ...properly(ARCHIVE, request), cut: 500 };
  if (number > 1) return properly(ARCHIVE, request);
  const range = `bytes 400-${ARCHIVE.length - 1}/${ARCHIVE.length}`;
  return { status: "206 Partial Content", headers: { "content-range": range }, body: ARCHIVE.subarray(400) };
}, async (scene) => {
  await scene.fetch();
  await assertFetched(scene);
  assert.deepEqual(scene.server.ranges, [null, "bytes=500-", null]);
});

fetchTest(
  "fetchCorpus() downloads from the beginning, once, when pieces of two times do not fit",
  (request, number) => (
    number === 0 ? { ...properly(ARCHIVE.toReversed(), request), cut: 500 } : properly(ARCHIVE, request)
  ),
  async (scene) => {
    await scene.fetch();
    await assertFetched(scene);
    assert.deepEqual(scene.server.ranges, [null, "bytes=500-", null]);
  },
);

const wrongByte = TEXT.with(12_345, 7);
for (
  const [what, body, plain, why] of [
    ["with a wrong byte", wrongByte, true, /its SHA-1 is [0-9a-f]{40}, must be [0-9a-f]{40}/],
    ["that is too short", TEXT.subarray(1), true, /it has 59999 bytes, must be 60000/],
    ["that is too long", Uint8Array.of(...TEXT, 32), true, /it has more than 60000 bytes/],
    ["with a wrong byte in an archive", await zipped(wrongByte), false, /its SHA-1 is /],
    [
      "that swells to more than it should",
      await zipped(new Uint8Array(10_000_000)),
      false,
      /it has more than 60000 bytes/,
    ],
    ["in an archive of other names", await zipped(TEXT, "readme"), false, /the archive has no file 'text'/],
    [
      "in an archive with a flipped bit",
      ARCHIVE.with(9000, ARCHIVE[9000] ^ 4),
      false,
      /the archive is damaged: |SHA-1/,
    ],
    ["in half an archive", ARCHIVE.subarray(0, 20_000), false, /the archive is damaged: /],
    ["that is a page of a provider", new TextEncoder().encode("<html>Log in"), false, /the archive is damaged: /],
    ["that is nothing", new Uint8Array(), false, /the archive is damaged: /],
  ] as const
) {
  fetchTest(`fetchCorpus() throws a text away ${what}`, () => ({ headers: { etag: '"x"' }, body }), async (scene) => {
    const line = await scene.line(corpusAt(scene.server.host, { plain }));
    assert.match(line, /^use what http:\/\/HOST\/text sent for corpus smalltext: .*; it was deleted$/);
    assert.match(line, why);
    await assertNotCached(scene);
    assert.deepEqual(await namesIn(scene), ["smalltext.lock"]);
    assert.equal(scene.server.requests.length, 1);
  });
}

fetchTest(
  "fetchCorpus() unpacks what a killed process had downloaded, without asking anybody",
  proper,
  async (scene) => {
    await Deno.mkdir(scene.folder, { recursive: true });
    const corpus = corpusAt(scene.server.host);
    await Deno.writeFile(join(scene.folder, "smalltext.part"), ARCHIVE);
    const facts = { url: corpus.url, validator: '"first"', total: ARCHIVE.length };
    await Deno.writeTextFile(join(scene.folder, "smalltext.part.json"), JSON.stringify(facts));
    // And half a text that it was unpacking.
    await Deno.writeFile(join(scene.folder, "smalltext.unpacked"), new Uint8Array(70_000));
    await scene.fetch();
    assert.equal(scene.server.requests.length, 0);
    await assertFetched(scene);
  },
);

for (
  const [what, facts] of [
    ["from another address", '{"url": "http://elsewhere/", "validator": "x"}'],
    ["of which nothing is known", undefined],
    ["of which what is known is damaged", '{"url": '],
  ] as const
) {
  fetchTest(`fetchCorpus() does not go on from a part ${what}`, proper, async (scene) => {
    await Deno.mkdir(scene.folder, { recursive: true });
    await Deno.writeFile(join(scene.folder, "smalltext.part"), new Uint8Array(90_000));
    if (facts) await Deno.writeTextFile(join(scene.folder, "smalltext.part.json"), facts);
    await scene.fetch();
    assert.deepEqual(scene.server.ranges, [null]);
    await assertFetched(scene);
  });
}

fetchTest("fetchCorpus() takes a file of another size under the text's name for no corpus", proper, async (scene) => {
  await Deno.mkdir(scene.folder, { recursive: true });
  await Deno.writeFile(join(scene.folder, "smalltext"), TEXT.subarray(1));
  await scene.fetch();
  await assertFetched(scene);
});

fetchTest("fetchCorpus() names the cache where it cannot write, and goes on when it can", proper, async (scene) => {
  await Deno.mkdir(join(scene.folder, ".."), { recursive: true });
  await Deno.writeTextFile(scene.folder, "a file is where the folder must be");
  assert.match(await scene.line(), /^keep corpus smalltext in CACHE: .+/);
  await Deno.remove(scene.folder);
  {
    using _full = fillDiskOfThisProcess();
    assert.equal(await scene.line(), "keep corpus smalltext in CACHE: No space left on device (os error 28)");
    await assertNotCached(scene);
  }
  await scene.fetch();
  await assertFetched(scene);
});

fetchTest(
  "fetchCorpus() downloads once for all who ask at a time, and tells the others that they wait",
  (request, number) => (
    { ...proper(request, number), after: 100 }
  ),
  async (scene) => {
    let waiting = 0;
    await Promise.all([1, 2, 3].map(() => scene.fetch(undefined, { onWait: () => waiting++, timing: undefined })));
    assert.equal(waiting, 2);
    assert.equal(scene.server.requests.length, 1);
    await assertFetched(scene);
  },
);

fetchTest("fetchCorpus() stops when it is told to, and goes on another time", (request, number) => (
  number === 0 ? { ...proper(request, number), cut: 500, stalls: true } : proper(request, number)
), async (scene) => {
  const stop = new AbortController(), reason = new Error("enough");
  const stopped = scene.fetch(undefined, {
    signal: stop.signal,
    timing: { silence: 60_000, pauses: [] },
    onProgress: () => stop.abort(reason),
  });
  await assert.rejects(stopped, (error) => error === reason);
  await assertNotCached(scene);
  await scene.fetch();
  assert.deepEqual(scene.server.ranges, [null, "bytes=500-"]);
  await assertFetched(scene);
});
