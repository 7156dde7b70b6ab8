import { figureTrainingRuns } from "./figure_training_runs.ts";
import { figureHyperparameters } from "./figure_hyperparameters.ts";
import { figureDocument } from "./svg.ts";
import { pngOf } from "./png.ts";
import { tableOf } from "./rows.ts";
import { syntheticResults } from "../tests/report/synthetic_results.ts";
const all = syntheticResults();
const pick = (n: number) => n === 1 ? [all[300]] : n === 4 ? [all[3], all[150], all[301], all[420]] : n === 144 ? syntheticResults({layers:[2]}) : all;
for (const n of [1, 4, 144, 432]) {
  const t0 = performance.now();
  const { rows } = tableOf(pick(n));
  const d = figureDocument();
  const sub = `${n} finished runs on tinyshakespeare, 10,000 training steps each.`;
  const a = figureTrainingRuns(d, rows, { name: "results_01_all", title: "Training loss of every configuration", subtitle: sub });
  const b = figureHyperparameters(d, rows, { name: "h", title: "Least training loss by hyperparameter", subtitle: sub });
  const t1 = performance.now();
  for (const [k, s] of [["a", a], ["b", b]]) { Deno.writeTextFileSync(`/tmp/rp/${k}${n}.svg`, s); Deno.writeFileSync(`/tmp/rp/${k}${n}.png`, pngOf(s)); }
  console.log(n, t1 - t0, performance.now() - t1, a.length, b.length);
}
