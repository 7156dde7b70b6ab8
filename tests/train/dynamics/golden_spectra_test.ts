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

/** What float64 leaves of an exponent that is given. */
const TOLERANCE = 1e-6;

/**
 * Exponents that float64 does not tell, neither here nor in PyTorch, whose QR decompositions of them differ by up to 0.1: an LSTM's step keeps little of
 * some directions.
 */
const UNRESOLVED: Readonly<Record<string, number>> = { gated: 0, lstm: 6, gru: 0 };

/** How far λ₁ may be after 320 tokens where vectors started in other directions: they meet like one over the number of tokens. */
const OTHER_START = 0.003;

interface Golden {
  readonly settings: Readonly<Record<"streams" | "warm_up" | "tokens" | "n_layers" | "state_size", number>>;
  readonly cases: Readonly<Record<string, Readonly<Record<"spectrum" | "standard_errors" | "from_random", number[]>>>>;
}

async function modelOf(name: string, sizes: WeightedModel["sizes"]): Promise<WeightedModel> {
  const file = `${name}.safetensors`, bytes = await read(file);
  const cell = { lstm: lstmCell, gru: gruCell }[name] ?? gatedCell(decodeWeights(bytes, [], file).config!);
  return { cell, sizes, ...decodeWeights(bytes, evaluationModel(cell, sizes).parameters, file) };
}

for (const name of ["gated", "lstm", "gru"]) {
  Deno.test(`lyapunovSpectrum() gives PyTorch's spectrum of a whole stack when the trained cell is ${name}`, async () => {
    const { settings, cases }: Golden = JSON.parse(new TextDecoder().decode(await read("spectra.json")));
    const { n_layers, state_size, ...cut } = settings, { spectrum, standard_errors, from_random } = cases[name];
    const model = await modelOf(name, { n_layers, state_size });
    const { layers, largest } = await lyapunovSpectrum(model, await read("text.bin"), { ...cut, exponents: 1000 });
    const found = layers.flatMap(({ exponents }) => exponents)
      .sort((a, b) => (b.value ?? -1000) - (a.value ?? -1000));
    assert.equal(found.length, spectrum.length);
    assert.equal(layers.length, n_layers);
    const told = found.filter(({ value }) => value !== null);
    assert.equal(found.length - told.length, UNRESOLVED[name]);
    // Each once: where a layer's smallest are not told, those of the other keep their order and not their ranks.
    const left = spectrum.map((must, i) => ({ must, error: standard_errors[i] }));
    for (const { value, standard_error } of told) {
      const at = left.findIndex(({ must }) => Math.abs(value! - must) < TOLERANCE);
      assert.ok(at >= 0, `an exponent is ${value}, PyTorch has none within ${TOLERANCE}`);
      const [{ error }] = left.splice(at, 1);
      assert.ok(
        Math.abs(standard_error! - error) < TOLERANCE,
        `the standard error of ${value} is ${standard_error}, not ${error}`,
      );
    }
    // What is left is smaller than most: the spectrum begins as PyTorch's does.
    assert.ok(left.every(({ must }) => must < spectrum[Math.floor(0.8 * spectrum.length)]));
    assert.equal(largest.value, found[0].value);
    assert.ok(Math.abs(spectrum[0] - from_random[0]) < OTHER_START, `from a random start λ₁ is ${from_random[0]}`);
    // The sum is the mean of ln |det D|, wherever vectors start: as far as float64 tells it.
    if (UNRESOLVED[name]) return;
    const sum = (exponents: readonly number[]) => exponents.reduce((a, b) => a + b);
    assert.ok(Math.abs(sum(spectrum) - sum(from_random)) < TOLERANCE * spectrum.length);
  });
}
