import assert from "node:assert/strict";
import { join } from "node:path";
import { cachedPath, cacheFolder, isCached } from "../../../train/corpus/cache.ts";
import { CORPUS_NAMES, corpusSource } from "../../../train/corpus/corpus.ts";
import { KNOWN_CORPORA, knownCorpus } from "../../../train/corpus/known.ts";

const folderOf = (os: typeof Deno.build.os, variables: Record<string, string>) =>
  cacheFolder(os, (name) => variables[name]);

Deno.test("cacheFolder() is under XDG_CACHE_HOME, else where the system has caches", () => {
  const home = { HOME: "/home/ann", LOCALAPPDATA: "/Users/ann/AppData/Local" };
  assert.equal(folderOf("linux", home), "/home/ann/.cache/cellspace");
  assert.equal(folderOf("darwin", home), "/home/ann/Library/Caches/cellspace");
  assert.equal(folderOf("windows", home), "/Users/ann/AppData/Local/cellspace");
  for (const os of ["linux", "darwin", "windows"] as const) {
    assert.equal(folderOf(os, { ...home, XDG_CACHE_HOME: "/scratch/cache" }), "/scratch/cache/cellspace");
    // As its specification has it.
    assert.equal(folderOf(os, { ...home, XDG_CACHE_HOME: "cache" }), folderOf(os, home));
  }
});

Deno.test("cacheFolder() says which variable is missing", () => {
  assert.throws(
    () => folderOf("linux", {}),
    /^UserError: Cannot find the folder of caches: neither XDG_CACHE_HOME nor HOME is set; must be one of them$/,
  );
  assert.throws(() => folderOf("windows", { HOME: "/home/ann" }), /neither XDG_CACHE_HOME nor LOCALAPPDATA is set/);
});

Deno.test("isCached() is told by the size of a file, which comes to its name whole", async () => {
  const folder = await Deno.makeTempDir(), corpus = { ...KNOWN_CORPORA[0], bytes: 5 };
  try {
    const path = cachedPath(corpus, folder);
    assert.equal(path, join(folder, "enwik8"));
    assert.equal(await isCached(corpus, folder), false);
    await Deno.writeFile(path, new Uint8Array(4));
    assert.equal(await isCached(corpus, folder), false);
    await Deno.writeFile(path, new Uint8Array(5));
    assert.equal(await isCached(corpus, folder), true);
    await Deno.remove(path);
    await Deno.mkdir(path);
    assert.equal(await isCached(corpus, folder), false);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("known corpora have names of their own, SHA-1s, and addresses at the hosts that may be asked", () => {
  assert.equal(new Set(CORPUS_NAMES).size, KNOWN_CORPORA.length + 1);
  for (const { name, url, hosts, sha1, bytes, download_bytes, zipped_as } of KNOWN_CORPORA) {
    assert.match(name, /^[a-z0-9]+$/);
    assert.match(sha1, /^[0-9a-f]{40}$/);
    const { protocol, hostname } = new URL(url);
    assert.ok(hosts.includes(`${hostname}:${protocol === "https:" ? 443 : 80}`), name);
    assert.ok(zipped_as === undefined ? download_bytes === bytes : download_bytes < bytes, name);
  }
});

Deno.test("corpusSource() keeps names, and takes anything else for a file", () => {
  for (const name of ["embedded", "enwik8", "text8", "tinyshakespeare"]) assert.equal(corpusSource(name), name);
  assert.equal(corpusSource("./enwik8"), join(Deno.cwd(), "enwik8"));
  assert.equal(corpusSource("enwik9"), join(Deno.cwd(), "enwik9"));
  assert.deepEqual([knownCorpus("enwik9"), knownCorpus("embedded"), knownCorpus(undefined)], [
    undefined,
    undefined,
    undefined,
  ]);
});
