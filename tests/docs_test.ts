/** What the README and the docs show is what the code makes. */
import assert from "node:assert/strict";
import tasks from "../deno.json" with { type: "json" };
import { evaluationModel, gatedCell, toSvg } from "../mod.ts";
import { KNOWN_CORPORA } from "../train/corpus/known.ts";
import { BEST_CONFIG } from "../cells/known_configs.ts";
import { pages, readPage as read, texts } from "./documents/pages.ts";
import { filesOf, isIn, type SuiteName, SUITES, testFilesIn } from "./together/suites.ts";

Deno.test("docs/best_cell.svg is what toSvg() draws of the best cell", async () => {
  const config = { ...BEST_CONFIG, n_layers: 1 };
  assert.equal(await read("docs/best_cell.svg"), await toSvg(evaluationModel(gatedCell(config), config).graph));
});

Deno.test("docs/tasks.md names every task", async () => {
  const page = await read("docs/tasks.md");
  for (const name of Object.keys(tasks.tasks)) assert.ok(page.includes(`\`${name}\``), name);
});

Deno.test("docs/tasks.md names every flag of a script", async () => {
  const page = await read("docs/tasks.md"), flags = new Set<string>();
  // As a script defines one: the first text of a call of `flag.…`, the `usage` of a record, or the name of a factor's flag.
  const definitions = /\b(?:flag\.(?!startsWith)\w+(?:<[^(]*>)?\(|usage:|name:)\s*"(--[a-z-]+)/g;
  for (const [path, text] of texts()) {
    if (!path.endsWith(".ts") || path.startsWith("tests/")) continue;
    for (const [, name] of text.matchAll(definitions)) flags.add(name);
  }
  assert.ok(flags.size > 40, `only ${flags.size} flags were found`);
  assert.deepEqual([...flags].filter((name) => !new RegExp(`\`${name}[ \`]`).test(page)), []);
});

Deno.test("docs/README.md lists every page, and each page begins with what a reader can do after it", async () => {
  const index = await read("docs/README.md");
  for (const path of pages().filter((path) => path.startsWith("docs/"))) {
    const name = path.slice("docs/".length);
    if (name !== "README.md") assert.ok(index.includes(`[${name}](${name})`), `docs/README.md lacks ${name}`);
    assert.match(await read(path), /^# [^\n]+\n\nAfter this page you /, path);
  }
});

Deno.test("the table of corpora in docs/corpora.md is what init can download", async () => {
  const page = await read("docs/corpora.md"), number = (value: number) => value.toLocaleString("en-US");
  const rows = KNOWN_CORPORA.map(({ name, bytes, download_bytes, url, licence }) =>
    `| \`${name}\` | ${number(bytes)} | ${number(download_bytes)} | \`${new URL(url).hostname}\` | ${licence} |`
  );
  for (const row of rows) assert.ok(page.includes(row), row);
  const [table] = /^\| `embedded` \(default\)(.*\n\|)*/m.exec(page)!;
  assert.equal(table.match(/^\| `/gm)!.length, rows.length + 1);
});

Deno.test("the tasks 'test' and 'test:faults' run every test file once", () => {
  const named = (task: "test" | "test:faults") =>
    tasks.tasks[task].command.split(" ").filter((part) => part.startsWith("tests/"));
  const suites = Object.keys(SUITES) as SuiteName[];
  assert.deepEqual(
    named("test").filter((path) => path.startsWith("tests/together/")).sort(),
    suites.map((name) => `tests/together/${name}.ts`).sort(),
  );
  const apart = named("test").filter((path) => !path.startsWith("tests/together/"));
  const inSuites = suites.flatMap(filesOf);
  const times = (path: string) =>
    inSuites.filter((one) => one === path).length + apart.filter((part) => isIn(path, part)).length;
  const files = testFilesIn("tests");
  assert.ok(files.length > 250, `only ${files.length} test files were found`);
  assert.ok(named("test:faults").includes("tests/faults"));
  const wrong = files.filter((path) => times(path) !== (isIn(path, "tests/faults") ? 0 : 1));
  assert.deepEqual(wrong.map((path) => `${path}: ${times(path)} times`), []);
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
