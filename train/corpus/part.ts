/** A download that is under way: the bytes that have come, and what is known of the file that they are the beginning of. */
import * as z from "zod";
import { sizeOf } from "./cache.ts";

const factsSchema = z.object({
  url: z.string(),
  /** By which the server tells whether its file is still the same: a strong ETag, or a date. */
  validator: z.string().optional(),
  /** Bytes of the whole file. */
  total: z.number().int().nonnegative().optional(),
});

export type Facts = z.infer<typeof factsSchema>;

export class Part {
  private constructor(
    private readonly path: string,
    private readonly file: Deno.FsFile,
    public facts: Facts,
    /** Bytes that are there. */
    public bytes: number,
    private isNoted: boolean,
  ) {}

  /** Opens what there is of a download from an address. What came from another address, or from an unknown one, does not count. */
  static async open(path: string, url: string): Promise<Part> {
    const facts = await readFacts(path), isOurs = facts?.url === url;
    const bytes = isOurs ? await sizeOf(path) ?? 0 : 0;
    const file = await Deno.open(path, { read: true, write: true, create: true });
    return new Part(path, file, isOurs ? facts : { url }, bytes, isOurs);
  }

  get isWhole(): boolean {
    return this.bytes === this.facts.total;
  }

  /** Begins anew, with another file of the server's. */
  async restart(facts: Omit<Facts, "url">): Promise<void> {
    await this.file.truncate(0);
    this.bytes = 0;
    await this.note(facts);
  }

  /** Keeps what is known now, before or after bytes that it is true of. */
  async note(facts: Omit<Facts, "url">): Promise<void> {
    const before = JSON.stringify(this.facts);
    this.facts = { url: this.facts.url, validator: facts.validator, total: facts.total };
    const now = JSON.stringify(this.facts);
    // On a full disk, what is written again may be lost.
    if (now !== before || !this.isNoted) await Deno.writeTextFile(factsPath(this.path), now);
    this.isNoted = true;
  }

  async append(chunk: Uint8Array): Promise<void> {
    await this.file.seek(this.bytes, Deno.SeekMode.Start);
    for (let at = 0; at < chunk.length;) {
      const count = await this.file.write(chunk.subarray(at));
      at += count;
      this.bytes += count;
    }
  }

  [Symbol.dispose](): void {
    this.file.close();
  }

  /** Removes what there is under this path. */
  static async remove(path: string): Promise<void> {
    for (const name of [path, factsPath(path)]) {
      await Deno.remove(name).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
    }
  }
}

const factsPath = (path: string) => `${path}.json`;

/** Undefined where nothing is known, or what is there is damaged: then the download begins anew, and nothing is lost but time. */
async function readFacts(path: string): Promise<Facts | undefined> {
  try {
    return factsSchema.safeParse(JSON.parse(await Deno.readTextFile(factsPath(path)))).data;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
