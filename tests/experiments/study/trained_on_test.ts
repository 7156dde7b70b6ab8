import assert from "node:assert/strict";
import { mixedInWords, otherPlacesInWords } from "../../../experiments/study/trained_on.ts";

const cpu = { engine: "onnx", adapter: "CPU" }, gpu = { engine: "webgpu", adapter: "GPU" };
const otherGpu = { engine: "webgpu", adapter: "other\nGPU" };

Deno.test("mixedInWords() counts runs by engine and adapter, the most first, when they differ, and says nothing otherwise", () => {
  assert.equal(mixedInWords([]), undefined);
  assert.equal(mixedInWords([cpu, cpu]), undefined);
  assert.equal(
    mixedInWords([gpu, cpu, cpu, otherGpu]),
    "Finished runs were trained on 3 engines or adapters: onnx (CPU): 2 runs, webgpu (GPU): 1 run, " +
      "webgpu (other GPU): 1 run; their last digits may differ",
  );
});

Deno.test("otherPlacesInWords() names what other runs were trained on when that is not what trains now", () => {
  assert.equal(otherPlacesInWords([], gpu), undefined);
  assert.equal(otherPlacesInWords([gpu, gpu], gpu), undefined);
  assert.equal(
    otherPlacesInWords([cpu, gpu, cpu], gpu),
    "Finished runs were trained on onnx (CPU): 2 runs; this process trains on webgpu (GPU): their last digits may differ",
  );
});
