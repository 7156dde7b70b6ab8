/** Takes the text of a corpus out of what was downloaded, and checks on the way that it is the right one. */
import { messageOf } from "../../cells/errors.ts";
import { createHash } from "../process/hash.ts";
import { configure, type Entry, type FileEntry, Reader, ZipReader } from "@zip.js/zip.js";
import type { KnownCorpus } from "./known.ts";

/** What was downloaded is not the corpus: it must be thrown away. */
export class WrongContent extends Error {}

/** Bytes that are read at a time, where the file itself is the text. */
const CHUNK_BYTES = 2 ** 20;

/**
 * Writes the text of a downloaded file, chunk by chunk, so that neither is ever in memory.
 *
 * @param from the download; read only
 * @param to where the text is to lie, whole and on the disk when this ends well
 * @param onProgress told how many bytes of the text are there
 * @throws {WrongContent} if the archive is damaged, or the text has another size or SHA-1
 */
export async function unpackText(
  corpus: KnownCorpus,
  from: string,
  to: string,
  onProgress: (bytes: number) => void = () => {},
): Promise<void> {
  using source = await Deno.open(from);
  using target = await Deno.open(to, { write: true, create: true, truncate: true });
  const checked = new CheckedText(corpus, target, onProgress);
  if (corpus.zipped_as === undefined) await copy(source, checked);
  else await unzip(source, corpus.zipped_as, checked);
  checked.finish();
  await target.sync();
}

/** A text on its way to its file. */
class CheckedText {
  readonly #hash = createHash("sha1");
  #bytes = 0;

  constructor(
    private readonly corpus: KnownCorpus,
    private readonly file: Deno.FsFile,
    private readonly onProgress: (bytes: number) => void,
  ) {}

  async write(chunk: Uint8Array): Promise<void> {
    this.#bytes += chunk.length;
    // An archive may hold far more than it weighs.
    if (this.#bytes > this.corpus.bytes) throw new WrongContent(`it has more than ${this.corpus.bytes} bytes`);
    this.#hash.update(chunk);
    for (let at = 0; at < chunk.length;) at += await this.file.write(chunk.subarray(at));
    this.onProgress(this.#bytes);
  }

  finish(): void {
    const { bytes, sha1 } = this.corpus;
    if (this.#bytes !== bytes) throw new WrongContent(`it has ${this.#bytes} bytes, must be ${bytes}`);
    const found = this.#hash.digest("hex");
    if (found !== sha1) throw new WrongContent(`its SHA-1 is ${found}, must be ${sha1}`);
  }
}

async function copy(source: Deno.FsFile, text: CheckedText): Promise<void> {
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (let count; (count = await source.read(chunk)) !== null;) await text.write(chunk.subarray(0, count));
}

async function unzip(source: Deno.FsFile, name: string, text: CheckedText): Promise<void> {
  // Workers of the library's own would need permissions, and it has none to spare.
  configure({ useWebWorkers: false });
  // What goes wrong with our own files is no fault of the archive's.
  let ours: { error: unknown } | undefined;
  const guarded = async <T>(action: () => Promise<T>): Promise<T> => {
    try {
      return await action();
    } catch (error) {
      ours ??= { error };
      throw error;
    }
  };
  const reader = new ZipReader(new FileReader(source, guarded));
  try {
    const entries = await reader.getEntries();
    const entry = entries.find((entry): entry is FileEntry => isFile(entry) && entry.filename === name);
    if (!entry) throw new WrongContent(`the archive has no file '${name}'`);
    const sink = new WritableStream<Uint8Array>({ write: (chunk) => guarded(() => text.write(chunk)) });
    await entry.getData(sink, { checkSignature: true });
  } catch (error) {
    if (ours) throw ours.error;
    throw error instanceof WrongContent ? error : new WrongContent(`the archive is damaged: ${messageOf(error)}`);
  } finally {
    await reader.close();
  }
}

function isFile(entry: Entry): entry is FileEntry {
  return !entry.directory;
}

/** A file as the library reads it: any part, at any time. */
class FileReader extends Reader<Deno.FsFile> {
  constructor(
    private readonly file: Deno.FsFile,
    private readonly guarded: <T>(action: () => Promise<T>) => Promise<T>,
  ) {
    super(file);
  }

  override init(): Promise<void> {
    return this.guarded(async () => {
      this.size = (await this.file.stat()).size;
    });
  }

  override readUint8Array(index: number, length: number): Promise<Uint8Array> {
    return this.guarded(async () => {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, this.size - index)));
      await this.file.seek(index, Deno.SeekMode.Start);
      for (let at = 0; at < bytes.length;) {
        const count = await this.file.read(bytes.subarray(at));
        if (count === null) return bytes.subarray(0, at);
        at += count;
      }
      return bytes;
    });
  }
}
