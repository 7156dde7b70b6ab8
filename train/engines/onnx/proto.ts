/** The part of ONNX' protobuf schema that models written here use. Source: onnx/onnx.proto, IR version 8. */
import { messageOf, UserError } from "../../../cells/errors.ts";
import protobuf from "protobufjs";

const SCHEMA = `
syntax = "proto3";
package onnx;

message AttributeProto {
  enum AttributeType { UNDEFINED = 0; FLOAT = 1; INT = 2; STRING = 3; TENSOR = 4; FLOATS = 6; INTS = 7; }
  string name = 1;
  float f = 2;
  int64 i = 3;
  bytes s = 4;
  TensorProto t = 5;
  repeated float floats = 7;
  repeated int64 ints = 8;
  AttributeType type = 20;
}
message NodeProto {
  repeated string input = 1;
  repeated string output = 2;
  string name = 3;
  string op_type = 4;
  repeated AttributeProto attribute = 5;
}
message TensorProto {
  repeated int64 dims = 1;
  int32 data_type = 2;
  string name = 8;
  bytes raw_data = 9;
}
message TensorShapeProto {
  message Dimension { oneof value { int64 dim_value = 1; string dim_param = 2; } }
  repeated Dimension dim = 1;
}
message TypeProto {
  message Tensor { int32 elem_type = 1; TensorShapeProto shape = 2; }
  oneof value { Tensor tensor_type = 1; }
}
message ValueInfoProto { string name = 1; TypeProto type = 2; string doc_string = 3; }
message StringStringEntryProto { string key = 1; string value = 2; }
message OperatorSetIdProto { string domain = 1; int64 version = 2; }
message GraphProto {
  repeated NodeProto node = 1;
  string name = 2;
  repeated TensorProto initializer = 5;
  string doc_string = 10;
  repeated ValueInfoProto input = 11;
  repeated ValueInfoProto output = 12;
}
message ModelProto {
  int64 ir_version = 1;
  string producer_name = 2;
  string producer_version = 3;
  string doc_string = 6;
  GraphProto graph = 7;
  repeated OperatorSetIdProto opset_import = 8;
  repeated StringStringEntryProto metadata_props = 14;
}
`;

// ONNX' own schema is proto2, which writes a field that is set even where it equals the default; proto3 leaves it out,
// and readers take the default: the same meaning. Names stay as in the schema (op_type, not opType).
const MODEL = protobuf.parse(SCHEMA, { keepCase: true }).root.lookupType("onnx.ModelProto");

export const DATA_TYPE = { FLOAT: 1, INT32: 6, INT64: 7, BOOL: 9, DOUBLE: 11 } as const;
export const ATTRIBUTE_TYPE = { FLOAT: 1, INT: 2, STRING: 3, INTS: 7 } as const;

export interface AttributeProto {
  name: string;
  type: number;
  f?: number;
  i?: number;
  s?: Uint8Array;
  ints?: number[];
}
export interface NodeProto {
  op_type: string;
  name: string;
  input: string[];
  output: string[];
  attribute: AttributeProto[];
}
export interface TensorProto {
  name: string;
  dims: number[];
  data_type: number;
  raw_data: Uint8Array;
}
export interface ValueInfoProto {
  name: string;
  doc_string?: string;
  type: { tensor_type: { elem_type: number; shape: { dim: ({ dim_value: number } | { dim_param: string })[] } } };
}
export interface ModelProto {
  ir_version: number;
  producer_name: string;
  producer_version: string;
  doc_string: string;
  graph: {
    name: string;
    node: NodeProto[];
    initializer: TensorProto[];
    input: ValueInfoProto[];
    output: ValueInfoProto[];
  };
  opset_import: { domain: string; version: number }[];
  metadata_props: { key: string; value: string }[];
}

/** A node with one output, named after it. */
export function node(
  op_type: string,
  input: string[],
  output: string,
  ...attribute: AttributeProto[]
): NodeProto {
  return { op_type, name: `node_${output}`, input, output: [output], attribute };
}

/** The attribute of a node that works along one axis. */
export function axis(i: number): AttributeProto {
  return { name: "axis", type: ATTRIBUTE_TYPE.INT, i };
}

/** A constant of whole numbers; a scalar where `dims` is empty. */
export function int64s(name: string, dims: number[], values: readonly number[]): TensorProto {
  const raw_data = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
  return { name, dims, data_type: DATA_TYPE.INT64, raw_data };
}

/** An input or output; an axis whose size is open has a name instead. */
export function valueInfo(name: string, elem_type: number, shape: readonly (number | string)[]): ValueInfoProto {
  const dim = shape.map((size) => typeof size === "string" ? { dim_param: size } : { dim_value: size });
  return { name, type: { tensor_type: { elem_type, shape: { dim } } } };
}

/** The model as the bytes of an `.onnx` file. */
export function encodeModel(model: ModelProto): Uint8Array<ArrayBuffer> {
  const problem = MODEL.verify(model);
  if (problem) throw new TypeError(`Cannot encode an ONNX model: ${problem}`);
  return Uint8Array.from(MODEL.encode(MODEL.create(model)).finish());
}

/**
 * The model in the bytes of an `.onnx` file; whole numbers come as JavaScript numbers.
 *
 * @throws {UserError} if the bytes are no ONNX model
 */
export function decodeModel(bytes: Uint8Array, file = "an ONNX model"): ModelProto {
  try {
    const decoded = MODEL.toObject(MODEL.decode(bytes), { longs: Number, defaults: true, arrays: true });
    return decoded as unknown as ModelProto;
  } catch (error) {
    throw new UserError(`Cannot read ${file}: it is damaged or not an ONNX model (${messageOf(error)})`);
  }
}
