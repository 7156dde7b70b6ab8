import { writeReport } from "./write_report.ts";
import { syntheticResults, unfinished } from "../tests/report/synthetic_results.ts";
import { tableOf } from "./rows.ts";
const all = syntheticResults();
const best = tableOf(all).rows.slice(0, 43).map((r) => r.id);
const two = [...syntheticResults({ state_sizes: [256, 512], log_every: 100, steps: 50_000 })].filter((_, i) =>
  i % 9 === 0
);
const sets = {
  one: [all[300]],
  four: [all[3], all[150], all[301], all[420]],
  all: [...all.slice(0, 430), unfinished(all[430]), unfinished(all[431])],
};
for (const [k, results] of Object.entries(sets)) {
  const dir = `/tmp/rp/${k}`;
  Deno.mkdirSync(dir, { recursive: true });
  const t = performance.now();
  const s = await writeReport({
    results,
    unreadable: k === "four" ? ["Cannot read a<b>.json: not JSON"] : [],
    dir,
    experiment: "01",
    below: k === "one" ? 1.5 : 1.9,
  });
  console.log(k, performance.now() - t, s.headline);
  console.log(s.tables.best_runs);
  console.log(s.tables.switches);
  console.log(s.tables.forward);
}
Deno.mkdirSync("/tmp/rp/two", { recursive: true });
await writeReport({ results: two, unreadable: [], dir: "/tmp/rp/two", experiment: "02", below: 1.9 });
