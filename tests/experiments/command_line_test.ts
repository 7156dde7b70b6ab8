/** The real command line: help, wrong flags, groups of runs, tokens, several processes at once, and Ctrl-C. The whole way is in `whole_way_test.ts`. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { initStudy } from "../../experiments/study/init_study.ts";
import { readClaims } from "../../experiments/queue/sqlite_queue.ts";
import { shortCorpus } from "./corpus_file.ts";
import { exists, resultNames } from "./result_names.ts";
import { helpOf, readRefusals } from "./script_flags.ts";
import { commandOf, ROOT, succeed, task } from "./tasks.ts";
import { until } from "../faults/processes.ts";
import tasks from "../../deno.json" with { type: "json" };

/** A study of small, quick runs in a temporary folder that goes afterwards, made in this process; other settings take the place of these. */
async function inQuickStudy(
  test: (dir: string) => Promise<void>,
  more: Partial<Parameters<typeof initStudy>[0]> = {},
): Promise<void> {
  const dir = await Deno.makeTempDir(), study = join(dir, "study"), corpus = shortCorpus(dir);
  const levels = { n_layers: [1], state_size: [8] };
  try {
    const small = { levels, corpus, batch: 8, history: 101, steps: 100, seeds: 1, ...more };
    await initStudy({ dir: study, experiment: "01", ...small });
    await test(study);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const adapter = await navigator.gpu?.requestAdapter();
if (!adapter) console.log("skipped: train --engine webgpu, for this machine has no WebGPU adapter");

Deno.test({
  name: "train --engine webgpu trains a group of different configurations, and names the adapter",
  ignore: !adapter,
  fn: () =>
    inQuickStudy(
      async (dir) => {
        const out = await succeed("train", "--dir", dir, "--engine", "webgpu", "--parallel", "5", "--limit", "7");
        assert.match(out, /Training 7 runs of 80 steps on webgpu \(.+\), 5 at a time/);
        assert.match(out, /7 runs finished, 0 failed/);
        const results = resultNames(dir)
          .map((name) => JSON.parse(Deno.readTextFileSync(join(dir, "results_01_all", name))));
        assert.equal(results.length, 7);
        assert.ok(results.every(({ engine, adapter, test_loss }) => engine === "webgpu" && adapter && test_loss > 0));
      },
      { levels: { n_layers: [1, 2], state_size: [8] }, history: 41, steps: 80 },
    ),
});

Deno.test("init, train, status and sample take byte-pair tokens, and say what they count in", async () => {
  const dir = await Deno.makeTempDir(), at = ["--dir", join(dir, "study")];
  try {
    const small = "--tokens bpe:300 --state-size 8 --layers 1 --batch 8 --history 101 --steps 100 --seeds 1".split(" ");
    const made = await succeed("init", ...at, "--corpus", shortCorpus(dir), ...small);
    assert.match(made, /\nTokens: bpe:300, learned from the training split; \d\.\d\d bytes per token there\n/);
    assert.match(made, /history 101 tokens/);
    assert.match(
      await succeed("train", ...at, "--engine", "onnx", "--limit", "1"),
      /min loss \d\.\d{4} nats\/token, .*\n.* test \d\.\d{4}, validation \d\.\d{4} bits\/byte/,
    );
    assert.match(
      await succeed("status", ...at),
      /validation \d\.\d{4}, test \d\.\d{4} bits\/byte, min loss \d\.\d{4} nats\/token/,
    );
    const args = [...at, "--prompt", "Pa", "--bytes", "400", "--seed", "3"];
    const drawn = await succeed("sample", ...args);
    // What is no UTF-8 shows as one character; white space at the end is lost on the way here.
    assert.match(drawn, /^Pa[^]{200,400}$/);
    assert.equal(await succeed("sample", ...args), drawn);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

const WRONG: [string, Parameters<typeof task>, RegExp][] = [
  [
    "more steps back than may be",
    ["init", "--dir", "/nowhere/s", "--bptt", "1,65"],
    /^init: Cannot use --bptt 1,65: must be a whole number of at least 1 and at most 64$/,
  ],
  [
    "a budget that is none",
    ["init", "--budget", "bytes"],
    /^init: Cannot use --budget bytes: must be one of tokens, updates$/,
  ],
  [
    "a budget that is none",
    ["train", "--budget", "1"],
    /^train: Cannot use --budget 1: must be one of tokens, updates$/,
  ],

  ["an unknown flag", ["train", "--nonsense"], /^train: Cannot read the command line: unknown option '--nonsense'/],
  [
    "a word in place of a number",
    ["train", "--parallel", "two"],
    /^train: Cannot use --parallel two: must be a whole number of at least 1 and at most 10000$/,
  ],
  [
    "a value out of range",
    ["init", "--layers", "0,1"],
    /^init: Cannot use --layers 0,1: must be a whole number of at least 1 and at most 64$/,
  ],
  [
    "tokens that are fewer than bytes",
    ["init", "--tokens", "bpe:256"],
    /^init: Cannot use --tokens bpe:256: must be 'bytes', or 'bpe:' and a size from 257 to 65536, as in bpe:1024$/,
  ],
  [
    "an unknown engine",
    ["train", "--engine", "cuda"],
    /^train: Cannot use --engine cuda: must be one of auto, (.*, )?onnx(, .*)?$/,
  ],
  [
    "an unknown experiment",
    ["status", "--experiment", "03"],
    /^status: Cannot use --experiment 03: must be one of 01, 02$/,
  ],
  [
    "a wrong expression",
    ["train", "--only", "layers=2"],
    /^train: Cannot use --only layers=2: 'layers=2' names no key/,
  ],
  [
    "an unknown format",
    ["export", "--format", "csv,xls"],
    /^export: Cannot use --format csv,xls: must be any of csv, parquet, tensorboard, dataset, separated by commas$/,
  ],
  [
    "a licence that is no id",
    ["export", "--format", "dataset", "--license", "my own"],
    /^export: Cannot use --license my own: must be an SPDX id of letters, digits, '\.', '-' and '\+', at most 64, as in CC-BY-4\.0$/,
  ],
  [
    "a part that no data set has",
    ["export", "--format", "dataset", "--include", "models,weights"],
    /^export: Cannot use --include models,weights: must be any of models, test, separated by commas$/,
  ],
  [
    "a study that is not there",
    ["export", "--dir", "/nowhere/s"],
    /^export: Cannot open study \/nowhere\/s: it has no study.json/,
  ],
  ["a surplus argument", ["report", "here"], /^report: Cannot read the command line: too many arguments/],
  [
    "a study that is not there",
    ["train", "--dir", "/nowhere/s"],
    /^train: Cannot open study \/nowhere\/s: it has no study.json/,
  ],
  [
    "a corpus that is not there",
    ["init", "--dir", "/nowhere/s", "--corpus", "/nowhere/t"],
    /^init: Cannot read corpus \/nowhere\/t: it does not exist/,
  ],
  [
    "fewer steps than the loss is logged at",
    ["init", "--dir", "/nowhere/s", "--experiment", "02", "--steps", "99", "--history", "100"],
    /^init: Cannot train 99 steps: the loss is logged every 100 steps, so they must be at least as many$/,
  ],
  ["a study below a file", ["init", "--dir", `${ROOT}deno.json/s`], /^init: Cannot read .*deno.json\/s\/study.json/],
  [
    "a golden file that is not there",
    ["certify", "--golden", "/nowhere/g.json"],
    /^certify: Cannot read golden file \/nowhere\/g.json/,
  ],
];

const isKnown = readRefusals();

for (const [what, args, message] of WRONG) {
  Deno.test(`${args[0]} ends with one line and exit code 2 on ${what}`, async () => {
    const [name, ...flags] = args;
    if (await isKnown(name, flags, (line) => assert.match(line, message))) return;
    const { code, out, err } = await task(...args);
    assert.equal(code, 2, err);
    assert.match(err, message);
    assert.equal(err.split("\n").length, 1, err);
    assert.equal(out, "");
  });
}

/** The flags of a help; where its lines break is left out, since a process knows how wide its terminal is. */
const optionsIn = (help: string) => help.slice(help.indexOf("\nOptions:")).replaceAll(/\s+/g, " ").trim();

/** Tasks that are asked for the short help in a process too: one whose flags follow from its study, and one that needs no permissions. */
const isShort = new Set<string>(["train", "certify"]);

for (const name of Object.keys(tasks.tasks) as (keyof typeof tasks.tasks)[]) {
  if (name === "ok" || name.startsWith("test")) continue;
  Deno.test(`${name} --help says what it does, and so does -h`, async () => {
    const { code, out } = await task(name, "--help"), usage = new RegExp(`^Usage: deno task ${name} \\[options\\]`);
    assert.equal(code, 0);
    assert.match(out, usage);
    // Of a script whose flags can be had, both are asked for here: they are read by the same code.
    if (name === "bundle" || isShort.has(name)) {
      const short = await task(name, "-h");
      assert.deepEqual([short.code, short.out], [0, out]);
    } else {
      const long = await helpOf(name, "--help");
      assert.match(long, usage);
      assert.equal(optionsIn(out), optionsIn(long));
      assert.equal(await helpOf(name, "-h"), long);
    }
  });
}

Deno.test("no task prints what Deno downloads: it asks again for what each package is, and prints so, though its files are here", () => {
  for (const [name, { command }] of Object.entries(tasks.tasks)) {
    if (command.startsWith("deno run")) assert.match(command, /^deno run --quiet /, name);
  }
});

Deno.test("no task runs with all permissions; the whole network only starts what asks a queue on a server", () => {
  // Their workers reach that server alone: see task_test.ts. What measures claims has no worker, and no other way to be told where.
  const asking = ["train", "evaluate", "dynamics", "merge", "status", "watch", "bench:claims"];
  for (const [name, { command }] of Object.entries(tasks.tasks)) {
    assert.doesNotMatch(command, /(^| )(-A|--allow-all)( |$)/, name);
    assert.equal(/(^| )--allow-net( |$)/.test(command), asking.includes(name), name);
  }
});

Deno.test("export ends with one line and exit code 2 on a folder that is not its study's", () =>
  inQuickStudy(async (dir) => {
    const { code, out, err } = await task("export", "--dir", dir, "--out", "/tmp");
    assert.deepEqual([code, out], [2, ""]);
    assert.equal(
      err,
      `export: Cannot export to /tmp: it must be inside the study's folder ${dir}, since tasks may write only there`,
    );
  }));

Deno.test("two train processes on one study train each run once, also with a limit", () =>
  inQuickStudy(async (dir) => {
    const half = ["--dir", dir, "--engine", "onnx", "--parallel", "1", "--limit", "3"];
    const outs = await Promise.all([succeed("train", ...half), succeed("train", ...half)]);
    for (const out of outs) assert.match(out, /3 runs finished, 0 failed/);
    assert.equal(resultNames(dir).length, 6);
  }));

Deno.test("train leaves a damaged result alone, says so, and trains the others", () =>
  inQuickStudy(async (dir) => {
    await Deno.mkdir(join(dir, "results_01_all"));
    const [{ id }] = JSON.parse(await Deno.readTextFile(join(dir, "rnn_configs.json")));
    await Deno.writeTextFile(join(dir, "results_01_all", `${id}.json`), '{"id": "');
    const { code, out, err } = await task("train", "--dir", dir, "--engine", "onnx", "--limit", "2");
    assert.equal(code, 1, err);
    assert.match(err, /it is not JSON .*this run is skipped/);
    assert.match(out, /2 runs finished/);
    assert.equal(await Deno.readTextFile(join(dir, "results_01_all", `${id}.json`)), '{"id": "');
  }));

Deno.test("train stops at Ctrl-C, leaves the run as not finished, and says so", async () => {
  const folder = await Deno.makeTempDir(), dir = join(folder, "study");
  try {
    const corpus = shortCorpus(folder), levels = { n_layers: [1], state_size: [32] };
    await initStudy({ dir, experiment: "01", levels, corpus, seeds: 1 });
    const args = [...commandOf("train"), "--dir", dir, "--engine", "onnx", "--parallel", "1", "--limit", "1"];
    const child = new Deno.Command(Deno.execPath(), { args, cwd: ROOT, stdout: "piped", stderr: "piped" }).spawn();
    // The record of a running run is there before its first step; a heartbeat comes after it.
    await until("its run has a record", () => resultNames(dir).length > 0);
    await until("its run has done a step", () => readClaims(join(dir, "queue.sqlite")).some(({ step }) => step > 0));
    child.kill("SIGINT");
    const { code, stderr } = await child.output();
    assert.equal(code, 130);
    assert.match(new TextDecoder().decode(stderr), /not finished: [0-9a-f]{8}/);
    const [name] = resultNames(dir);
    const record = JSON.parse(await Deno.readTextFile(join(dir, "results_01_all", name)));
    assert.ok(!("loss" in record) && "start time" in record);
    assert.match(await succeed("status", "--dir", dir), /0 of 48 runs done, 0 running, 0 failed, 48 waiting/);
    // Its work is kept, to resume from.
    assert.ok(await exists(join(dir, "checkpoints_01_all", name.replace(".json", ".safetensors"))));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
