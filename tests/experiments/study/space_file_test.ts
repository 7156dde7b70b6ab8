import assert from "node:assert/strict";
import { join } from "node:path";
import { configIdIn } from "../../../cells/config.ts";
import { keysOf } from "../../../cells/factor.ts";
import { printGraph } from "../../../cells/graph/printer.ts";
import { buildTrainingStep } from "../../../cells/language_model.ts";
import { estimateTraining } from "../../../experiments/session/estimate.ts";
import { trainStudy } from "../../../experiments/session/training.ts";
import { closeSpaces } from "../../../experiments/study/confined_space.ts";
import { grid } from "../../../experiments/study/grid.ts";
import { initStudy } from "../../../experiments/study/init_study.ts";
import { refine } from "../../../experiments/study/refine.ts";
import { configOf } from "../../../experiments/study/result.ts";
import { readSpaceFile } from "../../../experiments/study/space_file.ts";
import { parseSelection } from "../../../experiments/study/selection.ts";
import { Study } from "../../../experiments/study/store.ts";
import { drawReport } from "../../../report/write_report.ts";
import { corpusFile } from "../corpus_file.ts";
import { tempFolder } from "../folder.ts";
import { BAD_MODULES, documentedSpace, moduleWith } from "./space_modules.ts";

const SMALL = { steps: 60, batch: 4, history: 31 };
const ONE_SEED = { ...SMALL, seeds: 1 };

/** Runs a test with a folder, and ends the workers of the spaces that it has read. */
function withSpaces(name: string, test: (dir: string) => Promise<void>): void {
  Deno.test(name, async () => {
    await using temp = await tempFolder();
    try {
      await test(temp.path);
    } finally {
      closeSpaces();
    }
  });
}

async function written(dir: string, code: string, name = "my_space.ts"): Promise<string> {
  const path = join(dir, name);
  await Deno.writeTextFile(path, code);
  return path;
}

withSpaces("the space of docs/cells.md has at most 40 lines; its factors make grid, ids and cells", async (dir) => {
  const code = await documentedSpace();
  assert.ok(code.trimEnd().split("\n").length <= 40);
  const { space } = await readSpaceFile(await written(dir, code));
  assert.equal(space.name, "slow_fast");
  const common = ["n_layers", "state_size", "cell", "learning_rate", "optimizer", "bptt"];
  assert.deepEqual(keysOf(space.factors), ["use_reset", "use_slow", "leak", ...common]);
  const configs = grid({ n_layers: [1], state_size: [8] }, space);
  assert.equal(configs.length, 8);
  assert.equal(new Set(configs.map((config) => configIdIn(space, config))).size, 8);
  assert.equal(new Set(configs.map((config) => space.cellOf(config))).size, 8);
  // Sizes and training make no other cell.
  const [first] = configs;
  assert.equal(space.cellOf({ ...first, n_layers: 3, learning_rate: 0.01 }), space.cellOf(first));
  const steps = configs.map((config) =>
    buildTrainingStep(space.cellOf(config), { n_layers: 2, state_size: 8, vocabulary: 7, batch: 2 })
  );
  assert.deepEqual(steps[0].states.map(({ name }) => name), [0, 1].flatMap((i) => [`layers.${i}.h`, `layers.${i}.s`]));
  assert.equal(new Set(steps.map(({ graph }) => printGraph(graph))).size, 8);
});

withSpaces(
  "a study of a space is made, trained, reported and trained further; results say which space",
  async (dir) => {
    const space = await written(dir, await documentedSpace()), study = join(dir, "study");
    const levels = { n_layers: [1], state_size: [8] }, corpus = corpusFile(dir);
    await initStudy({ dir: study, experiment: "01", space, levels, cells: undefined, seeds: 2, ...SMALL, corpus });
    await initStudy({ dir: study, experiment: "01", cells: ["gru"] });
    const options = { dir: study, experiment: "01", engine: "onnx" } as const;
    assert.deepEqual((({ finished, failed, problems }) => [finished, failed, problems])(await trainStudy(options)), [
      18,
      0,
      0,
    ]);
    const opened = await Study.open(study), read = await opened.readResults("01");
    assert.deepEqual(read.unreadable, []);
    assert.equal(read.results.length, 18);
    const { sha256 } = opened.settings.space!;
    for (const result of read.results) {
      const own = ["slow_fast", sha256], ofCatalog = [undefined, undefined];
      assert.deepEqual([result.space, result.space_sha256], result.cell === "gru" ? ofCatalog : own);
      assert.equal(result.id, configIdIn(opened.space, configOf(result, opened.space)));
    }
    const { summary, page } = drawReport({ ...read, dir: study, experiment: "01", below: 9, table: opened.space });
    for (const label of ["reset gate", "slow state", "leak"]) assert.match(summary.tables.switches, RegExp(label));
    assert.match(summary.tables.best_runs, /GRU/);
    assert.match(page.html, /s = 0\.9 ⊙ s \+ 0\.1 ⊙ h|0\.9 s|s_new|⟵/);
    const further = await trainStudy({ ...options, steps: 90, limit: 2, parallel: 1 });
    assert.deepEqual([further.finished, further.problems], [2, 0]);
  },
);

withSpaces("a changed, missing or other space is refused in one line, and nothing is lost", async (dir) => {
  const code = await documentedSpace(), space = await written(dir, code), study = join(dir, "study");
  const options = { dir: study, experiment: "01", levels: { n_layers: [1], state_size: [8] }, ...SMALL } as const;
  await initStudy({ ...options, space });
  const copy = join(study, "space.ts"), list = await Deno.readTextFile(join(study, "rnn_configs.json"));
  assert.equal(await Deno.readTextFile(copy), code);
  // The file itself may change: the study has its copy.
  await Deno.writeTextFile(space, moduleWith());
  await assert.rejects(initStudy({ ...options, space }), {
    name: "UserError",
    message:
      /^Cannot extend study .* with space mine of .*, SHA-256 [0-9a-f]{64}: it was made with space slow_fast with SHA-256 [0-9a-f]{64}; start another with --dir$/,
  });
  await Deno.writeTextFile(copy, code.replace("0.5", "0.4"));
  await assert.rejects(Study.open(study), {
    name: "UserError",
    message:
      /^Cannot open study .*: the SHA-256 of .*space\.ts is [0-9a-f]{64}, that of the space that the study was made with is [0-9a-f]{64}; restore the file/,
  });
  await Deno.remove(copy);
  await assert.rejects(Study.open(study), {
    name: "UserError",
    message: /space\.ts does not exist; restore the file/,
  });
  await Deno.writeTextFile(copy, code);
  assert.equal((await (await Study.open(study)).readConfigs("01")).length, 8);
  assert.equal(await Deno.readTextFile(join(study, "rnn_configs.json")), list);
});

withSpaces("a module under the name of a study's copy is not overwritten", async (dir) => {
  const space = await written(dir, await documentedSpace()), study = join(dir, "study"), own = join(study, "space.ts");
  await Deno.mkdir(study);
  await Deno.writeTextFile(own, "// mine\n");
  await assert.rejects(initStudy({ dir: study, experiment: "01", space, ...SMALL }), {
    name: "UserError",
    message: `Cannot write ${own}: it exists, and is not the given space; move it away, or choose another folder ` +
      "with --dir",
  });
  assert.deepEqual([...Deno.readDirSync(study)].map(({ name }) => name), ["space.ts"]);
});

withSpaces("cells of one's own join a gated study, whose ids and runs stay", async (dir) => {
  const study = join(dir, "study"), only = parseSelection("use_residual=true,use_state_gate=true");
  const gated = { dir: study, experiment: "01", levels: { n_layers: [1], state_size: [8] }, only } as const;
  await initStudy({ ...gated, ...ONE_SEED, corpus: corpusFile(dir) });
  await trainStudy({ dir: study, experiment: "01", engine: "onnx", parallel: 1, limit: 2 });
  const before = await (await Study.open(study)).readConfigs("01");
  const listed = before.length;
  assert.ok(listed > 3, `${listed}`);
  const space = await written(dir, moduleWith({ name: '"with_mine"', more: "cells: [cell]" }), "my_cells.ts");
  const { added, total } = await initStudy({ dir: study, experiment: "01", space, cells: ["mine"] });
  assert.deepEqual([added, total], [1, listed + 1]);
  const opened = await Study.open(study), after = await opened.readConfigs("01");
  assert.deepEqual(after.slice(0, listed), before);
  assert.equal(after[listed].config.cell, "mine");
  assert.equal(opened.space.cellNames[0], "gated");
  const isMine = Object.assign((config: { cell?: unknown }) => config.cell === "mine", {});
  assert.ok(isMine(after[listed].config));
  const read = await opened.readResults("01");
  assert.deepEqual([read.results.length, read.unreadable], [2, []]);
  const { finished } = await trainStudy({ dir: study, experiment: "01", engine: "onnx", parallel: 1 });
  assert.equal(finished, listed - 1);
  const last = await opened.readResults("01"), { sha256 } = opened.settings.space!;
  assert.deepEqual(last.unreadable, []);
  for (const result of last.results) {
    assert.equal(result.space_sha256, result.cell === "mine" ? sha256 : undefined);
  }
});

withSpaces(
  "a gated study stays readable where cells of one's own come in and study.json cannot be written",
  async (dir) => {
    const study = join(dir, "study"), levels = { n_layers: [1], state_size: [8] };
    await initStudy({ dir: study, experiment: "01", levels, ...SMALL });
    const space = await written(dir, moduleWith({ name: '"with_mine"', more: "cells: [cell]" }), "my_cells.ts");
    const { renameSync } = Deno;
    Deno.renameSync = (from, to) => {
      if (`${to}`.endsWith("study.json")) throw new Error("the power went off");
      renameSync(from, to);
    };
    try {
      await assert.rejects(initStudy({ dir: study, experiment: "01", space, cells: ["mine"] }), /the power went off/);
    } finally {
      Deno.renameSync = renameSync;
    }
    assert.equal((await (await Study.open(study)).readConfigs("01")).length, 48);
    assert.equal((await initStudy({ dir: study, experiment: "01", space, cells: ["mine"] })).total, 49);
  },
);

withSpaces("a rule on sizes holds in experiment 02, and does not keep init from an estimate", async (dir) => {
  const rule = 'valid: { holds: (c) => c.state_size % 48 === 0, must: "needs a state size that is a multiple of 48" }';
  const space = await written(dir, moduleWith({ more: `cell: () => cell, ${rule}` })), path = join(dir, "study");
  await initStudy({ dir: path, experiment: "01", space, levels: { n_layers: [1], state_size: [48, 96] }, ...SMALL });
  const study = await Study.open(path), entries = await study.readConfigs("01"), problems: string[] = [];
  const settings = { ...SMALL, log_every: 30 };
  const request = { entries, space: study.space, seeds: 1, settings, results: [], engine: "onnx" };
  const estimate = await estimateTraining({ ...request, onProblem: (why) => problems.push(why) });
  assert.deepEqual([estimate?.runs, problems], [2, []]);
  const refined = refine(entries.map(({ config }) => config), study.space);
  assert.deepEqual(refined.map(({ config }) => config.state_size), [48]);
  // 256 and 512, which a small one would get, are both forbidden.
  const small = [{ n_layers: 1, state_size: 0 }];
  assert.deepEqual(refine(small, study.space).map(({ config }) => config), small);
});

withSpaces("a gated study takes no space with a cell of its own", async (dir) => {
  const study = join(dir, "study"), space = await written(dir, moduleWith());
  await initStudy({ dir: study, experiment: "01", levels: { n_layers: [1], state_size: [8] }, ...SMALL });
  await assert.rejects(initStudy({ dir: study, experiment: "01", space }), {
    name: "UserError",
    message: /with space mine of .*: it was made with space gated; start another with --dir$/,
  });
});

for (const [what, code, line] of BAD_MODULES) {
  withSpaces(`init refuses a space that ${what}, in one line and before anything is written`, async (dir) => {
    const space = await written(dir, code, "bad.ts"), study = join(dir, "study");
    const levels = { n_layers: [1], state_size: [8, 16] };
    await assert.rejects(initStudy({ dir: study, experiment: "01", space, levels, ...SMALL }), (error: Error) => {
      assert.equal(error.name, "UserError");
      assert.equal(error.message.replace(/^Cannot use space bad\.ts: /, ""), line.replaceAll("DIR", study));
      return true;
    });
    await assert.rejects(Deno.stat(study), Deno.errors.NotFound);
  });
}
