/** Scores models on the CPU and through ONNX Runtime's WebGPU provider, and prints what came of it as JSON: a program, for a driver is chosen by a process's environment. */
import { catalogConfig, cellOf } from "../../../cells/catalog/catalog.ts";
import { SMALL_CONFIG } from "../../../cells/known_configs.ts";
import { evaluationModel } from "../../../cells/language_model.ts";
import { generateEmbedded } from "../../../train/corpus/embedded.ts";
import { initialWeights } from "../../../train/corpus/random.ts";
import { evaluateModel } from "../../../train/scoring/evaluate.ts";
import { EvaluationWorkers } from "../../../train/scoring/evaluation_workers.ts";
import { exportModel } from "../../../train/scoring/export_model.ts";

const { text } = generateEmbedded(1, 460), validation = text.subarray(300, 460);
const [mode] = Deno.args as ["auto" | "webgpu" | "auto, then failing" | "webgpu, then failing"];
/** A machine that seems to have an adapter which scores. */
const hopeful = {
  adapter: () => Promise.resolve({ adapter: "A GPU", software: false }),
  check: () => Promise.resolve(),
};
const messages: string[] = [];
try {
  using device = await EvaluationWorkers.open(
    mode.split(",")[0] as "auto" | "webgpu",
    (line) => messages.push(line),
    mode.endsWith("failing") ? hopeful : undefined,
  );
  using cpu = new EvaluationWorkers();
  const scores = [];
  for (const config of [{ ...SMALL_CONFIG, n_layers: 2, state_size: 8 }, catalogConfig("lstm", 1, 8)]) {
    const weights = [...initialWeights(evaluationModel(cellOf(config), config).parameters, 0)].map(([name, values]) =>
      [name, values.map((x) => 4 * x)] as const
    );
    const model = exportModel(config, new Map(weights)), cut = { streams: 6, warm_up: 10 };
    const score = async (workers: EvaluationWorkers) =>
      await evaluateModel(model, text.subarray(0, 300), 2, cut, {
        workers,
        memory: true,
        validation,
        sample: { prompt: text.subarray(0, 5), bytes: 10, temperature: 0.8, seed: 0 },
      });
    scores.push({ webgpu: await score(device), cpu: await score(cpu) });
  }
  const stop = new AbortController(), endless = new Uint8Array(200_000);
  const given = evaluateModel(
    exportModel(SMALL_CONFIG, initialWeights(evaluationModel(cellOf(SMALL_CONFIG), SMALL_CONFIG).parameters, 0)),
    endless,
    1,
    { streams: 1, warm_up: 0 },
    { workers: device, signal: stop.signal },
  )
    .then(() => "scored", ({ name }) => name);
  setTimeout(() => stop.abort(), 100);
  console.log(JSON.stringify({ location: device.location, messages, scores, stopped: await given }));
} catch (error) {
  console.log(JSON.stringify({ messages, error: (error as Error).message }));
}
