/** The score itself: cross-entropy of a text under a model, over parallel streams with carried state. */
import type { Cut } from "./evaluate.ts";
import type { LoadedModel } from "./model.ts";

/**
 * Mean cross-entropy of `text[1…]`, each byte scored once, given all bytes before it (within its stream and the warm-up).
 *
 * Stream `s` scores bytes `1 + s·length …`; it first reads `warm_up` bytes that are another stream's to score. The first
 * stream has nothing before it: it waits with a zero state.
 *
 * @param model opened with `cut.streams` rows
 */
export async function scoreText(
  model: LoadedModel,
  text: Uint8Array,
  { streams, warm_up }: Cut,
): Promise<{ nats: number; bytes: number }> {
  const targets = text.length - 1;
  const length = Math.ceil(targets / streams);
  const bytes = new Uint8Array(streams);
  let total = 0, scored = 0;
  for (let t = -warm_up; t < length; t++) {
    for (let s = 0; s < streams; s++) bytes[s] = text[s * length + t] ?? 0;
    for (let s = 0; s < streams; s++) if (s * length + t === 0) model.forget(s);
    const logits = await model.step(bytes);
    if (t < 0) continue;
    const vocabulary = logits.length / streams;
    for (let s = 0; s < streams; s++) {
      const target = s * length + t + 1;
      if (target > targets) continue;
      total += crossEntropy(logits.subarray(s * vocabulary, (s + 1) * vocabulary), text[target]);
      scored++;
    }
  }
  return { nats: total / scored, bytes: scored };
}

/** `ln Σ exp(logits) − logits[target]`, nats. */
function crossEntropy(logits: Float32Array, target: number): number {
  let peak = -Infinity;
  for (const x of logits) if (x > peak) peak = x;
  let sum = 0;
  for (const x of logits) sum += Math.exp(x - peak);
  return peak + Math.log(sum) - logits[target];
}
