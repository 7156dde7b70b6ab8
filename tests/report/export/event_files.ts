/** Reads TensorBoard event files back, with every length and checksum looked at. */
import assert from "node:assert/strict";
import type { FactorTable } from "../../../cells/factor.ts";
import type { Metric } from "../../../experiments/study/metric.ts";
import type { RunResult } from "../../../experiments/study/result.ts";
import { decodeEvent, decodeHParams, type Event, type HParamsPluginData } from "../../../report/export/event_proto.ts";
import { eventFileOf } from "../../../report/export/tensorboard.ts";

/** CRC-32C bit by bit, as its definition has it: the oracle of the table. */
function slowCrc32c(bytes: Uint8Array): number {
  let rest = 0xffffffff;
  for (const byte of bytes) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit++) rest = (rest >>> 1) ^ (0x82f63b78 & -(rest & 1));
  }
  return ~rest >>> 0;
}

/** The records of a file, with every length and checksum looked at. */
export function decodeRecords(file: Uint8Array): Uint8Array[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength), records: Uint8Array[] = [];
  const unmask = (masked: number) => {
    const rotated = (masked - 0xa282ead8) >>> 0;
    return ((rotated >>> 17) | (rotated << 15)) >>> 0;
  };
  for (let at = 0; at < file.length;) {
    const length = Number(view.getBigUint64(at, true));
    const record = file.subarray(at + 12, at + 12 + length);
    assert.equal(unmask(view.getUint32(at + 8, true)), slowCrc32c(file.subarray(at, at + 8)), `length at ${at}`);
    assert.equal(unmask(view.getUint32(at + 12 + length, true)), slowCrc32c(record), `record at ${at}`);
    records.push(record);
    at += 16 + length;
  }
  return records;
}

/** The events of a run's file. */
export function eventsOf(run: RunResult, table?: FactorTable, metrics?: readonly Metric[]): Event[] {
  return decodeRecords(eventFileOf(run, table, metrics)).map(decodeEvent);
}

/** What the hparams plugin is told under a tag. */
export function hparams(events: readonly Event[], tag: string): HParamsPluginData[] {
  return events.flatMap(({ summary }) => summary?.value ?? []).filter((value) => value.tag === tag)
    .map(({ metadata, tensor }) => {
      assert.equal(metadata!.plugin_data.plugin_name, "hparams");
      // One dimension, of size 0, which proto3 leaves out.
      assert.deepEqual(tensor, { dtype: 1, tensor_shape: { dim: [{}] } });
      return decodeHParams(metadata!.plugin_data.content);
    });
}
