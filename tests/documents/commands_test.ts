/** What the README and the pages in docs tell a reader to type works: each marked block is run as it stands, in a copy of the project. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { corpusFile } from "../experiments/corpus_file.ts";
import { pages, readPage } from "./pages.ts";
import { decimalsIn, fileBlocks, type RunnableBlock, runnableBlocks, sectionsOf, unprinted } from "./runnable.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** What a reader's checkout needs to run a task. A page that names the kept studies needs these too. */
const PROJECT = ["cells", "train", "experiments", "report", "mod.ts", "task.ts", "deno.json", "deno.lock"];

/** Bytes of `my.txt`, the reader's own text. */
const TEXT_BYTES = 200_000;

/** The results that the project keeps, and the pictures that are drawn of them. */
const STUDIES = ["studies", "docs"];

async function copy(from: string, to: string): Promise<void> {
  if ((await Deno.stat(from)).isFile) return await Deno.copyFile(from, to);
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) await copy(join(from, name), join(to, name));
}

/** A copy of the project with the reader's files; removed where its scope ends. */
class Checkout implements AsyncDisposable {
  private constructor(readonly dir: string) {}

  static async make(markdown: string): Promise<Checkout> {
    const checkout = new Checkout(await Deno.realPath(await Deno.makeTempDir()));
    const needed = markdown.includes(`${STUDIES[0]}/`) ? [...PROJECT, ...STUDIES] : PROJECT;
    for (const name of needed) await copy(join(ROOT, name), join(checkout.dir, name));
    corpusFile(checkout.dir, { bytes: TEXT_BYTES, seed: 2, name: "my.txt" });
    for (const { name, text } of fileBlocks(markdown)) await Deno.writeTextFile(join(checkout.dir, name), text);
    return checkout;
  }

  /** Runs a block to its end. `deno task` gets the flags that the page adds. */
  async run({ script, added }: RunnableBlock): Promise<{ code: number; output: string }> {
    const cases = [...added].map(([task, flags]) => `    ${task}) command deno task $quiet "$@" ${flags} ;;\n`).join(
      "",
    );
    const wrapper = `deno() {
  if [ "$1" != task ]; then command deno "$@"; return; fi
  shift
  local quiet=""
  if [ "$1" = -q ]; then quiet=-q; shift; fi
  case "$1" in
${cases}    *) command deno task $quiet "$@" ;;
  esac
}`;
    const { code, stdout, stderr } = await new Deno.Command("bash", {
      args: ["-ec", `${wrapper}\n${script}`],
      cwd: this.dir,
      env: { NO_COLOR: "1", PATH: `${join(Deno.execPath(), "..")}:${Deno.env.get("PATH")}` },
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    return { code, output: decoder.decode(stdout) + decoder.decode(stderr) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.dir, { recursive: true });
  }
}

for (const page of pages()) {
  const markdown = await readPage(page), blocks = runnableBlocks(markdown);
  if (blocks.length === 0) continue;
  Deno.test(`the commands of ${page} run`, async () => {
    await using checkout = await Checkout.make(markdown);
    const printed = new Map<string, string>();
    for (const block of blocks) {
      const { code, output } = await checkout.run(block);
      assert.equal(code, 0, `${page}, line ${block.line}:\n${block.script}\n${output}`);
      if (block.printsNumbers) printed.set(block.heading, (printed.get(block.heading) ?? "") + output);
    }
    for (const [heading, output] of printed) {
      const { prose } = sectionsOf(markdown).find((section) => section.heading === heading)!;
      assert.ok(decimalsIn(prose).length > 0, `${page}: "${heading}" has no number that its commands could print`);
      assert.deepEqual(unprinted(prose, output), [], `${page}: "${heading}" has other numbers`);
    }
  });
}

Deno.test("the README and at least five other pages have commands that are run", async () => {
  const withCommands: string[] = [];
  for (const page of pages()) if (runnableBlocks(await readPage(page)).length > 0) withCommands.push(page);
  assert.ok(withCommands.includes("README.md"));
  assert.ok(withCommands.length > 5, withCommands.join(", "));
});
