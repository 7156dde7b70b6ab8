/** Tables: columns with their types and what they mean, and rows. Exports and the data behind pictures are made of these. */
import { type Configuration, type Factor, valueOf } from "../../cells/factor.ts";

/** What a column holds; `null` stands for what a row does not have. */
export type ColumnType = "string" | "int" | "double" | "boolean" | "time";
export type Value = string | number | boolean | Date | null;

/** One column of a table. */
export interface Column<Row> {
  readonly name: string;
  readonly type: ColumnType;
  /** In one line. */
  readonly about: string;
  readonly of: (row: Row) => Value;
}

/** Rows, and what is told of each. */
export interface Table<Row = unknown> {
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
}

/** What the values of each kind of factor are. */
const TYPES: Readonly<Record<Factor["kind"], ColumnType>> = {
  switch: "boolean",
  choice: "string",
  integer: "int",
  number: "double",
};

/** A factor's column: where a configuration does not name it, its default. @param configOf undefined: the row is of none */
export function factorColumn<Row>(
  factor: Factor,
  configOf: (row: Row) => Configuration | undefined,
): Column<Row> {
  const { key, kind, about } = factor;
  return {
    name: key,
    type: TYPES[kind],
    about,
    of: (row) => {
      const config = configOf(row);
      return config ? valueOf(factor, config) : null;
    },
  };
}
