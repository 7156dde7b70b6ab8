/** The page of `deno task watch` in a real browser, while the runs of a study of full size train. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { maxOf } from "../../cells/extremes.ts";
import { parseSelection } from "../../experiments/study/selection.ts";
import { Follower } from "../../report/watch/follow.ts";
import { serveWatch } from "../../report/watch/server.ts";
import { watchedCells, watchPage } from "../../report/watch_page.ts";
import { tempFolder } from "../experiments/folder.ts";
import { makeFollowedStudy } from "../report/watch/followed_study.ts";
import { actOn, lacking } from "./browser.ts";

if (lacking) console.log(`live page in a browser: skipped, ${lacking}`);

/** What `live.mjs` tells. */
interface Seen {
  /** Paths at the beginning, and those of them that are still there at the end. */
  readonly before: number;
  readonly connected: number;
  /** Each change of a path: the configuration's name, points, and when, milliseconds. */
  readonly grown: readonly (readonly [name: string, points: number, at: number])[];
  /** Milliseconds of each task of the main thread that took 50 or more. */
  readonly tasks: readonly number[];
  readonly violations: readonly string[];
}

const FULL = { layers: [1, 2, 3], state_sizes: [32, 256], steps: 15_000 };
const DONE = 380, GROWING = 24, BEGUN = 40, ROUNDS = 5, ONLY = "use_residual=false";

Deno.test(
  "a page that is open while a study of 432 runs trains grows its curves, and draws none again",
  { ignore: lacking !== undefined },
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const { runs, resultOf, write, save, begin } = await makeFollowedStudy(dir, FULL);
    assert.equal(runs.length, 432);
    const done = runs.slice(0, DONE), growing = runs.slice(DONE, DONE + GROWING);
    for (const run of done) await write(resultOf(run));
    for (const run of growing) await begin(run, BEGUN);
    const source = await Follower.open({ dir, experiment: "01" });
    const problems: string[] = [], onProblem = (line: string) => void problems.push(line);
    const server = serveWatch({
      port: 0,
      source,
      page: () => watchPage(dir, "01"),
      cells: () => watchedCells(dir, "01"),
      onProblem,
    });
    try {
      const only = parseSelection(ONLY), shown = runs.slice(0, DONE + GROWING + 1);
      const selected = shown.filter(({ entry }) => only(entry.config));
      const facts = {
        growing: growing.map(({ key }) => key),
        values: BEGUN + ROUNDS,
        done: DONE + 1,
        total: runs.length,
        only: ONLY,
        selected: selected.length,
        rows: [...done, runs[DONE + GROWING]].filter(({ entry }) => only(entry.config)).length,
        saved: join(dir, "saved.html"),
        axe: import.meta.resolve("axe-core/axe.min.js"),
      };
      const written = new Map<string, number>();
      const trainOn = async () => {
        while (!server.clients) await new Promise((resolve) => setTimeout(resolve, 100));
        for (let round = 1; round <= ROUNDS; round++) {
          for (const run of growing) {
            const result = resultOf(run), curve = result.loss!.slice(0, BEGUN + round);
            await save(result, curve);
            written.set(`${run.key.slice(0, 8)} ${curve.length}`, Date.now());
          }
          await new Promise((resolve) => setTimeout(resolve, 1500));
        }
        await write(resultOf(runs[DONE + GROWING]));
      };
      const [seen] = await Promise.all([
        actOn<Seen>("live.mjs", server.url, facts, Deno.env.get("CELLSPACE_PICTURES")),
        trainOn(),
      ]);
      assert.deepEqual([seen.before, seen.connected], [DONE + GROWING, DONE + GROWING], "paths that stay");
      const names = new Set(growing.map(({ key }) => key.slice(0, 8)));
      const others = seen.grown.filter(([name]) => !names.has(name));
      assert.ok(others.length <= 1, `only what has grown is drawn, and what is new: ${others}`);
      assert.ok(seen.grown.length <= GROWING * ROUNDS + 1, `${seen.grown.length} changes of paths`);
      assert.deepEqual(seen.violations, []);
      assert.deepEqual(problems, []);
      // For whoever looks: machines differ, and this one has other work.
      const delays = seen.grown.flatMap(([name, points, at]) => at - (written.get(`${name} ${points}`) ?? at));
      console.log(
        `  a curve grew ${maxOf([0, ...delays])} ms after its file at most; tasks of 50 ms and more: ${
          seen.tasks.join(", ") || "none"
        }`,
      );
    } finally {
      await server.close();
    }
  },
);
