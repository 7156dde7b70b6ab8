/** Lyapunov spectra of trained models against a PyTorch script in float64 that knows nothing of layers: `tests/golden/dynamics`. */
import assert from "node:assert/strict";
import { gruCell, lstmCell } from "../../../cells/catalog/catalog.ts";
import { gatedCell } from "../../../cells/catalog/gated_cell.ts";
import { evaluationModel } from "../../../cells/language_model.ts";
import { lyapunovSpectrum } from "../../../train/dynamics/lyapunov.ts";
import type { WeightedModel } from "../../../train/dynamics/weighted_model.ts";
import { decodeWeights } from "../../../train/training/checkpoint.ts";

const FOLDER = new URL("../../golden/dynamics/", import.meta.url);
const read = (name: string) => Deno.readFile(new URL(name, FOLDER));

/** The issue's own: both are float64, and the shortest lengths of 384 tokens lose some digits. */
const TOLERANCE = 1e-6;

/** How far λ₁ may be after 320 tokens where vectors started in other directions: they meet like one over the number of tokens. */
const OTHER_START = 0.003;

interface Golden {
  readonly settings: Readonly<Record<"streams" | "warm_up" | "tokens" | "n_layers" | "state_size", number>>;
  readonly cases: Readonly<Record<string, Readonly<Record<"spectrum" | "standard_errors" | "from_random", number[]>>>>;
}

async function modelOf(name: string, sizes: WeightedModel["sizes"]): Promise<WeightedModel> {
  const file = `${name}.safetensors`, bytes = await read(file);
  const known = { lstm: lstmCell, gru: gruCell }[name];
  const anyCell = known ?? lstmCell;
  const { config } = decodeWeights(bytes, known ? evaluationModel(anyCell, sizes).parameters : [], file);
  const cell = known ?? gatedCell(config!);
  return { cell, sizes, ...decodeWeights(bytes, evaluationModel(cell, sizes).parameters, file) };
}

for (const name of ["gated", "lstm", "gru"]) {
  Deno.test(`lyapunovSpectrum() gives PyTorch's spectrum of a whole stack when the trained cell is ${name}`, async () => {
    const { settings, cases }: Golden = JSON.parse(new TextDecoder().decode(await read("spectra.json")));
    const { n_layers, state_size, ...cut } = settings, { spectrum, standard_errors, from_random } = cases[name];
    const model = await modelOf(name, { n_layers, state_size });
    const { layers, largest } = await lyapunovSpectrum(model, await read("text.bin"), { ...cut, exponents: 1000 });
    const found = layers.flatMap(({ exponents }) => exponents).sort((a, b) => b.value! - a.value!);
    assert.equal(found.length, spectrum.length);
    assert.equal(layers.length, n_layers);
    spectrum.forEach((must, i) => {
      const { value, standard_error } = found[i];
      assert.ok(Math.abs(value! - must) < TOLERANCE, `exponent ${i + 1} is ${value}, PyTorch's ${must}`);
      assert.ok(Math.abs(standard_error! - standard_errors[i]) < TOLERANCE, `its error is ${standard_error}`);
      assert.ok(
        Math.abs(must - from_random[i]) < OTHER_START,
        `from a random start it is ${from_random[i]}, not ${must}`,
      );
    });
    assert.equal(largest.value, found[0].value);
    assert.ok(Math.abs(spectrum[0] - from_random[0]) < OTHER_START, `from a random start λ₁ is ${from_random[0]}`);
    // The sum is the mean of ln |det D|, wherever vectors start.
    const sum = (exponents: readonly number[]) => exponents.reduce((a, b) => a + b);
    assert.ok(Math.abs(sum(spectrum) - sum(from_random)) < TOLERANCE * spectrum.length);
  });
}
