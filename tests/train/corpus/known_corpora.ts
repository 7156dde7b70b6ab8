/** Corpora that are known to tests alone, from servers on this machine. */
import { createHash } from "node:crypto";
import { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from "@zip.js/zip.js";
import { randomStream } from "../../../train/corpus/random.ts";
import type { KnownCorpus } from "../../../train/corpus/known.ts";

/** A text that a zip archive makes smaller, though not much. */
export const TEXT = makeText(60_000);

function makeText(bytes: number): Uint8Array {
  const stream = randomStream(0, "a small text");
  return new Uint8Array(bytes).map(() => stream.integer(32, 126));
}

export async function zipped(text: Uint8Array, name = "text"): Promise<Uint8Array> {
  const archive = new ZipWriter(new Uint8ArrayWriter(), { useWebWorkers: false, lastModDate: new Date(0) });
  await archive.add(name, new Uint8ArrayReader(text));
  return await archive.close();
}

export const ARCHIVE = await zipped(TEXT);

/** The text as a known corpus from a host: in an archive, or as it is. */
export function corpusAt(host: string, { plain = false, hosts = [host], path = "/text" } = {}): KnownCorpus {
  return {
    name: "smalltext",
    about: "a text of tests",
    licence: "none",
    url: `http://${host}${path}`,
    hosts,
    download_bytes: plain ? TEXT.length : ARCHIVE.length,
    ...(plain ? {} : { zipped_as: "text" }),
    bytes: TEXT.length,
    sha1: createHash("sha1").update(TEXT).digest("hex"),
  };
}
