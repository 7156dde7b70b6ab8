/** What `dynamics` does to a study: which runs it measures, what it keeps, and what it leaves alone. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type CellConfig, configId } from "../../../cells/config.ts";
import type { Configuration } from "../../../cells/factor.ts";
import { overviewOf } from "../../../experiments/queue/overview.ts";
import { readClaims } from "../../../experiments/queue/sqlite_queue.ts";
import { claimKey, openStudyQueue } from "../../../experiments/queue/study_queue.ts";
import type { MeasureOptions } from "../../../experiments/session/measure_dynamics.ts";
import { evaluateStudy } from "../../../experiments/session/scoring.ts";
import { statusLines } from "../../../experiments/status.ts";
import { isOurs } from "../../../experiments/study/ownership.ts";
import { parseSelection } from "../../../experiments/study/selection.ts";
import { decodeModel, encodeModel } from "../../../train/engines/onnx/proto.ts";
import { CELLSPACE_VERSION } from "../../../train/version.ts";
import { NOTHING, queueWith, takeOver } from "../queue/queues.ts";
import { editJson, halve, reseal, type SmallStudy, TRAINED } from "../small_study.ts";
import { FOREIGN, plant } from "../study/foreign_files.ts";
import { copyMeasured, copyStudy, keepWorkers, keysOf, measure, SETTINGS } from "./measured_study.ts";

keepWorkers();

/** How many runs were measured, had been, were left to others, and could not be. */
const counts = ({ summary }: Awaited<ReturnType<typeof measure>>) =>
  (({ measured, had, others, problems, unreadable }) => [measured, had, others, problems + unreadable.length])(summary);

const sha256 = (path: string) => createHash("sha256").update(Deno.readFileSync(path)).digest("hex");
const dynamicsOf = async (small: SmallStudy, run: number) =>
  (await small.study.readDynamics("01", small.runs[run].key))!;

/** The configuration of one run. */
function onlyRun({ runs }: SmallStudy, run: number): MeasureOptions["only"] {
  const { id } = runs[run].entry;
  return Object.assign((config: Configuration) => configId(config as CellConfig) === id, {
    text: "one",
    keys: new Set<string>(),
  });
}

Deno.test("measureStudy() keeps what it has measured of each finished run, bound to its model, and changes no other file", async () => {
  const small = await copyStudy(), before = small.files();
  const first = await measure(small);
  assert.deepEqual([counts(first), first.problems], [[TRAINED, 0, 0, 0], []]);
  assert.deepEqual(first.keys.toSorted(), keysOf(small).sort());
  for (let run = 0; run < TRAINED; run++) {
    const { id, seed, cellspace_version, model_sha256, settings, not_measured, seconds, truncation_gap } =
      await dynamicsOf(small, run);
    assert.deepEqual([id, seed, cellspace_version], [small.runs[run].entry.id, 0, CELLSPACE_VERSION]);
    assert.equal(model_sha256, sha256(small.model(run)));
    assert.deepEqual([settings, not_measured], [SETTINGS, {}]);
    assert.ok(seconds > 0);
    assert.deepEqual([truncation_gap!.streams, truncation_gap!.tokens, truncation_gap!.warm_up], [2, 32, 512]);
    assert.ok(isOurs(small.dynamics(run)));
  }
  const after = small.files();
  for (const [path, sum] of before) assert.equal(after.get(path), sum, path);
  assert.equal(after.size, before.size + TRAINED);

  const second = await measure(small);
  assert.deepEqual([counts(second), second.keys], [[0, TRAINED, 0, 0], []]);
  assert.deepEqual(small.files(), after);
  assert.deepEqual(readClaims(small.queue), [], "nobody keeps a claim");
});

Deno.test("measureStudy() measures each run once in sum when two do it at once", async () => {
  const small = await copyStudy(), both = await Promise.all([measure(small), measure(small)]);
  assert.deepEqual(both.flatMap(({ keys }) => keys).sort(), keysOf(small).sort());
  assert.deepEqual(both.flatMap(({ problems }) => problems), []);
  assert.deepEqual(readClaims(small.queue), []);
});

Deno.test("measureStudy() gives the same numbers however many runs are measured at once", async () => {
  const small = await copyMeasured();
  const found = () => Promise.all([0, 1, 2].map(async (run) => ({ ...await dynamicsOf(small, run), seconds: 0 })));
  const alone = await found();
  assert.equal((await measure(small, { parallel: 2, again: true })).summary.measured, TRAINED);
  assert.deepEqual(await found(), alone);
});

/** What makes the first run be measured again, and what does not. */
const CHANGES: readonly (readonly [what: string, measured: number, change: (small: SmallStudy) => unknown])[] = [
  ["nothing has changed", 0, () => {}],
  ["its model is another one", 1, changeModel],
  ["its result is scored again", 0, ({ dir }) => evaluateStudy({ dir, experiment: "01", again: true })],
  ["its file is gone", 1, (small) => Deno.removeSync(small.dynamics(0))],
  ["a version that computes otherwise wrote it", 1, editDynamics({ cellspace_version: "0.1.0" })],
  [
    "another version of the same numbers wrote it",
    0,
    editDynamics({ cellspace_version: CELLSPACE_VERSION.replace(/\d+$/, "99") }),
  ],
  ["it was measured with other settings", 0, editDynamics({ settings: { ...SETTINGS, exponents: 5 } })],
  ["a measure is not in it", 1, editDynamics({ truncation_gap: undefined })],
  [
    "a measure could not be taken",
    0,
    editDynamics({ truncation_gap: undefined, not_measured: { truncation_gap: "the loss is NaN" } }),
  ],
  ["a person has set it out in another way", 0, (small) =>
    Deno.writeTextFileSync(
      small.dynamics(0),
      JSON.stringify(JSON.parse(Deno.readTextFileSync(small.dynamics(0))), null, 2),
    )],
  ["its model has been moved away", 0, (small) => Deno.removeSync(small.model(0))],
];

function editDynamics(change: object) {
  return (small: SmallStudy) => editJson(small.dynamics(0), (dynamics) => Object.assign(dynamics, change));
}

/** Gives the first run the model of other weights, as a person does who has trained on elsewhere. */
async function changeModel(small: SmallStudy): Promise<void> {
  reseal(small.checkpoint(0), (_, tensors) => {
    const { values } = tensors.get("output_embedding.weight")!;
    values.forEach((value, i) => values[i] = 3 * value);
  });
  await evaluateStudy({ dir: small.dir, experiment: "01", again: true, only: onlyRun(small, 0) });
}

Deno.test("measureStudy() measures a run again where its model or the numbers of the version differ", async (t) => {
  for (const [what, again, change] of CHANGES) {
    await t.step(`${again ? "again" : "not again"} where ${what}`, async () => {
      const small = await copyMeasured();
      await change(small);
      const { summary, keys, problems } = await measure(small);
      assert.deepEqual([summary.measured, summary.had, problems], [again, TRAINED - again, []]);
      assert.deepEqual(keys, again ? [small.runs[0].key] : []);
      if (again) assert.equal((await dynamicsOf(small, 0)).model_sha256, sha256(small.model(0)));
    });
  }
});

Deno.test("measureStudy() keeps and counts what was measured with other settings, until it is asked again", async () => {
  const small = await copyMeasured(2), [first, second, third] = keysOf(small);
  const finer = { ...SETTINGS, tokens: 64 };
  assert.deepEqual((await measure(small, { settings: finer })).keys, [third]);
  const kept = await measure(small), before = small.files();
  assert.deepEqual([kept.summary.had, kept.summary.otherwise, kept.keys], [TRAINED, 1, []]);
  assert.deepEqual(kept.messages, [
    "1 run has been measured with other settings (2 streams of 64 bytes, 4 exponents); --again measures it with the new ones",
  ]);
  const others = await measure(small, { settings: { ...SETTINGS, exponents: 3 } });
  assert.deepEqual([others.summary.had, others.summary.otherwise], [TRAINED, TRAINED]);
  assert.deepEqual(others.messages, [
    "3 runs have been measured with other settings (2 streams of 32 bytes, 4 exponents; 2 streams of 64 bytes, 4 " +
    "exponents); --again measures them with the new ones",
  ]);
  assert.deepEqual(small.files(), before);
  const again = await measure(small, { settings: finer, again: true });
  assert.deepEqual([again.summary.otherwise, again.keys.toSorted()], [0, [first, second, third].sort()]);
  for (let run = 0; run < TRAINED; run++) assert.deepEqual((await dynamicsOf(small, run)).settings, finer);
});

Deno.test("measureStudy() measures what is selected, and of that the best with all their seeds", async () => {
  const small = await copyStudy(), keys = keysOf(small);
  // The first configuration has a second seed, and is the best by the mean of both though its first seed is not.
  const [{ entry: { id } }] = small.runs, seed1 = `${id}_seed1`;
  for (const [run, bits] of [3, 2, 4].entries()) {
    editJson(small.result(run), (result) => result.validation_bits_per_byte = bits);
  }
  for (const [from, kind, end] of [[small.result(0), "results", "json"], [small.model(0), "models", "onnx"]]) {
    Deno.copyFileSync(from, `${small.dir}/${kind}_01_all/${seed1}.${end}`);
  }
  editJson(small.study.resultPath("01", seed1), (result) => {
    result.seed = 1;
    result.validation_bits_per_byte = 0.5;
  });
  const model = decodeModel(Deno.readFileSync(small.study.modelPath("01", seed1)));
  model.metadata_props.find(({ key }) => key === "seed")!.value = "1";
  Deno.writeFileSync(small.study.modelPath("01", seed1), encodeModel(model));

  const one = await measure(small, { only: onlyRun(small, 2) });
  assert.deepEqual([one.keys, counts(one)], [[keys[2]], [1, 0, 0, 0]]);
  const best = await measure(small, { top: 1 });
  assert.deepEqual([best.keys.toSorted(), counts(best)], [[keys[0], seed1].sort(), [2, 0, 0, 0]]);
  assert.equal(
    best.messages[0],
    "Measuring the best 1 of 3 configurations, by the lowest score on the validation split",
  );
  const both = await measure(small, { top: 1, only: onlyRun(small, 1) });
  assert.deepEqual([both.keys, counts(both)], [[keys[1]], [1, 0, 0, 0]]);
  assert.deepEqual(counts(await measure(small, { top: 9 })), [0, 4, 0, 0]);
  await assert.rejects(
    measure(small, { only: parseSelection("state_size=9") }),
    /^UserError: Cannot measure the dynamics of experiment 01 of .*: none of 4 results matches --only state_size=9$/,
  );
});

Deno.test("measureStudy() says what to do where nothing has finished, and writes nothing", async () => {
  const small = await copyStudy();
  for (let run = 0; run < TRAINED; run++) Deno.removeSync(small.result(run));
  const before = small.files();
  for (const top of [undefined, 2]) {
    const found = await measure(small, { top });
    assert.deepEqual(counts(found), [0, 0, 0, 0]);
    assert.deepEqual(found.messages, [
      `None of the selected runs has finished; train some with 'deno task train --dir ${small.dir}'`,
    ]);
  }
  assert.deepEqual(small.files(), before);
});

Deno.test("measureStudy() names a damaged file in one line, goes on with the others, and replaces it if asked again", async () => {
  const small = await copyMeasured(2), path = small.dynamics(1);
  halve(path);
  const damaged = sha256(path), { summary, keys } = await measure(small);
  assert.deepEqual([summary.measured, summary.had, keys], [1, 1, [small.runs[2].key]]);
  assert.match(
    summary.unreadable.join("\n"),
    /^Cannot read .*\.json: it is not JSON \(\d+ characters\); move it away to measure the run again$/,
  );
  assert.equal(sha256(path), damaged);
  assert.deepEqual(counts(await measure(small, { again: true, only: onlyRun(small, 1) })), [1, 0, 0, 0]);
  assert.equal((await dynamicsOf(small, 1)).seed, 0);
});

Deno.test("measureStudy() says in one line each what is wrong with a file of dynamics", async () => {
  const small = await copyMeasured();
  const whole = Deno.readTextFileSync(small.dynamics(0));
  for (
    const [change, line] of [
      [{ cellspace_version: "99.0.0" }, /Cannot read .* was written by version '99\.0\.0' of cellspace, this is/],
      [{ seed: 1 }, /Cannot read .*: it is of run [0-9a-f]{64}_seed1, must be of [0-9a-f]{64}; move it away/],
      [{ model_sha256: "x" }, /Cannot read .*: 'model_sha256': .*; move it away to measure the run again$/],
      [{ settings: { streams: 2 } }, /Cannot read .*: 'settings\.tokens': .*; move it away/],
    ] as const
  ) {
    Deno.writeTextFileSync(small.dynamics(0), JSON.stringify({ ...JSON.parse(whole), ...change }));
    const { summary } = await measure(small);
    assert.deepEqual([summary.measured, summary.had, summary.unreadable.length], [0, TRAINED - 1, 1]);
    assert.match(summary.unreadable[0], line);
  }
});

Deno.test("measureStudy() replaces nobody's file, not if asked again either", async () => {
  for (const content of FOREIGN) {
    const small = await copyMeasured(0), path = small.dynamics(0), before = plant(path, content);
    assert.ok(!isOurs(path));
    const first = await measure(small), second = await measure(small, { again: true, only: onlyRun(small, 0) });
    assert.deepEqual([counts(first), counts(second)], [[0, 2, 0, 1], [0, 0, 0, 1]]);
    assert.match(first.summary.unreadable[0], /^Cannot read .*; move it away to measure the run again$/);
    assert.match(
      second.problems.join("\n"),
      /^Cannot write .*: it exists, and cellspace did not write it; move it away$/,
    );
    assert.equal(sha256(path), before);
  }
});

Deno.test("measureStudy() says what is wrong with a model, or that there is none, and measures the others", async () => {
  for (
    const [damage, line] of [
      [
        (path: string) => Deno.removeSync(path),
        /^Cannot read .*\.onnx: it does not exist; export it again with 'deno /,
      ],
      [halve, /^Cannot read .*\.onnx: .*; export it again with 'deno task evaluate --dir .* --again'$/],
    ] as const
  ) {
    const small = await copyMeasured(1);
    damage(small.model(1));
    const found = await measure(small);
    assert.deepEqual(counts(found), [0, TRAINED - 1, 0, 1]);
    assert.match(found.problems.join("\n"), line);
  }
});

Deno.test("measureStudy() leaves a run to the process that has claimed it", async () => {
  const small = await copyMeasured(0, 1), { queue } = await openStudyQueue(small.study);
  const held = small.runs[1].key;
  assert.ok(await queue.claim(claimKey("01", held)));
  const timer = setInterval(() => void queue.beat(NOTHING), 100);
  try {
    const found = await measure(small);
    assert.deepEqual([counts(found), found.keys], [[1, 1, 1, 0], [small.runs[0].key]]);
    assert.match(found.messages.join("\n"), /^Other processes hold the remaining runs \(1\); checking whether/m);
  } finally {
    clearInterval(timer);
    await queue.close();
  }
});

Deno.test("measureStudy() writes nothing of a run whose claim is lost meanwhile", async () => {
  const small = await copyMeasured(2), lost = small.runs[2].key, { queue } = await openStudyQueue(small.study);
  const robbed = queueWith(queue, {
    whileHeld(key, action) {
      if (key.endsWith(lost)) takeOver(small.study, lost);
      return queue.whileHeld(key, action);
    },
  });
  const found = await measure(small, {}, { queue: robbed });
  await queue.close();
  assert.deepEqual([counts(found), found.problems], [[0, TRAINED - 1, 1, 0], []]);
  assert.equal(small.files().get(small.dynamics(2)), undefined);
  assert.deepEqual(readClaims(small.queue).map(({ owner }) => owner), ["another"], "it is not released either");
});

Deno.test("measureStudy() stops at its signal, gives its runs back, and the next call goes on", async () => {
  const small = await copyMeasured(0, 1), controller = new AbortController();
  const stopped = await measure(small, {
    signal: controller.signal,
    onMeasured: () => controller.abort(),
  });
  assert.deepEqual([counts(stopped), stopped.problems], [[1, 1, 0, 0], []]);
  assert.deepEqual(readClaims(small.queue), []);
  const names = [...Deno.readDirSync(small.dir)].map(({ name }) => name);
  assert.ok(!names.some((name) => name.endsWith(".tmp")), names.join(", "));
  assert.deepEqual(counts(await measure(small)), [1, TRAINED - 1, 0, 0]);
});

Deno.test("measureStudy() refuses a test split that is too short before anything is written, and says what fits", async () => {
  const small = await copyStudy(), before = small.files();
  for (
    const [change, fits] of [
      [{ tokens: 4096 }, "--streams 1 --bytes 687 would do"],
      [{ tokens: 87 }, undefined],
      [{ tokens: 88 }, "--streams 1 --bytes 687 would do"],
      [{ streams: 8 }, "--streams 2 would do"],
    ] as const
  ) {
    const found = measure(small, { settings: { ...SETTINGS, ...change }, again: true, only: onlyRun(small, 0) });
    if (fits === undefined) {
      assert.equal((await found).summary.measured, 1);
      continue;
    }
    await assert.rejects(found, (error: Error) => {
      assert.match(error.message, /^Cannot measure the dynamics of .*: its test split has \d+ bytes, .* need \d+; /);
      assert.ok(error.message.endsWith(fits), error.message);
      return true;
    });
    if (change.tokens === 4096) assert.deepEqual([small.files(), Deno.statSync(small.dir).isDirectory], [before, true]);
  }
});

Deno.test("status counts the measured among the finished runs, once some have been measured", async () => {
  const bare = await copyStudy(), some = await copyMeasured(1, 2), all = await copyMeasured();
  const lines = async ({ dir }: SmallStudy) => {
    const overview = await overviewOf(dir, "01");
    return [overview.dynamics, ...[...statusLines(overview, dir)].filter((line) => line.startsWith("Dynamics"))];
  };
  assert.deepEqual(await lines(bare), [undefined]);
  assert.deepEqual(await lines(some), [
    { measured: 1, finished: TRAINED },
    `Dynamics: 1 of 3 finished runs measured; 'deno task dynamics --dir ${some.dir}' measures the rest`,
  ]);
  assert.deepEqual(await lines(all), [
    { measured: TRAINED, finished: TRAINED },
    "Dynamics: 3 of 3 finished runs measured",
  ]);
});
