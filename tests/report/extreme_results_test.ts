/** Whatever a result holds that the schema takes: report, export and status neither fail nor say nonsense. */
import { GATED } from "../../cells/factors.ts";
import assert from "node:assert/strict";
import { Resvg } from "@resvg/resvg-js";
import { overviewOf } from "../../experiments/queue/overview.ts";
import { configOf } from "../../experiments/study/result.ts";
import { statusLines } from "../../experiments/status.ts";
import { runKey } from "../../experiments/study/run_key.ts";
import { initStudy } from "../../experiments/study/init_study.ts";
import { writeExport } from "../../report/export/write_export.ts";
import { drawReport } from "../../report/write_report.ts";
import { tempFolder } from "../experiments/folder.ts";
import { extremeResults } from "./extreme_results.ts";

/** Seeds and how many results: one alone, two, and enough for regressions. */
const TRIALS: readonly [seed: number, count: number][] = [[1, 1], [2, 2], [3, 25]];

/** A picture is read without them, and not drawn. */
const NO_FONTS = { loadSystemFonts: false };

/** What a number or a value became that was none. */
const NONSENSE = /\b(NaN|Infinity|undefined|null|\[object)\b/;

/** A page or picture without what is the same in each: its style and script. */
function contentOf(markup: string): string {
  return markup.replace(/<(style|script)>[\s\S]*?<\/\1>/g, "");
}

function assertSound(text: string, what: string): void {
  const found = NONSENSE.exec(text);
  assert.equal(found && text.slice(Math.max(0, found.index - 80), found.index + 40), null, what);
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(text, /[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]/, `${what} holds control characters`);
}

Deno.test("report, export and status take every result that the schema takes", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { study } = await initStudy({
    dir: `${dir}/s`,
    experiment: "01",
    levels: { n_layers: [1], state_size: [256] },
    seeds: 1,
  });
  const { corpus, training } = study.settings;
  const agreed = { corpus_sha1: corpus.sha1, "batch size": training.batch, "history size": training.history };
  await study.makeRunFolders("01");
  for (const [seed, count] of TRIALS) {
    const [folder] = study.runFolders("01");
    for (const { name } of Deno.readDirSync(folder)) await Deno.remove(`${folder}/${name}`);
    const made = extremeResults(seed, count, agreed);
    for (const result of made) await study.writeResult("01", runKey(result.id, result.seed), result);
    const { results, unreadable } = await study.readResults("01");
    assert.deepEqual(unreadable, [], "the schema takes them");
    assert.equal(results.length, count);

    const overview = await overviewOf(study.dir, "01");
    for (const line of statusLines(overview, "s")) assertSound(line, `status, seed ${seed}`);

    const options = { unreadable, dir: study.dir, levels: [{ label: "order 1", value: 1.9, order: 1 }] } as const;
    // The short ranking needs some to compare; to draw them takes a second each time.
    for (const experiment of count > 2 ? ["01", "02"] as const : ["01"] as const) {
      const entries = results.map((result, i) => ({
        id: result.id,
        config: configOf(result, GATED),
        ...(i % 2 ? { control: true as const } : {}),
      }));
      const chosenBy = experiment === "02" ? { short: results, entries } : undefined;
      const { pictures, page, summary } = drawReport({ ...options, results, experiment, chosenBy });
      const { headline, account, tables } = summary;
      for (const text of [headline, account, ...Object.values(tables)]) {
        assertSound(text, `report ${experiment}, seed ${seed}`);
      }
      assertSound(contentOf(page.html), `${page.name}, seed ${seed}`);
      for (const { name, svg } of pictures) {
        assertSound(contentOf(svg), `${name}, seed ${seed}`);
        // What can fail of a PNG is that its picture is no SVG.
        assert.ok(new Resvg(svg, { font: NO_FONTS }).width > 0, `${name}, seed ${seed}`);
      }
    }

    const exported = await writeExport({ study, experiment: "01", formats: ["csv", "parquet", "tensorboard"] });
    assert.equal(exported.runs, count);
    for (const line of exported.problems) assertSound(line, `export, seed ${seed}`);
  }
});
