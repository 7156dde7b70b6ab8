/** Brings a known corpus into the cache of this machine: downloaded, checked, unpacked, once, whoever else wants it too. */
import { messageOf, UserError } from "../../cells/errors.ts";
import { cachedPath, cacheFolder, isCached, partPath } from "./cache.ts";
import { download, type DownloadOptions } from "./download.ts";
import { Interrupted, Refused } from "./http.ts";
import { holdLock } from "../process/lock.ts";
import type { KnownCorpus } from "./known.ts";
import { Part } from "./part.ts";
import { unpackText, WrongContent } from "./unpack.ts";

/** What is under way, and how many bytes of how many are done. */
export type OnProgress = (what: "downloading" | "unpacking", bytes: number, total: number) => void;

export interface FetchOptions extends Pick<DownloadOptions, "timing" | "signal"> {
  /** The cache's folder; absent: this user's. */
  readonly folder?: string;
  /** Called when another process downloads the same corpus, before waiting for it. */
  readonly onWait?: () => void;
  readonly onProgress?: OnProgress;
}

/** What serves in its place, whatever went wrong. */
const INSTEAD = "use your own file with --corpus FILE; --corpus embedded needs no network";

/**
 * Sees to it that a corpus is in the cache. It comes to its name there only when it is whole, has been checked, and is on the disk.
 *
 * @throws {UserError} with one line: the network, the server, the content, the disk
 * @throws the signal's reason, if it comes meanwhile; what has been downloaded stays for the next time
 */
export async function fetchCorpus(corpus: KnownCorpus, options: FetchOptions = {}): Promise<void> {
  try {
    const folder = options.folder ?? cacheFolder();
    if (await isCached(corpus, folder)) return;
    await Deno.mkdir(folder, { recursive: true });
    const { onWait, signal } = options;
    using _lock = await holdLock(`${cachedPath(corpus, folder)}.lock`, { onWait, signal });
    // Who was waited for has fetched it.
    if (!await isCached(corpus, folder)) await fetchInto(folder, corpus, options);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw new UserError(`Cannot ${whatFailed(error, corpus, options)}; ${INSTEAD}`);
  }
}

async function fetchInto(folder: string, corpus: KnownCorpus, options: FetchOptions): Promise<void> {
  const part = partPath(corpus, folder), unpacked = `${cachedPath(corpus, folder)}.unpacked`;
  const { timing, signal, onProgress } = options;
  const source = { url: corpus.url, hosts: corpus.hosts, bytes: corpus.download_bytes };
  for (;;) {
    const isPieced = await download(source, part, {
      timing,
      signal,
      onProgress: (bytes, total) => onProgress?.("downloading", bytes, total),
    });
    signal?.throwIfAborted();
    try {
      await unpackText(corpus, part, unpacked, (bytes) => onProgress?.("unpacking", bytes, corpus.bytes));
      break;
    } catch (error) {
      await Deno.remove(unpacked).catch(() => {});
      if (!(error instanceof WrongContent)) throw error;
      await Part.remove(part);
      // Pieces of different times need not fit; a download from its beginning has none.
      if (!isPieced) throw error;
    }
  }
  await Deno.rename(unpacked, cachedPath(corpus, folder));
  await Part.remove(part);
}

function whatFailed(error: unknown, { name, url }: KnownCorpus, { folder }: FetchOptions): string {
  const why = messageOf(error);
  if (error instanceof WrongContent) return `use what ${url} sent for corpus ${name}: ${why}; it was deleted`;
  if (error instanceof Interrupted || error instanceof Refused) return `download corpus ${name} from ${url}: ${why}`;
  if (error instanceof UserError) return why.replace(/^Cannot /, "");
  return `keep corpus ${name} in ${folder ?? cacheFolder()}: ${why}`;
}
