/** `dynamics` on the real command line: of bytes, of tokens and of a space of a person's own; side by side, stopped, and refused. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { trainStudy } from "../../experiments/session/training.ts";
import { closeSpaces } from "../../experiments/study/confined_space.ts";
import { initStudy } from "../../experiments/study/init_study.ts";
import { shortCorpus } from "./corpus_file.ts";
import { tempFolder } from "./folder.ts";
import { moduleWith } from "./study/space_modules.ts";
import { readRefusals } from "./script_flags.ts";
import { succeed, task } from "./tasks.ts";

/** Fits into the test split of 30,000 bytes, also where it is read as tokens. */
const LITTLE = ["--streams", "1", "--bytes", "64"];

/** A study of small runs that are trained, made in this process. */
async function trainedStudy(
  dir: string,
  limit: number,
  more: Partial<Parameters<typeof initStudy>[0]> = {},
): Promise<string> {
  const study = { dir: join(dir, "study"), experiment: "01" } as const, corpus = shortCorpus(dir);
  const small = { levels: { n_layers: [1], state_size: [4] }, batch: 8, history: 51, steps: 50, seeds: 1 };
  await initStudy({ ...study, corpus, ...small, ...more });
  await train(study.dir, limit);
  return study.dir;
}

const train = (dir: string, limit?: number) =>
  trainStudy({ dir, experiment: "01", engine: "onnx", parallel: 1, limit, scoreOn: "cpu" });

const dynamicsIn = (study: string) =>
  [...Deno.readDirSync(join(study, "dynamics_01_all"))].map(({ name }) =>
    JSON.parse(Deno.readTextFileSync(join(study, "dynamics_01_all", name)))
  );

Deno.test("dynamics measures runs side by side, once each, tells what it found, and status counts them", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const study = await trainedStudy(dir, 3), at = ["--dir", study, ...LITTLE];
  assert.doesNotMatch(await succeed("status", "--dir", study), /Dynamics/);
  const alone = [...at, "--parallel", "1"];
  const both = await Promise.all([succeed("dynamics", ...alone), succeed("dynamics", ...alone)]);
  const lines = both.flatMap((out) => out.split("\n")).filter((line) => /^[0-9a-f]{8} /.test(line));
  assert.equal(lines.length, 3, both.join("\n"));
  for (const line of lines) {
    assert.match(line, /^[0-9a-f]{8} {2}λ₁ −\d+\.\d{3} nats\/byte, forgets in \d+\.\d bytes, recalls −?\d+\.\d bits$/);
  }
  assert.match(
    await succeed("dynamics", ...at),
    /^0 runs measured, 3 measured before, 0 could not be measured\n'deno task report --dir \S+' draws them$/,
  );
  assert.match(await succeed("status", "--dir", study), /\nDynamics: 3 of 3 finished runs measured\n/);
  const { dynamics } = JSON.parse(await succeed("status", "--dir", study, "--json"));
  assert.deepEqual(dynamics, { measured: 3, finished: 3 });

  const best = await succeed("dynamics", ...at, "--top", "1", "--again");
  assert.match(best, /^Measuring the best 1 of 3 configurations, by the lowest score on the validation split\n/);
  assert.match(best, /\n1 run measured, 0 measured before, 0 could not be measured\n'deno task report .*' draws them$/);
  const [name] = [...Deno.readDirSync(join(study, "dynamics_01_all"))].map(({ name }) => name);
  Deno.writeTextFileSync(join(study, "dynamics_01_all", name), "{");
  const { code, out, err } = await task("dynamics", ...at);
  assert.deepEqual([code, out], [1, "0 runs measured, 2 measured before, 1 could not be measured"]);
  assert.match(err, /^dynamics: Cannot read .*\.json: it is not JSON .*; move it away to measure the run again$/);
});

Deno.test("dynamics reads byte-pair tokens where the models do, and says what it counts in", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const study = await trainedStudy(dir, 1, { tokens: 260 });
  const out = await succeed("dynamics", "--dir", study, ...LITTLE);
  assert.match(out, /^Measuring 1 run, 1 at a time: 1 stream of 64 tokens of the test split\n/);
  assert.match(out, /λ₁ −\d+\.\d{3} nats\/token, forgets in \d+\.\d tokens/);
  const { code, err } = await task("dynamics", "--dir", study, "--again");
  assert.equal(code, 2);
  assert.match(
    err,
    /^dynamics: Cannot measure the dynamics of .*: its test split has \d+ tokens, 8 streams of 512 \+ 4096 need 36865; --streams 1 --bytes \d+ would do$/,
  );
});

Deno.test("dynamics measures the cell of a space of one's own, and those of the catalog beside it", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const space = join(dir, "mine.ts");
  Deno.writeTextFileSync(space, moduleWith());
  try {
    const study = await trainedStudy(dir, 1, { space });
    await initStudy({ dir: study, experiment: "01", cells: ["lstm"] });
    await train(study);
  } finally {
    closeSpaces();
  }
  const study = join(dir, "study");
  assert.match(
    await succeed("dynamics", "--dir", study, ...LITTLE),
    /\n2 runs measured, 0 measured before, 0 could not be measured\n/,
  );
  const numbers = dynamicsIn(study).map(({ lyapunov, gates, not_measured }) => {
    assert.deepEqual(not_measured, {});
    return [lyapunov.layers[0].numbers, gates.gates.map(({ gate }: { gate: string }) => gate).length];
  });
  // The own cell has one state and no gate; an LSTM has two states and three gates.
  assert.deepEqual(numbers.sort(), [[4, 0], [8, 3]]);
});

const WRONG: readonly (readonly [what: string, flags: readonly string[], line: RegExp])[] = [
  ["no streams", ["--streams", "0"], /^dynamics: Cannot use --streams 0: must be a whole number of at least 1 and at /],
  ["a part of a byte", ["--bytes", "1.5"], /^dynamics: Cannot use --bytes 1\.5: must be a whole number of at least 1 /],
  ["too many exponents", ["--exponents", "1e9"], /^dynamics: Cannot use --exponents 1e9: must be a whole number /],
  ["none of the best", ["--top", "0"], /^dynamics: Cannot use --top 0: must be a whole number of at least 1 /],
  ["nothing at a time", ["--parallel", "0"], /^dynamics: Cannot use --parallel 0: must be a whole number /],
  ["a wrong expression", ["--only", "layers=2"], /^dynamics: Cannot use --only layers=2: 'layers=2' names no key/],
  ["no study", ["--dir", "/nowhere/s"], /^dynamics: Cannot open study \/nowhere\/s: it has no study\.json/],
];

const isKnown = readRefusals();

for (const [what, flags, line] of WRONG) {
  Deno.test(`dynamics ends with one line and exit code 2 on ${what}`, async () => {
    if (await isKnown("dynamics", flags, (said) => assert.match(said, line))) return;
    const { code, out, err } = await task("dynamics", ...flags);
    assert.deepEqual([code, out, err.split("\n").length], [2, "", 1], err);
    assert.match(err, line);
  });
}
