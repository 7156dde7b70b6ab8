/** The step in TensorFlow.js: its own operations, gradient and Adam. */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
// The core alone has no gradients that Deno can load: it is the whole package that registers them.
// Named here and not in deno.json, which leaves this file out: tfjs is loaded when it is measured, and nobody else downloads it.
import * as tf from "npm:@tensorflow/tfjs@4.22.0";
import { ADAM } from "../../../cells/optimizers.ts";
import type { PeerTask } from "./peer.ts";
import { serveStepper, type Stepper } from "./stepper.ts";

async function useBackend(backend: string): Promise<void> {
  if (backend === "webgpu") await import("npm:@tensorflow/tfjs-backend-webgpu@4.22.0");
  if (backend === "wasm") await import("npm:@tensorflow/tfjs-backend-wasm@4.22.0");
  if (!await tf.setBackend(backend)) throw new Error(`tfjs could not open its backend '${backend}'`);
}

async function open({ sizes, starts, text }: PeerTask, backend: string): Promise<Stepper> {
  const { n_layers, state_size, vocabulary, batch } = sizes;
  await useBackend(backend);
  const weights = new Map(
    [...starts[0].weights].map((
      [name, { shape, values }],
    ) => [name, tf.variable(tf.tensor(values, [...shape]), true, name)]),
  );
  const rows = Array.from(
    { length: text.length / batch },
    (_, t) => tf.tensor1d(Int32Array.from(text.subarray(t * batch, (t + 1) * batch)), "int32"),
  );
  const adam = tf.train.adam(ADAM.learningRate, ADAM.beta1, ADAM.beta2, ADAM.epsilon);

  const linear = (name: string, inputs: tf.Tensor2D[]) => {
    const x = inputs.length > 1 ? tf.concat2d(inputs, 1) : inputs[0];
    const product = tf.matMul(x, weights.get(`${name}.weight`)! as tf.Tensor2D, false, true);
    return tf.add<tf.Tensor2D>(product, weights.get(`${name}.bias`)!);
  };
  const gate = (name: string, inputs: tf.Tensor2D[]) => tf.sigmoid(linear(name, inputs));
  const cell = (layer: string, x: tf.Tensor2D, h: tf.Tensor2D) => {
    const candidate = tf.tanh(linear(`${layer}.state_nn`, [x, h]));
    const z = gate(`${layer}.state_gate_nn`, [x, h, candidate]);
    const mixed = tf.add<tf.Tensor2D>(tf.mul(z, candidate), tf.mul(tf.sub(1, z), h));
    const n = tf.mul<tf.Tensor2D>(gate(`${layer}.forget_gate_nn`, [x, h, mixed]), mixed);
    const o = linear(`${layer}.output_nn`, [n, x]);
    return { y: tf.mul<tf.Tensor2D>(o, tf.sigmoid(o)), n };
  };

  let states: tf.Tensor2D[] = [];
  let kept: tf.Scalar | undefined;
  const oneHot = (t: number) => tf.cast(tf.oneHot(rows[t], vocabulary), "float32") as tf.Tensor2D;
  return {
    what: `tfjs ${tf.version_core}, ${backend}`,
    step(t) {
      if (t === 0) {
        tf.dispose(states);
        states = Array.from({ length: n_layers }, () => tf.zeros([batch, state_size]));
      }
      const next: tf.Tensor2D[] = [];
      const { value, grads } = tf.variableGrads(() => {
        let x = linear("input_embedding", [oneHot(t)]);
        states.forEach((h, i) => {
          const { y, n } = cell(`layers.${i}`, x, h);
          next.push(tf.keep(n));
          x = y;
        });
        return tf.losses.softmaxCrossEntropy(oneHot(t + 1), linear("output_embedding", [x])) as tf.Scalar;
      }, [...weights.values()]);
      adam.applyGradients(Object.entries(grads).map(([name, tensor]) => ({ name, tensor })));
      tf.dispose([...states, ...Object.values(grads)]);
      kept?.dispose();
      states = next;
      kept = value;
    },
    loss: async () => (await kept!.data())[0],
  };
}

serveStepper(open);
