/**
 * A table as CSV: RFC 4180, UTF-8, a line of headings. What a row does not have is left empty; times are ISO 8601 in UTC; control
 * characters are drawn (`␀`), since pandas ends a text at the first NUL.
 */
// The build that needs no Buffer: the page makes tables too.
import { stringify } from "csv-stringify/browser/esm/sync";
import { drawControls } from "../../cells/visible_text.ts";
import type { Table, Value } from "./table.ts";

/** Rows that are turned into text at once: the library needs a kilobyte for each, and a table of curves may have millions. */
const ROWS_AT_ONCE = 10_000;

export function csvOf<Row>({ columns, rows }: Table<Row>): string {
  const parts = [linesOf([columns.map(({ name }) => name)])];
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
    parts.push(linesOf(rows.slice(from, from + ROWS_AT_ONCE).map((row) => columns.map(({ of }) => of(row)))));
  }
  return parts.join("");
}

function linesOf(lines: readonly (readonly Value[])[]): string {
  return stringify([...lines], {
    record_delimiter: "windows",
    // An empty text is not the same as none; and the library takes a line feed alone for no break.
    quoted_match: /^$|\n/,
    cast: { string: drawControls, boolean: String, date: (time) => time.toISOString() },
  });
}
