import { GATED } from "../../../cells/factors.ts";
import assert from "node:assert/strict";
import { type CellConfig, configId } from "../../../cells/config.ts";
import { rankConfigs } from "../../../experiments/study/ranking.ts";
import { configOf, type RunResult } from "../../../experiments/study/result.ts";
import type { ConfigEntry } from "../../../experiments/study/runs.ts";
import { figureDocument } from "../../../report/figures/svg.ts";
import { figurePromotion } from "../../../report/figures/promotion.ts";
import { mergeSeeds } from "../../../report/data/merged.ts";
import { type AuditData, auditPromotion, type PromotionAudit } from "../../../report/statistics/promotion_audit.ts";
import { ANY_STUDY } from "../../../train/terminal/advice.ts";
import { promotionText, promotionWords } from "../../../report/tables/promotion_words.ts";
import { tableOf } from "../../../report/data/rows.ts";
import { drawReport } from "../../../report/write_report.ts";
import { syntheticResults } from "../synthetic_results.ts";
import { validated } from "../validated_results.ts";
import { withoutScripts } from "../report_files.ts";

/** The 96 configurations of one layer of 256, best first by their place. */
const configs = syntheticResults({ layers: [1], state_sizes: [256], steps: 100 });

function run(result: RunResult, loss: number, steps: number, more: Partial<RunResult> = {}): RunResult {
  return { ...result, loss: [loss], "min loss": loss, steps_done: steps, log_every: steps, ...more };
}

/** Promoted: places 0 to 9. Controls: places 10, 20, 30, … as many as asked. `long` says where a place ends. */
function study(controls: number, long: (place: number) => number, seeds = 1) {
  const at = Array.from({ length: controls }, (_, i) => 10 + 10 * i);
  const places = [...Array.from({ length: 10 }, (_, i) => i), ...at];
  const entryOf = (place: number): ConfigEntry => {
    const config = configOf(configs[place], GATED), id = configId(config);
    return { id, config, oldId: id, ...(place >= 10 ? { control: true as const } : {}) };
  };
  // A wider one of the best, which is in no ranking of 01.
  const wide = { ...configOf(configs[0], GATED), state_size: 512 };
  const wider = { ...configs[0], ...wide, id: configId(wide) };
  const all = Array.from({ length: seeds }, (_, seed) => seed);
  return {
    entries: [...places.map(entryOf), { id: wider.id, config: wide, oldId: configs[0].id }],
    short: all.flatMap((seed) => configs.map((result, place) => run(result, 2 + place / 100, 100, { seed }))),
    long: all.flatMap((seed) => [
      ...places.map((place) =>
        run(configs[place], long(place) + seed / 1000, 500, { seed, ...(place >= 10 ? { control: true } : {}) })
      ),
      run(wider, 0.5, 500, { seed }),
    ]),
  };
}

function audit(data: AuditData): PromotionAudit {
  return auditPromotion(data, mergeSeeds(tableOf(data.long).rows));
}

const SAME_ORDER = (place: number) => 1 + place / 100;

Deno.test("auditPromotion() finds no regret and τ 1 when the long order is the short one", () => {
  const { tau, interval, regret, promoted, rest, controls, points, steps } = audit(study(8, SAME_ORDER));
  assert.deepEqual([tau, interval], [1, undefined]);
  assert.deepEqual([promoted, rest], [{ population: 10, trained: 10 }, { population: 86, trained: 8 }]);
  assert.deepEqual([controls, steps], [{ listed: 8, failed: 0 }, { short: 100, long: 500 }]);
  assert.equal(points.length, 18);
  // 86 − m choose 8, of 86 choose 8: 0.0555 at 25 and 0.0482 at 26.
  assert.deepEqual([regret!.value, regret!.better, regret!.most], [0, 0, 25]);
  assert.deepEqual([regret!.promoted.long.mean, regret!.control.long.mean], [1, 1.1]);
});

Deno.test("auditPromotion() recovers a planted regret, and counts the controls that are better", () => {
  const ends = (place: number) => place === 30 ? 0.9 : place === 50 ? 0.95 : SAME_ORDER(place);
  for (const seeds of [1, 2]) {
    const { regret, tau, interval } = audit(study(8, ends, seeds));
    assert.ok(Math.abs(regret!.value - 0.1) < 1e-12, `${regret!.value}`);
    assert.equal(regret!.better, 2);
    assert.deepEqual([regret!.control.control, regret!.control.short.count], [true, seeds]);
    assert.ok(regret!.most > 25 && regret!.most < 86, `${regret!.most}`);
    assert.ok(interval!.low < tau! && tau! < interval!.high && tau! < 1);
  }
});

Deno.test("auditPromotion() weighs pairs by what they stand for when it compares the orders", () => {
  // Among the promoted all is reversed: 45 pairs of 4560. A plain τ would be (153 − 2·45) / 153.
  const { tau } = audit(study(8, (place) => place < 10 ? 1.09 - place / 100 : SAME_ORDER(place)));
  assert.ok(Math.abs(tau! - (4560 - 2 * 45) / 4560) < 1e-12, `${tau}`);
});

Deno.test("auditPromotion() compares runs of the same steps alone, and counts controls that have failed", () => {
  const data = study(8, SAME_ORDER);
  const [last, before] = data.long.filter(({ control }) => control).toReversed();
  const { loss: _, "min loss": _min, ...failing } = last;
  const longer = { ...run(data.long[0], 0.9, 900), loss: [0.9] };
  const cut = {
    ...data,
    long: data.long.map((one) => one === last ? { ...failing, failed: "NaN" } as RunResult : one),
  };
  const { rest, controls, tau } = audit(cut);
  assert.deepEqual([rest.trained, controls, tau], [7, { listed: 8, failed: 1 }, undefined]);
  const alone = audit({
    ...data,
    long: [...data.long.filter(({ id }) => id !== longer.id && id !== before.id), longer],
  });
  assert.deepEqual([alone.points.length, alone.regret, alone.steps.long], [1, undefined, 900]);
});

Deno.test("auditPromotion() takes runs of several steps back for as far when they are so by the study's budget", () => {
  const data = study(8, SAME_ORDER), places = data.entries.length - 1;
  const chosen = new Set(configs.filter((_, place) => place % 3 === 0).map(({ id }) => id));
  const further = <T extends { id: string }>(one: T, config: CellConfig): T => {
    const deeper = { ...config, bptt: 4 };
    return chosen.has(one.id) ? { ...one, bptt: 4, id: configId(deeper) } : one;
  };
  const mixed: AuditData = {
    entries: data.entries.map((entry) =>
      chosen.has(entry.id) ? { ...further(entry, entry.config), config: { ...entry.config, bptt: 4 } } : entry
    ),
    short: data.short.map((result) => further(result, configOf(result, GATED))),
    long: data.long.map((result) => further(result, configOf(result, GATED))),
  };
  const { points, tau, steps } = audit({ ...mixed, budget: "updates" });
  assert.deepEqual([points.length, tau, steps], [places, 1, { short: 100, long: 500 }]);
  // At the other budget those that go back further have read more: only they can be compared.
  assert.ok(audit(mixed).points.length < places);
});

/** The same runs with these validation scores, whatever their losses. */
function scored(data: ReturnType<typeof study>, short: (place: number) => number, long: (place: number) => number) {
  const placeOf = new Map(configs.map(({ id }, place) => [id, place]));
  const by = (scoreOf: (place: number) => number) => ({ id }: RunResult) => scoreOf(placeOf.get(id) ?? 0);
  return { ...data, short: validated(data.short, by(short)), long: validated(data.long, by(long)) };
}

Deno.test("auditPromotion() compares by the validation score, whatever test scores and losses say, and says so", () => {
  const ends = (place: number) => place === 30 ? 1.9 : 2 + place / 100;
  // By the losses there is no regret, and τ is 1.
  const data = scored(study(8, SAME_ORDER), (place) => 2.5 + place / 100, ends), found = audit(data);
  assert.equal(found.criterion, "validation_bits_per_byte");
  assert.ok(Math.abs(found.regret!.value - 0.1) < 1e-12 && found.tau! < 1, `${found.regret!.value} ${found.tau}`);
  assert.deepEqual([found.points[0].long.mean, found.points[0].short.mean, found.unmeasured], [1.9, 2.8, 0]);
  const words = promotionWords(found, ANY_STUDY).join("\n");
  assert.match(
    words,
    /Regret of the top 10 %: 0\.100 bits per byte\. .*Compared by the score on the validation split\./s,
  );
  assert.doesNotMatch(words, /nats|training loss/);
  const svg = figurePromotion(figureDocument(), found, { name: "p", title: "T", subtitle: "S" });
  assert.ok(svg.includes("score on the validation split in experiment 01, 100 steps (bits per byte)"));
  // A scored run of an earlier version, and it is the loss.
  const [first, ...rest] = data.long;
  const { criterion, tau } = audit({ ...data, long: [{ ...first, validation_bits_per_byte: undefined }, ...rest] });
  assert.deepEqual([criterion, tau], ["min loss", 1]);
});

Deno.test("auditPromotion() leaves out and counts what has not been scored yet", () => {
  const data = scored(study(8, SAME_ORDER), SAME_ORDER, SAME_ORDER);
  const last = data.long.filter(({ control }) => control).at(-1)!;
  const { test_loss: _l, test_bits_per_byte: _t, validation_bits_per_byte: _v, ...rest } = last;
  const found = audit({ ...data, long: data.long.map((one) => one === last ? rest as RunResult : one) });
  assert.deepEqual([found.criterion, found.unmeasured, found.rest.trained], ["validation_bits_per_byte", 1, 7]);
  assert.match(
    promotionWords(found, ANY_STUDY).join("\n"),
    /validation split, which 1 configuration trained in both lacks\./,
  );
});

Deno.test("auditPromotion() takes losses at the steps that both experiments log, where results have no validation score", () => {
  // One and the same run: logged every 50 steps its lowest loss is 2.628, every 100 steps 2.659.
  const curve = [3, 2.9, 2.628, 2.659, 2.75, 2.66];
  const logged = (result: RunResult, every: 50 | 100): RunResult => {
    const loss = curve.filter((_, i) => (i + 1) * 50 % every === 0);
    return { ...result, loss, "min loss": Math.min(...loss), log_every: every, steps_done: 300 };
  };
  const data = study(8, SAME_ORDER), long = data.long.map((run) => logged(run, 100));
  const { points, every, criterion } = audit({ ...data, short: data.short.map((run) => logged(run, 50)), long });
  assert.deepEqual([criterion, every, points.length], ["min loss", { short: 100, long: 100 }, 18]);
  assert.ok(points.every(({ short, long }) => short.mean === 2.659 && long.mean === 2.659));
  // Where the short runs end before such a step, each experiment is compared at its own.
  const brief = data.short.map((run): RunResult => ({
    ...logged(run, 50),
    loss: [2.5],
    "min loss": 2.5,
    steps_done: 50,
  }));
  const apart = audit({ ...data, short: brief, long });
  assert.deepEqual([apart.every, apart.points[0].short.mean, apart.points.length], [{ short: 50, long: 100 }, 2.5, 18]);
  const words = promotionWords(apart, ANY_STUDY).join("\n");
  assert.match(
    words,
    /logged every 50 steps in experiment 01 and every 100 steps in 02, since some runs have no score on the validation/,
  );
  assert.match(
    words,
    /'deno task evaluate --dir STUDY --again' and 'deno task evaluate --dir STUDY --experiment 02 --again' add it/,
  );
});

Deno.test("promotionWords() advises no scoring where the validation split is too short", () => {
  const words = promotionWords(audit({ ...study(8, SAME_ORDER), isValidated: false }), ANY_STUDY).join("\n");
  assert.match(words, /by the lowest training loss [^.]*, since the validation split is too short to be scored\./);
  assert.doesNotMatch(words, /--again/);
});

Deno.test("promotionWords() gives words for numbers when there is too little to go by", () => {
  const words = (data: ReturnType<typeof study>) => promotionWords(audit(data), ANY_STUDY).join("\n");
  const none = words(study(0, SAME_ORDER));
  assert.match(
    none,
    /^Cannot be answered: experiment 02 trains .*'deno task init --dir STUDY --experiment 02 --controls 8'/,
  );
  const untrained = study(3, SAME_ORDER);
  assert.match(
    words({ ...untrained, long: untrained.long.filter(({ control }) => !control) }),
    /^Cannot be answered yet: .*10 of 10 promoted configurations and 0 of 3 controls/,
  );
  const few = words(study(4, SAME_ORDER));
  assert.match(few, /4 controls cannot show how well the two rankings agree: that takes 8/);
  assert.doesNotMatch(few, /τ-b of|NaN|undefined|Infinity/);
  assert.match(few, /None of the 4 controls ended lower .* at most \d+ of the 86 that were not promoted \(\d+ %\)/);
});

Deno.test("promotionText() says the regret, its bound, τ, and of what they are", () => {
  const text = promotionText(audit(study(8, (place) => place === 30 ? 0.9 : SAME_ORDER(place), 2)), ANY_STUDY);
  assert.match(
    text,
    /^Do short runs predict long ones\?\n {2}- Regret of the top 10 %: 0\.100 nats per byte\. The control /,
  );
  assert.match(text, /; 1 of 8 controls did\. With 95 % confidence at most \d+ of the 86 that were not promoted/);
  assert.match(text, /Over all 96 configurations .* τ-b of 0\.\d\d \(95 % interval −?0\.\d\d to [01]\.\d\d;/);
  assert.match(text, /10 of 10 promoted configurations and 8 of 8 controls.* means over 2 seeds\./);
  assert.match(promotionText(audit(study(8, SAME_ORDER)), ANY_STUDY), /seed noise is unknown/);
});

Deno.test("figurePromotion() draws promoted ones as dots, controls as diamonds, and says how many", () => {
  const svg = figurePromotion(figureDocument(), audit(study(8, SAME_ORDER, 2)), {
    name: "p",
    title: "T",
    subtitle: "S",
  });
  const named = (shape: string) => [...svg.matchAll(new RegExp(`<${shape} [^>]*data-run=`, "g"))].length;
  assert.deepEqual([named("circle"), named("path")], [10, 8]);
  assert.ok(svg.includes("promoted by the short ranking (10)") && svg.includes("from those not promoted (8)"));
  assert.ok(svg.includes("best promoted: 1.000") || svg.includes("best promoted: 1.001"));
  assert.doesNotMatch(svg, /NaN|undefined/);
});

Deno.test("drawReport() marks controls in pictures, tables and headline, and says so when one has won", () => {
  const data = study(8, (place) => place === 30 ? 0.4 : SAME_ORDER(place));
  const { short, entries } = data;
  const options = { results: data.long, unreadable: [], dir: "STUDY", experiment: "02", below: 1.9 } as const;
  const { pictures, page: { html }, summary } = drawReport({ ...options, chosenBy: { short, entries } });
  assert.match(
    summary.headline,
    /\(a control\).*It is a control: the short ranking of experiment 01 did not promote it\.$/,
  );
  assert.match(summary.tables.best_runs, /chosen as/);
  assert.equal(summary.tables.best_runs.match(/ control /g)!.length, 1);
  assert.match(summary.tables.promotion!, /Regret of the top 10 %: 0\.600/);
  const page = withoutScripts(html);
  assert.equal(page.match(/<td class="text">control<\/td>/g)!.length, 8);
  assert.ok(page.includes("<h2>Do short runs predict long ones?</h2>"));
  assert.ok(page.includes('<figure id="results_02_big_promotion">') && page.includes("(8 controls among them)"));
  assert.ok(page.includes("All but the controls were chosen by their ranks"));
  const svg = (wanted: string) => pictures.find(({ name }) => name === wanted)!.svg;
  assert.ok(svg("results_02_big").includes("stroke-dasharray"));
  assert.ok(svg("results_02_big_hyperparameters").includes("mean of the group, without controls"));
  // What is said of switches is the same without them; and the list has the last word on who is one.
  const chosen = data.long.filter(({ control }) => !control);
  const { summary: plain } = drawReport({ ...options, results: chosen });
  assert.equal(summary.tables.switches, plain.tables.switches);
  const promoted = entries.map(({ control: _, ...entry }) => entry);
  const { summary: unmarked } = drawReport({ ...options, chosenBy: { short, entries: promoted } });
  assert.doesNotMatch(unmarked.headline, /control/);
  assert.doesNotMatch(unmarked.tables.best_runs, /control/);
});

Deno.test("drawReport() draws experiment 02 as before when its list is of a time without controls", () => {
  const { long, short, entries } = study(0, SAME_ORDER);
  const options = { unreadable: [], dir: "STUDY", experiment: "02", below: 1.9 } as const;
  const { pictures, summary: { tables } } = drawReport({ ...options, results: long, chosenBy: { short, entries } });
  assert.doesNotMatch(tables.best_runs, /control/);
  assert.match(tables.promotion!, /Cannot be answered/);
  assert.ok(!pictures.some(({ name }) => name.includes("promotion")));
});

Deno.test("rankConfigs() and the audit do not depend on the order of the results", () => {
  const data = study(8, (place) => 1 + (place * 37 % 50) / 100, 2);
  const reversed = { ...data, short: data.short.toReversed(), long: data.long.toReversed() };
  assert.deepEqual(audit(reversed), audit(data));
  assert.deepEqual(rankConfigs(reversed.short).ranked, rankConfigs(data.short).ranked);
});
