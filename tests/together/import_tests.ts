/**
 * Registers the tests of many files in one module. Each module of `deno test` loads and compiles all that it imports: a hundred files that import
 * the same cost more than what most of them test. The modules beside this one are what `deno task test` runs; a file runs by itself as ever.
 */
const ROOT = new URL("../../", import.meta.url);

/** Imports every test file of some folders, by their paths from the root, in the order of their names. */
export async function importTests(...folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    for (const path of testFilesIn(folder)) await import(new URL(path, ROOT).href);
  }
}

/** Paths of the test files in a folder and those within it, sorted. */
export function testFilesIn(folder: string): string[] {
  return [...Deno.readDirSync(new URL(folder, ROOT))].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? testFilesIn(path) : name.endsWith("_test.ts") ? [path] : [];
  }).sort();
}
