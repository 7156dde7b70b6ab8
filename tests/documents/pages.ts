/** What is written in the project: its pages, and every text file. */

const ROOT = new URL("../../", import.meta.url);

/** The README, the changelog and the pages in docs, by their paths from the root. */
export function pages(): string[] {
  const docs = [...Deno.readDirSync(new URL("docs", ROOT))].map(({ name }) => `docs/${name}`).sort();
  return ["README.md", "CHANGELOG.md", ...docs.filter((path) => path.endsWith(".md"))];
}

/** The text of a page, or of another file of the project. @param path from the root */
export function readPage(path: string): Promise<string> {
  return Deno.readTextFile(new URL(path, ROOT));
}

const NAMES_OF_FILES = /\.([mc]?[tj]s|md|py)$/;

/** Every text file that a person reads or that speaks to one, with its path from the root. */
export function* texts(folder = ""): Generator<[path: string, text: string]> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, ROOT))) {
    const path = `${folder}${name}`;
    // Where tasks make their study: in the root alone, for the code has folders of that name.
    const isLeftOut = name.startsWith(".") || name === "node_modules" || path === "study";
    if (isDirectory) {
      if (!isLeftOut) yield* texts(`${path}/`);
    } else if (NAMES_OF_FILES.test(name)) yield [path, Deno.readTextFileSync(new URL(path, ROOT))];
  }
}
