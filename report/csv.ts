/**
 * A table as CSV: RFC 4180, UTF-8, a line of headings. What a row does not have is left empty; times are ISO 8601 in UTC; control
 * characters are drawn (`␀`), since pandas ends a text at the first NUL.
 */
import { stringify } from "csv-stringify/sync";
import { drawControls } from "./control_characters.ts";
import type { Table } from "./export_columns.ts";

export function csvOf<Row>({ columns, rows }: Table<Row>): string {
  const lines = rows.map((row) => columns.map(({ of }) => of(row)));
  return stringify([columns.map(({ name }) => name), ...lines], {
    record_delimiter: "windows",
    // An empty text is not the same as none; and the library takes a line feed alone for no break.
    quoted_match: /^$|\n/,
    cast: { string: drawControls, boolean: String, date: (time) => time.toISOString() },
  });
}
