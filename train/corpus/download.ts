/** Downloads a file, and goes on where an earlier download was broken off. */
import { ask, Interrupted, Patience, Refused } from "./http.ts";
import { type Facts, Part } from "./part.ts";

/** What is downloaded. */
export interface Source {
  readonly url: string;
  /** Hosts that may be asked, as `name:port`, a redirect's target included. */
  readonly hosts: readonly string[];
  /** Bytes of the file, as far as is known; twice as many are never taken. */
  readonly bytes: number;
}

/** How long a server is waited for, milliseconds. */
export interface Timing {
  /** Silence after which a connection counts as broken. */
  readonly silence: number;
  /** Before each further try; after the last, or where nothing has come since, it is over. */
  readonly pauses: readonly number[];
}

const TIMING: Timing = { silence: 30_000, pauses: [1000, 3000, 9000] };

export interface DownloadOptions {
  readonly timing?: Timing;
  readonly signal?: AbortSignal;
  /** Called with the bytes that are there, and with their total as far as it is known. */
  readonly onProgress?: (bytes: number, total: number) => void;
}

/**
 * Downloads a file to a path, where what came of it before lies; the path has it all when this ends well. Whether it is what it
 * should be is for the caller to see.
 *
 * @returns whether parts of it came at different times: then they may not belong together
 * @throws {Interrupted} if the connection breaks again and again; what has come stays
 * @throws {Refused} if the server has no such file, or sends what cannot be it
 */
export async function download(source: Source, path: string, options: DownloadOptions = {}): Promise<boolean> {
  const { pauses } = options.timing ?? TIMING;
  using part = await Part.open(path, source.url);
  let isPieced = part.bytes > 0, hasCome = false, fruitless = 0;
  while (!part.isWhole) {
    const before = part.bytes;
    try {
      isPieced = await fetchRest(source, part, options) && isPieced;
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      if (part.bytes > before) [hasCome, fruitless] = [true, 0];
      // Without a network there is none a moment later; where something has come, it was there a moment ago.
      const isHopeless = !hasCome && error.message.startsWith("no connection");
      if (isHopeless || fruitless >= pauses.length) throw new Interrupted(`${error.message}${kept(part)}`);
      await pause(pauses[fruitless++], options.signal);
      isPieced = part.bytes > 0;
    }
  }
  return isPieced;
}

function kept({ bytes, facts: { total, validator } }: Part): string {
  if (bytes === 0 || !validator) return "";
  return `; ${bytes}${
    total === undefined ? "" : ` of ${total}`
  } bytes were downloaded; the same command resumes from there`;
}

/** Fetches what is missing in one go; returns whether it was added to what there was. */
async function fetchRest(source: Source, part: Part, options: DownloadOptions): Promise<boolean> {
  const patience = new Patience((options.timing ?? TIMING).silence, options.signal);
  const { validator } = part.facts;
  // Without a validator nobody could tell whether the rest is that of the same file.
  const range = part.bytes > 0 && validator ? { range: `bytes=${part.bytes}-`, "if-range": validator } : undefined;
  const response = await ask(source.url, range ?? {}, source.hosts, patience);
  const goesOn = response.status !== 200;
  if (response.status === 416) {
    await response.body?.cancel();
    await outOfRange(response, part);
  } else {
    if (response.status === 206) await checkContinuation(response, part);
    else {await part.restart({
        validator: validatorOf(response),
        total: wholeNumber(response.headers.get("content-length")),
      });}
    await takeBody(response, source, part, patience, options);
  }
  return goesOn;
}

/** There is nothing behind what has come: it is all there, or of another file. */
async function outOfRange({ headers }: Response, part: Part): Promise<void> {
  const total = wholeNumber(/^bytes \*\/(\d+)$/.exec(headers.get("content-range") ?? "")?.[1]);
  if (total === part.bytes) return await part.note({ ...part.facts, total });
  await part.restart({});
  throw new Interrupted("the server's file is shorter than the part that was downloaded");
}

async function checkContinuation({ headers, body }: Response, part: Part): Promise<void> {
  const range = headers.get("content-range") ?? "";
  const [, first, size] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(range) ?? [];
  const total = wholeNumber(size), known = part.facts.total;
  const agrees = total === undefined || known === undefined || total === known;
  if (Number(first) === part.bytes && agrees) return await part.note({ ...part.facts, total: total ?? known });
  await body?.cancel();
  const wanted = `bytes ${part.bytes}-…/${known ?? "…"}`;
  await part.restart({});
  throw new Interrupted(`the server sends another part than the one asked for, '${range}' for '${wanted}'`);
}

async function takeBody(
  response: Response,
  source: Source,
  part: Part,
  patience: Patience,
  { onProgress }: DownloadOptions,
): Promise<void> {
  const most = 2 * source.bytes, { total } = part.facts;
  const reader = response.body?.getReader();
  try {
    if (total !== undefined && total > most) throw await tooMuch(`offers ${total}`, source, part);
    for (;;) {
      const { value } = reader ? await patience.of(reader.read()) : {};
      if (!value) break;
      if (part.bytes + value.length > most) throw await tooMuch(`sends more than ${most}`, source, part);
      await part.append(value);
      onProgress?.(part.bytes, total ?? source.bytes);
    }
  } finally {
    await reader?.cancel().catch(() => {});
  }
  if (total !== undefined && part.bytes < total) {
    throw new Interrupted(`the connection ended after ${part.bytes} of ${total} bytes`);
  }
  await part.note({ ...part.facts, total: part.bytes });
}

async function tooMuch(what: string, { bytes }: Source, part: Part): Promise<Refused> {
  await part.restart({});
  return new Refused(`the server ${what} bytes; must be about ${bytes}`);
}

/** By what the server can tell later that it still has the same file. A weak ETag says only that it means the same. */
function validatorOf({ headers }: Response): Facts["validator"] {
  const etag = headers.get("etag");
  return (etag?.startsWith('"') ? etag : undefined) ?? headers.get("last-modified") ?? undefined;
}

function wholeNumber(text: string | null | undefined): number | undefined {
  return text && /^\d+$/.test(text) ? Number(text) : undefined;
}

async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}
