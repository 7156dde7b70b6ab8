/**
 * The part of TensorBoard's protobuf schemas that event files written here use.
 * Source: tensorboard/compat/proto/{event,summary,tensor}.proto, tensorboard/plugins/hparams/{plugin_data,api}.proto.
 */
import protobuf from "protobufjs";

const SCHEMA = `
syntax = "proto3";
package tensorboard;

message Event {
  double wall_time = 1;
  int64 step = 2;
  oneof what { string file_version = 3; Summary summary = 5; }
}
message Summary {
  message Value {
    string tag = 1;
    SummaryMetadata metadata = 9;
    oneof value { float simple_value = 2; TensorProto tensor = 8; }
  }
  repeated Value value = 1;
}
message SummaryMetadata {
  message PluginData { string plugin_name = 1; bytes content = 2; }
  PluginData plugin_data = 1;
}
message TensorProto { int32 dtype = 1; TensorShapeProto tensor_shape = 2; }
message TensorShapeProto {
  message Dim { int64 size = 1; }
  repeated Dim dim = 2;
}

message HParamsPluginData {
  oneof data { SessionStartInfo session_start_info = 3; SessionEndInfo session_end_info = 4; }
}
message SessionStartInfo {
  map<string, HParamValue> hparams = 1;
  string group_name = 4;
  double start_time_secs = 5;
}
message SessionEndInfo { int32 status = 1; double end_time_secs = 2; }
// google.protobuf.Value, which the library has a conversion of its own for.
message HParamValue {
  oneof kind { double number_value = 2; string string_value = 3; bool bool_value = 4; }
}
`;

const { root } = protobuf.parse(SCHEMA, { keepCase: true });
const EVENT = root.lookupType("tensorboard.Event");
const HPARAMS = root.lookupType("tensorboard.HParamsPluginData");

export interface Event {
  readonly wall_time: number;
  readonly step?: number;
  readonly file_version?: string;
  readonly summary?: { readonly value: readonly SummaryValue[] };
}
export interface SummaryValue {
  readonly tag: string;
  readonly simple_value?: number;
  readonly metadata?: { readonly plugin_data: { readonly plugin_name: string; readonly content: Uint8Array } };
  readonly tensor?: { readonly dtype: number; readonly tensor_shape: { readonly dim: readonly { size: number }[] } };
}

export type HParamValue =
  | { readonly number_value: number }
  | { readonly string_value: string }
  | { readonly bool_value: boolean };
export interface HParamsPluginData {
  readonly session_start_info?: {
    readonly hparams: Readonly<Record<string, HParamValue>>;
    readonly group_name: string;
    readonly start_time_secs: number;
  };
  readonly session_end_info?: { readonly status: number; readonly end_time_secs: number };
}

export const encodeEvent = (event: Event): Uint8Array => encode(EVENT, event);
export const encodeHParams = (data: HParamsPluginData): Uint8Array => encode(HPARAMS, data);

/** What these bytes hold; whole numbers come as JavaScript numbers. */
export const decodeEvent = (bytes: Uint8Array): Event => decode(EVENT, bytes) as unknown as Event;
export const decodeHParams = (bytes: Uint8Array): HParamsPluginData =>
  decode(HPARAMS, bytes) as unknown as HParamsPluginData;

function encode(type: protobuf.Type, message: object): Uint8Array {
  const problem = type.verify(message as Record<string, unknown>);
  if (problem) throw new TypeError(`Cannot encode a ${type.name}: ${problem}`);
  return type.encode(type.create(message as Record<string, unknown>)).finish();
}

function decode(type: protobuf.Type, bytes: Uint8Array): Record<string, unknown> {
  return type.toObject(type.decode(bytes), { longs: Number });
}
