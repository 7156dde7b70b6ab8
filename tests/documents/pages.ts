/** The pages that a reader finds in the project. */

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
