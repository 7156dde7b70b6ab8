/** What `init` lists: named cells, a study's configurations again, its best, and sizes by parameters. */
import { catalogConfig, GATED_SPACE } from "../../../cells/catalog/catalog.ts";
import assert from "node:assert/strict";
import { type CellConfig, configId, parseConfig } from "../../../cells/config.ts";
import { grid } from "../../../experiments/study/grid.ts";
import { type InitOptions, type InitPlan, initStudy, planInit } from "../../../experiments/study/init_study.ts";
import { namedCells, otherCellNames } from "../../../experiments/study/named_cells.ts";
import { parametersOf } from "../../../experiments/study/parameters.ts";
import { runKey } from "../../../experiments/study/run_key.ts";
import type { RunResult } from "../../../experiments/study/result.ts";
import { parseSelection } from "../../../experiments/study/selection.ts";
import type { Study } from "../../../experiments/study/store.ts";
import { GATED } from "../../../cells/factors.ts";
import { syntheticResults } from "../../report/synthetic_results.ts";
import { tempFolder } from "../folder.ts";

const SMALL = { experiment: "01", batch: 4, history: 101, steps: 100, seeds: 1 } as const;

type Asked = Partial<InitOptions>;

const init = (dir: string, asked: Asked = {}) => initStudy({ dir, ...SMALL, ...asked });

/** What a call would add, and does not. */
async function planned(dir: string, asked: Asked): Promise<CellConfig[]> {
  const { fresh } = await planInit({ dir, experiment: "01", ...asked });
  for (const { id, config } of fresh) {
    assert.equal(id, configId(config));
    assert.deepEqual(parseConfig(config), config);
  }
  return fresh.map(({ config }) => config);
}

const only = parseSelection;
const ids = (configs: readonly CellConfig[]) => configs.map(configId).sort();
const listedIn = async (study: Study) => (await study.readConfigs("01")).map(({ config }) => config);

/** Results of these configurations, the first the best, with as many seeds. */
async function plant(study: Study, configs: readonly CellConfig[], seeds = 1): Promise<void> {
  await study.makeRunFolders("01");
  const [template] = syntheticResults({ layers: [1], state_sizes: [32], steps: 100, log_every: 100 });
  const own = Object.keys(template).filter((key) => !(GATED.factors.some((factor) => factor.key === key)));
  const shell = Object.fromEntries(own.map((key) => [key, template[key]]));
  for (const [place, config] of configs.entries()) {
    for (let seed = 0; seed < seeds; seed++) {
      const loss = 1 + place / 100, id = configId(config);
      const result = {
        ...shell,
        ...config,
        id,
        seed,
        loss: [loss],
        "min loss": loss,
        steps_done: 100,
        log_every: 100,
        "training steps": 100,
        "batch size": 4,
        "history size": 101,
        corpus_sha1: study.settings.corpus.sha1,
      } as unknown as RunResult;
      await study.writeResult("01", runKey(id, seed), result);
    }
  }
}

Deno.test("namedCells() makes the configurations that catalogConfig() makes, with other factors too", () => {
  const factor = (key: string) => GATED.factors.find((one) => one.key === key)!;
  const levels = [
    { factor: factor("n_layers"), levels: [1, 2] },
    { factor: factor("state_size"), levels: [64] },
  ];
  const names = otherCellNames();
  assert.ok(names.length >= 4 && !names.includes("gated"));
  const expected = names.flatMap((name) => [1, 2].map((n_layers) => catalogConfig(name, n_layers, 64)));
  assert.deepEqual(namedCells(GATED_SPACE, names, levels), expected);
  const rates = [...levels, { factor: factor("learning_rate"), levels: [0.001, 0.003] }];
  assert.deepEqual(
    namedCells(GATED_SPACE, ["gru"], rates),
    [1, 2].flatMap((n) => [catalogConfig("gru", n, 64), { ...catalogConfig("gru", n, 64), learning_rate: 0.003 }]),
  );
});

Deno.test("init --cells on a new folder makes a study of these cells alone", async () => {
  await using temp = await tempFolder();
  const { study, added } = await init(temp.path, {
    cells: ["gru", "lstm"],
    levels: { n_layers: [1, 2], state_size: [8] },
  });
  assert.equal(added, 4);
  assert.deepEqual(
    await listedIn(study),
    ["gru", "lstm"].flatMap((name) => [1, 2].map((n_layers) => catalogConfig(name, n_layers, 8))),
  );
  // The whole grid is added at the sizes that the study has.
  const gated = await planned(temp.path, { levels: { learning_rate: [0.001] } });
  assert.deepEqual(ids(gated), ids(grid({ n_layers: [1, 2], state_size: [8] })));
});

Deno.test("init takes levels that are not named from the study, not from the table", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { study } = await init(dir, { levels: { n_layers: [2], state_size: [48] } });
  const listed = await listedIn(study);
  assert.deepEqual(
    ids(await planned(dir, { levels: { n_layers: [4] } })),
    ids(listed.map((c) => ({ ...c, n_layers: 4 }))),
  );
  const faster = await planned(dir, { levels: { learning_rate: [0.001, 0.003] } });
  assert.deepEqual(ids(faster), ids(listed.map((config) => ({ ...config, learning_rate: 0.003 }))));
  assert.deepEqual(await planned(dir, { cells: ["gru"] }), [catalogConfig("gru", 2, 48)]);
  assert.deepEqual(await planned(dir, {}), []);
  assert.deepEqual(await planned(dir, { levels: { n_layers: [2] } }), []);
  const residual = await planned(dir, { levels: { learning_rate: [0.003] }, only: only("use_residual=true") });
  const expected = listed.filter(({ use_residual }) => use_residual).map((config) => ({
    ...config,
    learning_rate: 0.003,
  }));
  assert.deepEqual(ids(residual), ids(expected));
});

Deno.test("init on a study of small states lists every setting of the switches at a larger size", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  await init(dir, { levels: { n_layers: [1], state_size: [8] } });
  assert.equal((await planned(dir, { levels: { state_size: [64] } })).length, 96);
  assert.equal((await planned(dir, { levels: { state_size: [16] } })).length, 48);
  const without = await planned(dir, { levels: { state_size: [64] }, only: only("use_residual=false") });
  assert.equal(without.length, 48);
});

Deno.test(
  "init on a study with some settings of the switches lists these again, and --only alone adds others",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const { study, added } = await init(dir, {
      levels: { n_layers: [1], state_size: [64] },
      only: only("use_residual=true,use_forget_gate=true"),
    });
    assert.equal(added, 24);
    const listed = await listedIn(study);
    const larger = await planned(dir, { levels: { state_size: [128] } });
    assert.deepEqual(ids(larger), ids(listed.map((config) => ({ ...config, state_size: 128 }))));
    const others = await planned(dir, { only: only("use_residual=true,use_forget_gate=false") });
    assert.equal(others.length, 24);
    assert.ok(others.every((config) => config.use_residual && !config.use_forget_gate && config.state_size === 64));
    const deeper = await planned(dir, { only: only("n_layers=3") });
    assert.deepEqual(ids(deeper), ids(listed.map((config) => ({ ...config, n_layers: 3 }))));
  },
);

Deno.test("initStudy() refuses levels of no factor, and of what names cells", async () => {
  await using temp = await tempFolder();
  await assert.rejects(init(temp.path, { levels: { layers: [1] } }), {
    name: "UserError",
    message: /^Cannot list levels of 'layers': must be one of use_input_gate, /,
  });
  await assert.rejects(init(temp.path, { levels: { cell: ["gru"] } }), {
    name: "UserError",
    message: "Cannot list levels of 'cell': other cells are listed by their names, with --cells",
  });
});

Deno.test("initStudy() refuses levels of which every combination is against the table's rule", async () => {
  await using temp = await tempFolder();
  await init(temp.path, { levels: { n_layers: [1], state_size: [64] } });
  const asked = { levels: { state_size: [8] }, only: only("use_residual=false") };
  await assert.rejects(init(temp.path, asked), {
    name: "UserError",
    message: /^Cannot list 48 combinations of levels: a configuration needs use_residual with up to 32 states: /,
  });
});

Deno.test("init lists named cells again only where --only names the cell", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  await init(dir, { levels: { n_layers: [1], state_size: [64] } });
  await init(dir, { cells: ["gru", "lstm"] });
  const asked = { levels: { learning_rate: [0.003] } };
  assert.equal((await planned(dir, asked)).length, 96);
  assert.deepEqual(await planned(dir, { ...asked, only: only("cell=gru") }), [
    { ...catalogConfig("gru", 1, 64), learning_rate: 0.003 },
  ]);
  assert.equal((await planned(dir, { ...asked, only: only("cell!=gated") })).length, 2);
  assert.equal((await planned(dir, { ...asked, only: only("cell=gated|lstm") })).length, 97);
});

Deno.test("init lists again what somebody has listed against the rule on small states", async () => {
  await using temp = await tempFolder();
  const { study } = await init(temp.path, {
    levels: { n_layers: [1], state_size: [64] },
    only: only("use_residual=false"),
  });
  const odd = { ...(await listedIn(study))[0], state_size: 8 };
  const list = [{ ...odd, id: configId(odd) }];
  await Deno.writeTextFile(study.configsPath("01"), JSON.stringify(list));
  assert.deepEqual(await planned(temp.path, { levels: { learning_rate: [0.003] } }), [{
    ...odd,
    learning_rate: 0.003,
  }]);
});

Deno.test("init --best lists the best of a ranking over seeds again, each once whatever its rate", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { study } = await init(dir, { levels: { n_layers: [1], state_size: [64] }, seeds: 2 });
  await init(dir, { cells: ["gru"] });
  const listed = (await listedIn(study)).filter(({ cell }) => cell === undefined), gru = catalogConfig("gru", 1, 64);
  await plant(study, [gru, ...listed], 2);
  const rates = [0.0003, 0.001, 0.003];
  const again = await planned(dir, { best: 5, levels: { learning_rate: rates } });
  const atOthers = (configs: readonly CellConfig[]) =>
    configs.flatMap((config) => [0.0003, 0.003].map((learning_rate) => ({ ...config, learning_rate })));
  assert.deepEqual(ids(again), ids(atOthers(listed.slice(0, 5))));
  const withGru = await planned(dir, { best: 2, levels: { learning_rate: rates }, only: only("cell=gated|gru") });
  assert.deepEqual(ids(withGru), ids(atOthers([gru, listed[0]])));
  const residual = listed.filter(({ use_residual }) => use_residual);
  const ofResidual = await planned(dir, { best: 3, levels: { learning_rate: rates }, only: only("use_residual=true") });
  assert.deepEqual(ids(ofResidual), ids(atOthers(residual.slice(0, 3))));

  // The best one is now there at two rates; it is one of the best, not two.
  await init(dir, { best: 1, levels: { learning_rate: [0.003] } });
  await plant(study, [{ ...listed[0], learning_rate: 0.003 }, ...listed], 2);
  const more = await planned(dir, { best: 2, levels: { learning_rate: [0.01] } });
  assert.deepEqual(ids(more), ids(listed.slice(0, 2).map((config) => ({ ...config, learning_rate: 0.01 }))));
  const all = await planInit({ dir, experiment: "01", best: 999, levels: { learning_rate: [0.01] } });
  const { taken, ranked, criterion, unvalidated } = all.chosen.best!;
  // They are planted as a version without validation scores has left them.
  assert.deepEqual([taken, ranked, criterion, unvalidated], [96, 97, "min loss", 194]);
});

Deno.test("init --best does not choose what has been taken off the list", async () => {
  await using temp = await tempFolder();
  const { study } = await init(temp.path, { levels: { n_layers: [1], state_size: [64] } });
  const listed = await study.readConfigs("01");
  await plant(study, listed.map(({ config }) => config));
  const kept = listed.slice(1).map(({ id, config }) => ({ ...config, id }));
  await Deno.writeTextFile(study.configsPath("01"), JSON.stringify(kept));
  const [again, ...rest] = await planned(temp.path, { best: 1, levels: { learning_rate: [0.01] } });
  assert.deepEqual([again, rest], [{ ...listed[1].config, learning_rate: 0.01 }, []]);
});

Deno.test("init --parameters sizes named cells and the study's own, and says what each came to", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { study } = await init(dir, { levels: { n_layers: [1, 2], state_size: [64] } });
  const cells = await planInit({ dir, experiment: "01", cells: ["gru", "lstm"], parameters: { count: 100_000 } });
  assert.equal(cells.fresh.length, 4);
  const { target, parameters } = cells.chosen.sized!;
  assert.equal(target, 100_000);
  for (const { id, config } of cells.fresh) {
    assert.equal(parameters.get(id), parametersOf(GATED_SPACE, config, 256));
    assert.ok(config.state_size % 4 === 0 && Math.abs(parameters.get(id)! - target) < 5000);
  }
  const sized = await planInit({ dir, experiment: "01", parameters: { count: 100_000 } });
  const own = sized.chosen.entries.map(({ config }) => config);
  // Some have 64 states already.
  assert.deepEqual([own.length, sized.fresh.length < 192], [192, true]);
  assert.ok(new Set(own.map(({ state_size }) => state_size)).size > 3);
  assert.ok(own.every((config) => Math.abs(parametersOf(GATED_SPACE, config, 256) - 100_000) < 8000));

  const like = (await listedIn(study))[7], id = configId(like);
  const [gru] = await planned(dir, {
    cells: ["gru"],
    parameters: { like: id.slice(0, 10) },
    levels: { n_layers: [1] },
  });
  assert.ok(Math.abs(parametersOf(GATED_SPACE, gru, 256) - parametersOf(GATED_SPACE, like, 256)) < 3000);
});

Deno.test("init --parameters counts with the study's vocabulary", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  await init(dir, { tokens: 300, cells: ["gru"], levels: { n_layers: [1], state_size: [8] } });
  const asked = { cells: ["gru"], parameters: { count: 60_000 }, levels: { n_layers: [1] } };
  const { fresh: [{ id, config }], chosen } = await planInit({ dir, experiment: "01", ...asked });
  assert.equal(chosen.sized!.parameters.get(id), parametersOf(GATED_SPACE, config, 300));
  assert.notEqual(parametersOf(GATED_SPACE, config, 300), parametersOf(GATED_SPACE, config, 256));
});

Deno.test("a named cell is never promoted, nor a control, and can be listed in experiment 02", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { study } = await init(dir, { levels: { n_layers: [1], state_size: [64] } });
  await init(dir, { cells: ["gru", "lstm"] });
  const listed = (await listedIn(study)).filter(({ cell }) => cell === undefined);
  const cells = ["gru", "lstm"].map((name) => catalogConfig(name, 1, 64));
  await plant(study, [...cells, ...listed]);
  const in02 = { dir, experiment: "02", steps: 100 } as const;
  await initStudy({ ...in02, cells: ["gru"] });
  assert.deepEqual((await study.readConfigs("02")).map(({ config }) => config.cell), Array(6).fill("gru"));
  const { promotion } = await initStudy(in02);
  assert.equal(promotion!.from.ranked.length, 96);
  // Cells that are listed already do not stand for a list without controls.
  assert.equal(promotion!.controls.total, 8);
  const promoted = (await study.readConfigs("02")).filter(({ oldId }) => oldId !== undefined);
  assert.ok(promoted.length > 8 && promoted.every(({ config }) => config.cell === undefined));
  assert.equal(promoted[0].oldId, configId(listed[0]));
});

Deno.test("initStudy() writes nothing where its plan is refused, and planInit() never", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  await init(dir, { levels: { n_layers: [1], state_size: [8] } });
  const before = [...Deno.readDirSync(dir)].map(({ name }) => [name, Deno.readTextFileSync(`${dir}/${name}`)]);
  const plans: InitPlan[] = [];
  const onPlan = (plan: InitPlan) => {
    plans.push(plan);
    return Promise.reject(new Error("no"));
  };
  await assert.rejects(init(dir, { cells: ["gru"], seeds: 3, onPlan }), { message: "no" });
  await planInit({ dir, ...SMALL, cells: ["gru"], seeds: 3 });
  assert.deepEqual(
    [...Deno.readDirSync(dir)].map(({ name }) => [name, Deno.readTextFileSync(`${dir}/${name}`)]),
    before,
  );
  // Runs of the new cell, and the further seeds of the 48.
  assert.deepEqual([plans.length, plans[0].fresh.length, plans[0].listed], [1, 1, 48]);
  assert.deepEqual(plans[0].runs.map(({ count }) => count), [3, ...Array(48).fill(2)]);
  const fresh = `${dir}/none`;
  await planInit({ dir: fresh, ...SMALL, cells: ["gru"] });
  assert.throws(() => Deno.statSync(fresh), Deno.errors.NotFound);
});

/** A space of one switch and a number, whose rule leaves one combination out. */
const SPACE = `import { defineCell, defineSpace, ops } from "@cellspace/cellspace";
const { mul, tanh } = ops;
export default defineSpace({
  name: "leaky",
  factors: [
    { key: "use_gate", kind: "switch", label: "gate", about: "whether it is", on: "a gate", off: "no gate" },
    { key: "leak", kind: "number", label: "leak", about: "share", levels: [0.5, 0.9], default: 0.5, above: 0, most: 1 },
  ],
  listed: { holds: ({ use_gate, leak }) => use_gate || leak < 0.8, must: "needs a gate with a large leak" },
  cell: ({ use_gate, leak }) => defineCell({
    name: "leaky",
    states: ["h"],
    forward(layer, x, { h }) {
      const n = tanh(layer.linear("state_nn", [x, mul(leak, h)]));
      return { output: use_gate ? mul(n, layer.linear("gate_nn", [x])) : n, states: { h: n } };
    },
  }),
});
`;

Deno.test("init lists a space of somebody's as it lists the built-in one", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const space = `${dir}/leaky.ts`, study = `${dir}/s`;
  await Deno.writeTextFile(space, SPACE);
  const sizes = { n_layers: [1], state_size: [8] };
  const made = await initStudy({ dir: study, ...SMALL, space, levels: sizes });
  const own = made.study.space, parse = (text: string) => parseSelection(text, own);
  const planIn = async (asked: Asked) =>
    (await planInit({ dir: study, experiment: "01", ...asked })).fresh.map(({ config }) => config as unknown);
  assert.equal(made.added, 3);
  const size8 = { n_layers: 1, state_size: 8 };
  assert.deepEqual(await planIn({ levels: { learning_rate: [0.01] }, only: parse("use_gate=true,leak>0.5") }), [
    { use_gate: true, leak: 0.9, ...size8, learning_rate: 0.01 },
  ]);
  // A further level of the space's own number, against whose rule nothing is listed.
  assert.deepEqual(await planIn({ levels: { leak: [0.95] } }), [{ use_gate: true, leak: 0.95, ...size8 }]);
  assert.equal((await planIn({ levels: { leak: [0.7] } })).length, 2);
  const { fresh, chosen } = await planInit({
    dir: study,
    experiment: "01",
    cells: ["gru"],
    parameters: { count: 50_000 },
  });
  const [{ id, config }] = fresh;
  assert.deepEqual([fresh.length, config.cell, parse("cell=gru")(config), parse("use_gate=false")(config)], [
    1,
    "gru",
    true,
    false,
  ]);
  assert.ok(Math.abs(chosen.sized!.parameters.get(id)! - 50_000) < 3000);
  const sized = await planInit({ dir: study, experiment: "01", parameters: { count: 50_000 } });
  assert.equal(sized.fresh.length, 3);
  for (const entry of sized.fresh) {
    const parameters = parametersOf(own, entry.config, 256);
    assert.equal(sized.chosen.sized!.parameters.get(entry.id), parameters);
    assert.ok(Math.abs(parameters - 50_000) < 3000, `${parameters}`);
  }
  assert.throws(() => parse("cell=gated"), { message: /^cell is gated, must be one of leaky, vanilla, gru, / });
});

Deno.test(
  "initStudy() lists small cells without a residual too where all that is valid is asked for, and once",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const levels = { n_layers: [1], state_size: [16] }, all = { levels, allValid: true };
    assert.equal((await init(dir, { levels })).added, 48);
    const other = `${dir}/all`;
    for (const added of [96, 0]) assert.equal((await init(other, all)).added, added);
    const { study } = await init(other), configs = (await study.readConfigs("01")).map(({ config }) => config);
    assert.equal(configs.filter(({ use_residual }) => !use_residual).length, 48);
  },
);
