/** Reads CSV as {@linkcode csvOf} writes it, by RFC 4180: for tests of what stands in such a file. */

/** One row by the names of its columns; what is left out is empty. */
export type CsvRow = Readonly<Record<string, string>>;

/** @throws {Error} where a row has more or fewer fields than the line of headings */
export function csvRows(text: string): CsvRow[] {
  const lines: string[][] = [[]];
  for (const [, field, end] of text.matchAll(/("(?:[^"]|"")*"|[^",\r\n]*)(,|\r\n|$)/g)) {
    lines.at(-1)!.push(field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field);
    if (end === "\r\n") lines.push([]);
  }
  // After the last break the pattern finds one empty field more.
  const [names, ...rows] = lines.slice(0, -1);
  return rows.map((fields) => {
    if (fields.length !== names.length) {
      throw new Error(`Cannot read CSV: ${fields.length} fields, not ${names.length}`);
    }
    return Object.fromEntries(names.map((name, i) => [name, fields[i]]));
  });
}
