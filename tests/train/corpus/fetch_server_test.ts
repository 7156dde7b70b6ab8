/** Known corpora come into the cache whole and right, or not at all, whatever a server answers. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { assertFetched, assertNotCached, fetchTest, proper } from "./fetch_scene.ts";
import { ARCHIVE, corpusAt } from "./known_corpora.ts";

fetchTest("fetchCorpus() finds that all has come where the server announces too much", (request, number) => (
  number === 0
    ? { headers: { etag: '"first"', "content-length": ARCHIVE.length + 500 }, body: ARCHIVE }
    : proper(request, number)
), async (scene) => {
  await scene.fetch();
  await assertFetched(scene);
  assert.deepEqual(scene.server.ranges, [null, `bytes=${ARCHIVE.length}-`]);
});

fetchTest("fetchCorpus() throws away what a server has cut by announcing too little", (request) => {
  const answer = proper(request, 0);
  return { ...answer, headers: { ...answer.headers, "content-length": 20_000 } };
}, async (scene) => {
  assert.match(await scene.line(), /sent for corpus smalltext: the archive is damaged: .*; it was deleted$/);
  await assertNotCached(scene);
});

fetchTest("fetchCorpus() takes no more than twice what it expects, announced or not", (_, number) => (
  number === 0
    ? { headers: { "content-length": 10 ** 12 }, body: ARCHIVE }
    : { headers: { "content-length": "" }, body: new Uint8Array(65536), endless: true }
), async (scene) => {
  const [about, most] = [ARCHIVE.length, 2 * ARCHIVE.length];
  const from = "download corpus smalltext from http://HOST/text";
  assert.equal(await scene.line(), `${from}: the server offers 1000000000000 bytes; must be about ${about}`);
  assert.equal(await scene.line(), `${from}: the server sends more than ${most} bytes; must be about ${about}`);
  assert.equal((await Deno.stat(join(scene.folder, "smalltext.part"))).size, 0);
  await assertNotCached(scene);
});

fetchTest("fetchCorpus() waits for a silent server for a while, before its answer and within it", (request, number) => (
  number === 1
    ? { ...proper(request, 0), after: 10_000 }
    : { ...proper(request, 0), cut: number === 0 ? 500 : 0, stalls: true }
), async (scene) => {
  assert.match(
    await scene.line(),
    /^download corpus smalltext from http:\/\/HOST\/text: no data for 0.15 s; 500 of \d+ bytes were downloaded/,
  );
  assert.deepEqual(scene.server.ranges, [null, "bytes=500-", "bytes=500-"]);
  await assertNotCached(scene);
});

fetchTest("fetchCorpus() follows a redirect on the same host", (request, number) => (
  request.path === "/moved" ? proper(request, number) : { status: "302 Found", headers: { location: "/moved" } }
), async (scene) => {
  await scene.fetch();
  await assertFetched(scene);
  assert.deepEqual(scene.server.requests.map(({ path }) => path), ["/text", "/moved"]);
});

const REDIRECTS: readonly (readonly [location: string, why: RegExp])[] = [
  ["http://localhost:9/text", /the server redirects to another host, localhost:9; must be HOST$/],
  ["https://other.example/text", /the server redirects to another host, other\.example:443; must be HOST$/],
  ["//other.example", /the server redirects to another host, other\.example:80; must be HOST$/],
  ["file:///etc/passwd", /the server redirects to 'file:\/\/\/etc\/passwd', which is no URL$/],
  ["http://", /the server redirects to 'http:\/\/', which is no URL$/],
  ["", /the server redirects to '', which is no URL$/],
  ["/text", /the server redirects more than 5 times$/],
];
for (const [location, why] of REDIRECTS) {
  fetchTest(`fetchCorpus() does not follow a redirect to '${location}'`, () => (
    { status: "301 Moved Permanently", headers: { location } }
  ), async (scene) => {
    assert.match(await scene.line(), why);
    await assertNotCached(scene);
  });
}

fetchTest(
  "fetchCorpus() takes 404 and its like as the last word, and keeps what has come before",
  (request, number) => (
    number === 0
      ? { ...proper(request, 0), cut: 500 }
      : number === 1
      ? { status: "404 Not Found" }
      : proper(request, number)
  ),
  async (scene) => {
    assert.equal(
      await scene.line(),
      "download corpus smalltext from http://HOST/text: the server answers 404 Not Found",
    );
    assert.equal(scene.server.requests.length, 2);
    await assertNotCached(scene);
    await scene.fetch();
    assert.deepEqual(scene.server.ranges, [null, "bytes=500-", "bytes=500-"]);
    await assertFetched(scene);
  },
);

fetchTest("fetchCorpus() asks a server again that is broken for the moment, and not for ever", (request, number) => (
  number === 2 || number > 5
    ? proper(request, number)
    : { status: number % 2 ? "503 Service Unavailable" : "500 Internal Server Error" }
), async (scene) => {
  await scene.fetch();
  await assertFetched(scene);
  await Deno.remove(join(scene.folder, "smalltext"));
  assert.equal(
    await scene.line(),
    "download corpus smalltext from http://HOST/text: the server answers 503 Service Unavailable",
  );
  assert.equal(scene.server.requests.length, 6);
});

fetchTest(
  "fetchCorpus() begins anew where a server has less than has come, and gives up on one that has never",
  (request, number) => {
    if (number === 0) return { ...proper(request, 0), cut: 500 };
    const short = { status: "416 Range Not Satisfiable", headers: { "content-range": "bytes */300" } };
    return number === 1 || number > 2 ? short : proper(request, number);
  },
  async (scene) => {
    await scene.fetch();
    await assertFetched(scene);
    assert.deepEqual(scene.server.ranges, [null, "bytes=500-", null]);
    await Deno.remove(join(scene.folder, "smalltext"));
    assert.match(await scene.line(), /the server's file is shorter than the part that was downloaded$/);
  },
);

fetchTest("fetchCorpus() refuses bytes that are encoded in a way that nobody asked for", (request) => {
  const answer = proper(request, 0);
  return { ...answer, headers: { ...answer.headers, "content-encoding": "gzip" } };
}, async (scene) => assert.match(await scene.line(), /the server sends it encoded as gzip, which was not asked for$/));

fetchTest("fetchCorpus() says that there is no connection, at once", proper, async (scene) => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const line = await scene.line(corpusAt(`127.0.0.1:${port}`), { timing: { silence: 5000, pauses: [60_000] } });
  assert.match(line, /^download corpus smalltext from \S+: no connection: .*refused/);
  await assertNotCached(scene);
});
