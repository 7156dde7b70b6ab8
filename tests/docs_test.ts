/** What the README shows is what the code makes. */
import assert from "node:assert/strict";
import tasks from "../deno.json" with { type: "json" };
import { evaluationModel, gatedCell, toSvg } from "../mod.ts";
import { KNOWN_CORPORA } from "../train/corpus/known.ts";
import { BEST_CONFIG } from "../cells/known_configs.ts";

const read = (path: string) => Deno.readTextFile(new URL(`../${path}`, import.meta.url));

Deno.test("docs/best_cell.svg is what toSvg() draws of the best cell", async () => {
  const config = { ...BEST_CONFIG, n_layers: 1 };
  assert.equal(await read("docs/best_cell.svg"), await toSvg(evaluationModel(gatedCell(config), config).graph));
});

Deno.test("the README names every task", async () => {
  const readme = await read("README.md");
  for (const name of Object.keys(tasks.tasks)) assert.ok(readme.includes(`\`${name}\``), name);
});

Deno.test("the README's table of corpora is what init can download", async () => {
  const readme = await read("README.md"), number = (value: number) => value.toLocaleString("en-US");
  const rows = KNOWN_CORPORA.map(({ name, bytes, download_bytes, url, licence }) =>
    `| \`${name}\` | ${number(bytes)} | ${number(download_bytes)} | \`${new URL(url).hostname}\` | ${licence} |`
  );
  for (const row of rows) assert.ok(readme.includes(row), row);
  const [table] = /^\| `embedded` \(default\)(.*\n\|)*/m.exec(readme)!;
  assert.equal(table.match(/^\| `/gm)!.length, rows.length + 1);
});

Deno.test("the tasks 'test' and 'test:faults' run everything that lies in tests", () => {
  const named = `${tasks.tasks.test.command} ${tasks.tasks["test:faults"].command}`.split(" ");
  const holdsTests = ({ name, isDirectory }: Deno.DirEntry) =>
    isDirectory ? !["golden", "bench"].includes(name) : name.endsWith("_test.ts");
  const entries = [...Deno.readDirSync(new URL(".", import.meta.url))].filter(holdsTests).map(({ name }) => name);
  for (const name of entries) assert.ok(named.includes(`tests/${name}`), `tests/${name}`);
});

Deno.test("plain 'deno test' reads no file while it loads its modules, since it has no permission", async () => {
  const wrong: string[] = [];
  const visit = async (path: URL) => {
    if ((await Deno.stat(path)).isFile) {
      if (!path.pathname.endsWith(".ts")) return;
      // A statement of the module itself: what stands in a function or a test is not indented so.
      if (/^(const|let|await)\b.*\bDeno\.(read|open|stat|env)/m.test(await Deno.readTextFile(path))) {
        wrong.push(path.pathname);
      }
      return;
    }
    for await (const { name } of Deno.readDir(path)) await visit(new URL(`${path.href}/${name}`));
  };
  for (const path of tasks.test.include) await visit(new URL(`../${path}`, import.meta.url));
  assert.deepEqual(wrong, []);
});

/** The README, the changelog and the pages in docs, by their paths from the root. */
function pages(): string[] {
  const docs = [...Deno.readDirSync(new URL("../docs", import.meta.url))].map(({ name }) => `docs/${name}`);
  return ["README.md", "CHANGELOG.md", ...docs.filter((path) => path.endsWith(".md"))];
}

/** Where links into a page may lead: its headings, as GitHub names them. */
function anchorsOf(markdown: string): Set<string> {
  const headings = markdown.replace(/^```.*?^```/gms, "").matchAll(/^#{1,6} (.*)$/gm);
  return new Set(
    [...headings].map(([, heading]) =>
      heading.toLowerCase().replace(/[^\p{L}\p{N}_ -]/gu, "").trim().replaceAll(" ", "-")
    ),
  );
}

Deno.test("every file and heading that the README, the changelog and the docs link to is there", async () => {
  const wrong: string[] = [];
  let links = 0;
  for (const page of pages()) {
    for (const [, path, anchor] of (await read(page)).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)]*))?\)/g)) {
      links++;
      const target = new URL(path || page.split("/").at(-1)!, new URL(`../${page}`, import.meta.url));
      const found = await Deno.stat(target).catch(() => undefined);
      const leads = found && (!anchor || anchorsOf(await Deno.readTextFile(target)).has(anchor));
      if (!leads) wrong.push(`${page}: ${path}${anchor ? `#${anchor}` : ""}`);
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(links > 50, `only ${links} links were found`);
});
