/** Reports of long studies: 15,000 steps, three hundred logged losses a run, sixteen passes, three seeds. Nothing is trained. */
import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { initStudy } from "../../experiments/study/init_study.ts";
import type { FinishedResult } from "../../experiments/study/result.ts";
import { runKey } from "../../experiments/study/run_key.ts";
import { exportStudy } from "../../report/export_study.ts";
import { reportOnStudy } from "../../report/report_study.ts";
import { passUpdates, totalSteps } from "../../train/training/settings.ts";
import { tempFolder } from "../experiments/folder.ts";
import { csvRows } from "./csv_rows.ts";
import { curveFrame } from "../../report/page/curve.ts";
import { mergeSeeds } from "../../report/data/merged.ts";
import { tableOf } from "../../report/data/rows.ts";
import { readPage } from "./report_files.ts";
import { syntheticResults } from "./synthetic_results.ts";

const STEPS = 15_000, HISTORY = 1000, SEEDS = 3, LOG_EVERY = 50;
/** Whole passes are trained: a few more steps than were asked for. */
const DONE = totalSteps({ steps: STEPS, history: HISTORY }, 1);

Deno.test("a report of 15,000 steps and three seeds says how long runs are, what passes they had, and shows each to its end", async () => {
  await using temp = await tempFolder();
  const { study } = await initStudy({
    dir: join(temp.path, "study"),
    experiment: "01",
    levels: { n_layers: [1], state_size: [256] },
    seeds: SEEDS,
    steps: STEPS,
    history: HISTORY,
  });
  const { corpus } = study.settings, made: FinishedResult[] = [];
  await study.makeRunFolders("01");
  for (let seed = 0; seed < SEEDS; seed++) {
    for (
      const run of syntheticResults({ layers: [1], state_sizes: [256], steps: DONE, log_every: LOG_EVERY, seed }).slice(
        0,
        24,
      )
    ) {
      const result = {
        ...run,
        "training steps": STEPS,
        steps_done: DONE,
        dataset: corpus.name,
        corpus_sha1: corpus.sha1,
      };
      await study.writeResult("01", runKey(result.id, seed), result);
      made.push(result as FinishedResult);
    }
  }
  assert.deepEqual([passUpdates({ history: HISTORY }, 1), DONE, made[0].loss.length], [999, 15_984, 319]);

  const { headline, tables, paths } = await reportOnStudy(study, { experiment: "01", onProblem: assert.fail });
  assert.match(
    headline,
    /8 pairs of configurations × 3 seeds\); trained on embedded, 1 layer, state size 256, 15,984 steps, /,
  );
  assert.match(tables.best_runs.split("\n")[1], /^ +1 {2}[0-9a-f]{8} +3 +1 +256 /);
  const page = await readPage(study.dir);
  assert.ok(
    page.includes("24 configurations, 3 seeds each (72 runs), trained on embedded, 15,984 training steps each"),
  );
  const pictures = paths.filter((path) => path.endsWith(".svg")).map((
    path,
  ) => [basename(path), Deno.readTextFileSync(path)]);
  for (const [name, text] of [...pictures, ["the page", page]]) {
    assert.doesNotMatch(text, /NaN|Infinity|undefined/, name);
    // Sixteen passes are too many for marks; that states are reset is said all the same.
    assert.doesNotMatch(text, /stroke-dasharray="1,3"|2nd pass/, name);
  }
  for (const [name, text] of pictures.filter(([name]) => /_all(_best)?\.svg$/.test(name))) {
    assert.match(text, />States are reset every 999 steps\. The loss may rise there:</, name);
    assert.match(text, />10,000</, name);
  }

  const { folder } = await exportStudy(study, { experiment: "01", formats: ["csv"] });
  const rowsOf = (...name: string[]) => csvRows(Deno.readTextFileSync(join(folder, ...name)));
  const logged = Array.from({ length: 319 }, (_, i) => LOG_EVERY * (i + 1));
  const curves = Map.groupBy(rowsOf("curves.csv"), ({ id, seed }) => runKey(id, Number(seed)));
  assert.equal(curves.size, made.length);
  for (const { id, seed, loss } of made) {
    const own = curves.get(runKey(id, seed))!;
    assert.deepEqual(own.map(({ step }) => Number(step)), logged);
    assert.deepEqual(own.map(({ smoothed_loss }) => Number(smoothed_loss)), loss);
  }
  // A picture's curve is a configuration's: the mean of its seeds.
  const drawn = Map.groupBy(rowsOf("pictures", "results_01_all.csv"), ({ id }) => id);
  assert.equal(drawn.size, 24);
  for (const [id, points] of drawn) {
    assert.deepEqual(points.map(({ step }) => Number(step)), logged);
    const last = made.filter((run) => run.id === id).map(({ loss }) => loss[318]);
    assert.ok(Math.abs(Number(points[318].loss_nats_per_byte) - last.reduce((a, b) => a + b) / SEEDS) < 1e-5);
  }

  // The page's small curves are thinned, and go on to the end of the frame: they begin at 36 of 320 pixels and have 276.
  const merged = mergeSeeds(tableOf(made).rows), frame = curveFrame(merged);
  const end = Math.round(36 + 276 * logged[318] / DONE);
  for (const row of merged) {
    const [, line] = /class="line" d="M([^"]*)"/.exec(frame.draw(row))!, [first, rest] = line.split("l");
    const steps = rest.split(" ").map((point) => Number(point.split(",")[0]));
    assert.ok(steps.length < 45, `${steps.length} points`);
    assert.equal(steps.reduce((x, step) => x + step, Number(first.split(",")[0])), end);
  }
  assert.match(frame.note, /Small curves\. States are reset every 999 steps\./);
});
