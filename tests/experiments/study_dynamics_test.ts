/** The library's `Study.dynamics`: what it tells and keeps, and who hears of it. */
import assert from "node:assert/strict";
import { type MeasuringProgress, type RunDynamics, Study, type StudyMeasuring } from "../../mod.ts";
import { copiesOfSmallStudy, TRAINED } from "./small_study.ts";

/** Two streams of the settings below, and what warms them up, fit into a twentieth of this. */
const copyStudy = copiesOfSmallStudy(24_000);
const SETTINGS: StudyMeasuring = { streams: 2, tokens: 32, exponents: 4, parallel: 1 };

Deno.test("dynamics() of a study measures what has finished, tells how far it is, and finds it measured when called again", async () => {
  const small = await copyStudy(), told: MeasuringProgress[] = [], measured = new Map<string, RunDynamics>();
  using study = await Study.open(small.dir);
  const onMeasured = (key: string, dynamics: RunDynamics) => void measured.set(key, dynamics);
  const options: StudyMeasuring = { ...SETTINGS, onMeasured, onProblem: assert.fail };
  const summary = await study.dynamics({ ...options, onProgress: (progress) => void told.push(progress) });
  const nothing = { incomplete: 0, had: 0, otherwise: 0, others: 0, problems: 0, unreadable: [] };
  assert.deepEqual(summary, { measured: TRAINED, ...nothing });
  const keys = small.runs.slice(0, TRAINED).map(({ key }) => key);
  assert.deepEqual([...measured.keys()].sort(), keys.toSorted());
  for (const [key, dynamics] of measured) {
    assert.deepEqual(dynamics, await small.study.readDynamics("01", key));
    assert.deepEqual(dynamics.settings, { streams: 2, tokens: 32, exponents: 4 });
    assert.equal(typeof dynamics.lyapunov!.largest.value, "number");
  }
  const { done, of, shares } = told.at(-1)!;
  assert.deepEqual([done, of, shares], [TRAINED, TRAINED, []]);
  assert.ok(told.some(({ shares: [share] }) => share > 0 && share < 1));

  measured.clear();
  assert.deepEqual(await study.dynamics(options), { ...summary, measured: 0, had: TRAINED });
  const others = await study.dynamics({ ...options, exponents: 3 });
  assert.deepEqual(others, { ...summary, measured: 0, had: TRAINED, otherwise: TRAINED });
  assert.equal(measured.size, 0);
});

for (const name of ["onProgress", "onMeasured"] as const) {
  Deno.test(`dynamics() of a study ends with what ${name} throws, and a later call measures the rest`, async () => {
    const small = await copyStudy(), odd = new Error("odd");
    using study = await Study.open(small.dir);
    let calls = 0;
    const thrower = () => {
      calls++;
      throw odd;
    };
    await assert.rejects(
      study.dynamics({ ...SETTINGS, [name]: thrower, onProblem: assert.fail }),
      (error) => error === odd,
    );
    assert.equal(calls, 1);
    const { measured, had } = await study.dynamics({ ...SETTINGS, onProblem: assert.fail });
    assert.ok(measured > 0);
    assert.equal(measured + had, TRAINED);
  });
}
