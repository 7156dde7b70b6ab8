import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { type CellConfig, configId } from "../../../cells/config.ts";
import { UserError } from "../../../cells/errors.ts";
import { SMALL_CONFIG } from "../../../cells/known_configs.ts";
import {
  type CheckpointOf,
  decodeCheckpoint,
  decodeRunWeights,
  decodeWeights,
  encodeCheckpoint,
  encodeWeights,
} from "../../../train/training/checkpoint.ts";
import { stateNames, type TrainingState } from "../../../train/training/loss_log.ts";
import { cellJob, stepOf } from "../../../train/training/training_run.ts";

const config: CellConfig = { ...SMALL_CONFIG, state_size: 2 };
const about: CheckpointOf = {
  config,
  seed: 3,
  // A name that looks like the place of the checksum.
  corpus: '"sha256":"ä',
  corpus_sha1: "ab".repeat(20),
  batch: 3,
  history: 11,
  log_every: 5,
};

/** The training step of a configuration. */
function stepFor(config: CellConfig) {
  return stepOf(cellJob({ config, seed: about.seed }), { ...about, steps: 100 });
}

const step = stepFor(config);

/** Numbers that text or rounding might lose. */
const DOUBLES = [
  0.1 + 0.2,
  1 / 3,
  Math.PI,
  2.9999999999999996,
  5e-324,
  1.7976931348623157e308,
  1e21,
  123456789.123456789,
];
const FLOATS = [-0, 1e-45, 3.4028234663852886e38, 0.1, -1 / 3];

function stateOf(sizes: ReadonlyMap<string, number>): TrainingState {
  const tensors = [...sizes].map(([name, size], i): [string, Float32Array] => [
    name,
    new Float32Array(size).map((_, j) => FLOATS[(i + j) % FLOATS.length] + (j % 7 === 6 ? i * j : 0)),
  ]);
  return { steps_done: 43, smoothed_loss: Math.E, curve: DOUBLES, seconds: 12.34567890123, tensors: new Map(tensors) };
}

const sizes = new Map(
  stateNames(step).map((name) => {
    const { shape } = step.parameters.find((parameter) => parameter.name === name) ?? step.graph.inputs.get(name)!;
    return [name, shape.reduce((a, b) => a * b, 1)];
  }),
);
const state = stateOf(sizes);
const legs = [{ engine: "onnx", adapter: "CPU ✓", steps: 40 }, { engine: "webgpu", adapter: "GPU", steps: 3 }];
const bytes = await encodeCheckpoint(about, step, state, legs);

const isFile = (other: Uint8Array) => Buffer.compare(other, bytes) === 0;
const decode = (file: Uint8Array<ArrayBuffer>, changes: Partial<CheckpointOf> = {}) =>
  decodeCheckpoint(file, "f", step, { ...about, ...changes });
const weightsIn = (file: Uint8Array<ArrayBuffer>) => decodeRunWeights(file, "f", step.parameters, about);

const bits = (values: Float32Array | Float64Array) => [...new Uint32Array(values.slice().buffer)];

Deno.test("decodeCheckpoint() gives back every bit that encodeCheckpoint() was given", async () => {
  const read = await decode(bytes);
  assert.deepEqual(read.legs, legs);
  assert.deepEqual({ ...read.state, tensors: undefined }, { ...state, tensors: undefined });
  assert.deepEqual([...read.state.tensors.keys()].sort(), [...state.tensors.keys()].sort());
  for (const [name, values] of state.tensors) assert.deepEqual(bits(read.state.tensors.get(name)!), bits(values), name);
  assert.ok(
    ["exp_avg.layers.0.output_nn.weight", "exp_avg_sq.output_embedding.bias", "layers.0.h"].every((name) =>
      state.tensors.has(name)
    ),
  );
});

Deno.test("encodeCheckpoint() gives equal bytes for equal states, and others for any other", async () => {
  const shuffled = { ...state, tensors: new Map([...state.tensors].reverse()) };
  assert.ok(isFile(await encodeCheckpoint({ ...about }, stepFor(config), shuffled, [...legs])));
  const others: TrainingState[] = [
    { ...state, steps_done: 44 },
    { ...state, smoothed_loss: state.smoothed_loss + 2 ** -50 },
    { ...state, curve: state.curve.with(1, 0.33333333333333326) },
    { ...state, tensors: new Map(state.tensors).set("layers.0.h", new Float32Array(sizes.get("layers.0.h")!)) },
  ];
  for (const [i, other] of others.entries()) {
    assert.ok(!isFile(await encodeCheckpoint(about, step, other, legs)), `change ${i}`);
  }
});

Deno.test("encodeCheckpoint() refuses a state that lacks a tensor", async () => {
  const tensors = new Map(state.tensors);
  tensors.delete("exp_avg.output_embedding.bias");
  await assert.rejects(encodeCheckpoint(about, step, { ...state, tensors }, legs), {
    name: "UserError",
    message: /'exp_avg.output_embedding.bias' is missing/,
  });
});

const OTHERS: Partial<CheckpointOf> = {
  seed: 4,
  corpus_sha1: "ac".repeat(20),
  batch: 6,
  history: 12,
  log_every: 4,
};

for (const [key, value] of Object.entries(OTHERS)) {
  Deno.test(`decodeCheckpoint() and decodeRunWeights() refuse a file of another ${key}`, async () => {
    const is = about[key as keyof CheckpointOf];
    const refusal = { name: "UserError", message: `Cannot use f: its ${key} is ${is}, must be ${value}` };
    await assert.rejects(decode(bytes, { [key]: value }), refusal);
    await assert.rejects(decodeRunWeights(bytes, "f", step.parameters, { ...about, [key]: value }), refusal);
  });
}

Deno.test("decodeCheckpoint() refuses a file of other tokens, of none, and of some where bytes are read", async () => {
  const onTokens = { ...about, tokenizer_sha1: "cd".repeat(20) };
  const refusal = (is: string, must: string) => ({
    message: `Cannot use f: its tokenizer_sha1 is ${is}, must be ${must}`,
  });
  for (const [made, read] of [[onTokens, about], [about, onTokens], [onTokens, { ...about, tokenizer_sha1: "ef" }]]) {
    const file = await encodeCheckpoint(made, step, state, []);
    const expected = refusal(made.tokenizer_sha1 ?? "none", read.tokenizer_sha1 ?? "none");
    await assert.rejects(decodeCheckpoint(file, "f", step, read), expected);
    assert.equal((await decodeCheckpoint(file, "f", step, made)).state.steps_done, state.steps_done);
  }
});

Deno.test("decodeCheckpoint() refuses a file of another configuration, and takes one of a renamed corpus", async () => {
  const other = { ...config, use_input_gate: true };
  await assert.rejects(decodeCheckpoint(bytes, "f", stepFor(other), { ...about, config: other }), {
    name: "UserError",
    message: `Cannot use f: its configuration is ${configId(config)}, must be ${configId(other)}`,
  });
  assert.equal((await decode(bytes, { corpus: "moved" })).state.steps_done, 43);
});

Deno.test("decodeCheckpoint() refuses a file of another optimizer, rate or number of steps back, which it names, and not as an id", async () => {
  const sgd = { ...config, optimizer: "sgd" } as const, slow = { ...config, learning_rate: 1e-5 };
  const ofConfig = async (config: CellConfig) => {
    const step = stepFor(config),
      tensors = new Map(
        stateNames(step).map((name) => {
          const { shape } = step.graph.inputs.get(name)!;
          return [name, new Float32Array(shape.reduce((a, b) => a * b, 1))];
        }),
      );
    return await encodeCheckpoint({ ...about, config }, step, { ...state, tensors }, []);
  };
  const cases = [
    [config, sgd, "its optimizer is adam, must be sgd"],
    [sgd, config, "its optimizer is sgd, must be adam"],
    [config, { ...config, optimizer: "adam_no_second_moment" }, "its optimizer is adam, must be adam_no_second_moment"],
    [slow, config, "its learning rate is 0.00001, must be 0.001"],
    [config, { ...sgd, learning_rate: 3e-4 }, "its learning rate is 0.001, must be 0.0003"],
    [config, { ...config, bptt: 4 }, "its steps back is 1, must be 4"],
    [{ ...config, bptt: 4 }, config, "its steps back is 4, must be 1"],
  ] as const;
  for (const [made, read, why] of cases) {
    const file = await ofConfig(made), step = stepFor(read), wanted = { ...about, config: read };
    const refusal = { name: "UserError", message: `Cannot use f: ${why}` };
    await assert.rejects(decodeCheckpoint(file, "f", step, wanted), refusal);
    await assert.rejects(decodeRunWeights(file, "f", step.parameters, wanted), refusal);
    const own = { ...about, config: made };
    assert.equal((await decodeCheckpoint(file, "f", stepFor(made), own)).state.steps_done, state.steps_done);
  }
});

Deno.test("decodeCheckpoint() refuses a file whose tensors are not those of the training step", async () => {
  await assert.rejects(decodeCheckpoint(bytes, "f", stepFor({ ...config, state_size: 3 }), about), {
    name: "UserError",
    message: /^Cannot read f: '.*' is \[.*2.*\], must be \[.*3.*\]$/,
  });
});

/** What is damaged must be refused in one line, whoever reads it. */
async function assertDamaged(file: Uint8Array<ArrayBuffer>, what: string): Promise<void> {
  for (const read of [decode, weightsIn]) {
    await assert.rejects(read(file), (error) => {
      assert.ok(error instanceof UserError, `${what}: ${error}`);
      assert.match(error.message, /^Cannot [^\n]* f: [^\n]+$/, what);
      return true;
    }, what);
  }
}

const headerEnd = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));

Deno.test("decodeCheckpoint() and decodeRunWeights() find a flipped bit in any byte of the header", async () => {
  for (let at = 0; at < headerEnd; at++) {
    const flipped = bytes.slice();
    flipped[at] ^= 1 << at % 8;
    await assertDamaged(flipped, `byte ${at}`);
  }
});

Deno.test("decodeCheckpoint() and decodeRunWeights() find a flipped bit all over the data", async () => {
  const positions = Array.from({ length: 60 }, (_, i) => headerEnd + Math.floor(i * (bytes.length - headerEnd) / 60));
  for (const at of [...positions, bytes.length - 1]) {
    const flipped = bytes.slice();
    flipped[at] ^= 1 << at % 8;
    await assertDamaged(flipped, `byte ${at}`);
  }
});

Deno.test("decodeCheckpoint() and decodeRunWeights() find a file that is cut short or too long", async () => {
  const lengths = [0, 1, 7, 8, 9, headerEnd - 1, headerEnd, headerEnd + 4, bytes.length / 2 | 0, bytes.length - 1];
  for (const length of lengths) await assertDamaged(bytes.slice(0, length), `${length} bytes`);
  const longer = new Uint8Array(bytes.length + 4);
  longer.set(bytes);
  await assertDamaged(longer, "four bytes more");
});

Deno.test("decodeCheckpoint() says what is wrong with a damaged file", async () => {
  const flipped = bytes.slice();
  flipped[bytes.length - 5] ^= 1;
  const message = "Cannot read f: its checksum does not match its content: it was damaged or edited";
  await assert.rejects(decode(flipped), { message });
  await assert.rejects(decode(bytes.slice(0, 100)), {
    message: /Cannot read f: its header ends at byte \d+, the file at 100/,
  });
  await assert.rejects(decode(bytes.slice(0, -1)), {
    message: /Cannot read f: tensor '.*' ends at byte \d+, the file at/,
  });
});

/** A file with other text in its header, and the checksum that it would have had. */
function forged(from: string, to: string, of = bytes): Uint8Array<ArrayBuffer> {
  assert.equal(from.length, to.length);
  const file = Buffer.from(of), at = file.indexOf(from), sum = file.lastIndexOf('"sha256":"') + 10;
  assert.ok(at > 0 && /^[0-9a-f]{64}"/.test(file.toString("latin1", sum, sum + 65)));
  file.write(to, at);
  file.write("0".repeat(64), sum);
  file.write(createHash("sha256").update(file).digest("hex"), sum);
  return Uint8Array.from(file);
}

Deno.test("decodeCheckpoint() refuses sealed contents that contradict each other", async () => {
  assert.ok(isFile(forged("seed", "seed")), "the checksum is the SHA-256 of the file with zeros in its place");
  await assert.rejects(decode(forged('\\"position\\":3', '\\"position\\":4')), {
    name: "UserError",
    message: "Cannot read f: step 43 is not position 4 of sequence 4 of 11 bytes",
  });
  const tokenizer_sha1 = "cd".repeat(20),
    file = await encodeCheckpoint({ ...about, tokenizer_sha1 }, step, state, legs);
  const wrong = forged('\\"position\\":3', '\\"position\\":4', file);
  await assert.rejects(decodeCheckpoint(wrong, "f", step, { ...about, tokenizer_sha1 }), {
    name: "UserError",
    message: "Cannot read f: step 43 is not position 4 of sequence 4 of 11 tokens",
  });
  await assert.rejects(decode(forged('\\"seconds\\":1', '\\"seconds\\":-')), /^UserError: Cannot read f: .*seconds/);
  await assert.rejects(decode(forged('{\\"steps_done', '[\\"steps_done')), /^UserError: Cannot read f: 'training' of/);
});

Deno.test("encodeCheckpoint() counts the pass by its updates and the position in tokens, where a gradient goes several steps back", async () => {
  const deep = { ...config, bptt: 4 }, step = stepFor(deep), about4 = { ...about, config: deep };
  // A pass of ten tokens has two updates: the second one of the sixth pass is behind.
  const file = await encodeCheckpoint(about4, step, { ...state, steps_done: 11 }, legs);
  const text = new TextDecoder().decode(file);
  assert.match(text, /\\"pass\\":5,\\"position\\":4,/);
  assert.equal((await decodeCheckpoint(file, "f", step, about4)).state.steps_done, 11);
  const wrong = forged('\\"position\\":4', '\\"position\\":5', file);
  await assert.rejects(decodeCheckpoint(wrong, "f", step, about4), {
    message: "Cannot read f: step 11 is not position 5 of sequence 5 of 11 bytes",
  });
});

Deno.test("decodeCheckpoint() refuses weights alone, which decodeRunWeights() takes", async () => {
  const weights = encodeWeights(config, step.parameters, state.tensors);
  await assert.rejects(decode(weights), {
    name: "UserError",
    message: "Cannot resume from f: it holds only weights, no moments, states or curve",
  });
  const own = new Map(step.parameters.map(({ name }) => [name, state.tensors.get(name)!]));
  assert.deepEqual(await weightsIn(weights), { weights: own, steps_done: undefined });
  assert.deepEqual(await weightsIn(bytes), { weights: own, steps_done: 43 });
  assert.deepEqual(decodeWeights(bytes, step.parameters, "f"), { weights: own, config });
});

Deno.test("decodeRunWeights() refuses weights that name another configuration", async () => {
  const weights = encodeWeights({ ...config, use_input_gate: true }, step.parameters, state.tensors);
  await assert.rejects(weightsIn(weights), /^UserError: Cannot use f: its configuration is [0-9a-f]{64}, must be/);
});
