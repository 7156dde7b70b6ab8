/** Brings a known corpus into the cache of this machine: downloaded, checked, unpacked, once, even if several processes want it. */
import pRetry from "p-retry";
import { messageOf, UserError } from "../../cells/errors.ts";
import { holdLock } from "../process/lock.ts";
import { cachedPath, cacheFolder, isCached } from "./cache.ts";
import type { KnownCorpus } from "./known.ts";
import { unpackText, WrongContent } from "./unpack.ts";

/** How long a server is waited for, milliseconds. */
export interface Timing {
  /** Silence after which a connection counts as broken. */
  readonly silence: number;
  /** Before the second try; before each further one three times as long. */
  readonly pause: number;
}

const TIMING: Timing = { silence: 30_000, pause: 1000 };
const RETRIES = 3;
const MOST_REDIRECTS = 5;
/** Answers of a server that is overloaded, starting, or broken for the moment. */
const PASSING = [408, 425, 429, 500, 502, 503, 504];
/** What serves in its place, whatever went wrong. */
const INSTEAD = "use your own file with --corpus FILE; --corpus embedded needs no network";

export interface FetchOptions {
  /** The cache's folder; absent: this user's. */
  readonly folder?: string;
  readonly timing?: Timing;
  readonly signal?: AbortSignal;
  /** Called when another process downloads the same corpus, before waiting for it. */
  readonly onWait?: () => void;
  /** Called with the reason before a broken download begins again. */
  readonly onRetry?: (why: string) => void;
  /** Called with how many bytes of how many are done. */
  readonly onProgress?: (what: "downloading" | "unpacking", bytes: number, total: number) => void;
}

class DownloadError extends Error {
  /** @param mayPass whether the next try may go better */
  constructor(message: string, readonly mayPass: boolean) {
    super(message);
  }
}

/**
 * Puts a corpus into the cache, if it is not there. It gets its name there only when it is whole, has been checked, and is on the disk;
 * whatever happens before leaves nothing but the lock's file.
 *
 * @throws {UserError} with one line: the network, the server, the content, the disk
 * @throws the signal's reason, if it comes meanwhile
 */
export async function fetchCorpus(corpus: KnownCorpus, options: FetchOptions = {}): Promise<void> {
  const { onWait, signal } = options;
  try {
    const folder = options.folder ?? cacheFolder(), path = cachedPath(corpus, folder);
    if (await isCached(corpus, folder)) return;
    await Deno.mkdir(folder, { recursive: true });
    using _lock = await holdLock(`${path}.lock`, { onWait, signal });
    // The process that held the lock has fetched it.
    if (!await isCached(corpus, folder)) await fetchTo(path, corpus, options);
  } catch (error) {
    signal?.throwIfAborted();
    throw new UserError(`Cannot ${whatFailed(error, corpus, options.folder)}; ${INSTEAD}`);
  }
}

/** Under the lock, so names of temporary files are the same each time: what a killed process left is overwritten, then removed. */
async function fetchTo(path: string, corpus: KnownCorpus, options: FetchOptions): Promise<void> {
  const download = `${path}.part`, text = `${path}.unpacked`;
  const { timing = TIMING, signal, onRetry, onProgress } = options;
  const shouldRetry = ({ error }: { readonly error: Error }) => {
    const again = error instanceof DownloadError && error.mayPass;
    if (again) onRetry?.(error.message);
    return again;
  };
  try {
    const retry = { retries: RETRIES, minTimeout: timing.pause, factor: 3, signal, shouldRetry };
    await pRetry((attempt) => downloadTo(download, corpus, attempt === 1, options), retry);
    await unpackText(corpus, download, text, (bytes) => {
      onProgress?.("unpacking", bytes, corpus.bytes);
      signal?.throwIfAborted();
    });
    await Deno.rename(text, path);
  } finally {
    // Versions before 0.10.0 left a .part.json beside a .part.
    for (const left of [download, `${download}.json`, text]) await Deno.remove(left).catch(() => {});
  }
}

async function downloadTo(path: string, corpus: KnownCorpus, isFirst: boolean, options: FetchOptions): Promise<void> {
  const { timing = TIMING, signal, onProgress } = options, most = 2 * corpus.download_bytes;
  const connection = new AbortController();
  const either = signal ? AbortSignal.any([connection.signal, signal]) : connection.signal;
  /** Waits for something from the server; the time that is spent on what it sent is no silence. */
  const heard = async <T>(waited: Promise<T>): Promise<T> => {
    const silence = new DownloadError(`nothing came for ${timing.silence / 1000} s`, true);
    const timer = setTimeout(() => connection.abort(silence), timing.silence);
    try {
      return await waited;
    } catch (error) {
      if (connection.signal.aborted) throw silence;
      throw error instanceof TypeError ? broken(error, isFirst) : error;
    } finally {
      clearTimeout(timer);
    }
  };
  try {
    using file = await Deno.open(path, { write: true, create: true, truncate: true });
    // An encoded answer would be announced with another size than the file has.
    const asked = { headers: { "accept-encoding": "identity" }, redirect: "manual", signal: either } as const;
    const { headers, body } = await ask(corpus, (url) => heard(fetch(url, asked)));
    const total = Number(headers.get("content-length") ?? corpus.download_bytes), reader = body?.getReader();
    for (let bytes = 0;;) {
      const { value } = reader ? await heard(reader.read()) : {};
      if (!value) return;
      bytes += value.length;
      if (Math.max(bytes, total) > most) {
        const about = `must be about ${corpus.download_bytes}`;
        throw new DownloadError(`the server sends more than ${most} bytes; ${about}`, false);
      }
      for (let at = 0; at < value.length;) at += await file.write(value.subarray(at));
      onProgress?.("downloading", bytes, total);
    }
  } finally {
    connection.abort();
  }
}

/** The answer with the file; redirects are followed as far as they lead to the corpus' own hosts. */
async function ask({ url, hosts }: KnownCorpus, get: (url: URL) => Promise<Response>): Promise<Response> {
  let at = new URL(url);
  for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
    const response = await get(at), { ok, status, statusText, headers } = response;
    if (ok) return response;
    const location = status >= 300 && status < 400 ? headers.get("location") : null;
    if (location === null) {
      throw new DownloadError(`the server answers ${status} ${statusText}`.trimEnd(), PASSING.includes(status));
    }
    const to = URL.parse(location, at);
    const host = to ? `${to.hostname}:${to.port || (to.protocol === "https:" ? 443 : 80)}` : location;
    if (!to || !hosts.includes(host)) {
      throw new DownloadError(`the server redirects to another host, ${host}; must be ${hosts.join(" or ")}`, false);
    }
    at = to;
  }
  throw new DownloadError(`the server redirects more than ${MOST_REDIRECTS} times`, false);
}

/** The error of a connection. Without a network at the first try there is none a moment later. */
function broken(error: TypeError, isFirst: boolean): DownloadError {
  const whole = error.cause instanceof Error ? error.cause.message : messageOf(error);
  // The message has the address, which stands before it anyway.
  const why = whole.replace(/^error sending request for url \(.*?\): /, "no connection: ").replaceAll("\n", " ");
  return new DownloadError(why, !isFirst || !why.startsWith("no connection"));
}

function whatFailed(error: unknown, { name, url }: KnownCorpus, folder?: string): string {
  const why = messageOf(error);
  if (error instanceof WrongContent) return `use what ${url} sent for corpus ${name}: ${why}; it was deleted`;
  if (error instanceof DownloadError) return `download corpus ${name} from ${url}: ${why}`;
  if (error instanceof UserError) return why.replace(/^Cannot /, "");
  return `keep corpus ${name} in ${folder ?? cacheFolder()}: ${why}`;
}
