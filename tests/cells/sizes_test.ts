import assert from "node:assert/strict";
import { sizesOf, stepCost } from "../../cells/sizes.ts";

Deno.test("sizesOf() gives the state size first, so that sorting by it puts the widest models together", () => {
  assert.deepEqual(sizesOf({ n_layers: 3, state_size: 32 }), [32, 3]);
});

Deno.test("stepCost() counts each layer's matrices and both embeddings", () => {
  assert.equal(stepCost({ n_layers: 2, state_size: 256 }), 2 * 256 * 256 + 512 * 256);
  assert.ok(stepCost({ n_layers: 1, state_size: 512 }) > stepCost({ n_layers: 3, state_size: 256 }));
});
