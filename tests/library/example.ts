import { Study } from "@cellspace/cellspace";

using study = await Study.create({ dir: "my_study", corpus: "embedded", steps: 200, batch: 32, history: 101 });
await study.init({
  levels: { n_layers: [1], state_size: [16] },
  only:
    "use_forget_gate=true,use_new_state=true,use_old_state=true,use_input_gate=false,use_output_gate=false,use_residual=true",
});
await study.init({ cells: ["gru"], parameters: "10k" });

const stop = new AbortController(); // stop.abort() ends the training at a good place; the next call goes on from there
const { finished } = await study.train({
  signal: stop.signal,
  onProgress: ({ runs_done, runs, running }) =>
    console.error(`${runs_done} of ${runs} runs`, running.map(({ step, loss }) => `step ${step}: ${loss?.toFixed(3)}`)),
});

const { runs, unreadable } = await study.results();
for (const { label, seed, metrics } of runs) console.log(label, seed, metrics["min loss"], metrics.test_bits_per_byte);
const { page, headline } = await study.report();
console.log(`${finished} trained, ${unreadable.length} unreadable. ${headline}\nsee ${page}`);
console.log(await study.sample({ only: "cell=gru", prompt: "the ", bytes: 80 }));
