/** What tests of fetching have in common: a server that answers as a test says, and a folder for the cache. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { isCached } from "../../../train/corpus/cache.ts";
import { fetchCorpus, type FetchOptions } from "../../../train/corpus/fetch.ts";
import type { KnownCorpus } from "../../../train/corpus/known.ts";
import { type Answer, CorpusServer, properly, type Request } from "./corpus_server.ts";
import { ARCHIVE, corpusAt, TEXT } from "./known_corpora.ts";

export type Reply = (request: Request, number: number) => Answer;

/** A server, a folder for the cache, and what is done with them. */
export interface Scene {
  readonly server: CorpusServer;
  readonly folder: string;
  fetch(corpus?: KnownCorpus, options?: Partial<FetchOptions>): Promise<void>;
  /** The line of a fetch that fails, behind `Cannot `; without addresses, folders, and what serves instead. */
  line(corpus?: KnownCorpus, options?: Partial<FetchOptions>): Promise<string>;
}

const INSTEAD = "; use your own file with --corpus FILE; --corpus embedded needs no network";

export function fetchTest(name: string, reply: Reply, run: (scene: Scene) => Promise<void>): void {
  Deno.test(name, async () => {
    const folder = join(await Deno.makeTempDir(), "cache", "cellspace");
    await using server = new CorpusServer(reply);
    const scene: Scene = {
      server,
      folder,
      fetch: (corpus = corpusAt(server.host), options = {}) =>
        fetchCorpus(corpus, { folder, timing: { silence: 150, pauses: [1, 1] }, ...options }),
      async line(corpus, options) {
        const error = await scene.fetch(corpus, options).then(() => assert.fail("it has not failed"), (error) => error);
        assert.equal(error.name, "UserError", String(error.stack));
        assert.ok(!error.message.includes("\n") && error.message.endsWith(INSTEAD), error.message);
        const named = error.message.replace(/^Cannot /, "").replaceAll(server.host, "HOST").replaceAll(folder, "CACHE");
        return named.slice(0, -INSTEAD.length);
      },
    };
    try {
      await run(scene);
    } finally {
      await Deno.remove(join(folder, "..", ".."), { recursive: true });
    }
  });
}

export const namesIn = async ({ folder }: Scene) =>
  (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();

/** The text is there, and nothing is left of its way there but the lock. */
export async function assertFetched(scene: Scene): Promise<void> {
  assert.deepEqual(await Deno.readFile(join(scene.folder, "smalltext")), TEXT);
  assert.deepEqual(await namesIn(scene), ["smalltext", "smalltext.lock"]);
}

/** Nothing is there that could be taken for the text. */
export async function assertNotCached(scene: Scene): Promise<void> {
  assert.ok(!await isCached(corpusAt("none"), scene.folder));
  assert.ok((await namesIn(scene)).every((name) => /\.(lock|part|part\.json)$/.test(name)));
}

export const proper: Reply = (request) => properly(ARCHIVE, request);
/** Breaks off the first answers, each after so many bytes of its own. */
export const brokenOff = (...cuts: number[]): Reply => (request, number) => ({
  ...proper(request, number),
  cut: cuts[number],
});
