/** A study of a version that knew no dynamics: it has no folder of them, and its results and models say so. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { overviewOf } from "../../experiments/queue/overview.ts";
import { measureStudy } from "../../experiments/session/measure_dynamics.ts";
import { Study } from "../../experiments/study/store.ts";
import { reportOnStudy } from "../../report/report_study.ts";
import { decodeModel, encodeModel } from "../../train/engines/onnx/proto.ts";
import { tempFolder } from "./folder.ts";
import { editJson, makeSmallStudy, SmallStudy, TRAINED } from "./small_study.ts";

const BEFORE = "0.6.0";

Deno.test(
  "an earlier version's study is reported on as before, measured, counted, and then shown with dynamics",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    await makeSmallStudy(join(dir, "made"), 24_000);
    const small = await SmallStudy.copy(join(dir, "made"), join(dir, "study"));
    for (let run = 0; run < TRAINED; run++) {
      editJson(small.result(run), (result) => result.cellspace_version = BEFORE);
      const model = { ...decodeModel(Deno.readFileSync(small.model(run))), producer_version: BEFORE };
      Deno.writeFileSync(small.model(run), encodeModel(model));
    }
    const at = { dir: small.dir, experiment: "01" } as const;
    const tables = async () =>
      (await reportOnStudy(await Study.open(small.dir), { ...at, onProblem: assert.fail })).tables;
    assert.equal((await overviewOf(small.dir, "01")).dynamics, undefined);
    assert.equal((await tables()).dynamics, undefined);
    const settings = { streams: 1, tokens: 64, exponents: 2 };
    const { measured, problems, unreadable } = await measureStudy({
      ...at,
      settings,
      again: false,
      onProblem: assert.fail,
    });
    assert.deepEqual([measured, problems, unreadable], [TRAINED, 0, []]);
    assert.deepEqual((await overviewOf(small.dir, "01")).dynamics, { measured: TRAINED, finished: TRAINED });
    assert.match((await tables()).dynamics!, /^How do the cells' dynamics differ\?$/m);
  },
);
