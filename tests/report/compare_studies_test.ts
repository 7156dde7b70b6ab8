/** `report --with`: the studies on disk that it reads, what it says and draws, and what it refuses before anything is written. */
import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { configId } from "../../cells/config.ts";
import { isOurs } from "../../experiments/study/ownership.ts";
import { runKey } from "../../experiments/study/run_key.ts";
import { parseSelection } from "../../experiments/study/selection.ts";
import { initStudy } from "../../experiments/study/init_study.ts";
import { Study } from "../../experiments/study/store.ts";
import { readInput, type StudyReportOptions } from "../../report/read_input.ts";
import { MOST_STUDIES } from "../../report/read_other_studies.ts";
import { reportOnStudy } from "../../report/report_study.ts";
import { drawReport } from "../../report/write_report.ts";
import { tempFolder } from "../experiments/folder.ts";
import { madeResults, type MadeStudy, SMALL } from "./other_studies.ts";

/** So many that each of four switches has pairs: files take their time. */
const SOME = SMALL.filter(({ use_input_gate, use_output_gate }) => !use_input_gate && use_output_gate);

/** Writes a study of the small configurations with these scores. */
async function writeStudy(dir: string, made: Partial<MadeStudy> = {}): Promise<Study> {
  const { seeds = [0, 1, 2], configs = SOME, score = () => 2 } = made;
  const levels = {
    n_layers: [1],
    state_size: [configs[0].state_size],
    ...(configs[0].learning_rate === undefined ? {} : { learning_rate: [configs[0].learning_rate] }),
  };
  const { study } = await initStudy({ dir, experiment: "01", levels, seeds: 3 });
  await study.makeRunFolders("01");
  for (const result of madeResults({ ...made, seeds, configs, score })) {
    const own = { ...result, corpus_sha1: study.settings.corpus.sha1, dataset: study.settings.corpus.name };
    await study.writeResult("01", runKey(result.id, result.seed), own);
  }
  return study;
}

const namesOf = (dir: string) => [...Deno.readDirSync(dir)].map(({ name }) => name).sort();

/** What a report on one study with others is asked for. */
function asked(others: string[], only?: string): StudyReportOptions {
  return { experiment: "01", others, ...(only === undefined ? {} : { only: parseSelection(only) }) };
}

/** Writes a report on one study with others. */
async function report(dir: string, others: string[], only?: string) {
  return await reportOnStudy(await Study.open(dir), asked(others, only));
}

/** What {@linkcode report} would write, of which nothing is written. */
async function drawn(dir: string, options: StudyReportOptions) {
  return drawReport({ dir, ...await readInput(await Study.open(dir), options) });
}

Deno.test(
  "a report with other studies has a section, a picture that is ours, and the same bytes wherever they lie",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const [one, two, three] = ["a", "b", "c"].map((name) => join(dir, name));
    const score: MadeStudy["score"] = ({ use_state_gate }, seed, index) =>
      2 - (use_state_gate ? 0.1 : 0) + 0.001 * (seed + index % 5);
    await writeStudy(one, { score });
    await writeStudy(two, {
      score: (config, ...rest) => score(config, ...rest) + (config.use_state_gate ? 0.2 : 0.01),
    });
    await writeStudy(three, { score, configs: SOME.map((config) => ({ ...config, learning_rate: 0.003 })) });
    const { paths, tables } = await report(one, [two, three]);
    const picture = paths.find((path) => basename(path) === "results_01_all_studies.png")!;
    assert.ok(isOurs(picture), picture);
    assert.match(tables.studies!, /^What changes in other studies\?\n {2}- Test score, b − here: [^\n]*\n/);
    assert.match(tables.studies!, /- Study c differs in: learning rate 0\.001 → 0\.003; /);
    assert.match(tables.studies!, /Do the answers hold in study b\?\n {2}- The effect of state gate changes sign: /);
    const page = await Deno.readTextFile(join(one, "report_01_all.html"));
    assert.match(page, /<a href="#studies">Compared with other studies<\/a>/);
    assert.match(page, /<h3>Do the answers hold in study c\?<\/h3>/);
    assert.ok(page.includes('<figure id="results_01_all_studies">'));

    const moved = join(dir, "moved");
    await Deno.mkdir(moved);
    for (const name of ["a", "b", "c"]) await Deno.rename(join(dir, name), join(moved, name));
    const again = await drawn(join(moved, "a"), asked([join(moved, "b"), join(moved, "c")]));
    assert.ok(again.page.html === page, "the page differs where the studies lie elsewhere");
    for (const { name, svg } of again.pictures) {
      assert.equal(await Deno.readTextFile(join(moved, "a", `${name}.svg`)), svg, name);
    }
  },
);

Deno.test("a report compares a study with itself, and gives zeros", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  await writeStudy(dir, { score: (_, seed, index) => 2 + 0.01 * seed + 0.001 * index });
  const { summary: { tables } } = await drawn(dir, asked([dir]));
  assert.match(tables.studies!, /0\.000 bits per byte \(95 % interval 0\.000 to 0\.000, corrected p 1\.000\)/);
  assert.match(tables.studies!, /τ-b 1\.00; the best one here, .*, is best there too/);
});

Deno.test("the selection of a report holds for the studies that it is compared with", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const [one, two] = [join(dir, "a"), join(dir, "b")];
  for (const each of [one, two]) await writeStudy(each);
  const { summary: { tables } } = await drawn(one, asked([two], "use_new_state=true"));
  const own = SOME.filter(({ use_new_state }) => use_new_state).length;
  assert.ok(
    tables.studies!.includes(`; ${own} of ${own} configurations here and ${own} there are in both studies`),
    tables.studies,
  );
});

Deno.test("a report says what of the other study has no part in the comparison", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const [one, two] = [join(dir, "a"), join(dir, "b")], lines: string[] = [];
  await writeStudy(one);
  const other = await writeStudy(two);
  await Deno.writeTextFile(other.resultPath("01", runKey(configId(SOME[0]), 0)), "{");
  const { summary: { tables } } = await drawn(one, { ...asked([two]), onProblem: (line) => lines.push(line) });
  assert.match(tables.studies!, /- Left out: 1 file of b that cannot be read\n/);
  assert.match(tables.studies!, /; 1 configuration without all of these seeds left out\n/);
  assert.equal(lines.filter((line) => line.startsWith(`Cannot read ${two}`)).length, 1);
});

Deno.test("a report refuses another study with one line, and writes nothing", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const [one, two, wide, empty] = ["a", "b", "wide", "empty"].map((name) => join(dir, name));
  await writeStudy(one);
  await writeStudy(two);
  await writeStudy(wide, {
    configs: SOME.filter(({ use_old_state }) => !use_old_state).slice(0, 2).map((config) => ({
      ...config,
      state_size: 16,
    })),
    seeds: [7],
  });
  await initStudy({ dir: empty, experiment: "01", levels: { n_layers: [1], state_size: [32] } });
  const before = namesOf(one), damaged = join(dir, "damaged"), link = join(dir, "link");
  await Deno.symlink(two, link, { type: "dir" });
  await Deno.mkdir(damaged);
  await Deno.writeTextFile(join(damaged, "study.json"), "{");
  const refused: [others: string[], only: string | undefined, says: RegExp][] = [
    [[join(dir, "none")], undefined, /^Cannot open study \S+none: it has no study\.json; name the folder of a study$/],
    [[damaged], undefined, /^Cannot read \S+damaged\/study\.json: it is not JSON/],
    [[two, join(two, "..", "b")], undefined, /^Cannot compare with study \S+b: it is named twice, must be named once$/],
    [[two, link], undefined, /^Cannot compare with study \S+link: it is named twice, must be named once$/],
    [[empty], undefined, /^Cannot compare with study \S+empty: no run of experiment 01 has finished; train some with /],
    [
      [two, wide],
      undefined,
      /^Cannot compare study \S+a with \S+wide: they have 2 configurations but no seed in common; /,
    ],
    [
      [two, wide],
      "use_old_state=true",
      /^Cannot compare with \S+wide: none of 2 results matches --only use_old_state=true$/,
    ],
    [
      Array.from({ length: MOST_STUDIES + 1 }, (_, i) => join(dir, `${i}`)),
      undefined,
      /^Cannot compare with 9 studies: must be at most 8$/,
    ],
  ];
  for (const [others, only, says] of refused) {
    await assert.rejects(report(one, others, only), ({ name, message }: Error) => {
      assert.match(message, says);
      return name === "UserError" && !message.includes("\n");
    }, `${others} ${only}`);
  }
  assert.deepEqual(namesOf(one), before);
});
