/** A cache on a disk that gets full, or cannot be written; what needs no such disk is in tests/train/corpus/fetch_test.ts. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fetchCorpus } from "../../train/corpus/fetch.ts";
import { CorpusServer } from "../train/corpus/corpus_server.ts";
import { ARCHIVE, corpusAt, TEXT } from "../train/corpus/known_corpora.ts";
import { canMount, SmallDisk } from "./disks.ts";
import { tempFolder } from "./studies.ts";

const ROOM = 16 * 1024;

async function fetchOnSmallDisk(): Promise<void> {
  await using temp = await tempFolder();
  const dir = temp.path;
  await using server = new CorpusServer(() => ({ body: ARCHIVE }));
  await using disk = await SmallDisk.mount(join(dir, "disk"), 1);
  assert.ok(disk);
  const folder = join(disk.dir, "cellspace"), corpus = corpusAt(server.host);
  const instead = "use your own file with --corpus FILE; --corpus embedded needs no network";
  const line = (why: string) =>
    new RegExp(`^UserError: Cannot keep corpus smalltext in ${folder}: ${why}.*; ${instead}$`);
  await disk.setReadOnly(true);
  await assert.rejects(fetchCorpus(corpus, { folder }), line("Read-only file system"));
  await disk.setReadOnly(false);

  // The first bytes that come find room.
  const room = join(disk.dir, "room");
  await Deno.mkdir(folder);
  await Deno.writeFile(room, new Uint8Array(ROOM));
  await disk.fill();
  await Deno.remove(room);
  await assert.rejects(fetchCorpus(corpus, { folder }), line("No space left on device"));
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["smalltext.lock"]);

  await disk.empty();
  await fetchCorpus(corpus, { folder });
  assert.equal(server.requests.length, 2);
  assert.deepEqual(await Deno.readFile(join(folder, "smalltext")), TEXT);
}

if (await canMount()) {
  Deno.test(
    "a known corpus on a disk that is full or read-only fails in one line, keeps nothing, and has it when there is room",
    fetchOnSmallDisk,
  );
} else {
  console.log(
    "No disk can be mounted here: tests/train/corpus/fetch_test.ts has a writer that fails in place of a full one",
  );
}
