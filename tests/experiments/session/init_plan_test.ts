/** What `init` says before it writes. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { EstimateRequest, estimateTraining } from "../../../experiments/session/estimate.ts";
import { announcePlan, planLines } from "../../../experiments/session/init_plan.ts";
import { type InitOptions, type InitPlan, initStudy, planInit } from "../../../experiments/study/init_study.ts";
import { parseSelection } from "../../../experiments/study/selection.ts";
import { Study } from "../../../experiments/study/store.ts";
import { tempFolder } from "../folder.ts";
import { makeSmallStudy, TRAINED } from "../small_study.ts";

const SMALL = { experiment: "01", batch: 4, history: 101, steps: 100, seeds: 1 } as const;

const planOf = (dir: string, asked: Partial<InitOptions> = {}) => planInit({ dir, ...SMALL, ...asked });

Deno.test("planLines() counts configurations by levels, and names few of them", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  assert.deepEqual([...planLines(await planOf(dir, { levels: { state_size: [8, 64] }, seeds: 3 }))], [
    `To be listed in experiment 01 of ${dir}: 432 configurations`,
    "  gated: 432 configurations; 96 settings of the switches; layers 1, 2, 3; state size 8, 64",
    "1296 new runs: 432 × 3 seeds",
    "  one seed, --seeds 1, takes 1/3 of the time; then no interval can be given",
  ]);
  const sizes = { n_layers: [1], state_size: [8] };
  assert.deepEqual([...planLines(await planOf(dir, { cells: ["gru", "min_gru"], levels: sizes }))], [
    `To be listed in experiment 01 of ${dir}: 2 configurations`,
    "  1 layer × 8, gru",
    "  1 layer × 8, min_gru",
    "2 new runs: 2 × 1 seed",
  ]);
});

Deno.test("planLines() says parameters, learning rates in their order, and further seeds", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  await initStudy({ dir, ...SMALL, levels: { n_layers: [1], state_size: [64] } });
  const parameters = { count: 100_000 };
  const cells = [...planLines(await planOf(dir, { cells: ["gru"], parameters, seeds: 2 }))];
  assert.equal(cells[1], "  state sizes for 100000 parameters");
  assert.match(cells[2], /^ {2}1 layer × \d+, gru: (9|10)\d+ parameters$/);
  assert.equal(cells[3], "98 new runs: 1 × 2 seeds, and further seeds of 96 listed before");
  const rates = await planOf(dir, {
    levels: { learning_rate: [0.01, 0.0003] },
    only: parseSelection("use_output_gate=true"),
  });
  assert.equal(
    [...planLines(rates)][1],
    "  gated: 96 configurations; 48 settings of the switches; layers 1; state size 64; learning rate 0.0003, 0.01",
  );
  const [, , sized] = planLines(await planOf(dir, { parameters }));
  assert.match(sized, /state size \d+ to \d+ \(\d+ values\); 9\d+ to 10\d+ parameters$/);
});

Deno.test("planLines() has nothing to say where no run is added", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  await initStudy({ dir, ...SMALL, levels: { n_layers: [1], state_size: [8] } });
  assert.deepEqual([...planLines(await planOf(dir, { steps: 300 }))], []);
});

Deno.test("planLines() says a number's default where others of its values come in too", async () => {
  await using temp = await tempFolder();
  const levels = { n_layers: [1], state_size: [8], learning_rate: [0.001, 0.01] };
  const lines = [...planLines(await planOf(temp.path, { cells: ["gru"], levels }))];
  assert.deepEqual(lines.slice(1, 3), [
    "  1 layer × 8, gru, learning rate 0.001",
    "  1 layer × 8, gru, learning rate 0.01",
  ]);
});

Deno.test("planLines() says the state sizes for a number of parameters where they are listed already", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const asked = { cells: ["gru"], parameters: { count: 100_000 }, levels: { n_layers: [1] } };
  await initStudy({ dir, ...SMALL, ...asked });
  const [first, second, ...more] = planLines(await planOf(dir, asked));
  assert.equal(first, "Listed already, with the state sizes for 100000 parameters:");
  assert.match(second, /^ {2}1 layer × \d+, gru: (9|10)\d+ parameters$/);
  assert.deepEqual(more, []);
  const never: typeof estimateTraining = () => Promise.reject(new Error("it was asked"));
  assert.equal(await lastLine(await planOf(dir, asked), false, never), [first, second].join("\n"));
});

/** An estimate as planted; it says what it was asked about. */
function taking(seconds: number, asked: EstimateRequest[] = []): typeof estimateTraining {
  return (request) => {
    asked.push(request);
    return Promise.resolve({ seconds, basis: "record", runs: 7, engine: "abacus", adapter: "ten fingers" });
  };
}

const DAY = 86_400;

/** What a call prints last. */
async function lastLine(plan: InitPlan, yes: boolean, estimate: typeof estimateTraining): Promise<string | undefined> {
  const lines: string[] = [];
  await announcePlan(plan, { yes, estimate, print: (line) => lines.push(line) });
  return lines.at(-1);
}

Deno.test("announcePlan() says how long the runs take, and asks for --yes above a day", async () => {
  await using temp = await tempFolder();
  const plan = await planOf(temp.path);
  const how = "scores not counted, at the speed of the study's finished runs on abacus (ten fingers)";
  const said = (time: string) => `Training them takes ${time} on this machine, ${how}`;
  assert.equal(await lastLine(plan, false, taking(0.4)), said("less than a second"));
  assert.equal(await lastLine(plan, false, taking(90)), said("about 1 min 30 s"));
  assert.equal(await lastLine(plan, false, taking(DAY)), said("about 24 h 0 min"));
  assert.equal(await lastLine(plan, true, taking(5.5 * DAY)), said("about 5.5 days"));
  const none: typeof estimateTraining = ({ onProblem }) => {
    onProblem?.("there is no device");
    return Promise.resolve(undefined);
  };
  assert.equal(
    await lastLine(plan, false, none),
    "How long they take on this machine is unknown: there is no device",
  );
  await assert.rejects(lastLine(plan, false, taking(5.5 * DAY)), {
    name: "UserError",
    message:
      "Cannot list 432 configurations without --yes: training takes about 5.5 days on this machine, which is more " +
      "than a day; add --yes, or ask for less as with --layers 1 --state-size 32, or a smaller --steps",
  });
});

Deno.test(
  "a new study has three seeds, and who asks for more than a day is told what one seed saves and costs",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const plan = await planOf(dir, { seeds: undefined });
    assert.deepEqual([plan.settings.seeds, plan.runs.length, plan.runs[0].count], [3, 432, 3]);
    await assert.rejects(lastLine(plan, false, taking(5.5 * DAY)), {
      message: /as with --layers 1 --state-size 32, a smaller --steps, or --seeds 1 \(then no interval can be given\)$/,
    });
    await initStudy({ dir, ...SMALL, levels: { n_layers: [1], state_size: [8] } });
    const kept = await planOf(dir, { cells: ["gru"], seeds: undefined });
    assert.equal(kept.settings.seeds, 1, "a study keeps the seeds that it was made with");
  },
);

Deno.test("announcePlan() asks about new configurations, and with further seeds about all that is left", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const sizes = { n_layers: [1], state_size: [8] };
  await initStudy({ dir, ...SMALL, levels: sizes });
  const asked: EstimateRequest[] = [];
  assert.match(
    (await lastLine(await planOf(dir, { cells: ["gru"] }), false, taking(1, asked)))!,
    /^Training them takes about 1 s /,
  );
  const more = await planOf(dir, { cells: ["gru"], seeds: 2 });
  assert.match((await lastLine(more, false, taking(1, asked)))!, /^Training what is left then takes about 1 s /);
  assert.deepEqual(asked.map(({ entries, seeds, settings }) => [entries.length, seeds, settings]), [
    [1, 1, { steps: 100, log_every: 50, batch: 4, history: 101, vocabulary: undefined }],
    [49, 2, { steps: 100, log_every: 50, batch: 4, history: 101, vocabulary: undefined }],
  ]);
});

Deno.test("announcePlan() goes by the speed of experiment 01 before 02 is listed", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const study = join(dir, "study"), asked: EstimateRequest[] = [];
  await makeSmallStudy(study);
  const plan = await planInit({ dir: study, experiment: "02", controls: 0 });
  assert.match((await lastLine(plan, false, taking(90, asked)))!, /^Training them takes about 1 min 30 s /);
  assert.deepEqual(asked.map(({ results, records }) => [results.length, records?.length]), [[0, TRAINED]]);
  await assert.rejects(lastLine(plan, false, taking(2 * DAY)), { name: "UserError", message: /without --yes/ });
  assert.deepEqual(await (await Study.open(study)).readConfigs("02"), []);
});

Deno.test("announcePlan() advises flags that make less of what a study is extended by", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  await initStudy({ dir, ...SMALL, levels: { n_layers: [1], state_size: [8] } });
  const plan = await planOf(dir, { levels: { learning_rate: [0.01] } });
  await assert.rejects(lastLine(plan, false, taking(DAY + 1)), {
    message:
      "Cannot list 48 configurations without --yes: training takes about 24 h 0 min on this machine, which is more " +
      "than a day; add --yes, or ask for less with --bptt, --optimizer, --learning-rate, --state-size or --layers, --only or --steps",
  });
});

Deno.test("announcePlan() asks for --yes where further seeds alone take more than a day", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  await initStudy({ dir, ...SMALL, levels: { n_layers: [1], state_size: [8] } });
  await assert.rejects(lastLine(await planOf(dir, { seeds: 3 }), false, taking(DAY + 1)), {
    message: /^Cannot list 96 further runs without --yes: /,
  });
});

Deno.test("announcePlan() measures nothing where no run is added", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  await initStudy({ dir, ...SMALL, levels: { n_layers: [1], state_size: [8] } });
  const never: typeof estimateTraining = () => Promise.reject(new Error("it was asked"));
  assert.equal(await lastLine(await planOf(dir), false, never), undefined);
});
