/** `deno task corpora`: named corpora, and which of them are on this machine. */
import { cachedPath, cacheFolder, isCached } from "./corpus/cache.ts";
import { EMBEDDED } from "./corpus/corpus.ts";
import { KNOWN_CORPORA, type KnownCorpus } from "./corpus/known.ts";
import { ANY_STUDY, taskCommand } from "./terminal/advice.ts";
import { runCommand } from "./terminal/command_line.ts";
import { flag } from "./terminal/flag.ts";
import { print } from "./terminal/output.ts";

/** What the command line takes. */
export const flags = { json: flag.on("--json", "the same as JSON, with SHA-1s and addresses") };

/** A corpus as it stands here. */
interface Listed {
  readonly name: string;
  readonly about: string;
  readonly licence: string;
  readonly bytes: number;
  /** `built in` where it is part of the program. */
  readonly cached: "yes" | "no" | "built in";
  /** Where it lies, or would. */
  readonly path?: string;
  readonly download_bytes?: number;
  readonly url?: string;
  readonly sha1?: string;
}

const BUILT_IN: Listed = {
  name: EMBEDDED.name,
  about: "text from a small grammar, whose entropy rate is known",
  licence: "this project's",
  bytes: EMBEDDED.bytes,
  cached: "built in",
};

async function list(corpus: KnownCorpus, folder: string): Promise<Listed> {
  const { name, about, licence, bytes, download_bytes, url, sha1 } = corpus;
  const path = cachedPath(corpus, folder);
  const cached = await isCached(corpus, folder) ? "yes" : "no";
  return { name, about, licence, bytes, cached, path, download_bytes, url, sha1 };
}

function table(corpora: readonly Listed[]): string {
  const rows = corpora.map((corpus) => [
    corpus.name,
    String(corpus.bytes),
    corpus.download_bytes === undefined ? "" : String(corpus.download_bytes),
    corpus.licence,
    corpus.cached === "yes" ? corpus.path! : corpus.cached,
    corpus.about,
  ]);
  const all = [["name", "bytes", "to download", "licence", "cached", "content"], ...rows];
  const widths = all[0].map((_, column) => Math.max(...all.map((row) => row[column].length)));
  const isNumber = (column: number) => column === 1 || column === 2;
  const cell = (text: string, column: number) =>
    isNumber(column) ? text.padStart(widths[column]) : text.padEnd(widths[column]);
  return all.map((row) => row.map(cell).join("  ").trimEnd()).join("\n");
}

if (import.meta.main) {
  const description = "Lists the named corpora, and which of them are downloaded. " +
    `${taskCommand("init", { ...ANY_STUDY, corpus: "NAME" })} downloads one.`;
  await runCommand({ name: "corpora", description, flags, printsData: true }, async ({ json }) => {
    const folder = cacheFolder();
    const corpora = [BUILT_IN, ...await Promise.all(KNOWN_CORPORA.map((corpus) => list(corpus, folder)))];
    print(json ? JSON.stringify(corpora, null, 2) : table(corpora));
  });
}
