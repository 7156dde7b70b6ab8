/** A table as Parquet, with its column's types, and what the columns mean as metadata under their names. */
import { type BasicType, parquetWriteBuffer } from "hyparquet-writer";
import type { ColumnType, Table, Value } from "./export_columns.ts";

/** How Parquet calls a type. Whole numbers are wide: a model may have more than 2³¹ parameters. */
const TYPES: Readonly<Record<ColumnType, BasicType>> = {
  string: "STRING",
  int: "INT64",
  double: "DOUBLE",
  boolean: "BOOLEAN",
  time: "TIMESTAMP",
};

export function parquetOf<Row>({ columns, rows }: Table<Row>): Uint8Array {
  const columnData = columns.map(({ name, type, of }) => ({
    name,
    type: TYPES[type],
    data: rows.map((row) => toParquet(of(row), type)),
  }));
  const kvMetadata = columns.map(({ name, about }) => ({ key: name, value: about }));
  return new Uint8Array(parquetWriteBuffer({ columnData, kvMetadata }));
}

/** INT64 is written from `bigint` alone. */
function toParquet(value: Value, type: ColumnType): Value | bigint {
  return type === "int" && value !== null ? BigInt(value as number) : value;
}
