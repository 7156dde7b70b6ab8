/** A table as Parquet, with its columns' types, and what they mean as metadata under their names. */
import { parquetWriteBuffer, type SchemaElement } from "hyparquet-writer";
import type { ColumnType, Table, Value } from "../data/table.ts";

/** How Parquet calls a type. */
const TYPES: Readonly<Record<ColumnType, Omit<SchemaElement, "name">>> = {
  string: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  // Wide: a model may have more than 2³¹ parameters.
  int: { type: "INT64" },
  double: { type: "DOUBLE" },
  boolean: { type: "BOOLEAN" },
  // Without the logical type, readers take it for a time of no zone.
  time: {
    type: "INT64",
    converted_type: "TIMESTAMP_MILLIS",
    logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MILLIS" },
  },
};

export function parquetOf<Row>({ columns, rows }: Table<Row>): Uint8Array {
  const schema: SchemaElement[] = [
    { name: "root", num_children: columns.length },
    ...columns.map(({ name, type }): SchemaElement => ({ name, repetition_type: "OPTIONAL", ...TYPES[type] })),
  ];
  const columnData = columns.map(({ name, type, of }) => ({
    name,
    data: rows.map((row) => toParquet(of(row), type)),
  }));
  const kvMetadata = columns.map(({ name, about }) => ({ key: name, value: about }));
  return new Uint8Array(parquetWriteBuffer({ columnData, schema, kvMetadata }));
}

/** INT64 is written from `bigint` alone. */
function toParquet(value: Value, type: ColumnType): Value | bigint {
  return type === "int" && value !== null ? BigInt(value as number) : value;
}
