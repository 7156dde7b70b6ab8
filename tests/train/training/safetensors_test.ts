import assert from "node:assert/strict";
import { decodeWeights, encodeWeights } from "../../../train/training/checkpoint.ts";
import { decodeSafetensors, encodeSafetensors } from "../../../train/training/safetensors.ts";
import { initialWeights } from "../../../train/corpus/random.ts";
import { evaluationModel } from "../../../cells/language_model.ts";
import { gatedCell } from "../../../cells/catalog/gated_cell.ts";
import { SMALL_CONFIG } from "../../../cells/known_configs.ts";

const file = {
  tensors: new Map([["b", { shape: [2, 2], values: Float32Array.of(1, 2, 3, 4) }], ["a", {
    shape: [1],
    values: Float32Array.of(5),
  }]]),
  metadata: { by: "test" },
};

Deno.test("encodeSafetensors() lays a file out as the format says", () => {
  const bytes = encodeSafetensors(file);
  const view = new DataView(bytes.buffer);
  const length = Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  assert.equal(length % 8, 0);
  assert.deepEqual(header, {
    __metadata__: { by: "test" },
    a: { dtype: "F32", shape: [1], data_offsets: [0, 4] },
    b: { dtype: "F32", shape: [2, 2], data_offsets: [4, 20] },
  });
  assert.equal(view.getFloat32(8 + length, true), 5);
  assert.equal(view.getFloat32(8 + length + 16, true), 4);
  assert.equal(bytes.length, 8 + length + 20);
});

Deno.test("decodeSafetensors() reads back what was written, also at an odd place in memory", () => {
  const bytes = encodeSafetensors(file);
  const shifted = new Uint8Array(bytes.length + 1).subarray(1);
  shifted.set(bytes);
  const read = decodeSafetensors(shifted, "f");
  assert.deepEqual(read.tensors.get("b"), file.tensors.get("b"));
  assert.deepEqual(read.metadata, file.metadata);
});

Deno.test("encodeWeights() and decodeWeights() keep every weight, PyTorch's names and the configuration", () => {
  const { parameters } = evaluationModel(gatedCell(SMALL_CONFIG), SMALL_CONFIG);
  const weights = initialWeights(parameters, 0);
  const read = decodeWeights(encodeWeights(SMALL_CONFIG, parameters, weights), parameters, "f");
  assert.deepEqual(read.weights, weights);
  assert.deepEqual(read.config, SMALL_CONFIG);
  assert.ok(read.weights.has("layers.0.state_gate_nn.weight") && read.weights.has("output_embedding.bias"));
});

Deno.test("decodeWeights() refuses a file that lacks a weight or has it in another shape", () => {
  const { parameters } = evaluationModel(gatedCell(SMALL_CONFIG), SMALL_CONFIG);
  const bytes = encodeWeights(SMALL_CONFIG, parameters, initialWeights(parameters, 0));
  const wider = parameters.map((p) => p.name === "output_embedding.bias" ? { ...p, shape: [257] } : p);
  assert.throws(
    () => decodeWeights(bytes, [...parameters, { name: "more", shape: [1], fan_in: 1 }], "f"),
    /Cannot read f: 'more' is missing/,
  );
  assert.throws(
    () => decodeWeights(bytes, wider, "f"),
    /Cannot read f: 'output_embedding.bias' is \[256\], must be \[257\]/,
  );
});

for (
  const [name, edit, says] of [
    [
      "NaN",
      (values: Float32Array) => values.fill(NaN, 1),
      /'output_embedding.bias' is NaN at element 1, must be finite/,
    ],
    ["Infinity", (values: Float32Array) => values.fill(Infinity), /is Infinity at element 0, must be finite/],
    ["too few", (values: Float32Array) => values.subarray(1), /has 255 elements, its shape \[256\] needs 256/],
  ] as const
) {
  Deno.test(`encodeWeights() refuses weights that are ${name}`, () => {
    const { parameters } = evaluationModel(gatedCell(SMALL_CONFIG), SMALL_CONFIG);
    const weights = initialWeights(parameters, 0), bias = "output_embedding.bias";
    weights.set(bias, edit(weights.get(bias)!));
    assert.throws(() => encodeWeights(SMALL_CONFIG, parameters, weights), { name: "UserError", message: says });
  });
}
