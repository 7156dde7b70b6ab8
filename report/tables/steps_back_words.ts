/** What more steps back change, in words and in a table: at equal bytes read, and at equal updates. */
import { counted, formatCount } from "../../cells/counts.ts";
import { extentOf, maxOf, minOf } from "../../cells/extremes.ts";
import { countedLevel } from "../../cells/factor.ts";
import { criterionInWords } from "../../experiments/study/criterion.ts";
import { STEPS_BACK } from "../../cells/factors.ts";
import type { Unit } from "../../cells/unit.ts";
import { SMOOTHING } from "../../train/training/loss_log.ts";
import { type Level, levelsOn } from "../data/levels.ts";
import { BASES, type Basis, EQUAL_SHARE, SMOOTHING_AGE, stepsBack } from "../data/reading.ts";
import { distinct } from "../data/rows.ts";
import type { PairMean } from "../statistics/pair_means.ts";
import type {
  BasisAnswer,
  ChosenConfiguration,
  Extent,
  LeftOutReason,
  Quantity,
  StepsBackAnswers,
  StepsBackChange,
  StepsBackComparison,
  TunedStepsBack,
} from "../statistics/steps_back.ts";
import { formatInterval } from "./effect_tables.ts";
import { direction, incompleteWords } from "./effect_words.ts";
import { listed, nounOf } from "./factor_words.ts";
import { formatDifference, formatSize } from "./format.ts";
import type { Question } from "./questions.ts";
import { stepsBackCells } from "./steps_back_cells.ts";

/** How the name of the picture ends that shows the same. */
export const STEPS_BACK_PICTURE = "_steps_back";

/** `equal bytes read`, `equal updates`. */
export function equalIn(basis: Basis, reads: Unit): string {
  return basis === "bytes" ? `equal ${reads}s read` : "equal updates";
}

/** `1 step back`, `16 steps back`. */
export function stepsBackText(k: number): string {
  return countedLevel(STEPS_BACK.unit, k);
}

/** What is compared, in a sentence: `the test score`. */
export function quantityText(quantity: Quantity): string {
  return quantity === "score" ? "the test score" : "the smoothed training loss";
}

/** `bits per byte`; of losses, `nats per token`. */
export function quantityUnit(quantity: Quantity, reads: Unit): string {
  return quantity === "score" ? "bits per byte" : `nats per ${reads}`;
}

/** The basis that is told first: that of scores, where there is one. */
function firstBasis({ at }: StepsBackComparison): Basis | undefined {
  return BASES.find((basis) => at[basis].quantity === "score") ?? BASES.find((basis) => at[basis].quantity);
}

/**
 * The answer in a sentence, and one more where runs are too short for it: from the fewest steps back to those with the lowest value, and to the
 * most. Of all configurations; of the best baseline where nothing else was trained with several.
 *
 * @param levels of the study, nats per what its models read
 */
export function stepsBackSentences(answers: StepsBackAnswers, levels?: readonly Level[]): string[] {
  const basis = firstBasis(answers);
  const sentences = [...(basis ? comparisonSentence(answers, basis) : []), ...tunedSentences(answers)];
  return sentences.length ? [...sentences, ...tooShortWords(answers, levels).map((text) => `${text}.`)] : [];
}

/** The same with each configuration at its own best settings; empty where nothing is chosen, or no scores are compared. */
export function tunedSentences({ tuned }: StepsBackAnswers): string[] {
  const [basis] = tuned ? scoredBases(tuned) : [];
  return basis ? comparisonSentence(tuned!, basis) : [];
}

/** Where scores are compared. Of settings that were chosen at the end of training, losses on the way say nothing. */
function scoredBases({ at }: StepsBackComparison): Basis[] {
  return BASES.filter((basis) => at[basis].quantity === "score");
}

function comparisonSentence(compared: StepsBackComparison, basis: Basis): string[] {
  const { at, chosen, of, reads } = compared, answer = at[basis], quantity = answer.quantity!;
  const changes = (of ? answer.changes : chosen[0].at[basis].changes).filter(({ change }) => change.pairs > 0)
    .filter(({ from }, _, [first]) => from === first.from);
  if (!changes.length) return [];
  const best = changes.reduce((a, b) => b.change.difference! < a.change.difference! ? b : a), most = changes.at(-1)!;
  const told = best === most ? [best] : [best, most];
  const each = told.map(({ from, to, change }, i) => {
    const difference = change.difference!, size = sizeText(difference, i ? "" : quantityUnit(quantity, reads));
    const other = i ? `${to}` : `${stepsBackText(to)} ${difference === 0 ? "as" : "than"} with ${from}`;
    return `${size.trimEnd()} with ${other} (${evidence(change)})`;
  });
  const where = quantity === "loss" ? ` after ${pointText(answer, reads)},` : "";
  const whose = of ? "" : ` of ${chosen[0].label}`;
  const how = `At ${equalIn(basis, reads)}${eachAtBest(compared)},`;
  return [`${how}${where} ${quantityText(quantity)}${whose} is ${each.join(", and ")}.`];
}

/** `, each at its own best learning rate`; empty where nothing is chosen. */
function eachAtBest({ tuned_factors }: StepsBackComparison): string {
  return tuned_factors.length ? `, each at its own best ${listed(tuned_factors.map(nounOf))}` : "";
}

/** A warning where no configuration with some number of steps back is below what a model of one byte of context reaches; else nothing. */
function tooShortWords(answers: StepsBackAnswers, levels: readonly Level[] | undefined): string[] {
  const rows = [...answers.rows, ...answers.tuned?.rows ?? []];
  const order1 = levelsOn("test", levels, rows[0]).find(({ order }) => order === 1)?.value;
  if (order1 === undefined) return [];
  const short = distinct(rows, stepsBack).filter((k) => {
    const scores = rows.flatMap((row) =>
      stepsBack(row) === k && row.test_bits_per_byte ? [row.test_bits_per_byte] : []
    );
    return scores.length > 0 && scores.every(({ mean }) => mean >= order1);
  });
  if (!short.length) return [];
  const updates = short.map((k) =>
    range(extentOf(rows.filter((row) => stepsBack(row) === k).flatMap(({ runs }) => runs).map((run) => run.steps_done)))
  );
  const few = listed([...new Set(updates)]);
  return [
    `Runs with ${
      short.length > 1 ? `${listed(short.map(String))} steps back` : stepsBackText(short[0])
    } are not below the n-gram baseline of order 1: ${
      few === "1" ? "1 update is" : `${few} updates are`
    } too few to judge them`,
  ];
}

/**
 * A question for each of both ways in which runs are equal.
 *
 * @param levels of the study, nats per what its models read
 */
export function stepsBackQuestions(answers: StepsBackAnswers, levels?: readonly Level[]): Question[] {
  const { tuned } = answers, first = firstBasis(answers);
  return BASES.flatMap((basis): Question[] => {
    const asked = questionAt(answers, basis, basis === first ? tooShortWords(answers, levels) : []);
    return [
      // One picture has both, behind the last.
      basis === BASES.at(-1) ? { ...asked, picture: STEPS_BACK_PICTURE } : asked,
      ...(tuned && scoredBases(tuned).includes(basis) ? [questionAt(tuned, basis, settingsWords(tuned))] : []),
    ];
  });
}

/** @param more lines on what is compared */
function questionAt(compared: StepsBackComparison, basis: Basis, more: readonly string[]): Question {
  const answer = compared.at[basis], { quantity } = answer, { reads } = compared;
  const heading = `What is the effect of more steps back at ${equalIn(basis, reads)}${eachAtBest(compared)}?`;
  if (!quantity) {
    const why = `Cannot be answered: no two runs that differ only in the number of steps back have logged a loss at ` +
      `${equalIn(basis, reads)}, or have a score there`;
    return { heading, lines: [why], more: 0 };
  }
  const lines = [
    comparedText(answer, quantity, reads),
    ...changeWords(compared, answer, quantity),
    ...more,
    ...chosenWords(compared, basis, quantity),
    ...caution(compared, basis),
    ...(quantity === "loss" ? [smoothingText(answer, reads)] : []),
    ...leftOutText(answer, reads),
  ];
  const measure = `${quantity === "score" ? "test score" : "training loss"}, ${quantityUnit(quantity, reads)}`;
  return { heading, lines, cells: stepsBackCells(compared, basis, measure), more: 0 };
}

/** Of how many settings each is the best one, and where a setting beyond those may be better. */
function settingsWords({ settings, tuned_factors, criterion }: TunedStepsBack): string[] {
  const byStepsBack = distinct(settings, ({ row }) => stepsBack(row))
    .map((k) => ({ text: stepsBackText(k), same: settings.filter(({ row }) => stepsBack(row) === k) }));
  const tried = byStepsBack.map(({ text, same }) =>
    `${range(extentOf(same.map(({ tried: { length } }) => length)))} with ${text}`
  );
  const edges = tuned_factors.flatMap((factor) =>
    byStepsBack.flatMap(({ text, same }) => {
      const known = same.flatMap(({ quantities }) => quantities.filter((one) => one.factor === factor));
      const count = known.filter(({ isAtEdge }) => isAtEdge).length;
      return count ? [`${formatCount(count)} of ${formatCount(known.length)} with ${text} (${factor.label})`] : [];
    })
  );
  return [
    `Each is the best of the settings that it was trained at, by ${
      criterionInWords(criterion)
    }, a mean over the seeds that all of them have; settings tried: ${
      listed(tried)
    }; configurations with one setting alone are left out`,
    ...(edges.length
      ? [`At the lowest or the highest value tried, so that a better one may lie beyond: ${listed(edges)}`]
      : []),
  ];
}

/** How many updates a comparison's runs have made: `620 to 9,990 updates`. */
export function updatesText({ extents }: BasisAnswer): string {
  return `${range(extentOf(extents.flatMap(({ updates }) => updates)))} updates`;
}

/** A number, or the least and the most where they differ. */
function range([least, most]: readonly [number, number]): string {
  return least === most ? formatCount(least) : `${formatCount(least)} to ${formatCount(most)}`;
}

/** In what the runs are equal, in what they are not, and what is compared for it. */
function comparedText({ basis, point, extents }: BasisAnswer, quantity: Quantity, reads: Unit): string {
  const each = (of: (k: number, i: number) => string) =>
    listed(extents.map(({ k }, i) => `${of(k, i)} with ${stepsBackText(k)}`));
  if (quantity === "score") {
    const equal = extents.map((extent) => basis === "bytes" ? extent.read : extent.updates);
    const all: [number, number] = [
      minOf(equal.map(([least]) => least)),
      maxOf(equal.map(([, most]) => most)),
    ];
    return basis === "bytes"
      ? `Each of these runs has read ${range(all)} ${reads}s, so final scores are compared; the runs have made ` +
        each((_, i) => `${range(extents[i].updates)} updates`)
      : `Each of these runs has made ${range(all)} updates, so final scores are compared; the runs have read ` +
        each((_, i) => `${range(extents[i].read)} ${reads}s`);
  }
  const early = listed(
    extents.map((extent, i) =>
      `${shareText(earliness(basis, point!, extent))} of ${
        i ? "those" : basis === "bytes" ? `the ${reads}s` : "the updates"
      } with ${stepsBackText(extent.k)}`
    ),
  );
  return basis === "bytes"
    ? `No finished runs have read the same amount, so smoothed training losses are compared where each sequence has read ` +
      `${counted(point!, reads)}, the last such point that all runs have logged (${early}): after ` +
      each((k) => `${formatCount(point! / k)} updates`)
    : `No finished runs have made the same number of updates, so smoothed training losses are compared after ` +
      `${counted(point!, "update")}, the last that all runs have logged (${early}); by then each sequence has read ` +
      each((k) => `${formatCount(point! * k)} ${reads}s`);
}

/** How early in its training a run with these steps back has reached a point: the least and the most, from 0 to 1. */
function earliness(basis: Basis, point: number, { k, updates: [least, most] }: Extent): [least: number, most: number] {
  const updates = basis === "bytes" ? point / k : point;
  return [updates / most, updates / least];
}

/** In whole percent; a small share is not called nothing. */
function shareText(shares: readonly [number, number]): string {
  const [least, most] = shares.map((share) => share < 0.005 ? "under 1" : `${Math.round(100 * share)}`);
  return `${least === most ? least : `${least} to ${most}`} %`;
}

/** Where losses are compared, and how early that is in the runs of which it is the smallest part: `650 updates (6 % of those with 1 step back)`. */
export function pointText({ basis, point, extents }: BasisAnswer, reads: Unit): string {
  const earliest = extents.reduce((a, b) => earliness(basis, point!, b)[0] < earliness(basis, point!, a)[0] ? b : a);
  const where = basis === "bytes" ? `${counted(point!, reads)} of each sequence` : counted(point!, "update");
  return `${where} (${shareText(earliness(basis, point!, earliest))} of those with ${stepsBackText(earliest.k)})`;
}

/** `16 steps back instead of 1, at equal bytes read: the test score is lower by 0.123 bits per byte (95 % interval …)`, from the fewest to each other. */
function changeWords(
  compared: StepsBackComparison,
  { basis, changes, levels }: BasisAnswer,
  quantity: Quantity,
): string[] {
  const { of, reads } = compared, how = `${equalIn(basis, reads)}${eachAtBest(compared)}`;
  return changes.filter(({ from, change }) => from === levels[0] && change.pairs > 0).map(({ from, to, change }) =>
    `${stepsBackText(to)} instead of ${from}, at ${how}: ${quantityText(quantity)} is ${
      sizeText(change.difference!, quantityUnit(quantity, reads))
    } (${evidence(change)}; ${pairsText(change, of)})`
  );
}

function sizeText(difference: number, unit: string): string {
  return difference === 0 ? "the same" : `${direction(difference)} by ${formatSize(Math.abs(difference))} ${unit}`;
}

/** How sure a difference is. Of one configuration the seeds alone are other draws. */
function evidence({ interval, seed_interval, pairs, seeds }: PairMean): string {
  if (seeds.length < 2) return "one seed: no interval";
  if (interval) return `95 % interval ${formatInterval(interval)}`;
  return pairs === 1 && seed_interval ? `95 % interval over seeds ${formatInterval(seed_interval)}` : "no interval";
}

function pairsText(change: PairMean, of: number): string {
  const { pairs, seeds, incomplete } = change;
  const count = `${counted(pairs, "pair")} of configurations with ${counted(seeds.length, "seed")}`;
  const all = pairs + incomplete < of ? `${count}, of ${formatCount(of)} that were trained with several` : count;
  return all + incompleteWords(change);
}

/** From the fewest to each other number of steps back, what single configurations gain: the best one and each baseline. */
function chosenWords({ chosen, reads }: StepsBackComparison, basis: Basis, quantity: Quantity): string[] {
  const told = chosen.filter(({ isBaseline }, i) => i === 0 || isBaseline).flatMap((one) => {
    const changes = changesFromFewest(one, basis);
    return changes.length ? [{ one, changes }] : [];
  });
  if (!told.length) return [];
  const said = told.map(({ one, changes }, i) => {
    const each = changes.map(({ from, to, change }, j) =>
      `${formatDifference(change.difference!)}${
        i || j ? "" : ` ${quantityUnit(quantity, reads)}`
      } from ${from} to ${to} (${evidence(change)})`
    );
    return `${one.isBaseline ? one.cell : `the best, ${one.label},`} ${listed(each)}`;
  });
  return [`Single configurations: ${said.join("; ")}`];
}

/** The changes from the fewest steps back: a gain may turn before the most of them. */
function changesFromFewest({ at }: ChosenConfiguration, basis: Basis): StepsBackChange[] {
  const { points, changes } = at[basis];
  return changes.filter(({ from }) => from === points[0]?.k);
}

/** What differences are, and of what intervals are. */
function caution(compared: StepsBackComparison, basis: Basis): string[] {
  const { at, chosen } = compared, whose = eachAtBest(compared) || ", of otherwise identical configurations";
  const all = [...at[basis].changes, ...chosen.flatMap((one) => one.at[basis].changes)].filter(({ change }) =>
    change.pairs
  );
  const isSure = all.some(({ change }) => change.interval ?? change.seed_interval);
  return [
    `Differences are more − fewer steps back${whose}, paired by seed; negative: more steps back are lower${
      isSure ? ". Intervals are not corrected for multiple comparisons" : ""
    }`,
  ];
}

/** What the smoothing does to such a comparison. */
function smoothingText({ basis, levels }: BasisAnswer, reads: Unit): string {
  const most = levels[levels.length - 1];
  const ages = `${formatCount(SMOOTHING_AGE * levels[0])} ${reads}s of each sequence with ${
    stepsBackText(levels[0])
  } and ${formatCount(SMOOTHING_AGE * most)} with ${stepsBackText(most)}`;
  const how =
    `The smoothing's start at ${
      SMOOTHING.start.toFixed(1)
    } is removed; the smoothed loss then lags by ${SMOOTHING_AGE} updates on average, ` +
    `that is ${ages}`;
  return basis === "bytes"
    ? `${how}: while losses fall, this lag makes the loss with more steps back look higher`
    : `${how}: at equal updates both lag by as many updates`;
}

/** For each reason, how many runs with which steps back are not in it. */
function leftOutText({ left_out, basis }: BasisAnswer, reads: Unit): string[] {
  const what = `${basis === "bytes" ? `${reads}s` : "updates"} than those compared`;
  const share = `more than ${Math.round(100 - 100 * EQUAL_SHARE)} %`;
  const why: Record<LeftOutReason, string> = {
    "no score": "no test score",
    less: `${share} fewer ${what}`,
    more: `${share} more ${what}`,
    short: "fewer updates than most with as many steps back",
  };
  return [...Map.groupBy(left_out, ({ reason }) => reason)].map(([reason, all]) => {
    const each = all.map(({ k, runs, of }) =>
      `${runs === of && of > 1 ? "all" : `${formatCount(runs)} of`} ${counted(of, "run")} with ${stepsBackText(k)}`
    );
    const isOne = all.length === 1 && all[0].runs === 1;
    return `Left out: ${listed(each)}, which ${isOne ? "has" : "have"} ${why[reason]}`;
  });
}
