import assert from "node:assert/strict";
import { configId } from "../../../cells/config.ts";
import { GATED, SWITCHES } from "../../../cells/factors.ts";
import { grid } from "../../../experiments/study/grid.ts";
import type { RunResult } from "../../../experiments/study/result.ts";
import { encodeEvent, type Event } from "../../../report/export/event_proto.ts";
import { runFolderName } from "../../../report/export/tensorboard.ts";
import { crc32c, encodeRecords } from "../../../report/export/tfrecord.ts";
import { syntheticResults, unfinished } from "../synthetic_results.ts";
import { ORIGINAL, ORIGINAL_SWITCHES } from "../../original_table.ts";
import { decodeRecords, eventsOf, hparams } from "./event_files.ts";

const [result] = syntheticResults({ layers: [2], steps: 200 });

function scalars(events: readonly Event[], tag: string) {
  return events.flatMap(({ wall_time, step, summary }) =>
    (summary?.value ?? []).filter((value) => value.tag === tag)
      .map(({ simple_value }) => ({ wall_time, step, value: simple_value }))
  );
}

Deno.test("crc32c() gives the known checksums", () => {
  const text = (text: string) => new TextEncoder().encode(text);
  assert.equal(crc32c(text("123456789")), 0xe3069283);
  // RFC 3720, appendix B.4.
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
  assert.equal(crc32c(text("")), 0);
});

Deno.test("encodeRecords() frames records so that lengths and checksums are right, also of an empty one", () => {
  const records = [new Uint8Array(0), new Uint8Array(300).fill(7), Uint8Array.of(1)];
  assert.deepEqual(decodeRecords(encodeRecords(records)), records);
});

Deno.test("events are framed and encoded byte for byte as TensorFlow's own writer has them", () => {
  const bytes = (hex: string) => Uint8Array.fromHex(hex.replaceAll(" ", ""));
  // The record in TensorFlow's test of its reader (event_file_loader_test.py).
  const first = bytes(
    "18 00 00 00 00 00 00 00 a3 7f 4b 22 09 00 00 c0 25 dd 75 d5 41 1a 0d 62 72 61 69 6e 2e 45 76 65 6e 74 3a 31 ec f3 32 8d",
  );
  const wall_time = new DataView(first.buffer).getFloat64(13, true);
  assert.deepEqual(encodeRecords([encodeEvent({ wall_time, file_version: "brain.Event:1" })]), first);
  // A scalar, without the checksum at its end: 1.5 at step 1.
  const scalar = bytes(
    "19 00 00 00 00 00 00 00 8b f1 08 28 09 00 00 00 00 00 08 70 40 10 01 2a 0c 0a 0a 0a 03 76 2f 31 15 00 00 c0 3f",
  );
  const event = { wall_time: 256.5, step: 1, summary: { value: [{ tag: "v/1", simple_value: 1.5 }] } };
  assert.deepEqual(encodeRecords([encodeEvent(event)]).subarray(0, -4), scalar);
});

Deno.test("eventFileOf() has the curve by step with times between start and end, and the scores", () => {
  const events = eventsOf(result);
  assert.deepEqual(events[0], { wall_time: 1_790_000_000, file_version: "brain.Event:2" });
  const seconds = result.train_seconds!;
  const curve = scalars(events, "loss/smoothed");
  assert.deepEqual(
    curve,
    result.loss!.map((loss, i) => ({
      wall_time: 1_790_000_000 + (result["end time"]! - 1_790_000_000) * (i + 1) / 4,
      step: 50 * (i + 1),
      value: Math.fround(loss),
    })),
  );
  assert.ok(Math.abs(curve.at(-1)!.wall_time - 1_790_000_000 - seconds) < 1e-6);
  const last = { wall_time: result["end time"], step: 200 };
  assert.deepEqual(scalars(events, "loss/min"), [{ ...last, value: Math.fround(result["min loss"]!) }]);
  assert.deepEqual(scalars(events, "test/bits_per_byte"), [{
    ...last,
    value: Math.fround(result.test_bits_per_byte!),
  }]);
});

Deno.test("eventFileOf() has the configuration as hyperparameters, switches that are off too, and how the run ended", () => {
  const events = eventsOf(result);
  const [start] = hparams(events, "_hparams_/session_start_info");
  assert.equal(start.session_start_info!.group_name, result.id);
  assert.equal(start.session_start_info!.start_time_secs, 1_790_000_000);
  const values = Object.fromEntries(
    Object.entries(start.session_start_info!.hparams).map(([key, value]) => [key, Object.values(value)[0]]),
  );
  const switches = Object.fromEntries(ORIGINAL_SWITCHES.map(({ key }) => [key, result[key]]));
  const further = GATED.factors.filter(({ key }) => !ORIGINAL.factors.some((factor) => factor.key === key));
  assert.deepEqual(values, {
    ...switches,
    n_layers: 2,
    state_size: result.state_size,
    gate_inputs: "x,h,n",
    cell: "gated",
    ...Object.fromEntries(further.map((factor) => [factor.key, factor.default])),
  });
  const endOf = (run: RunResult) => hparams(eventsOf(run), "_hparams_/session_end_info");
  assert.deepEqual(endOf(result), [{ session_end_info: { status: 1, end_time_secs: result["end time"] } }]);
  const failed = { ...unfinished(result), failed: "x", failed_at_step: 60, failed_time: 1_790_000_060 };
  assert.deepEqual(endOf({ ...failed, loss_before_failure: [3] }), [
    { session_end_info: { status: 2, end_time_secs: 1_790_000_060 } },
  ]);
  assert.deepEqual(scalars(eventsOf({ ...failed, loss_before_failure: [3] }), "loss/smoothed"), [
    { wall_time: 1_790_000_050, step: 50, value: 3 },
  ]);
  assert.deepEqual(endOf(unfinished(result)), []);
});

Deno.test("eventFileOf() has times that are some and never go back, whatever the clock said", () => {
  const timesOf = (times: Partial<RunResult>) => {
    const events = eventsOf({ ...result, ...times });
    // Of what is not written, 0 is read.
    const walls = events.map(({ wall_time = 0 }) => wall_time);
    const [{ session_end_info }] = hparams(events, "_hparams_/session_end_info");
    return { walls, last: session_end_info!.end_time_secs ?? 0 };
  };
  const end = result["end time"]!;
  const cases: [times: Partial<RunResult>, start: number, last: number][] = [
    [{ "start time": 1e300 }, end, end],
    [{ "end time": 1e300 }, 1_790_000_000, 1_790_000_000],
    [{ "start time": -1e300, "end time": 1e300 }, 0, 0],
    [{ "start time": end + 60 }, end + 60, end + 60],
  ];
  for (const [times, start, expected] of cases) {
    const { walls, last } = timesOf(times);
    assert.equal(last, expected);
    assert.deepEqual([...new Set(walls)], [start], JSON.stringify(times));
  }
});

Deno.test("runFolderName() says in words what TensorBoard's filter looks for, and differs between any two runs", () => {
  const named = (changes: object) => runFolderName({ ...result, id: "d6f462b5".repeat(8), ...changes });
  const off = Object.fromEntries(SWITCHES.map(({ key }) => [key, false]));
  const best = { ...off, use_state_gate: true, use_forget_gate: true, use_new_state: true, use_residual: true };
  assert.equal(named({ ...best, state_size: 256 }), "2x256_forget-state-new-residual_seed0_d6f462b5");
  assert.equal(
    named({ ...best, state_size: 8, seed: 3, gate_inputs: "x,h" }),
    "2x8_forget-state-new-residual-xh_seed3_d6f462b5",
  );
  assert.equal(named({ ...off, cell: "lstm", use_new_state: true, state_size: 8 }), "2x8_lstm_seed0_d6f462b5");
  const hostile = GATED.factors.map((factor) => ({ ...factor, label: `../../${factor.label}` }));
  const folder = runFolderName({ ...result, ...best, state_size: 256 }, { ...GATED, factors: hostile });
  assert.equal(folder.slice(0, -9), "2x256_forget-state-new-residual_seed0");
  const names = grid().flatMap((config) =>
    [0, 1].map((seed) => runFolderName({ ...result, ...config, id: configId(config), seed }).slice(0, -9))
  );
  assert.equal(new Set(names).size, 2 * 432);
  // Names that every file system takes.
  for (const name of names) assert.match(name, /^[\w-]+$/);
});
