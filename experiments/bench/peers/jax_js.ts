/** The step in jax-js: one jitted function of weights, moments and states. Its optimizers are no package of npm: Adam is written out. */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
// Named here and not in deno.json, which leaves this file out: jax-js is loaded when it is measured, and nobody else downloads it.
import { defaultDevice, type Device, init, jit, nn, numpy as np, tree, valueAndGrad } from "npm:@jax-js/jax@0.1.25";
import { ADAM } from "../../../cells/optimizers.ts";
import type { PeerTask } from "./peer.ts";
import { serveStepper, type Stepper } from "./stepper.ts";

/** It does not say its version; the place that it is loaded from does. */
const VERSION = /jax[@/](\d[^/]*)/.exec(import.meta.resolve("npm:@jax-js/jax@0.1.25"))?.[1] ?? "of unknown version";

type Arrays = Record<string, np.Array>;

/** All that a run carries. In jax-js a use consumes an array, unless it is of its `ref`. */
interface Carried {
  [part: string]: Arrays | np.Array[] | np.Array;
  weights: Arrays;
  m: Arrays;
  v: Arrays;
  /** β₁ᵗ and β₂ᵗ. */
  decay1: np.Array;
  decay2: np.Array;
  states: np.Array[];
}

async function open({ sizes, starts, text }: PeerTask, backend: string): Promise<Stepper> {
  const { n_layers, state_size, vocabulary, batch } = sizes;
  const opened = await init(backend as Device);
  if (!opened.includes(backend as Device)) throw new Error(`jax-js could not open its device '${backend}'`);
  defaultDevice(backend as Device);

  const linear = (weights: Arrays, name: string, inputs: np.Array[]) => {
    const x = inputs.length > 1 ? np.concatenate(inputs, 1) : inputs[0];
    return np.matmul(x, np.matrixTranspose(weights[`${name}.weight`])).add(weights[`${name}.bias`]);
  };
  const cell = (weights: Arrays, layer: string, x: np.Array, h: np.Array) => {
    const candidate = np.tanh(linear(weights, `${layer}.state_nn`, [x.ref, h.ref]));
    const z = nn.sigmoid(linear(weights, `${layer}.state_gate_nn`, [x.ref, h.ref, candidate.ref]));
    const mixed = z.ref.mul(candidate).add(np.subtract(1, z).mul(h.ref));
    const n = nn.sigmoid(linear(weights, `${layer}.forget_gate_nn`, [x.ref, h, mixed.ref])).mul(mixed);
    const o = linear(weights, `${layer}.output_nn`, [n.ref, x]);
    return { y: o.ref.mul(nn.sigmoid(o)), n };
  };
  const forward = (weights: Arrays, states: np.Array[], bytes: np.Array, targets: np.Array): [np.Array, np.Array[]] => {
    let x = linear(weights, "input_embedding", [nn.oneHot(bytes, vocabulary)]);
    const next = states.map((h, i) => {
      const { y, n } = cell(weights, `layers.${i}`, x, h);
      x = y;
      return n;
    });
    const logits = linear(weights, "output_embedding", [x]);
    const loss = np.sum(nn.logSoftmax(logits).mul(nn.oneHot(targets, vocabulary))).mul(-1 / batch);
    return [loss, next];
  };
  const update = jit((carried: Carried, bytes: np.Array, targets: np.Array): [np.Array, Carried] => {
    const { weights, m, v, states } = carried;
    const [[loss, next], gradients] = valueAndGrad(forward, { hasAux: true })(
      tree.ref(weights),
      states,
      bytes,
      targets,
    ) as unknown as [[np.Array, np.Array[]], Arrays];
    const decay1 = carried.decay1.mul(ADAM.beta1), decay2 = carried.decay2.mul(ADAM.beta2);
    const stepSize = np.divide(ADAM.learningRate, np.subtract(1, decay1.ref));
    const correction = np.sqrt(np.subtract(1, decay2.ref));
    const after: Carried = { weights: {}, m: {}, v: {}, decay1, decay2, states: next };
    for (const [name, gradient] of Object.entries(gradients)) {
      const newM = m[name].mul(ADAM.beta1).add(gradient.ref.mul(1 - ADAM.beta1));
      const newV = v[name].mul(ADAM.beta2).add(np.square(gradient).mul(1 - ADAM.beta2));
      const root = np.sqrt(newV.ref).div(correction.ref).add(ADAM.epsilon);
      after.m[name] = newM;
      after.v[name] = newV;
      after.weights[name] = weights[name].sub(stepSize.ref.mul(newM.ref).div(root));
    }
    stepSize.dispose();
    correction.dispose();
    return [loss, after];
  });

  const rows = Array.from(
    { length: text.length / batch },
    (_, t) => np.array(Int32Array.from(text.subarray(t * batch, (t + 1) * batch))),
  );
  const each = (make: (values: Float32Array<ArrayBuffer>, shape: number[]) => np.Array): Arrays =>
    Object.fromEntries(
      [...starts[0].weights].map(([name, { shape, values }]) => [name, make(Float32Array.from(values), [...shape])]),
    );
  const zeros = () => each((_, shape) => np.zeros(shape));
  let carried: Carried = {
    weights: each((values, shape) => np.array(values).reshape(shape)),
    m: zeros(),
    v: zeros(),
    decay1: np.array(1),
    decay2: np.array(1),
    states: [],
  };
  let kept: np.Array | undefined;
  return {
    what: `jax-js ${VERSION}, ${backend}`,
    step(t) {
      if (t === 0) {
        carried.states.forEach((h) => h.dispose());
        carried.states = Array.from({ length: n_layers }, () => np.zeros([batch, state_size]));
      }
      kept?.dispose();
      [kept, carried] = update(carried, rows[t].ref, rows[t + 1].ref) as unknown as [np.Array, Carried];
    },
    loss: async () => (await kept!.ref.data())[0],
  };
}

serveStepper(open);
