/** State sizes by numbers of parameters. */
import { catalogConfig, CELL_NAMES, cellOf, GATED_SPACE } from "../../../cells/catalog/catalog.ts";
import assert from "node:assert/strict";
import { BEST_CONFIG } from "../../../cells/known_configs.ts";
import type { CellConfig } from "../../../cells/config.ts";
import { MAX_STATE_SIZE } from "../../../cells/factors.ts";
import { countParameters, evaluationModel } from "../../../cells/language_model.ts";
import { parametersOf, parseParameters, StateSizes } from "../../../experiments/study/parameters.ts";

const MODELS: readonly CellConfig[] = CELL_NAMES.flatMap((name) =>
  [1, 3].map((n_layers) => name === "gated" ? { ...BEST_CONFIG, n_layers } : catalogConfig(name, n_layers, 8))
);

/** The same count, from a model that is built for it. */
function built(config: CellConfig, state_size: number, vocabulary: number): number {
  return countParameters(evaluationModel(cellOf(config), { ...config, state_size, vocabulary }).parameters);
}

for (const target of [10_000, 99_999, 700_000, 1_200_000, 40_000_000]) {
  for (const vocabulary of [256, 1000]) {
    Deno.test(`StateSizes.sized() finds the multiple of 4 nearest to ${target} parameters of ${vocabulary} tokens`, () => {
      const sizes = new StateSizes(target, vocabulary);
      for (const model of MODELS) {
        const { config, parameters } = sizes.sized(model), { state_size } = config as CellConfig;
        assert.equal(state_size % 4, 0);
        assert.deepEqual(config, { ...model, state_size });
        assert.equal(parameters, built(model, state_size, vocabulary));
        assert.equal(parameters, parametersOf(GATED_SPACE, config, vocabulary));
        for (const other of [state_size - 4, state_size + 4].filter((size) => size > 0)) {
          const distance = Math.abs(built(model, other, vocabulary) - target);
          assert.ok(distance >= Math.abs(parameters - target), `${model.cell} has ${other} states nearer to ${target}`);
        }
      }
    });
  }
}

Deno.test("StateSizes.sized() counts parameters exactly where one size has as many", () => {
  for (const model of MODELS) {
    const target = built(model, 212, 256), { config } = new StateSizes(target, 256).sized(model);
    assert.equal((config as CellConfig).state_size, 212);
  }
});

Deno.test("StateSizes.sized() refuses a number that no state size leads to", () => {
  const gru = catalogConfig("gru", 2, 256), fewest = built(gru, 4, 256), most = built(gru, MAX_STATE_SIZE, 256);
  assert.throws(() => new StateSizes(100, 256).sized(gru), {
    name: "UserError",
    message: `Cannot find a state size for 100 parameters: 2 layers × 4, gru has the fewest, ${fewest}`,
  });
  assert.throws(() => new StateSizes(1e12, 256).sized(gru), {
    name: "UserError",
    message:
      `Cannot find a state size for 1000000000000 parameters: 2 layers × ${MAX_STATE_SIZE}, gru has the most, ${most}`,
  });
});

Deno.test("parseParameters() reads plain numbers, k, M and like:", () => {
  assert.deepEqual(["700k", "1.2M", "700000", "7e5", " 64 "].map(parseParameters), [
    { count: 700_000 },
    { count: 1_200_000 },
    { count: 700_000 },
    { count: 700_000 },
    { count: 64 },
  ]);
  assert.deepEqual(parseParameters("like:d6f462b5"), { like: "d6f462b5" });
});
